package conformance

import (
	"strings"
	"testing"
	"time"
)

func oidccPromptLogin(t *testing.T, w *world) {
	b := member(t, w)
	first := b.tokens(w.web, "max_age", "9000")
	b.reset()
	<-time.After(1100 * time.Millisecond) // auth_time counts whole seconds
	second := b.tokens(w.web, "prompt", "login")
	if !b.asks("password") {
		t.Error("prompt=login did not ask for the password")
	}
	if first.number("auth_time") == 0 || second.number("auth_time") <= first.number("auth_time") {
		t.Errorf("auth_time is %d, then %d", first.number("auth_time"), second.number("auth_time"))
	}
	if first.sub() != second.sub() {
		t.Error("another sub")
	}
}

func oidccMaxAge1(t *testing.T, w *world) {
	b := member(t, w)
	first := b.tokens(w.web)
	b.reset()
	<-time.After(2100 * time.Millisecond)
	began := time.Now().Unix()
	second := b.tokens(w.web, "max_age", "1")
	if !b.asks("password") {
		t.Error("max_age=1 after two seconds did not ask for the password")
	}
	if at, now := second.number("auth_time"), time.Now().Unix(); at < began || at > now {
		t.Errorf("auth_time is %d, now is %d", at, now)
	}
	if before := first.number("auth_time"); before != 0 && before >= second.number("auth_time") {
		t.Errorf("auth_time is %d, then %d", before, second.number("auth_time"))
	}
}

func oidccMaxAge10000(t *testing.T, w *world) {
	b := member(t, w)
	first := b.tokens(w.web, "max_age", "15000")
	b.reset()
	second := b.tokens(w.web, "max_age", "10000")
	if len(b.asked) != 0 {
		t.Errorf("the person was asked for %q", b.asked)
	}
	if first.number("auth_time") == 0 || first.number("auth_time") != second.number("auth_time") || first.sub() != second.sub() {
		t.Errorf("auth_time %d and %d, sub %q and %q", first.number("auth_time"), second.number("auth_time"), first.sub(), second.sub())
	}
}

func oidccPromptNoneNotLoggedIn(t *testing.T, w *world) {
	b := member(t, w)
	b.wantError(b.silent(w.web, "state", strings.Repeat("0123456789abcdef", 8)), "login_required")
	for _, h := range b.hops {
		if h.header.Get("Content-Type") != "" && h.header.Get("Location") == "" {
			t.Errorf("%s shows a page", h.url.Path)
		}
	}
}

func oidccPromptNoneLoggedIn(t *testing.T, w *world) {
	for _, c := range []client{w.web, w.third} { // the third-party client's consent is remembered
		b := member(t, w)
		first := b.tokens(c, "max_age", "9000")
		b.reset()
		second := b.tokens(c, "prompt", "none", "max_age", "9000")
		if len(b.asked) != 0 {
			t.Errorf("%s: the person was asked for %q", c.ID, b.asked)
		}
		if first.sub() != second.sub() || first.number("auth_time") != second.number("auth_time") {
			t.Errorf("%s: sub %q and %q, auth_time %d and %d", c.ID, first.sub(), second.sub(), first.number("auth_time"), second.number("auth_time"))
		}
	}
}

func oidccIDTokenHint(t *testing.T, w *world) {
	b := member(t, w)
	first := b.tokens(w.web)
	second := b.tokens(w.web, "prompt", "none", "id_token_hint", first.id)
	if first.sub() != second.sub() {
		t.Error("another sub")
	}
	t.Run("another-person", func(t *testing.T) {
		bob, err := w.addPerson("hint-bob", "Bob Baker")
		if err != nil {
			t.Fatal(err)
		}
		other := newBrowser(t, w.server, bob)
		other.tokens(w.web)
		other.wantError(other.silent(w.web, "id_token_hint", first.id), "login_required", "account_selection_required", "interaction_required")
	})
	t.Run("not-of-ours", func(t *testing.T) {
		b := member(t, w)
		resp := b.silent(w.web, "id_token_hint", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.")
		b.wantError(resp, "invalid_request", "login_required")
	})
}

// TestPrompt is the rest of OIDC Core §3.1.2.1.
func TestPrompt(t *testing.T) {
	for name, run := range map[string]func(*testing.T, *world){
		"consent-asks-again": func(t *testing.T, w *world) {
			b := member(t, w)
			b.tokens(w.third)
			b.reset()
			b.tokens(w.third, "prompt", "consent")
			if !b.asks("consent") || b.asks("password") {
				t.Errorf("asked for %q, want consent alone", b.asked)
			}
		},
		"none-without-consent": func(t *testing.T, w *world) {
			bob, err := w.addPerson("prompt-bob", "Bob Baker")
			if err != nil {
				t.Fatal(err)
			}
			b := newBrowser(t, w.server, bob)
			b.tokens(w.web)
			b.wantError(b.silent(w.third), "consent_required", "interaction_required")
		},
		"S1-15/wider-scope-asks-again": func(t *testing.T, w *world) {
			carol, err := w.addPerson("prompt-carol", "Carol Cook")
			if err != nil {
				t.Fatal(err)
			}
			b := newBrowser(t, w.server, carol)
			b.tokens(w.third)
			b.wantError(b.silent(w.third, "scope", "openid email"), "consent_required", "interaction_required")
			b.reset()
			b.tokens(w.third, "scope", "openid email")
			if !b.asks("consent") {
				t.Error("a wider scope did not ask for consent")
			}
		},
		"consent-denied": func(t *testing.T, w *world) {
			dan, err := w.addPerson("prompt-dan", "Dan Dyer")
			if err != nil {
				t.Fatal(err)
			}
			b := newBrowser(t, w.server, dan)
			r := w.request(w.third)
			p := b.step(b.get(w.authorizeURL(r)))
			f, ok := p.form("decision")
			if !ok || !f.offers("decision", "deny") {
				t.Fatalf("the consent page has no way to say no: %s", p.text())
			}
			b.wantError(b.answer(r, b.submit(f, nil, "decision", "deny")), "access_denied")
			b.wantError(b.silent(w.third), "consent_required", "interaction_required")
		},
		"select-account": func(t *testing.T, w *world) {
			b := member(t, w)
			b.tokens(w.web)
			r := w.request(w.web, "prompt", "select_account")
			p := b.get(w.authorizeURL(r))
			if p.callback != nil {
				t.Fatal("prompt=select_account did not ask")
			}
			b.redeem(r, b.answer(r, b.finish(p)).Get("code"))
		},
		"none-with-others": func(t *testing.T, w *world) {
			b := member(t, w)
			b.refused(w.request(w.web, "prompt", "none login"), "invalid_request")
		},
		"unknown": func(t *testing.T, w *world) {
			b := member(t, w)
			b.refused(w.request(w.web, "prompt", "shout"), "invalid_request")
		},
		"max-age-no-number": func(t *testing.T, w *world) {
			b := member(t, w)
			for _, bad := range []string{"-1", "1e3", "soon", "99999999999999999999"} {
				b.refused(w.request(w.web, "max_age", bad), "invalid_request")
			}
		},
		"max-age-0-asks": func(t *testing.T, w *world) {
			b := member(t, w)
			b.tokens(w.web)
			b.reset()
			b.tokens(w.web, "max_age", "0")
			if !b.asks("password") {
				t.Error("max_age=0 did not ask for the password")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := shared(t)
			t.Parallel()
			run(t, w)
		})
	}
}
