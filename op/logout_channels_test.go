package op

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
)

// TestSessionState: session_state is in every authorization response of OpenID
// Connect, and in no other.
func TestSessionState(t *testing.T) {
	h := newHarness(t)
	h.client("rp", nil)
	_, q := location(t, h.get(pathAuthorize, authorizeQuery("rp")))
	hash, salt, _ := strings.Cut(q.Get("session_state"), ".")
	if !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(hash) || len(salt) != 22 {
		t.Fatalf("session_state %q", q.Get("session_state"))
	}
	want := sessionStateOf("rp", "https://rp.example.test", "state-of-"+h.browser.session.ID, salt)
	if q.Get("session_state") != want {
		t.Errorf("%q, want %q", q.Get("session_state"), want)
	}
	if _, again := location(t, h.get(pathAuthorize, authorizeQuery("rp"))); again.Get("session_state") == q.Get("session_state") {
		t.Error("the salt is the same twice")
	}
	h.browser.session = nil
	_, q = location(t, h.get(pathAuthorize, with(authorizeQuery("rp"), url.Values{"prompt": {"none"}})))
	if _, salt, _ := strings.Cut(q.Get("session_state"), "."); q.Get("error") != "login_required" || q.Get("session_state") != sessionStateOf("rp", "https://rp.example.test", "", salt) {
		t.Errorf("the error has %v", q)
	}
	h.signInAgain()
	if _, q = location(t, h.get(pathAuthorize, with(authorizeQuery("rp"), url.Values{"scope": {"email"}}))); q.Has("session_state") {
		t.Errorf("without openid: %v", q)
	}
	if got := text(t, h.get(pathCheckSession, nil)); got != "page:check_session\nstate" {
		t.Errorf("the page: %q", got)
	}
}

