package conformance

import (
	"crypto/rand"
	"crypto/tls"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// frontChannelLogoutPlan is oidcc-frontchannel-rp-initiated-logout-certification-test-plan.
func frontChannelLogoutPlan() plan {
	return plan{name: "oidcc-frontchannel-rp-initiated-logout-certification-test-plan", variants: afterLogin, modules: []module{
		{"oidcc-frontchannel-rp-initiated-logout-discovery-endpoint-verification", func(s *moduleRun) {
			s.advertises("end_session_endpoint", "frontchannel_logout_supported", "frontchannel_logout_session_supported")
		}, nil},
		{"oidcc-frontchannel-rp-initiated-logout", frontChannelLogout, nil},
	}}
}

// frontChannelLogout loads the frame as a browser does, and goes on where the page
// says. TestFrontChannelChromium does the same with a real one.
func frontChannelLogout(s *moduleRun) {
	rp := newRelyingParty(s.T)
	uri := rp.origin + "/test/a/identity/post_logout_redirect"
	c := s.register(map[string]any{
		"redirect_uris": []string{rp.origin + "/test/a/identity/callback"}, "post_logout_redirect_uris": []string{uri},
		"frontchannel_logout_uri": rp.origin + "/front", "frontchannel_logout_session_required": true,
	})
	if c.members["frontchannel_logout_uri"] != rp.origin+"/front" || c.members["frontchannel_logout_session_required"] != true {
		s.Errorf("registered is %v", c.members["frontchannel_logout_uri"])
	}
	l := s.login(c)
	state := rand.Text()
	p := s.endSession(s.visit, "id_token_hint", l.id, "post_logout_redirect_uri", uri, "state", state)
	frames := p.attributes("iframe", "src")
	if len(frames) != 1 {
		s.Fatalf("the page has the frames %q", frames)
	}
	res, err := s.browser.client.Get(frames[0])
	if err != nil {
		s.Fatal(err)
	}
	res.Body.Close()
	calls := rp.wait(s.T, "/front", 1)
	if q := calls[0].query; q.Get("iss") != s.w.issuer || q.Get("sid") == "" || q.Get("sid") != l.claims["sid"] {
		s.Errorf("iss %q, sid %q, the ID token's is %v", q.Get("iss"), q.Get("sid"), l.claims["sid"])
	} else if len(q) != 2 {
		s.warn("the frame has the parameters %v", q)
	}
	if refresh := p.header.Get("Refresh"); !strings.HasSuffix(refresh, "; url="+uri+"?state="+state) {
		s.Errorf("the page goes on to %q", refresh)
	}
	s.signedOut(c)
}

// backChannelLogoutPlan is oidcc-backchannel-rp-initiated-logout-certification-test-plan.
func backChannelLogoutPlan() plan {
	return plan{name: "oidcc-backchannel-rp-initiated-logout-certification-test-plan", variants: afterLogin, modules: []module{
		{"oidcc-backchannel-rp-initiated-logout-discovery-endpoint-verification", func(s *moduleRun) {
			s.advertises("end_session_endpoint", "backchannel_logout_supported", "backchannel_logout_session_supported")
		}, nil},
		{"oidcc-backchannel-rp-initiated-logout", backChannelLogout, nil},
	}}
}

func backChannelLogout(s *moduleRun) {
	rp := newRelyingParty(s.T)
	c, uri := s.registerLogout(map[string]any{"backchannel_logout_uri": rp.origin + "/back", "backchannel_logout_session_required": true})
	if c.members["backchannel_logout_uri"] != rp.origin+"/back" || c.members["backchannel_logout_session_required"] != true {
		s.Errorf("registered is %v", c.members["backchannel_logout_uri"])
	}
	l := s.login(c)
	sent := []string{"id_token_hint", l.id, "post_logout_redirect_uri", uri, "state", rand.Text()}
	s.arrives(s.endSession(s.visit, sent...), uri, sent)
	call := rp.wait(s.T, "/back", 1)[0]
	token := call.form.Get("logout_token")
	s.w.log.secret(token)
	if call.method != http.MethodPost || token == "" {
		s.Fatalf("%s with a logout_token of %d characters", call.method, len(token))
	}
	if len(call.form) != 1 || len(call.query) != 0 {
		s.warn("the call has other parameters: %d and %d", len(call.form), len(call.query))
	}
	if call.tls != tls.VersionTLS13 {
		s.warn("TLS version %#x, want 1.3", call.tls)
	}
	header, claims := s.w.jwt(s.T, token)
	events, _ := claims["events"].(map[string]any)
	event, there := events["http://schemas.openid.net/event/backchannel-logout"].(map[string]any)
	if header.Algorithm != "RS256" || claims["iss"] != s.w.issuer || !inAudience(claims["aud"], c.ID) || claims["jti"] == nil ||
		!there || len(event) != 0 || len(events) != 1 {
		s.Errorf("%s with %v", header.Algorithm, claims)
	}
	if iat, ok := claims["iat"].(float64); !ok || int64(iat) > time.Now().Unix() {
		s.Errorf("iat is %v", claims["iat"])
	}
	if _, has := claims["nonce"]; has || claims["sub"] != l.claims["sub"] || claims["sid"] != l.claims["sid"] || claims["sid"] == nil {
		s.Errorf("sub %v, sid %v, the ID token has %v and %v", claims["sub"], claims["sid"], l.claims["sub"], l.claims["sid"])
	}
	s.signedOut(c)
}

// sessionManagementPlan is oidcc-session-management-certification-test-plan.
func sessionManagementPlan() plan {
	return plan{name: "oidcc-session-management-certification-test-plan", variants: afterLogin, modules: []module{
		{"oidcc-session-management-discovery-endpoint-verification", func(s *moduleRun) {
			s.advertises("end_session_endpoint", "check_session_iframe")
		}, nil},
		{"oidcc-session-management-rp-initiated-logout", sessionManagement, nil},
	}}
}

// sessionManagement asks the frame of the provider in a real browser, from a frame of
// the client beside it, as the suite's page does.
func sessionManagement(s *moduleRun) {
	rp := newRelyingParty(s.T)
	uri := rp.origin + "/test/a/identity/post_logout_redirect"
	c := s.register(map[string]any{"redirect_uris": []string{rp.origin + "/test/a/identity/callback"}, "post_logout_redirect_uris": []string{uri}})
	tab := newTab(s.T, s.w.server, desktop)
	r := s.authorization(c)
	tab.open(s.w.authorizeURL(r))
	tab.signIn(s.w.alice)
	tab.press(`button[value="allow"]`)
	tab.at(rp.origin + "/test/a/identity/callback")
	var at string
	tab.must(&at, "location.href")
	back, err := url.Parse(at)
	if err != nil {
		s.Fatal(err)
	}
	l := s.complete(c, r, &page{url: back, status: http.StatusOK, callback: back})
	state := l.response.Get("session_state")
	if state == "" || strings.Contains(state, " ") {
		s.Fatalf("session_state is %q", state)
	}
	ask := func() string {
		var got string
		tab.must(&got, quote(`new Promise((resolve, reject) => {
			const origin = %s
			const provider = document.createElement("iframe"), client = document.createElement("iframe")
			provider.src = %s
			client.src = %s
			client.onload = () => {
				const w = client.contentWindow
				w.addEventListener("message", (e) => {
					if (e.origin !== origin) return
					provider.remove()
					client.remove()
					resolve(e.data)
				})
				// Said by the frame of the client, so that the answer goes there.
				const say = () => new w.Function("to", "text", "to.postMessage(text, '*')")(provider.contentWindow, %s)
				provider.onload = say
				document.body.append(provider)
			}
			document.body.append(client)
			setTimeout(() => reject(new Error("no answer")), 10000)
		})`, s.w.issuer, s.w.fetch(s.T, "/.well-known/openid-configuration").str("check_session_iframe"), rp.origin+"/rp_session_iframe", c.ID+" "+state))
		return got
	}
	if got := ask(); got != "unchanged" {
		s.Errorf("signed in: %q", got)
	}
	q := url.Values{"id_token_hint": {l.id}, "post_logout_redirect_uri": {uri}, "state": {"s"}}
	tab.open(s.w.issuer + "/end_session?" + q.Encode())
	tab.at(uri + "?state=s")
	if got := ask(); got != "changed" {
		s.Errorf("signed out: %q", got)
	}
}
