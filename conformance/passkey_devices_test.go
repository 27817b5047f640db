package conformance

import (
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/webauthn"
)

// TestPasskeyDevices: the passkey of a device that verifies its owner is two factors,
// and a device that keeps no passkeys gets none.
func TestPasskeyDevices(t *testing.T) {
	w := shared(t)
	for _, tt := range []struct {
		name    string
		change  func(*webauthn.VirtualAuthenticatorOptions)
		factors int // of its passkey; 0: none is made
	}{
		{"user-verification", func(*webauthn.VirtualAuthenticatorOptions) {}, 2},
		{"no-resident-key", func(o *webauthn.VirtualAuthenticatorOptions) { o.HasResidentKey = false }, 0},
	} {
		if tt.factors == 0 && onPostgres(t) { // nothing of it is stored
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			app, who := w.applicationAndPerson(t, "device")
			c := newTab(t, w.server, screenOf(t))
			key := c.authenticator(tt.change)
			c.noAutofill()
			key.add(w, who)
			if tt.factors == 0 {
				c.until("document.querySelector('[data-failed]').textContent !== ''")
				c.accessible("page of a device that keeps no passkeys")
				c.open(w.issuer + "/account/security")
				c.says("You have no passkey")
				return
			}
			c.until("location.pathname === '/account/security'")
			begin := func(more ...string) {
				t.Helper()
				c.open(w.authorizeURL(w.request(app, append(more, "prompt", "login")...)))
				c.touch(".passkey " + passkeyButton)
			}
			begin()
			c.at(app.redirect)
			begin("claims", `{"id_token":{"acr":{"essential":true,"values":["mfa"]}}}`)
			c.at(app.redirect)
		})
	}
}

// TestPasskeyUnverified: a device that cannot verify its owner tells nobody what it
// keeps, so it is no way in by itself; after a password it is the second factor.
func TestPasskeyUnverified(t *testing.T) {
	w := shared(t)
	app, who := w.applicationAndPerson(t, "unverified")
	app.method = "client_secret_basic"
	c := newTab(t, w.server, screenOf(t))
	key := c.authenticator(func(o *webauthn.VirtualAuthenticatorOptions) { o.HasUserVerification, o.IsUserVerified = false, false })
	c.noAutofill()
	key.add(w, who)
	c.until("location.pathname === '/account/security'")

	r := w.request(app, "prompt", "login", "claims", `{"id_token":{"acr":{"essential":true,"values":["mfa"]}}}`)
	c.open(w.authorizeURL(r))
	c.touch(".passkey " + passkeyButton)
	c.cancelled()
	c.signIn(who)
	c.touch("[data-passkey=get]:not(.passkey) " + passkeyButton)
	c.at(app.redirect)
	var at string
	c.must(&at, "location.href")
	got := w.redeemAt(t, r, at)
	if amr := fmt.Sprint(got.claims["amr"]); got.claims["acr"] != "mfa" || amr != "[pwd hwk user mfa]" {
		t.Errorf("acr %v, amr %s", got.claims["acr"], amr)
	}
}