// TestSessionStateVector is one value, which the script of the page must compute
// as well: conformance/session_management_test.go holds it to a browser.
func TestSessionStateVector(t *testing.T) {
	// printf 'client https://rp.example.com state salt' | sha256sum
	const want = "eb3e5adbd5908ed1c8d75be41bb9f21ac8e1185f5ea36c2000372ff6d9edeb6d.salt"
	if got := sessionStateOf("client", "https://rp.example.com", "state", "salt"); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestBrowserOrigin(t *testing.T) {
	for uri, want := range map[string]string{
		"https://RP.example.test:443/a?b":  "https://rp.example.test",
		"https://rp.example.test:8443":     "https://rp.example.test:8443",
		"http://localhost:80/":             "http://localhost",
		"http://[::1]:4000/cb":             "http://[::1]:4000",
		"com.example.app:/callback":        "",
		"com.example.app://host/callback":  "",
		"https://rp.example.test:4430/443": "https://rp.example.test:4430",
	} {
		if got := browserOrigin(uri); got != want {
			t.Errorf("%s: %q, want %q", uri, got, want)
		}
	}
}

// TestFrontChannelLogout: each client of the session is told in a frame, with iss
// and sid, and nobody else.
func TestFrontChannelLogout(t *testing.T) {
	const bye = "https://rp.example.test/bye"
	h := newHarness(t)
	h.client("rp", func(c *storage.Client) { c.FrontChannelLogoutURI = "https://rp.example.test/out?x=1" })
	h.client("two", func(c *storage.Client) { c.FrontChannelLogoutURI = "https://rp.example.test/two" })
	h.client("stranger", func(c *storage.Client) { c.FrontChannelLogoutURI = "https://rp.example.test/stranger" })
	h.client("without", nil)
	sid := h.browser.session.ID
	tokens := h.tokens("rp", nil)
	for _, id := range []string{"two", "without"} {
		h.tokens(id, nil)
	}
	query := url.Values{"id_token_hint": {tokens["id_token"].(string)}, "post_logout_redirect_uri": {bye}, "state": {"s"}}
	tail := "iss=" + url.QueryEscape(testIssuer) + "&sid=" + sid
	want := "page:front_channel\n" + bye + "?state=s\nhttps://rp.example.test/out?x=1&" + tail + "\nhttps://rp.example.test/two?" + tail
	if got := text(t, h.get(pathEndSession, query)); got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if h.browser.session != nil {
		t.Error("the session lives")
	}
	if got := h.get(pathEndSession, query).Header.Get("Location"); got != bye+"?state=s" { // once
		t.Errorf("then %q", got)
	}
	h.browser.departed = []*storage.Session{{ID: "left", Clients: []storage.SessionClient{{ClientID: "two", FrontChannel: true}, {ClientID: "nobody", FrontChannel: true}, {ClientID: "without", FrontChannel: true}}}}
	want = "page:front_channel\n\nhttps://rp.example.test/two?iss=" + url.QueryEscape(testIssuer) + "&sid=left"
	if got := text(t, h.get(pathEndSession, nil)); got != want {
		t.Errorf("after the question: %q", got)
	}
}

// notices are the payloads of what the outbox of the harness holds.
func (h *harness) notices() [][]byte {
	h.t.Helper()
	l, err := h.store.Outbox.List(h.t.Context(), h.project.Scope(), storage.OutboxFilter{Kind: storage.OutboxBackchannelLogout}, storage.PageRequest{})
	h.must(err)
	var out [][]byte
	for _, m := range l.Items {
		raw, err := h.store.Outbox.Open(h.project.Scope(), m)
		h.must(err)
		out = append(out, raw)
	}
	return out
}

// TestBackChannelLogout: what the client is sent (OIDC Back-Channel Logout §2.4).
func TestBackChannelLogout(t *testing.T) {
	h := newHarness(t)
	h.client("rp", func(c *storage.Client) { c.BackChannelLogoutURI = "https://rp.example.test/back?x=1" })
	h.client("es", func(c *storage.Client) {
		c.BackChannelLogoutURI, c.IDTokenSignedResponseAlg = "https://rp.example.test/es", "ES256"
	})
	h.client("without", nil)
	sid := h.browser.session.ID
	hint := h.tokens("rp", nil)["id_token"].(string)
	h.tokens("es", url.Values{"scope": {"openid offline_access"}})
	h.tokens("without", nil)
	if n := len(h.notices()); n != 0 {
		t.Fatalf("%d messages before the end", n)
	}
	h.get(pathEndSession, url.Values{"id_token_hint": {hint}})
	notices := h.notices()
	if len(notices) != 2 {
		t.Fatalf("%d messages, want one for each client that wants it", len(notices))
	}
	seen := map[string]bool{}
	for _, payload := range notices {
		var got *http.Request
		var form url.Values
		err := h.op.PostLogoutToken(t.Context(), h.project, payload, func(r *http.Request) (*http.Response, error) {
			got = r
			body, err := io.ReadAll(r.Body)
			h.must(err)
			form, err = url.ParseQuery(string(body))
			h.must(err)
			return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if got.Method != http.MethodPost || got.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || len(form) != 1 {
			t.Fatalf("%s %v %v", got.Method, got.Header, form)
		}
		token := form.Get("logout_token")
		raw, header, err := h.op.keys.verify(t.Context(), h.project, token, []string{typLogoutToken})
		if err != nil || raw == nil {
			t.Fatal(err)
		}
		claims := claimsOf(t, token)
		aud := claims["aud"].(string)
		seen[aud+" "+got.URL.String()] = true
		if want := map[string]string{"rp": "RS256", "es": "ES256"}[aud]; header.Alg != want {
			t.Errorf("%s is signed with %v, want %s", aud, header.Alg, want)
		}
		now := h.clock.now().Unix()
		if claims["iss"] != testIssuer || claims["sub"] != h.user.ID || claims["sid"] != sid || int64(claims["iat"].(float64)) != now || int64(claims["exp"].(float64)) != now+120 {
			t.Errorf("claims %v", claims)
		}
		events, ok := claims["events"].(map[string]any)
		event, there := events[logoutEvent].(map[string]any)
		if !ok || len(events) != 1 || !there || len(event) != 0 {
			t.Errorf("events %v", claims["events"])
		}
		if _, has := claims["nonce"]; has || claims["jti"] == "" {
			t.Errorf("claims %v", claims)
		}
		if res := h.get(pathEndSession, url.Values{"id_token_hint": {token}}); !strings.HasPrefix(text(t, res), "page:error") {
			t.Error("S2-09: a logout token is taken for an ID token")
		}
	}
	if !seen["rp https://rp.example.test/back?x=1"] || !seen["es https://rp.example.test/es"] {
		t.Errorf("sent to %v", seen)
	}
}

// TestLogoutAnswers: what is tried again, and what is given up.
func TestLogoutAnswers(t *testing.T) {
	h := newHarness(t)
	h.client("rp", func(c *storage.Client) { c.BackChannelLogoutURI = "https://rp.example.test/back" })
	h.client("without", nil)
	payload := []byte(`{"client_id":"rp","sid":"s","user_id":"u"}`)
	post := func(payload []byte, status int, header http.Header, fault error) *DeliveryError {
		err := h.op.PostLogoutToken(t.Context(), h.project, payload, func(*http.Request) (*http.Response, error) {
			if fault != nil {
				return nil, fault
			}
			return &http.Response{StatusCode: status, Header: header, Body: http.NoBody}, nil
		})
		var d *DeliveryError
		if err != nil && !errors.As(err, &d) {
			t.Fatalf("%T %v", err, err)
		}
		return d
	}
	for _, status := range []int{200, 204} {
		if d := post(payload, status, nil, nil); d != nil {
			t.Errorf("%d: %v", status, d)
		}
	}
	for status, permanent := range map[int]bool{302: true, 400: true, 401: true, 404: true, 408: false, 425: false, 429: false, 500: false, 503: false} {
		if d := post(payload, status, nil, nil); d == nil || d.Permanent != permanent {
			t.Errorf("%d: %+v, want permanent %v", status, d, permanent)
		}
	}
	if d := post(payload, 503, http.Header{"Retry-After": {"30"}}, nil); d.RetryAfter != 30*time.Second {
		t.Errorf("Retry-After: %v", d.RetryAfter)
	}
	if d := post(payload, 0, nil, errors.New("no route to 10.1.2.3")); d == nil || d.Permanent || d.Reason != "unreachable" {
		t.Errorf("unreachable: %+v", d)
	}
	for _, gone := range []string{`{"client_id":"nobody"}`, `{"client_id":"without"}`} {
		if d := post([]byte(gone), 500, nil, nil); d != nil {
			t.Errorf("%s: %v", gone, d)
		}
	}
	if d := post([]byte("nonsense"), 200, nil, nil); d == nil || !d.Permanent {
		t.Errorf("nonsense: %+v", d)
	}
}

func TestLogoutMetadata(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*storage.Client)
		want   string // beginning of the one fault, "" for none
	}{
		{"good", func(c *storage.Client) {
			c.FrontChannelLogoutURI, c.BackChannelLogoutURI = "https://rp.example.test/f?x=1", "https://other.example.test/b"
			c.FrontChannelLogoutSessionRequired, c.BackChannelLogoutSessionRequired = true, true
		}, ""},
		{"OIDC-FrontChannel-2/other-host", func(c *storage.Client) { c.FrontChannelLogoutURI = "https://evil.example.test/f" }, "frontchannel_logout_uri has another"},
		{"OIDC-FrontChannel-2/other-port", func(c *storage.Client) { c.FrontChannelLogoutURI = "https://rp.example.test:444/f" }, "frontchannel_logout_uri has another"},
		{"OIDC-FrontChannel-2/fragment", func(c *storage.Client) { c.FrontChannelLogoutURI = "https://rp.example.test/f#x" }, "frontchannel_logout_uri has a fragment"},
		{"front-script", func(c *storage.Client) { c.FrontChannelLogoutURI = "javascript:alert(1)" }, "frontchannel_logout_uri has the scheme"},
		{"front-alone", func(c *storage.Client) { c.FrontChannelLogoutSessionRequired = true }, "frontchannel_logout_session_required is true without"},
		{"OIDC-BackChannel-2.2/http", func(c *storage.Client) { c.BackChannelLogoutURI = "http://rp.example.test/b" }, "backchannel_logout_uri has the scheme http"},
		{"OIDC-BackChannel-2.2/loopback", func(c *storage.Client) { c.BackChannelLogoutURI = "http://127.0.0.1:1/b" }, ""},
		{"OIDC-BackChannel-2.2/fragment", func(c *storage.Client) { c.BackChannelLogoutURI = "https://rp.example.test/b#x" }, "backchannel_logout_uri has a fragment"},
		{"back-own-scheme", func(c *storage.Client) { c.BackChannelLogoutURI = "com.example.app:/b" }, "backchannel_logout_uri needs the scheme https"},
		{"back-alone", func(c *storage.Client) { c.BackChannelLogoutSessionRequired = true }, "backchannel_logout_session_required is true without"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHarness(t)
			faults := ValidateClient(h.client("rp", tt.change))
			if tt.want == "" && len(faults) == 0 {
				return
			}
			if len(faults) != 1 || tt.want == "" || !strings.HasPrefix(faults[0].Description, tt.want) {
				t.Errorf("%v, want %q", faults, tt.want)
			}
		})
	}
}

