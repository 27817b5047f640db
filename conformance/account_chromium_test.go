package conformance

import (
	"crypto/rand"
	"strings"
	"testing"
)

// TestAccountInChromium: each page of an account at the width of a telephone and of
// a desktop, and the forms of a person whose browser runs no script.
func TestAccountInChromium(t *testing.T) {
	w := shared(t)
	for _, screen := range []device{phone, desktop} {
		t.Run(screen.name, func(t *testing.T) {
			who, err := w.addPerson("chromium-"+strings.ToLower(rand.Text()), "Chro Mium")
			if err != nil {
				t.Fatal(err)
			}
			c := newTab(t, w.server, screen)
			c.open(w.issuer + "/account")
			c.signIn(who)
			c.until("location.pathname === '/account'")
			for _, path := range []string{
				"", "/profile", "/security", "/password", "/passkey", "/authenticator", "/recovery-codes", "/sessions", "/apps", "/activity", "/data",
			} {
				c.open(w.issuer + "/account" + path)
				c.until(quote("location.pathname === %s && document.querySelector('h1')", "/account"+path))
				c.accessible("/account" + path)
			}
			c.open(w.issuer + "/.well-known/change-password")
			c.until("location.pathname === '/account/password'")

			c.script(false)
			c.open(w.issuer + "/account/profile")
			c.fill("#nickname", "Chromie")
			c.submit("form.fields button.primary")
			c.says("Saved.")
			next := "pw-" + rand.Text()
			w.log.secret(next)
			c.open(w.issuer + "/account/password")
			c.fill("#password", next)
			c.submit("form button.primary")
			c.says("The password was changed.")
			c.open(w.issuer + "/account/data")
			c.press("#sure")
			c.submit("button[value=delete]")
			c.until("location.pathname === '/account/left'")
			c.accessible("/account/left")
			c.open(w.issuer + "/account/activity") // signing in takes the deletion back
			who.password = next
			c.signIn(who)
			c.says("Deletion of the account cancelled")
			c.open(w.issuer + "/account/sessions")
			c.submit("button[value=everywhere]")
			c.until("location.pathname === '/account/left'")
		})
	}
}
