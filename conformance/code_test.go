package conformance

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
)

func oidccCodeReuse(t *testing.T, w *world) {
	b := member(t, w)
	r := w.request(w.web)
	code := b.code(r)
	got := b.redeem(r, code)
	w.redeem(t, r, code).wantError(t, 400, "invalid_grant")
	wantDead(t, w, w.web, got)
}

// wantDead wants that neither token of a response is good for anything.
func wantDead(t *testing.T, w *world, c client, got tokens) {
	t.Helper()
	if a := w.userinfo(t, got.access); a.status != http.StatusUnauthorized {
		t.Errorf("userinfo answers the access token with %d, want 401", a.status)
	}
	if c.method != "none" && w.active(t, c, got.access) {
		t.Error("the access token is active")
	}
	if got.refresh != "" {
		w.refresh(t, c, got.refresh).wantError(t, 400, "invalid_grant")
	}
}

// TestCode is the authorization code grant: S2-02, S2-03, RFC 6749 §4.1.3.
func TestCode(t *testing.T) {
	for name, run := range map[string]func(*testing.T, *world){
		"S2-02/replayed-code": func(t *testing.T, w *world) {
			for _, c := range []client{w.web, w.spa, w.opaque} {
				b := member(t, w)
				r := w.request(c)
				code := b.code(r)
				got := b.redeem(r, code)
				next := w.refresh(t, c, got.refresh)
				next.want(t, 200)
				w.redeem(t, r, code).wantError(t, 400, "invalid_grant")
				wantDead(t, w, c, got)
				wantDead(t, w, c, tokens{answer: next, access: next.str("access_token"), refresh: next.str("refresh_token")})
			}
		},
		"S2-02/raced-by-100": func(t *testing.T, w *world) {
			b := member(t, w)
			r := w.request(w.web)
			code := b.code(r)
			answers := race(t, w.server, 100, func() *http.Request {
				return w.authenticated(w.web, "/oauth/token", w.codeForm(r, code))
			})
			won := 0
			for _, a := range answers {
				if a.status == 200 {
					won++
					wantDead(t, w, w.web, tokens{answer: a, access: a.str("access_token"), refresh: a.str("refresh_token")})
				} else {
					a.wantError(t, 400, "invalid_grant")
				}
			}
			if won != 1 {
				t.Errorf("%d of 100 got tokens, want 1", won)
			}
		},
		"S2-03/another-client": func(t *testing.T, w *world) {
			b := member(t, w)
			r := w.request(w.web)
			code := b.code(r)
			unknown := w.call(t, w.other, "/oauth/token", w.codeForm(r, strings.Repeat("x", len(code))))
			stolen := w.call(t, w.other, "/oauth/token", w.codeForm(r, code))
			stolen.wantError(t, 400, "invalid_grant")
			if stolen.str("error_description") != unknown.str("error_description") {
				t.Error("the answer tells that the code exists")
			}
			b.redeem(r, code) // the try did not burn it
		},
		"S2-03/another-redirect-uri": func(t *testing.T, w *world) {
			b := member(t, w)
			r := w.request(w.native)
			code := b.code(r)
			for _, uri := range []string{"http://[::1]/callback", "http://127.0.0.1:49153/callback", ""} {
				form := w.codeForm(r, code)
				form.Set("redirect_uri", uri)
				w.call(t, w.native, "/oauth/token", form).wantError(t, 400, "invalid_grant")
			}
			form := w.codeForm(r, code)
			form.Del("redirect_uri")
			if a := w.call(t, w.native, "/oauth/token", form); a.status != 400 {
				t.Errorf("status %d without redirect_uri, want 400", a.status)
			}
			b.redeem(r, code)
		},
		"S2-06/failed-authentication-does-not-burn": func(t *testing.T, w *world) {
			b := member(t, w)
			r := w.request(w.web)
			code := b.code(r)
			req := posted(w.issuer+"/oauth/token", w.codeForm(r, code))
			req.SetBasicAuth(w.web.ID, "wrong-secret-wrong-secret")
			w.do(t, req).wantError(t, 401, "invalid_client")
			b.redeem(r, code)
		},
		"RFC6749-4.1.3/no-code": func(t *testing.T, w *world) {
			w.call(t, w.web, "/oauth/token", url.Values{"grant_type": {"authorization_code"}}).wantError(t, 400, "invalid_request")
		},
		"RFC6749-4.1.3/unknown-code": func(t *testing.T, w *world) {
			w.call(t, w.web, "/oauth/token", w.codeForm(w.request(w.web), "nobody-issued-this-code")).wantError(t, 400, "invalid_grant")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := shared(t)
			t.Parallel()
			run(t, w)
		})
	}
}

// race sends n requests at once.
func race(t *testing.T, s *server, n int, request func() *http.Request) []answer {
	t.Helper()
	return raceOn(t, n, func() (*server, *http.Request) { return s, request() })
}

