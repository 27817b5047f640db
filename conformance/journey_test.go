package conformance

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"
)

// signals keeps what pages tell the browser of passkeys from now on, by the name of
// the method.
func (c *tab) signals() {
	c.t.Helper()
	const spy = `for (const name of ["signalAllAcceptedCredentials", "signalCurrentUserDetails", "signalUnknownCredential"]) {
		if (window.PublicKeyCredential) PublicKeyCredential[name] = async (what) => { sessionStorage.setItem(name, JSON.stringify(what)); };
	}`
	if _, err := chromedp.Call(c.ctx, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: spy}); err != nil {
		c.t.Fatal(err)
	}
}

// signalled is what the page told by this method.
func (c *tab) signalled(method string, into any) {
	c.t.Helper()
	c.until(quote("sessionStorage.getItem(%s)", method))
	c.must(into, quote("JSON.parse(sessionStorage.getItem(%s))", method))
	c.must(nil, "sessionStorage.clear(), 0")
}

// touch presses by script: the answer may come before a click with the mouse is
// over.
func (c *tab) touch(selector string) {
	c.t.Helper()
	c.has(selector)
	c.must(nil, quote("document.querySelector(%s).click(), 0", selector))
}

// passkeyButton is one that asks for a passkey, when script has shown it.
const passkeyButton = "button[data-ceremony]:not([hidden])"

// says waits until the page has these words.
func (c *tab) says(words ...string) {
	c.t.Helper()
	for _, w := range words {
		c.until(quote("document.readyState === 'complete' && document.body.innerText.toLowerCase().includes(%s)", strings.ToLower(w)))
	}
}

// letter is the link of the newest letter in the inbox of ` + "`identity dev`" + `.
func (d *dev) letter(t *testing.T) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.Issuer+"/dev/inbox", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json")
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		resp, err := d.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var box struct {
			Messages []struct {
				Number int
				Link   string
			}
		}
		err = json.NewDecoder(resp.Body).Decode(&box)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		newest, link := 0, ""
		for _, m := range box.Messages {
			if m.Number > newest {
				newest, link = m.Number, m.Link
			}
		}
		if link != "" {
			return link
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Fatal("no letter came within a minute")
	return ""
}

// TestJourney: a newcomer makes an account with a passkey and no password, adds an
// authenticator app, signs in on a second device by its code, and sees all of it on
// the account pages of ` + "`identity dev`" + `.
func TestJourney(t *testing.T) {
	d := startDev(t)
	computer := newTab(t, d.server, desktop)
	computer.authenticator()
	computer.signals()

	computer.open(d.Issuer + "/account")
	computer.has("#identifier")
	computer.touch("a[href$='/register']")
	computer.fill("#email", "newcomer@example.test")
	computer.fill("#name", "Nora Newcomer")
	computer.has("button[value=passkey]:not([hidden])")
	computer.accessible("a new account")
	computer.picture("journey-1-register")
	computer.touch("button[value=passkey]")
	computer.has("#code")
	computer.accessible("the letter is on its way")
	computer.open(d.letter(t))
	computer.press("button[value=confirm]")
	computer.has("form[data-passkey=create] " + passkeyButton)
	computer.accessible("the address is proven")
	computer.picture("journey-2-passkey")
	computer.touch("form[data-passkey=create] " + passkeyButton)
	computer.until("location.pathname === '/account'")
	computer.says("Nora Newcomer", "confirmed", "1 passkey")

	computer.open(d.Issuer + "/account/authenticator")
	computer.has("#secret")
	computer.picture("journey-3-app")
	var secret string
	computer.must(&secret, "document.getElementById('secret').textContent.replaceAll(' ', '')")
	code, err := totp.GenerateCode(secret, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	computer.fill("#code", code)
	computer.press("form button.primary")
	computer.has("input[name=saved]")
	computer.press("input[name=saved]")
	computer.press("form button.primary")
	computer.until("location.pathname === '/account/security'")

	telephone := computer.beside(phone)
	telephone.open(d.Issuer + "/account")
	telephone.press("form button[name=decision][value=start]")
	telephone.has("#code:not(input)")
	var shown, number string
	telephone.must(&shown, "document.getElementById('code').textContent.replaceAll('-', '')")
	telephone.must(&number, "document.getElementById('number').textContent")
	telephone.picture("journey-4-second-device")
	computer.open(d.Issuer + "/qr?code=" + shown)
	computer.has("fieldset.numbers")
	computer.accessible("a second device wants in")
	computer.picture("journey-5-question")
	computer.press(quote("button[name=number][value=%s]", number))
	computer.has("[role=status]")
	telephone.until("location.pathname === '/account'") // by itself
	telephone.says("Nora Newcomer", "2 devices")
	telephone.accessible("the account on the second device")
	telephone.picture("journey-6-account-second-device")

	computer.open(d.Issuer + "/account/security")
	computer.says("You have no password", "10 codes are left")
	computer.accessible("the ways into the account")
	computer.picture("journey-7-security")
	var passkeys struct {
		RPID                     string `json:"rpId"`
		AllAcceptedCredentialIDs []string
	}
	computer.signalled("signalAllAcceptedCredentials", &passkeys)
	if passkeys.RPID != "localhost" || len(passkeys.AllAcceptedCredentialIDs) != 1 {
		t.Errorf("the browser was told %+v", passkeys)
	}
	computer.open(d.Issuer + "/account/sessions")
	computer.says("This device")
	var devices int
	computer.must(&devices, "document.querySelectorAll('.things > li').length")
	if devices != 2 {
		t.Errorf("%d devices, want 2", devices)
	}
	computer.picture("journey-8-devices")
	computer.open(d.Issuer + "/account/activity")
	computer.says("Account created", "Passkey added", "Signed in")
	computer.accessible("what happened")
	computer.picture("journey-9-activity")
}

// TestPasskeySignals: a passkey that was removed on the account page is told to the
// browser, and so is one that a person tries all the same (WebAuthn L3 §5.1.10.2).
func TestPasskeySignals(t *testing.T) {
	w := shared(t)
	c := newTab(t, w.server, desktop)
	who, err := w.addPerson("signals-"+strings.ToLower(rand.Text()), "Sig Nals")
	if err != nil {
		t.Fatal(err)
	}
	key := c.authenticator()
	c.signals()
	key.add(w, who)
	c.until("location.pathname === '/account/security'")
	var before, after struct {
		UserID, Name             string
		AllAcceptedCredentialIDs []string
	}
	c.signalled("signalAllAcceptedCredentials", &before)
	if len(before.AllAcceptedCredentialIDs) != 1 {
		t.Fatalf("%+v", before)
	}
	c.fill("input[name=name]", "My laptop")
	c.submit("button[value=rename]")
	c.signalled("signalCurrentUserDetails", &after)
	if after.Name != who.email || after.UserID != before.UserID {
		t.Errorf("the browser was told %+v", after)
	}
	c.submit("button[value=remove-passkey]")
	c.signalled("signalAllAcceptedCredentials", &after)
	if len(after.AllAcceptedCredentialIDs) != 0 {
		t.Errorf("the browser was told %+v", after)
	}

	c.noAutofill()
	c.open(w.authorizeURL(w.request(w.web, "prompt", "login")))
	c.touch(".passkey " + passkeyButton)
	c.has("#problem")
	var unknown struct{ CredentialID string }
	c.signalled("signalUnknownCredential", &unknown)
	if unknown.CredentialID != before.AllAcceptedCredentialIDs[0] {
		t.Errorf("the browser was told of %q", unknown.CredentialID)
	}
}
