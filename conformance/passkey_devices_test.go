package conformance

import (
	"testing"

	"github.com/chromedp/cdproto/webauthn"
)

// TestPasskeyDevices: the passkey of a device that verifies its owner is two factors,
// and a device that keeps no passkeys gets none.
func TestPasskeyDevices(t *testing.T) {
	w := shared(t)
	insists := []string{"prompt", "login", "claims", `{"id_token":{"acr":{"essential":true,"values":["mfa"]}}}`}
	for _, screen := range []device{phone, desktop} {
		for _, tt := range []struct {
			name   string
			change func(*webauthn.VirtualAuthenticatorOptions)
			keeps  bool // a passkey is made
		}{
			{"user-verification", func(*webauthn.VirtualAuthenticatorOptions) {}, true},
			{"no-resident-key", func(o *webauthn.VirtualAuthenticatorOptions) { o.HasResidentKey = false }, false},
		} {
			t.Run(screen.name+"/"+tt.name, func(t *testing.T) {
				app, who := w.applicationAndPerson(t, "device")
				c := newTab(t, w.server, screen)
				key := c.authenticator(tt.change)
				key.present(false)
				c.open(w.issuer + "/account/passkey")
				c.signIn(who)
				c.has("form[data-passkey=create] " + passkeyButton)
				var offered bool
				if c.must(&offered, "location.pathname !== '/account/passkey'"); offered {
					c.touch("button[name=decision][value=later]")
					c.until("location.pathname === '/account/passkey'")
				}
				key.present(true)
				c.touch("form[data-passkey=create] " + passkeyButton)
				if !tt.keeps {
					c.until("document.querySelector('[data-failed]').textContent !== ''")
					c.accessible("page of a device that keeps no passkeys")
					c.open(w.issuer + "/account/security")
					c.says("You have no passkey")
					return
				}
				c.until("location.pathname === '/account/security'")
				c.noAutofill()
				c.open(w.authorizeURL(w.request(app, insists...)))
				c.touch(".passkey " + passkeyButton)
				c.at(app.redirect)
			})
		}
	}
}
