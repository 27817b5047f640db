package flows_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
)

// TestTooWeak: somebody who has nothing but a passkey that does not verify its
// owner is told so, where two factors are needed, and not asked for the same again
// and again. One that does verify leads on.
func TestTooWeak(t *testing.T) {
	s := newHome(t, func(p *storage.Project) { p.SignIn.QREnabled = true })
	u := s.user("alice")
	k := s.passkey(u)
	k.Flags = flagUP
	c, err := s.store.PasswordCredentials.Get(t.Context(), s.project.Scope(), u.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.store.Commit(t.Context(), s.project.Scope(), s.store.PasswordCredentials.Remove(c.UserID)); err != nil {
		t.Fatal(err)
	}
	signIn := func(b *browser, at string) {
		t.Helper()
		if w := b.post(at+"/passkey", "credential", k.Get(options(t, b.get(at)))); w.Code != http.StatusSeeOther {
			t.Fatalf("%d\n%s", w.Code, w.Body)
		}
	}
	b := s.browser()
	signIn(b, b.begin(request()))
	wantPage(t, b.get("/account"), http.StatusOK, u.Email)
	wantPage(t, b.get("/account/passkey"), http.StatusForbidden, "One more proof is needed", "/account/passkey?prove=1")
	waiting := s.waiter()
	ticket := b.scan(waiting.sees().URL)
	wantPage(t, b.judge(ticket), http.StatusForbidden, "One more proof is needed", "ticket="+url.QueryEscape(ticket))

	again := b.get("/account/passkey?prove=1")
	signIn(b, again.Header().Get("Location")) // the same way
	wantPage(t, b.get("/account/passkey"), http.StatusForbidden, "One more proof is needed")
	k.Flags = flagUP | flagUV
	signIn(b, b.get("/account/passkey?prove=1").Header().Get("Location"))
	wantPage(t, b.get("/account/passkey"), http.StatusOK)
	s.pass(6 * time.Minute) // its age alone asks for the same again
	if w := b.get("/account/passkey"); w.Code != http.StatusSeeOther {
		t.Errorf("an old session: %d", w.Code)
	}
}
