package upstream_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/elloloop/identity/flows/upstream"
	"github.com/elloloop/identity/storage"
)

// works is a provider of the operator's, at the stand-in.
func works(s *standIn, change ...func(*storage.Provider)) upstream.Configured {
	c := upstream.Configured{Secret: "shh-works", Provider: storage.Provider{
		ID: "works", Kind: storage.ProviderOIDC, Name: "Works", ClientID: "identity", Issuer: s.URL, TrustEmail: true,
	}}
	for _, f := range change {
		f(&c.Provider)
	}
	return c
}

// TestS316Token: an ID token that is not the answer to this request, by this
// provider, for us, is refused.
func TestS316Token(t *testing.T) {
	set := func(name string, v any) func(*standIn) {
		return func(s *standIn) { s.tamper = func(c map[string]any) { c[name] = v } }
	}
	for _, tt := range []struct {
		name, reason string
		lie          func(*standIn)
	}{
		{"wrong-iss", "id_token_invalid", set("iss", "https://other.example")},
		{"wrong-aud", "id_token_invalid", set("aud", "another")},
		{"more-aud-without-azp", "wrong_azp", set("aud", []string{"identity", "another"})},
		{"wrong-azp", "wrong_azp", set("azp", "another")},
		{"wrong-nonce", "wrong_nonce", set("nonce", "of-another-request")},
		{"no-nonce", "wrong_nonce", func(s *standIn) { s.tamper = func(c map[string]any) { delete(c, "nonce") } }},
		{"expired", "id_token_expired", set("exp", 1)},
		{"no-sub", "id_token_invalid", set("sub", 4)},
		{"empty-sub", "no_subject", set("sub", "")},
		{"alg-none", "id_token_invalid", func(s *standIn) {
			s.sign = func(c any) string {
				b, _ := json.Marshal(c)
				return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(b) + "."
			}
		}},
		{"alg-of-the-client-secret", "id_token_invalid", func(s *standIn) {
			s.sign = func(c any) string { return signed(t, jose.HS256, []byte("shh-works-shh-works-shh-works-shh-works"), c) }
		}},
		{"key-of-another", "id_token_invalid", func(s *standIn) {
			other := newStandIn(t)
			s.sign = func(c any) string { return signed(t, jose.ES256, jose.JSONWebKey{Key: other.key, KeyID: "1"}, c) }
		}},
		{"code-refused", "code_refused", func(s *standIn) {
			s.token = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }
		}},
		{"answer-of-10-MB", "", func(s *standIn) {
			s.token = func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write([]byte(`{"access_token":"a","token_type":"Bearer","padding":"` + strings.Repeat("x", 10<<20) + `"}`))
			}
		}},
		{"no-id-token", "no_id_token", func(s *standIn) {
			s.token = func(w http.ResponseWriter, _ *http.Request) {
				answer(w, map[string]any{"access_token": "a", "token_type": "Bearer"})
			}
		}},
		{"down", "unreachable", func(s *standIn) { s.token = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) } }},
	} {
		t.Run("S3-16/"+tt.name, func(t *testing.T) {
			in := newStandIn(t)
			s := newSite(t, nil, works(in))
			tt.lie(in)
			b := s.open()
			w := b.signIn("works")
			if w.Code != http.StatusForbidden && w.Code != http.StatusBadGateway {
				t.Errorf("status %d", w.Code)
			}
			if b.who() != "" {
				t.Fatal("somebody is signed in")
			}
			if tt.reason != "" && !s.audited("user.sign_in_failed", "upstream_"+tt.reason) {
				t.Errorf("no audit event says %s", tt.reason)
			}
			if !strings.Contains(w.Body.String(), "Works") || !strings.Contains(w.Body.String(), "/upstream/works") {
				t.Errorf("the page does not offer to try again:\n%s", w.Body)
			}
		})
	}
}

