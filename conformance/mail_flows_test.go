package conformance

import (
	"crypto/rand"
	"strings"
	"testing"
)

// mailWorld is a server that sends its mail to a postbox, with an application.
type mailWorld struct {
	*world
	box *postbox
	app client
	who person
}

func newMailWorld(t *testing.T, more ...string) *mailWorld {
	t.Helper()
	box := startPostbox(t)
	env := append(box.settings(t), "GATEWAY_EMAIL_SEND_COOLDOWN_SECONDS=1", "GATEWAY_RATE_LIMIT_PASSWORDLESS=1000", "GATEWAY_RATE_LIMIT_RESET=1000")
	m := &mailWorld{world: start(t, append(env, more...)...), box: box}
	m.app, m.who = m.applicationAndPerson(t, "mail")
	return m
}

// begin shows the first page of a sign-in in a browser of its own.
func (m *mailWorld) begin(t *testing.T) *tab {
	t.Helper()
	c := newTab(t, m.server, screenOf(t))
	c.script(scriptOf(t))
	m.again(c)
	return c
}

// again shows that page once more.
func (m *mailWorld) again(c *tab) {
	c.t.Helper()
	c.open(m.authorizeURL(m.request(m.app, "prompt", "login")))
	c.has("#identifier")
}

// through goes on to the application.
func (m *mailWorld) through(c *tab) {
	c.t.Helper()
	c.until("document.readyState === 'complete' && (location.href.startsWith('" + m.app.redirect + "') || document.querySelector('button[value=later]'))")
	var offered bool
	if c.must(&offered, "!!document.querySelector('button[value=later]')"); offered {
		c.submit("button[value=later]")
	}
	c.at(m.app.redirect)
}

// way goes to another way to sign in, and asks for a letter to the address.
func (c *tab) way(flow, address string) {
	c.t.Helper()
	c.submit("a[href$=" + flow + "]")
	c.fill("#email", address)
	c.submit("button[value=send]")
}

// TestMailFlows: a person with a real browser gets in by a code and by a link, makes
// an account, chooses a new password, and proves an address, by letters alone; who
// has none of that left asks for help.
func TestMailFlows(t *testing.T) {
	m := newMailWorld(t)
	fresh := func() string { return "mail-" + strings.ToLower(rand.Text()) + "@example.test" }
	t.Run("S3-08/code", func(t *testing.T) {
		c := m.begin(t)
		c.way("emailcode", m.who.email)
		code := m.box.letter(t, m.who.email, "code").code()
		wrong := "000000"
		if code == wrong {
			wrong = "000001"
		}
		c.fill("#code", wrong)
		c.submit("form button.primary")
		c.has("#problem")
		c.fill("#code", code)
		c.submit("form button.primary")
		m.through(c)
	})
	t.Run("S3-07/link", func(t *testing.T) {
		c, who := m.begin(t), fresh()
		c.way("magiclink", who)
		c.accessible("magiclink, sent")
		link := m.box.letter(t, who, "Sign in").link()
		if !strings.HasPrefix(link, m.issuer+"/link/magiclink?token=") {
			t.Fatalf("the letter leads to %q", link)
		}
		newBrowser(t, m.server, person{}).get(link) // a scanner opens it first
		c.open(link)
		c.accessible("link")
		c.submit("form button.primary")
		m.through(c)
	})
	t.Run("S3-07/link-on-another-device", func(t *testing.T) {
		c, who := m.begin(t), fresh()
		c.way("magiclink", who)
		other := c.beside(phone)
		other.open(m.box.letter(t, who, "Sign in").link())
		other.has("#code")
		other.accessible("link, elsewhere")
		var code string
		other.must(&code, "document.querySelector('#code').textContent")
		c.fill("#code", code)
		c.submit("form button.primary")
		m.through(c)
		other.open(m.authorizeURL(m.request(m.app, "prompt", "none"))) // who only read the letter is not signed in
		other.until("location.href.includes('login_required')")
	})
	t.Run("S3-06/register", func(t *testing.T) {
		c, who := m.begin(t), fresh()
		c.submit("a[href$=register]")
		c.fill("#email", who)
		c.fill("#password", "an unheard of phrase")
		c.submit("form button.primary")
		c.accessible("register, sent")
		c.open(m.box.letter(t, who, "Confirm").link())
		c.accessible("register, link")
		c.submit("form button.primary")
		m.through(c)
	})
	t.Run("S3-17/recover", func(t *testing.T) {
		c := m.begin(t)
		c.way("recover", m.who.email)
		c.accessible("recover, sent")
		c.open(m.box.letter(t, m.who.email, "new password").link())
		c.accessible("newpassword")
		c.fill("#password", "another unheard of phrase")
		c.submit("form button.primary")
		c.accessible("newpassword, done")
		m.again(c)
		c.signIn(person{email: m.who.email, password: "another unheard of phrase"})
		m.through(c)
	})
	t.Run("S3-06/verify", func(t *testing.T) {
		c, who := m.begin(t), person{email: fresh(), password: "pw-" + rand.Text()}
		m.log.secret(who.password)
		if _, err := m.identity(who.password+"\n", "user", "add", "--email", who.email, "--password-stdin"); err != nil {
			t.Fatal(err)
		}
		c.signIn(who)
		c.accessible("verify")
		c.submit("button[value=send]")
		c.accessible("verify, sent")
		c.open(m.box.letter(t, who.email, "Confirm").link())
		c.submit("button[value=confirm]")
		m.through(c)
		m.again(c)
		c.signIn(who)
		m.through(c) // once and for all
	})
	t.Run("help", func(t *testing.T) {
		c, who := m.begin(t), fresh()
		c.submit("a[href$=help]")
		c.accessible("help")
		c.fill("#email", who)
		c.fill("#message", "My telephone is lost.")
		c.submit("button[value=send]")
		c.says("Your message is on its way")
		c.accessible("help, sent")
		if out, err := m.identity("", "help-request", "list"); err != nil || !strings.Contains(string(out), who) {
			t.Errorf("%v: %s", err, out)
		}
	})
}
