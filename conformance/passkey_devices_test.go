package conformance

import (
	"testing"

	"github.com/chromedp/cdproto/webauthn"
)

// TestPasskeyDevices: what a device can't do decides what its passkey reaches. One
// that does not verify its owner is one factor; one that keeps no passkeys gets none.
func TestPasskeyDevices(t *testing.T) {
	w := shared(t)
	insists := []string{"prompt", "login", "claims", `{"id_token":{"acr":{"essential":true,"values":["mfa"]}}}`}
	for _, screen := range []device{phone, desktop} {
		for _, tt := range []struct {
			name    string
			change  func(*webauthn.VirtualAuthenticatorOptions)
			keeps   bool // a passkey is made
			factors int
		}{
			{"user-verification", func(*webauthn.VirtualAuthenticatorOptions) {}, true, 2},
			{"no-user-verification", plain, true, 1},
			{"no-resident-key", func(o *webauthn.VirtualAuthenticatorOptions) { o.HasResidentKey = false }, false, 0},
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
				key.present(false)
				c.open(w.authorizeURL(w.request(app, insists...)))
				c.has(".passkey " + passkeyButton)
				key.present(true)
				c.touch(".passkey " + passkeyButton)
				if tt.factors == 2 {
					c.at(app.redirect)
					return
				}
				c.has("#secret") // the client insists on two factors: another one is set up
			})
		}
	}
}

// plain is a security key that nothing but a touch opens.
func plain(o *webauthn.VirtualAuthenticatorOptions) {
	o.Transport, o.HasUserVerification, o.IsUserVerified = webauthn.AuthenticatorTransportUsb, false, false
}
