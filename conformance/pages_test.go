package conformance

import (
	"slices"
	"testing"
)

// TestPages looks at every page in a real browser: axe-core finds nothing against
// WCAG 2.2 AA, in light and dark, on a telephone and on a desktop.
func TestPages(t *testing.T) {
	w := shared(t)
	for _, d := range []device{phone, desktop} {
		for _, scheme := range []string{"light", "dark"} {
			t.Run(d.name+"/"+scheme, func(t *testing.T) {
				c := newTab(t, w.server, d)
				c.scheme(scheme)
				who, err := w.addPerson("pages", "Pat Page")
				if err != nil {
					t.Fatal(err)
				}
				c.open(w.authorizeURL(w.request(w.third, "scope", "openid profile email offline_access")))
				c.has("#identifier")
				c.accessible("identify and password")
				c.fill("#identifier", who.email)
				c.fill("#password", "wrong-password-4")
				c.press("form button.primary")
				c.has("#problem")
				c.accessible("password, refused")
				c.signIn(who)
				c.has("button[name=decision][value=deny]")
				c.accessible("consent")
				c.open(w.authorizeURL(w.request(w.web, "prompt", "select_account")))
				c.has("button[name=account]")
				c.accessible("select account")
				c.open(w.authorizeURL(w.request(w.web, "client_id", "nobody")))
				c.has(".details")
				c.accessible("error")
				c.open(w.issuer + "/end_session")
				c.has("button[name=decision][value=logout]")
				c.accessible("logout")
				c.press("button[name=decision][value=logout]")
				c.until("document.readyState === 'complete' && !document.querySelector('button[name=decision]')")
				c.accessible("logged out")
				c.open(w.issuer + "/")
				c.accessible("home")
				c.open(w.authorizeURL(w.request(w.web, "prompt", "create")))
				c.has("form")
				c.accessible("register")
			})
		}
	}
}

// TestWithoutScript signs in in a browser whose script is off.
func TestWithoutScript(t *testing.T) {
	w := shared(t)
	c := newTab(t, w.server, phone)
	back := application(t, map[string]string{})
	who, err := w.another("script", "--preset", "web", "--redirect-uri", back+"/callback", "--post-logout-redirect-uri", back+"/")
	if err != nil {
		t.Fatal(err)
	}
	who.redirect = back + "/callback"
	c.script(false)
	for _, mode := range []string{"query", "form_post"} {
		c.open(w.authorizeURL(w.request(who, "response_mode", mode, "prompt", "login consent")))
		c.signIn(w.alice)
		c.press("button[name=decision][value=allow]")
		if mode == "form_post" {
			c.press("#formpost button")
		}
		c.until(quote("location.href.startsWith(%s)", who.redirect))
	}
	c.open(w.issuer + "/end_session")
	c.press("button[name=decision][value=logout]")
	c.until("!document.querySelector('button[name=decision]')")
}

// TestPlayground completes a login on the playground, as a person does who has just
// run `identity dev`.
func TestPlayground(t *testing.T) {
	d := startDev(t)
	for _, screen := range []device{phone, desktop} {
		t.Run(screen.name, func(t *testing.T) {
			c := newTab(t, d.server, screen)
			c.open(d.Playground)
			c.has("form button.primary")
			c.accessible("playground")
			c.press("form button.primary")
			c.signIn(d.person())
			c.at(d.Playground)
			c.has(".checks li")
			c.accessible("playground, after the login")
			var bad []string
			c.must(&bad, "[...document.querySelectorAll('.checks li.bad, .status.bad')].map((e) => e.innerText)")
			if len(bad) > 0 {
				t.Errorf("the playground found: %q", bad)
			}
			var text string
			c.must(&text, "document.body.innerText")
			for _, want := range []string{"sub", "nonce", d.Issuer} {
				if !contains(text, want) {
					t.Errorf("the page does not show %s", want)
				}
			}
			var values []string
			c.must(&values, "[...document.querySelectorAll('[id^=token-]')].map((e) => e.textContent)")
			d.log.secret(values...)
			if len(values) < 2 {
				t.Errorf("%d tokens are shown", len(values))
			}
			for _, act := range []string{"userinfo", "introspect", "refresh", "revoke"} {
				c.submit("button[name=do][value=" + act + "]")
				c.must(&bad, "[...document.querySelectorAll('.status.bad, .problem')].map((e) => e.innerText)")
				want := []string{"401"} // a public client may not introspect (RFC 7662 §2.1): the page shows that, and keeps showing it
				if act == "userinfo" {
					want = []string{}
				}
				if !slices.Equal(bad, want) {
					t.Errorf("%s: %q, want %q", act, bad, want)
				}
				c.must(&values, "[...document.querySelectorAll('[id^=token-]')].map((e) => e.textContent)")
				d.log.secret(values...)
			}
			c.press("button[name=do][value=logout]")
			c.until("document.readyState === 'complete' && !document.querySelector('.checks')")
			for fault, shown := range map[string]string{"wrong_verifier": "invalid_grant", "reused_code": "invalid_grant"} {
				c.open(d.Playground)
				c.press("input[name=break][value=" + fault + "]")
				c.press("form button.primary")
				c.signIn(d.person())
				c.at(d.Playground)
				c.until(quote("document.body.innerText.includes(%s)", shown))
				c.accessible("playground, " + fault)
				c.open(d.Issuer + "/end_session")
				c.press("button[name=decision][value=logout]")
				c.until("!document.querySelector('button[name=decision]')")
			}
		})
	}
}
