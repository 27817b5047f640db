package op

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/elloloop/identity/storage"
)

func pairwise(redirect string) func(*storage.Client) {
	return func(c *storage.Client) {
		c.SubjectType, c.RedirectURIs = subjectPairwise, []string{redirect}
	}
}

// TestPairwise: a person is somebody else to the clients of another sector, the
// same to those of one, in everything that says who it is (OIDC Core §8).
func TestPairwise(t *testing.T) {
	h := newHarness(t)
	h.client("one", pairwise(testRedirect))
	h.client("same", pairwise(testRedirect))
	h.client("other", pairwise("https://other.example.test/cb"))
	h.client("sector", func(c *storage.Client) {
		c.SubjectType, c.SectorIdentifierURI = subjectPairwise, "https://other.example.test/sector.json"
	})
	h.client("public", nil)
	h.client("opaque", func(c *storage.Client) { c.SubjectType, c.AccessTokenFormat = subjectPairwise, "opaque" })
	sub := func(client string) string {
		t.Helper()
		change := url.Values{}
		if client == "other" {
			change.Set("redirect_uri", "https://other.example.test/cb")
		}
		code := h.code(client, change)
		tokens := object(t, h.post(pathToken, client, with(codeForm(code), change)))
		sub := claimsOf(t, tokens["id_token"])["sub"].(string)
		info := object(t, h.send(userinfoRequest(tokens["access_token"].(string))))
		if info["sub"] != sub {
			t.Errorf("%s: sub of userinfo %v, of the ID token %v", client, info["sub"], sub)
		}
		for _, token := range []string{"access_token", "refresh_token"} {
			if got := object(t, h.post(pathIntrospect, client, url.Values{"token": {tokens[token].(string)}})); got["sub"] != sub {
				t.Errorf("%s: introspection of the %s: %v", client, token, got)
			}
		}
		again := object(t, h.post(pathToken, client, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)}}))
		if got := claimsOf(t, again["id_token"])["sub"]; got != sub {
			t.Errorf("OIDC-Core-12: %s: sub after a refresh %v, before it %v", client, got, sub)
		}
		if access := tokens["access_token"].(string); client != "opaque" && claimsOf(t, access)["sub"] != sub {
			t.Errorf("%s: sub of the access token %v", client, claimsOf(t, access)["sub"])
		}
		return sub
	}
	one, other := sub("one"), sub("other")
	for name, ok := range map[string]bool{
		"differs from the account":       one != h.user.ID && other != h.user.ID,
		"differs between sectors":        one != other,
		"is the same in a sector":        one == sub("same") && one == sub("opaque"),
		"follows sector_identifier_uri":  other == sub("sector"),
		"is public for a public client":  sub("public") == h.user.ID,
		"is at most 255 ASCII":           len(one) <= 255 && printable(one) == one,
		"is another in another database": one != func() string { x := newHarness(t); x.user.ID = h.user.ID; return x.pairwiseOf("one") }(),
	} {
		if !ok {
			t.Errorf("a pairwise sub has to hold: it %s", name)
		}
	}
	t.Run("S2-18/preferred_username-is-no-account", func(t *testing.T) {
		u, err := h.store.Users.Get(t.Context(), h.project.Scope(), h.user.ID)
		h.must(err)
		u.Username, u.UsernameKey = "", ""
		h.must(h.store.Commit(t.Context(), h.project.Scope(), h.store.Users.Replace(u)))
		info := object(t, h.send(userinfoRequest(h.tokens("one", url.Values{"scope": {"openid profile"}})["access_token"].(string))))
		if info["preferred_username"] != one {
			t.Errorf("preferred_username %v", info["preferred_username"])
		}
	})
}

func (h *harness) pairwiseOf(client string) string {
	c := h.client(client, pairwise(testRedirect))
	sub, err := h.op.subject(h.t.Context(), h.project, c, h.user.ID)
	h.must(err)
	return sub
}

// done marks a stored request as answered by whoever is signed in.
func (h *harness) done(id string) {
	h.t.Helper()
	ar, err := h.store.AuthorizationRequests.Get(h.t.Context(), h.project.Scope(), id)
	h.must(err)
	h.browser.fill(ar)
	h.must(h.store.AuthorizationRequests.Advance(h.t.Context(), h.project.Scope(), ar))
}

// TestPairwiseHint: what a client was told comes back as a hint (OIDC Core
// §3.1.2.1), and finds the person it was about.
func TestPairwiseHint(t *testing.T) {
	begin := func(t *testing.T) (*harness, url.Values) {
		h := newHarness(t)
		h.client("one", pairwise(testRedirect))
		return h, url.Values{"id_token_hint": {h.tokens("one", nil)["id_token"].(string)}}
	}
	t.Run("signed-in", func(t *testing.T) {
		h, hint := begin(t)
		_, q := location(t, h.get(pathAuthorize, with(with(authorizeQuery("one"), hint), url.Values{"prompt": {"none"}})))
		if !q.Has("code") {
			t.Fatalf("got %v", q)
		}
	})
	t.Run("finds-the-account", func(t *testing.T) {
		h, hint := begin(t)
		h.browser.needed = "consent"
		location(t, h.get(pathAuthorize, with(authorizeQuery("one"), hint)))
		if got := h.browser.stored; got.HintedSubject != h.user.ID || got.HintedSector != "" || len(got.Prompt) > 0 {
			t.Fatalf("hinted %q, %q, prompt %v", got.HintedSubject, got.HintedSector, got.Prompt)
		}
	})
	other := func(h *harness) { h.browser.session = nil; h.user = nil; h.signInAs("someone@example.test") }
	t.Run("another-is-signed-in", func(t *testing.T) {
		h, hint := begin(t)
		other(h)
		_, q := location(t, h.get(pathAuthorize, with(with(authorizeQuery("one"), hint), url.Values{"prompt": {"none"}})))
		if q.Get("error") != "login_required" {
			t.Fatalf("prompt=none: %v", q)
		}
		h.browser.needed = "login"
		location(t, h.get(pathAuthorize, with(authorizeQuery("one"), hint)))
		ar := h.browser.stored
		if ar == nil || ar.HintedSector == "" || len(ar.Prompt) != 1 || ar.Prompt[0] != "login" {
			t.Fatalf("no login is asked: %+v", ar)
		}
		h.done(ar.ID)
		if _, q = location(t, h.get(pathResume, url.Values{"id": {ar.ID}})); q.Get("error") != "login_required" || q.Has("code") {
			t.Errorf("another person gets %v", q)
		}
	})
	t.Run("signs-in-again", func(t *testing.T) {
		h, hint := begin(t)
		session := h.browser.session
		h.browser.session = nil
		location(t, h.get(pathAuthorize, with(authorizeQuery("one"), hint)))
		ar := h.browser.stored
		h.browser.session = session
		h.done(ar.ID)
		if _, q := location(t, h.get(pathResume, url.Values{"id": {ar.ID}})); !q.Has("code") {
			t.Errorf("the same person gets %v", q)
		}
	})
	t.Run("OIDC-RP-Initiated-Logout-2/later-session", func(t *testing.T) {
		h, hint := begin(t)
		h.signInAgain()
		res := h.get(pathEndSession, with(hint, url.Values{"post_logout_redirect_uri": {"https://rp.example.test/bye"}}))
		if to, _ := location(t, res); to != "https://rp.example.test/bye" || res.StatusCode != http.StatusSeeOther || len(h.browser.ended) != 1 {
			t.Errorf("sent to %s, ended %v", to, h.browser.ended)
		}
	})
}
