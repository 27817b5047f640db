package conformance

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

// applicationAndPerson registers a client of the operator's own, and a person.
func (w *world) applicationAndPerson(t *testing.T, word string) (client, person) {
	t.Helper()
	back := application(t, map[string]string{})
	word += "-" + strings.ToLower(rand.Text())
	c, err := w.another(word, "--preset", "web", "--first-party", "--redirect-uri", back+"/callback", "--post-logout-redirect-uri", back+"/")
	if err != nil {
		t.Fatal(err)
	}
	c.redirect = back + "/callback"
	who, err := w.addPerson(word, "Other Device")
	if err != nil {
		t.Fatal(err)
	}
	return c, who
}

// TestOtherDevice: somebody signs in on a computer by their telephone, in two
// browsers (S3-12); with script the computer goes on by itself.
func TestOtherDevice(t *testing.T) {
	w := shared(t)
	app, who := w.applicationAndPerson(t, "qr")
	begin := func(computer *tab) (number, code string) {
		t.Helper()
		computer.open(w.authorizeURL(w.request(app, "prompt", "login")))
		computer.press("form button[name=decision][value=start]")
		computer.has("#code:not(input)")
		computer.must(&code, "document.getElementById('code').textContent")
		computer.must(&number, "document.getElementById('number').textContent")
		return number, code
	}
	link := func(code string) string { return w.issuer + "/qr?code=" + strings.ReplaceAll(code, "-", "") }

	if !scriptOf(t) {
		t.Run("without-script", func(t *testing.T) {
			computer := newTab(t, w.server, desktop)
			telephone := computer.beside(phone)
			computer.script(false)
			telephone.script(false)
			number, code := begin(computer)
			telephone.open(w.issuer + "/qr")
			telephone.fill("#code", code)
			telephone.press("form button.primary")
			telephone.signIn(who)
			telephone.press(quote("button[name=number][value=%s]", number))
			computer.press("button.primary") // the page came again by itself
			computer.at(app.redirect)
		})
		return
	}
	t.Run("allowed", func(t *testing.T) {
		computer := newTab(t, w.server, desktop)
		telephone := computer.beside(phone)
		number, code := begin(computer)
		computer.accessible("page that waits")
		computer.picture("qr-waiting")
		telephone.open(link(code))
		telephone.signIn(who)
		telephone.has("fieldset.numbers")
		telephone.accessible("page that asks")
		telephone.picture("qr-question")
		telephone.press(quote("button[name=number][value=%s]", number))
		telephone.until("document.querySelector('[role=status]')")
		telephone.accessible("page that says it is done")
		computer.at(app.redirect) // by itself
	})
	t.Run("refused", func(t *testing.T) {
		computer := newTab(t, w.server, phone)
		telephone := computer.beside(phone)
		_, code := begin(computer)
		computer.accessible("page that waits, on a telephone")
		telephone.open(link(code))
		telephone.signIn(who)
		telephone.press("button[name=decision][value=deny]")
		computer.has("button[name=decision][value=start]") // by itself
		computer.accessible("page that was refused")
	})
}

// TestSecondFactorPages: a person sets an authenticator app up because the client
// insists, keeps the recovery codes, and signs in with the app and with a code.
func TestSecondFactorPages(t *testing.T) {
	w := shared(t)
	app, who := w.applicationAndPerson(t, "second")
	screen := screenOf(t)
	c := newTab(t, w.server, screen)
	c.script(scriptOf(t))
	begin := func() {
		t.Helper()
		c.open(w.authorizeURL(w.request(app, "prompt", "login", "claims", `{"id_token":{"acr":{"essential":true,"values":["mfa"]}}}`)))
		c.signIn(who)
	}
	begin()
	c.accessible("set an app up")
	c.picture("totp-" + screen.name)
	secret := c.secret()
	enter := func(at time.Time) {
		t.Helper()
		c.fill("#code", appCode(t, secret, at))
		c.press("form button.primary")
	}
	enter(time.Now())
	c.has("input[name=saved]")
	c.accessible("recovery codes")
	var codes string
	c.must(&codes, "document.querySelector('.codes').textContent")
	c.press("input[name=saved]")
	c.press("form button.primary")
	c.at(app.redirect)

	begin()
	c.has("input[autocomplete=one-time-code]")
	c.accessible("code of the app")
	c.fill("#code", "000 00")
	c.press("form button.primary")
	c.has("#problem")
	c.accessible("code of the app, refused")
	enter(time.Now().Add(30 * time.Second)) // a code is taken once: the next one
	c.at(app.redirect)

	begin()
	c.press("a[href$='/recoverycode']")
	c.has("#code:not([autocomplete=one-time-code])")
	c.accessible("recovery code")
	c.fill("#code", strings.Fields(codes)[0])
	c.press("form button.primary")
	c.at(app.redirect)
}

// secret is that of the authenticator app that the page offers.
func (c *tab) secret() string {
	c.t.Helper()
	c.has("#secret")
	var secret string
	c.must(&secret, "document.getElementById('secret').textContent.replaceAll(' ', '')")
	return secret
}

// appCode is what an authenticator app shows.
func appCode(t *testing.T, secret string, at time.Time) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, at)
	if err != nil {
		t.Fatal(err)
	}
	return code
}