// raceOn sends n requests at once, each to the server that it is made for.
func raceOn(t *testing.T, n int, request func() (*server, *http.Request)) []answer {
	t.Helper()
	answers, errs := make([]answer, n), make([]error, n)
	var begin, end sync.WaitGroup
	begin.Add(1)
	for i := range n {
		s, req := request()
		end.Go(func() {
			begin.Wait()
			answers[i], errs[i] = s.try(req)
		})
	}
	begin.Done()
	end.Wait()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return answers
}

// TestPKCE is S1-05 and RFC 7636.
func TestPKCE(t *testing.T) {
	for name, run := range map[string]func(*testing.T, *world){
		"S1-05/missing-for-a-public-client": func(t *testing.T, w *world) {
			member(t, w).refused(w.request(w.spa, "code_challenge", ""), "invalid_request")
		},
		"S1-05/missing-by-policy": func(t *testing.T, w *world) {
			member(t, w).refused(w.request(w.web, "code_challenge", ""), "invalid_request")
		},
		"S1-05/plain": func(t *testing.T, w *world) {
			member(t, w).refused(w.request(w.web, "code_challenge_method", "plain"), "invalid_request")
		},
		"S1-05/method-missing-means-plain": func(t *testing.T, w *world) {
			member(t, w).refused(w.request(w.web, "code_challenge_method", ""), "invalid_request")
		},
		"S1-05/method-unknown": func(t *testing.T, w *world) {
			member(t, w).refused(w.request(w.web, "code_challenge_method", "s256"), "invalid_request")
		},
		"S1-05/challenge-malformed": func(t *testing.T, w *world) {
			for _, bad := range []string{"short", strings.Repeat("a", 44), strings.Repeat("a", 42) + "=", strings.Repeat("a", 42) + "+"} {
				member(t, w).refused(w.request(w.web, "code_challenge", bad), "invalid_request")
			}
		},
		"S1-05/downgrade-verifier-without-challenge": func(t *testing.T, w *world) {
			b := member(t, w)
			r := w.request(w.legacy, "code_challenge", "")
			code := b.code(r)
			form := w.codeForm(r, code)
			form.Set("code_verifier", strings.Repeat("v", 43))
			a := w.call(t, w.legacy, "/oauth/token", form)
			if a.status != 400 || a.str("error") != "invalid_grant" && a.str("error") != "invalid_request" {
				t.Errorf("%d %s, want invalid_grant", a.status, a.str("error"))
			}
		},
		"S1-05/challenge-of-a-client-that-need-not": func(t *testing.T, w *world) {
			b := member(t, w)
			r := w.request(w.legacy)
			code := b.code(r)
			form := w.codeForm(r, code)
			form.Del("code_verifier")
			if a := w.call(t, w.legacy, "/oauth/token", form); a.status != 400 {
				t.Errorf("status %d without a verifier, want 400", a.status)
			}
		},
		"client-that-need-not":         func(t *testing.T, w *world) { member(t, w).tokens(w.legacy, "code_challenge", "") },
		"RFC7636-4.6/verifier-differs": wrongVerifier(strings.Repeat("v", 43)),
		"S1-05/verifier-missing":       wrongVerifier(""),
		"S1-05/verifier-short":         malformedVerifier(strings.Repeat("v", 42)),
		"S1-05/verifier-long":          malformedVerifier(strings.Repeat("v", 129)),
		"S1-05/verifier-charset":       malformedVerifier(strings.Repeat("v", 42) + "é"),
		"S1-05/challenge-as-verifier":  wrongVerifier("challenge"),
	} {
		t.Run(name, func(t *testing.T) {
			w := shared(t)
			t.Parallel()
			run(t, w)
		})
	}
}

// malformedVerifier redeems with a verifier that fits its challenge, and has not
// the form of one (RFC 7636 §4.1).
func malformedVerifier(verifier string) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		b := member(t, w)
		sum := sha256.Sum256([]byte(verifier))
		r := w.request(w.spa, "code_challenge", base64.RawURLEncoding.EncodeToString(sum[:]))
		r.verifier = verifier
		w.redeem(t, r, b.code(r)).wantError(t, 400, "invalid_grant")
	}
}

func wrongVerifier(verifier string) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		b := member(t, w)
		r := w.request(w.spa)
		code := b.code(r)
		form := w.codeForm(r, code)
		form.Del("code_verifier")
		switch verifier {
		case "":
		case "challenge":
			form.Set("code_verifier", r.Get("code_challenge"))
		default:
			form.Set("code_verifier", verifier)
		}
		a := w.call(t, w.spa, "/oauth/token", form)
		if a.str("error") != "invalid_grant" && a.str("error") != "invalid_request" {
			t.Errorf("error is %q", a.str("error"))
		}
		a.wantError(t, 400, a.str("error"))
	}
}