// TestS316Answer: an answer that this browser did not ask for, or that is another
// provider's, is refused before the code is sent anywhere.
func TestS316Answer(t *testing.T) {
	with := func(location, name, value string) string {
		u, _ := url.Parse(location)
		q := u.Query()
		q.Set(name, value)
		if value == "" {
			q.Del(name)
		}
		u.RawQuery = q.Encode()
		return u.String()
	}
	for _, tt := range []struct {
		name   string
		status int
		get    func(b *browser, in *standIn) string
	}{
		{"no-state", http.StatusGone, func(b *browser, _ *standIn) string { return with(b.visit(b.leave("works")), "state", "") }},
		{"unknown-state", http.StatusGone, func(b *browser, _ *standIn) string {
			return with(b.visit(b.leave("works")), "state", storage.NewSecret())
		}},
		{"two-states", http.StatusGone, func(b *browser, _ *standIn) string {
			return b.visit(b.leave("works")) + "&state=" + storage.NewSecret()
		}},
		{"state-is-no-url", http.StatusGone, func(b *browser, _ *standIn) string { // S1-12
			return with(b.visit(b.leave("works")), "state", "https://evil.example/")
		}},
		{"other-browser", http.StatusForbidden, func(b *browser, _ *standIn) string {
			at := b.visit(b.leave("works"))
			b.cookies = b.open().cookies
			return at
		}},
		{"at-another-provider", http.StatusGone, func(b *browser, _ *standIn) string {
			return strings.Replace(b.visit(b.leave("works")), "/upstream/works/", "/upstream/other/", 1)
		}},
		{"wrong-iss", http.StatusForbidden, func(b *browser, _ *standIn) string {
			return with(b.visit(b.leave("works")), "iss", "https://other.example")
		}},
		{"promised-iss-missing", http.StatusForbidden, func(b *browser, in *standIn) string {
			in.promises = true
			return b.visit(b.leave("works"))
		}},
		{"two-codes", http.StatusForbidden, func(b *browser, _ *standIn) string { return b.visit(b.leave("works")) + "&code=x" }},
		{"error", http.StatusForbidden, func(b *browser, _ *standIn) string {
			return with(b.visit(b.leave("works")), "error", "server_error")
		}},
		{"cancelled", http.StatusUnprocessableEntity, func(b *browser, _ *standIn) string {
			return with(with(b.visit(b.leave("works")), "error", "access_denied"), "code", "")
		}},
	} {
		t.Run("S3-16/"+tt.name, func(t *testing.T) {
			in := newStandIn(t)
			s := newSite(t, nil, works(in), works(in, func(p *storage.Provider) { p.ID = "other" }))
			b := s.open()
			w := b.get(tt.get(b, in))
			if w.Code != tt.status {
				t.Errorf("status %d, want %d\n%.300s", w.Code, tt.status, w.Body)
			}
			if w.Header().Get("Location") != "" {
				t.Errorf("sent to %s", w.Header().Get("Location"))
			}
			if len(in.tokens) > 0 {
				t.Error("the code was sent on")
			}
			if b.who() != "" {
				t.Error("somebody is signed in")
			}
		})
	}
}

// TestS316Replay: a state is taken once, whatever came of it.
func TestS316Replay(t *testing.T) {
	for name, fails := range map[string]bool{"after-success": false, "after-failure": true} {
		t.Run("S3-16/"+name, func(t *testing.T) {
			in := newStandIn(t)
			s := newSite(t, nil, works(in))
			b := s.open()
			at := b.visit(b.leave("works"))
			if fails {
				b.get(at + "&iss=https%3A%2F%2Fother.example")
			} else if b.get(at); b.who() == "" {
				t.Fatal("nobody is signed in")
			}
			sent := len(in.tokens)
			if w := b.get(at); w.Code != http.StatusGone {
				t.Errorf("status %d, want 410", w.Code)
			}
			if len(in.tokens) != sent {
				t.Error("the code was sent again")
			}
		})
	}
}

// TestS316CodeInjection: a code of another journey is no use in this one.
func TestS316CodeInjection(t *testing.T) {
	in := newStandIn(t)
	s := newSite(t, nil, works(in))
	victim, thief := s.open(), s.open()
	stolen, _ := url.Parse(victim.visit(victim.leave("works")))
	mine, _ := url.Parse(thief.visit(thief.leave("works")))
	q := mine.Query()
	q.Set("code", stolen.Query().Get("code"))
	mine.RawQuery = q.Encode()
	if w := thief.get(mine.String()); w.Code != http.StatusForbidden || thief.who() != "" {
		t.Errorf("status %d, signed in %q", w.Code, thief.who())
	}
}

// TestS316Keys: a key that is new is fetched, and one that is gone signs no more.
func TestS316Keys(t *testing.T) {
	in := newStandIn(t)
	s := newSite(t, nil, works(in))
	first := s.open()
	first.signIn("works")
	old := in.key
	in.rotate("2")
	second := s.open()
	if second.signIn("works"); second.who() == "" || second.who() != first.who() {
		t.Errorf("after the rotation %q is signed in, want %q", second.who(), first.who())
	}
	in.sign = func(c any) string { return signed(t, jose.ES256, jose.JSONWebKey{Key: old, KeyID: "1"}, c) }
	third := s.open()
	if third.signIn("works"); third.who() != "" {
		t.Error("a key that was taken away signs somebody in")
	}
}

// TestS316Down: while a provider is down, departing says so.
func TestS316Down(t *testing.T) {
	in := newStandIn(t)
	s := newSite(t, nil, works(in))
	in.Close()
	b := s.open()
	w := b.get(b.at + "/upstream/works")
	if w.Code != http.StatusBadGateway || !strings.Contains(w.Body.String(), "Works can") {
		t.Errorf("status %d\n%s", w.Code, w.Body)
	}
}

// TestDiscoveryOfAnother: a document of another issuer is not believed.
func TestDiscoveryOfAnother(t *testing.T) {
	in := newStandIn(t)
	in.issuer = "https://other.example"
	b := newSite(t, nil, works(in)).open()
	if w := b.get(b.at + "/upstream/works"); w.Code != http.StatusBadGateway {
		t.Errorf("status %d", w.Code)
	}
}
