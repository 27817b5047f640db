package conformance

import (
	"crypto/rand"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// TestRegister makes an account on the page for it (OIDC: prompt=create).
func TestRegister(t *testing.T) {
	for name, run := range map[string]func(*testing.T, *world){
		"prompt-create": func(t *testing.T, w *world) {
			who := person{email: "register-" + strings.ToLower(rand.Text()) + "@example.test", password: "pw-" + rand.Text()}
			w.log.secret(who.password)
			b := newBrowser(t, w.server, who)
			r := w.request(w.web, "prompt", "create", "scope", "openid email profile")
			p := b.get(w.authorizeURL(r))
			f, ok := p.form("email")
			if !ok {
				t.Fatalf("no form to register: %s", p.text())
			}
			if got := f.fields["password"].autocomplete; got != "new-password" {
				t.Errorf("autocomplete is %q", got)
			}
			p = b.submit(f, map[string]string{"email": who.email, "name": "Rea Gister", "password": "password1"})
			if f, ok = p.form("email"); !ok {
				t.Fatalf("a password that everybody has was taken: %s", p.text())
			}
			p = b.submit(f, map[string]string{"email": who.email, "name": "Rea Gister", "password": who.password})
			got := b.redeem(r, b.answer(r, b.finish(p)).Get("code"))
			info := w.userinfo(t, got.access)
			if info.str("email") != who.email || info.str("name") != "Rea Gister" || info.body["email_verified"] != false {
				t.Errorf("userinfo: %v", info.body)
			}
			newBrowser(t, w.server, who).tokens(w.web)
		},
		"S3-01/address-that-is-taken": func(t *testing.T, w *world) {
			b := member(t, w)
			r := w.request(w.web, "prompt", "create")
			f, ok := b.get(w.authorizeURL(r)).form("email")
			if !ok {
				t.Fatal("no form to register")
			}
			p := b.submit(f, map[string]string{"email": w.alice.email, "password": "pw-" + rand.Text()})
			if p.callback != nil && p.callback.Query().Has("code") {
				t.Error("the address of another was taken over")
			}
			member(t, w).tokens(w.web) // her password is what it was
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := shared(t)
			t.Parallel()
			run(t, w)
		})
	}
}

// TestImport signs in with passwords whose hashes another system made.
func TestImport(t *testing.T) {
	w := shared(t)
	password := "pw-" + rand.Text()
	w.log.secret(password)
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	who := person{email: "import-" + strings.ToLower(rand.Text()[:8]) + "@example.test", password: password}
	out, err := w.identity(string(hash)+"\n", "user", "add", "--email", who.email, "--password-hash-stdin", "--json")
	if err != nil {
		t.Fatal(err)
	}
	var u struct{ Sub string }
	if err := json.Unmarshal(out, &u); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time with the hash that replaced it
		if got := newBrowser(t, w.server, who).tokens(w.web); got.sub() != u.Sub {
			t.Errorf("sub is %q, want %q", got.sub(), u.Sub)
		}
	}
	who.password = "pw-" + rand.Text()
	b := newBrowser(t, w.server, who)
	if p := b.submit(b.signInForm(w.request(w.web)), nil); p.callback != nil {
		t.Error("a wrong password was taken")
	}
}

// TestLockout is S3-03: guessing locks the account for the guesser; a browser that
// the person has signed in with before still gets in.
func TestLockout(t *testing.T) {
	t.Parallel()
	w := start(t, "GATEWAY_LOGIN_MAX_FAILED_ATTEMPTS=3")
	known := member(t, w)
	known.tokens(w.web)
	guess := person{email: w.alice.email, password: "wrong-password-5"}
	for range 5 {
		b := newBrowser(t, w.server, guess)
		b.submit(b.signInForm(w.request(w.web)), nil)
	}
	stranger := member(t, w) // the right password, a browser that nobody knows
	if p := stranger.submit(stranger.signInForm(w.request(w.web)), nil); p.callback != nil {
		t.Error("the account is not locked after five guesses")
	}
	known.reset()
	known.tokens(w.web, "prompt", "login")
	if !known.asks("password") {
		t.Error("no password was asked for")
	}
}

// TestUnknownAccountTime is S3-01: an unknown account costs what a wrong password
// does. Taken in turns, so that what else the machine does falls on both.
func TestUnknownAccountTime(t *testing.T) {
	w := shared(t)
	who, err := w.addPerson("timed", "Tim Timed") // whose lock would be nobody else's
	if err != nil {
		t.Fatal(err)
	}
	took := func(email string) time.Duration {
		b := newBrowser(t, w.server, person{email: email, password: "wrong-password-6"})
		f := b.signInForm(w.request(w.web))
		began := time.Now()
		b.submit(f, nil)
		return time.Since(began)
	}
	// One name, tried as often: the first try of a window counts less than the others.
	nobody := "nobody-" + strings.ToLower(rand.Text()[:8]) + "@example.test"
	var ratio float64
	for range 4 {
		var known, unknown []time.Duration
		for range 20 {
			if rand.Text()[0] < 'M' { // the server's collector comes every other time, and to both then
				known, unknown = append(known, took(who.email)), append(unknown, took(nobody))
			} else {
				unknown, known = append(unknown, took(nobody)), append(known, took(who.email))
			}
		}
		slices.Sort(known)
		slices.Sort(unknown)
		quarter := len(known) / 4 // what waited for it, or for others, is above
		ratio = float64(unknown[quarter]) / float64(known[quarter])
		if ratio > 0.75 && ratio < 1.33 {
			return
		}
	}
	t.Errorf("an unknown account takes %.2f times as long as a wrong password", ratio)
}
