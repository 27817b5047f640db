package conformance

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// request is an authorization request and what its client remembers.
type request struct {
	url.Values
	client   client
	verifier string
}

// request makes an authorization request as a careful client sends it. pairs are
// names and values that replace or, when empty, remove parameters.
func (s *server) request(c client, pairs ...string) request {
	verifier := rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	r := request{client: c, verifier: verifier, Values: url.Values{
		"response_type": {"code"}, "client_id": {c.ID}, "redirect_uri": {c.redirect}, "scope": {"openid"},
		"state": {"st-" + rand.Text()}, "nonce": {"no-" + rand.Text()},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			r.Del(pairs[i])
		} else {
			r.Set(pairs[i], pairs[i+1])
		}
	}
	if !r.Has("code_challenge") {
		r.Del("code_challenge_method")
		r.verifier = ""
	}
	s.log.secret(verifier)
	return r
}

func (s *server) authorizeURL(r request) string { return s.issuer + "/authorize?" + r.Encode() }

// response is an authorization response, by whatever mode it came.
type response struct {
	url.Values
	mode   string
	target *url.URL // the redirect URI, without what the provider added
}

// response reads the authorization response that a page is, if it is one.
func (p *page) response(issuer string) (response, bool) {
	if p.callback == nil {
		for _, f := range p.forms { // form_post: the form posts itself to the client
			if f.action.Scheme+"://"+f.action.Host != issuer {
				return response{f.values, "form_post", f.action}, true
			}
		}
		return response{}, false
	}
	target := *p.callback
	if target.Fragment != "" {
		values, err := url.ParseQuery(p.callback.EscapedFragment())
		if err != nil {
			return response{}, false
		}
		target.Fragment, target.RawFragment = "", ""
		return response{values, "fragment", &target}, true
	}
	return response{p.callback.Query(), "query", &target}, true
}

// authorize sends the request and answers every page.
func (b *browser) authorize(r request) response {
	b.t.Helper()
	return b.answer(r, b.finish(b.get(b.server.authorizeURL(r))))
}

// answer reads the response that a page is, and holds it to the rules of all
// responses: state as sent, iss (RFC 9207 §2), nothing unknown.
func (b *browser) answer(r request, p *page) response {
	b.t.Helper()
	resp, ok := p.response(b.server.issuer)
	if !ok {
		b.t.Fatalf("%s %d: want an authorization response, got: %s", p.url.Path, p.status, p.text())
	}
	b.server.log.secret(resp.Get("code"))
	if got, want := resp.target.Scheme+"://"+resp.target.Host+resp.target.Path, strings.SplitN(r.Get("redirect_uri"), "?", 2)[0]; got != want {
		b.t.Errorf("the response goes to %s, want %s", got, want)
	}
	if got := resp.Values["state"]; !slices.Equal(got, r.Values["state"]) {
		b.t.Errorf("state is %q, want %q", got, r.Values["state"])
	}
	if got := resp.Values["iss"]; !slices.Equal(got, []string{b.server.issuer}) {
		b.t.Errorf("S1-06: iss is %q, want %q", got, b.server.issuer)
	}
	allowed := []string{"code", "state", "iss", "session_state"}
	if resp.Has("error") {
		allowed = []string{"error", "error_description", "error_uri", "state", "iss", "session_state"}
	}
	// OIDC Session Management §2: what stands for a session, for those that have an origin.
	if web := strings.HasPrefix(r.Get("redirect_uri"), "http"); resp.Has("code") && slices.Contains(strings.Fields(r.Get("scope")), "openid") && web != resp.Has("session_state") {
		b.t.Errorf("session_state is %q", resp.Get("session_state"))
	}
	if u, err := url.Parse(r.Get("redirect_uri")); err == nil {
		for name := range u.Query() { // its own query stays
			allowed = append(allowed, name)
		}
	}
	for name, values := range resp.Values {
		if !slices.Contains(allowed, name) || len(values) != 1 {
			b.t.Errorf("the response has the parameter %s %d times", name, len(values))
		}
	}
	return resp
}

// describes are the characters of an error_description (RFC 6749 §4.1.2.1, §5.2).
var describes = regexp.MustCompile(`^[\x20-\x21\x23-\x5B\x5D-\x7E]+$`)

// wantError wants an error response of the authorization endpoint.
func (b *browser) wantError(resp response, codes ...string) {
	b.t.Helper()
	if !slices.Contains(codes, resp.Get("error")) {
		b.t.Errorf("error is %q, want %s", resp.Get("error"), strings.Join(codes, " or "))
	}
	if resp.Has("code") {
		b.t.Error("an error response has a code")
	}
	if d := resp.Get("error_description"); !describes.MatchString(d) {
		b.t.Errorf("error_description is %q, want printable ASCII", d)
	}
}

// refused sends a request that must be answered with an error, without a page.
func (b *browser) refused(r request, codes ...string) response {
	b.t.Helper()
	resp := b.answer(r, b.get(b.server.authorizeURL(r)))
	b.wantError(resp, codes...)
	return resp
}

// code answers every page and wants a code.
func (b *browser) code(r request) string {
	b.t.Helper()
	resp := b.authorize(r)
	if resp.Get("code") == "" {
		b.t.Fatalf("no code: %s: %s", resp.Get("error"), resp.Get("error_description"))
	}
	return resp.Get("code")
}

// tokens logs in and redeems the code.
func (b *browser) tokens(c client, pairs ...string) tokens {
	b.t.Helper()
	r := b.server.request(c, pairs...)
	return b.redeem(r, b.code(r))
}

// redeem exchanges the code of a request for tokens, and checks the ID token.
func (b *browser) redeem(r request, code string) tokens {
	b.t.Helper()
	a := b.server.redeem(b.t, r, code)
	a.want(b.t, http.StatusOK)
	return b.server.verify(b.t, r, a)
}

// silent sends a request with prompt=none.
func (b *browser) silent(c client, pairs ...string) response {
	b.t.Helper()
	r := b.server.request(c, append([]string{"prompt", "none"}, pairs...)...)
	return b.answer(r, b.get(b.server.authorizeURL(r)))
}

func member(t *testing.T, w *world) *browser {
	t.Helper()
	return newBrowser(t, w.server, w.alice)
}