// TestEndSessionFromAnotherSite: a posted form of another site comes again as a
// GET, with the cookies.
func TestEndSessionFromAnotherSite(t *testing.T) {
	h := newHarness(t)
	h.client("rp", nil)
	form := url.Values{"id_token_hint": {h.tokens("rp", nil)["id_token"].(string)}, "post_logout_redirect_uri": {"https://rp.example.test/bye"}}
	send := func(form url.Values) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, testIssuer+pathEndSession, strings.NewReader(form.Encode()))
		h.must(err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		return h.send(r)
	}
	to, q := location(t, send(form))
	if to != pathEndSession || !slices.Equal(q["id_token_hint"], form["id_token_hint"]) || h.browser.session == nil {
		t.Errorf("%s %v", to, q)
	}
	form.Set("state", strings.Repeat("x", 8000))
	if res := send(form); !strings.HasPrefix(text(t, res), "page:error") {
		t.Errorf("too long: %d", res.StatusCode)
	}
}

// FuzzEndSession: whatever is sent, the browser is sent on to a registered address
// alone, and nothing fails inside.
func FuzzEndSession(f *testing.F) {
	h := fuzzHarness(f)
	hint := h.tokens("rp", nil)["id_token"].(string)
	for _, q := range []url.Values{
		{"id_token_hint": {hint}, "post_logout_redirect_uri": {"https://rp.example.test/bye"}, "state": {"s"}},
		{"id_token_hint": {hint}, "post_logout_redirect_uri": {"https://rp.example.test/bye?x"}, "client_id": {"rp"}},
		{"id_token_hint": {"e30.e30."}, "logout_hint": {"a@b"}, "ui_locales": {"de en"}}, {"state": {"s", "t"}},
	} {
		f.Add(q.Encode(), false)
		f.Add(q.Encode(), true)
	}
	f.Fuzz(func(t *testing.T, query string, post bool) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, testIssuer+pathEndSession, strings.NewReader(query))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if !post {
			r.Method, r.Body, r.URL.RawQuery = http.MethodGet, http.NoBody, query
		}
		h.browser.session = nil
		res := h.send(r)
		switch to := res.Header.Get("Location"); {
		case res.StatusCode >= 500:
			t.Errorf("%d for %q", res.StatusCode, query)
		case res.StatusCode == http.StatusSeeOther && to != "https://rp.example.test/bye" && !strings.HasPrefix(to, "https://rp.example.test/bye?state="):
			t.Errorf("sent on to %q", to)
		}
	})
}

// TestLogoutWithoutACode: a client that got its ID token through the browser is
// told as well, by the subject that it knows.
func TestLogoutWithoutACode(t *testing.T) {
	h := frontHarness(t, func(c *storage.Client) {
		c.BackChannelLogoutURI, c.SubjectType = "https://rp.example.test/back", subjectPairwise
	})
	id := claimsOf(t, fragment(t, h.get(pathAuthorize, frontQuery("id_token"))).Get("id_token"))
	h.must(h.store.Commit(t.Context(), h.project.Scope(), h.store.Sessions.End(h.browser.session.ID)...))
	notices := h.notices()
	if len(notices) != 1 {
		t.Fatalf("%d messages", len(notices))
	}
	err := h.op.PostLogoutToken(t.Context(), h.project, notices[0], func(r *http.Request) (*http.Response, error) {
		h.must(r.ParseForm())
		claims := claimsOf(t, r.PostForm.Get("logout_token"))
		if claims["sub"] != id["sub"] || claims["sub"] == h.user.ID || claims["sid"] != id["sid"] {
			t.Errorf("%v, the ID token has %v", claims, id)
		}
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
	})
	h.must(err)
}
