package main

import (
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/elloloop/identity/flows/flowtest"
	"github.com/elloloop/identity/storage"
)

// waits begins to wait for another device, and returns the request and the page.
func (v *visitor) waits() (request, page string) {
	v.t.Helper()
	form := deviceForm.FindStringSubmatch(v.shows())
	if form == nil {
		v.t.Fatal("no way by another device")
	}
	_, page = v.browse(http.MethodPost, v.origin()+form[1], url.Values{"decision": {"start"}})
	return form[2], page
}

// origin is where the pages of a visitor's project are.
func (v *visitor) origin() string {
	v.t.Helper()
	u, err := url.Parse(v.issuer)
	v.must(err)
	return u.Scheme + "://" + u.Host
}

// proves sends an address and the password, and returns the page after it, "" when
// it was the last one.
func (v *visitor) proves(email string) string {
	v.t.Helper()
	action := formAction.FindStringSubmatch(v.shows("prompt", "login"))
	if action == nil {
		v.t.Fatal("no form")
	}
	res, page := v.browse(http.MethodPost, v.origin()+action[1], url.Values{"identifier": {email}, "password": {housePassword}})
	if v.answer(res) != nil {
		return ""
	}
	return page
}

var (
	optionsText = regexp.MustCompile(`data-options="([^"]*)"`)
	formToken   = regexp.MustCompile(`name="form_token" value="([^"]*)"`)
	deviceCode  = regexp.MustCompile(`id="code" dir="ltr">([^<]*)<`)
	approval    = regexp.MustCompile(`name="ticket" value="([^"]*)"`)
	deviceForm  = regexp.MustCompile(`action="([^"]*/interaction/([^"/]*)/qr)"`)
)

// ceremony are the options of the passkey that a page asks for.
func (v *visitor) ceremony(page string) map[string]any {
	v.t.Helper()
	var all struct{ PublicKey map[string]any }
	if m := optionsText.FindStringSubmatch(page); m != nil {
		v.must(json.Unmarshal([]byte(html.UnescapeString(m[1])), &all))
	}
	return all.PublicKey
}

// at opens a page of the account.
func (v *visitor) at(path string) string {
	v.t.Helper()
	_, page := v.browse(http.MethodGet, v.issuer+"/account/"+path, nil)
	return page
}

// keeps adds a passkey to the account that is signed in, as a page at an origin
// would, and says whether it was taken.
func (v *visitor) keeps(k *flowtest.Authenticator) bool {
	v.t.Helper()
	page := v.at("passkey")
	token := formToken.FindStringSubmatch(page)
	if token == nil {
		return false
	}
	res, _ := v.browse(http.MethodPost, v.issuer+"/account/passkey", url.Values{"form_token": {token[1]}, "credential": {k.Create(v.ceremony(page))}})
	return strings.HasSuffix(res.Request.URL.Path, "/account/security")
}

// enters signs in with a passkey alone.
func (v *visitor) enters(k *flowtest.Authenticator) bool {
	v.t.Helper()
	page := v.shows("prompt", "login")
	at := regexp.MustCompile(`action="([^"]*/passkey)"`).FindStringSubmatch(page)
	if at == nil {
		return false
	}
	res, _ := v.browse(http.MethodPost, v.origin()+at[1], url.Values{"credential": {k.Get(v.ceremony(page))}})
	return v.answer(res).Get("code") != ""
}

// key is an authenticator for a project.
func (v *visitor) key() *flowtest.Authenticator {
	k := flowtest.NewAuthenticator(v.t)
	k.Origin = v.origin()
	k.RP = strings.TrimPrefix(k.Origin, "https://")
	return k
}

// discovery is one member of a project's document.
func (h *houses) discovery(id, member string) []string {
	h.t.Helper()
	var all map[string]any
	h.must(json.Unmarshal(h.send(http.MethodGet, h.projects[id].Issuer+"/.well-known/openid-configuration", "").Body.Bytes(), &all))
	list, _ := all[member].([]any)
	var out []string
	for _, v := range list {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// more puts two more people into every house: Kim has an authenticator app, and the
// address of Lee is not proven.
func (h *houses) more() {
	h.t.Helper()
	hash, err := newHashing(h.config)
	h.must(err)
	for _, p := range h.projects {
		d := *h.p.database
		d.project = p
		h.must((&seed{Users: []seedUser{
			{Email: "kim@example.test", Password: housePassword, Name: "Kim"}, {Email: "lee@example.test", Password: housePassword, Name: "Lee"},
		}}).store(h.t.Context(), &d, &settings{hasher: hash}))
		kim, err := h.p.store.Users.ByEmail(h.t.Context(), p.Scope(), "kim@example.test")
		h.must(err)
		lee, err := h.p.store.Users.ByEmail(h.t.Context(), p.Scope(), "lee@example.test")
		h.must(err)
		lee.EmailVerified = false
		h.must(h.p.store.Commit(h.t.Context(), p.Scope(), append(h.p.store.TOTPCredentials.First(p.Scope(), kim.ID, make([]byte, 20), 1, time.Now()), h.p.store.Users.Replace(lee))...))
	}
}

// TestProjectSignIn is TestProjectSettings for how people sign in.
func TestProjectSignIn(t *testing.T) {
	h := newHouses(t, "smtp.host", "mail.example.com", "smtp.from", "id@example.com", "auth.require_verified_email", "false",
		"sms.enabled", "true", "sms.url", "https://sms.example.com/", "rate_limit.passwordless", "1000", "trusted_proxies", "192.0.2.1/32")
	h.more()
	const jane, kim, lee = "jane@example.test", "kim@example.test", "lee@example.test"
	yes, no := true, false
	minute, month, moment := time.Minute, 30*24*time.Hour, time.Nanosecond
	over := func(change func(*storage.SignInOverrides)) func(*storage.ProjectSettings) {
		return func(s *storage.ProjectSettings) { change(&s.SignIn) }
	}
	// lacks says whether the first page lacks something.
	lacks := func(what string) func(id string) bool {
		return func(id string) bool { return !strings.Contains(h.visitor(id, newJar(t)).shows(), what) }
	}
	// asks are the options of the first page, or of the page that adds a passkey.
	asks := func(id string, adding bool) map[string]any {
		v := h.visitor(id, newJar(t))
		if !adding {
			return v.ceremony(v.shows())
		}
		v.proves(jane)
		return v.ceremony(v.at("passkey"))
	}
	h.hold([]setting{
		{"first_factors", over(func(s *storage.SignInOverrides) { s.First = []string{"passkey"} }), func(id string) bool {
			return !h.visitor(id, newJar(t)).tries(jane, housePassword)
		}},
		{"second_factors", over(func(s *storage.SignInOverrides) { s.Second = []string{"qr"} }), func(id string) bool {
			none := h.visitor(id, newJar(t)).proves(kim) == ""
			if told := !slices.Contains(h.discovery(id, "acr_values_supported"), "mfa"); told != none {
				t.Errorf("%s: discovery knows no mfa: %v; nobody is asked: %v", id, told, none)
			}
			return none
		}},
		{"second_factor/required", over(func(s *storage.SignInOverrides) { s.SecondFactor = storage.SecondFactorRequired }), func(id string) bool {
			return !h.visitor(id, newJar(t)).tries(jane, housePassword)
		}},
		{"second_factor/off", over(func(s *storage.SignInOverrides) { s.SecondFactor = storage.SecondFactorOff }), func(id string) bool {
			return h.visitor(id, newJar(t)).tries(kim, housePassword)
		}},
		{"remember_device", over(func(s *storage.SignInOverrides) { s.RememberDevice = &month }), func(id string) bool {
			return strings.Contains(h.visitor(id, newJar(t)).proves(kim), `name="remember"`)
		}},
		{"step_up", over(func(s *storage.SignInOverrides) { s.StepUp = &moment }), func(id string) bool {
			v := h.visitor(id, newJar(t))
			v.proves(jane)
			return !strings.Contains(v.at("passkey"), `name="form_token"`)
		}},
		{"totp_issuer", func(s *storage.ProjectSettings) {
			s.SignIn.SecondFactor, s.SignIn.TOTPIssuer = storage.SecondFactorRequired, "The-Safe"
		}, func(id string) bool {
			return strings.Contains(h.visitor(id, newJar(t)).proves(jane), "The-Safe")
		}},
		{"passkeys_enabled", over(func(s *storage.SignInOverrides) { s.PasskeysEnabled = &no }), func(id string) bool {
			off := asks(id, false) == nil
			w := h.send(http.MethodGet, h.projects[id].Issuer+"/.well-known/passkey-endpoints", "")
			v := h.visitor(id, newJar(t))
			v.proves(jane)
			if told, kept := w.Code == http.StatusNotFound, v.keeps(v.key()); told != off || kept == off {
				t.Errorf("%s: off %v, endpoints not told %v, a passkey is kept %v", id, off, told, kept)
			}
			return off
		}},
		{"passkey_signup_enabled", over(func(s *storage.SignInOverrides) { s.PasskeySignup = &no }), func(id string) bool {
			return !strings.Contains(h.visitor(id, newJar(t)).shows("prompt", "create"), `value="passkey"`)
		}},
		{"passkey_rp_id", over(func(s *storage.SignInOverrides) { s.PasskeyRPID = "example.com" }), func(id string) bool {
			return asks(id, false)["rpId"] == "example.com"
		}},
		{"passkey_rp_name", over(func(s *storage.SignInOverrides) { s.PasskeyRPName = "The-Safe" }), func(id string) bool {
			rp, _ := asks(id, true)["rp"].(map[string]any)
			return rp["name"] == "The-Safe"
		}},
		{"passkey_origins", over(func(s *storage.SignInOverrides) {
			s.PasskeyOrigins = []string{"https://id.example.com", "https://app.id.example.com"}
		}), func(id string) bool {
			v := h.visitor(id, newJar(t))
			v.proves(jane)
			k := v.key()
			k.Origin = "https://app.id.example.com"
			return v.keeps(k)
		}},
		{"passkey_related_origins", over(func(s *storage.SignInOverrides) {
			s.PasskeyRPID, s.PasskeyRelated = "id.example.com", []string{"https://shop.example"}
		}), func(id string) bool {
			w := h.send(http.MethodGet, h.projects[id].Issuer+"/.well-known/webauthn", "")
			v := h.visitor(id, newJar(t))
			v.proves(jane)
			k := v.key()
			k.Origin = "https://shop.example"
			told := strings.Contains(w.Body.String(), `"https://shop.example"`)
			if v.keeps(k) != told {
				t.Errorf("%s: told %v, and a passkey there is otherwise", id, told)
			}
			return told
		}},
		{"passkey_user_verification", over(func(s *storage.SignInOverrides) { s.PasskeyVerify = "required" }), func(id string) bool {
			return asks(id, false)["userVerification"] == "required"
		}},
		{"passkey_attestation", over(func(s *storage.SignInOverrides) { s.PasskeyAttest = "direct" }), func(id string) bool {
			return asks(id, true)["attestation"] == "direct"
		}},
		{"passkey_clones", over(func(s *storage.SignInOverrides) { s.PasskeyClones = "warn" }), func(id string) bool {
			v := h.visitor(id, newJar(t))
			v.proves(jane)
			k := v.key()
			k.Count = 10
			if !v.keeps(k) {
				t.Fatal("no passkey")
			}
			k.Count = 3 // as a copy of before has it
			return v.enters(k)
		}},
		{"passkey_challenge_ttl", over(func(s *storage.SignInOverrides) { s.PasskeyChallenge = &minute }), func(id string) bool {
			return asks(id, false)["timeout"] == float64(minute/time.Millisecond)
		}},
		{"qr_login_enabled", over(func(s *storage.SignInOverrides) { s.QREnabled = &no }), lacks("/qr\"")},
		{"qr_login_ttl", over(func(s *storage.SignInOverrides) { s.QRLife = &minute }), func(id string) bool {
			request, _ := h.visitor(id, newJar(t)).waits()
			q, err := h.p.store.QRLogins.OfRequest(t.Context(), h.projects[id].Scope(), request)
			h.must(err)
			return q.ExpiresAt.Sub(q.StartedAt).Round(time.Second) == minute
		}},
		{"qr_login_same_network", over(func(s *storage.SignInOverrides) { s.QRSameNetwork = &yes }), func(id string) bool {
			_, waiting := h.visitor(id, newJar(t)).waits()
			v := h.visitor(id, newJar(t))
			v.from = "198.51.100.7"
			v.proves(jane)
			_, page := v.browse(http.MethodGet, v.issuer+"/qr?code="+url.QueryEscape(deviceCode.FindStringSubmatch(waiting)[1]), nil)
			ticket := approval.FindStringSubmatch(page)
			if ticket == nil {
				t.Fatalf("%s: no approval of the code", id)
			}
			_, page = v.browse(http.MethodPost, v.origin()+formAction.FindStringSubmatch(page)[1], url.Values{"ticket": {ticket[1]}, "number": {"1"}})
			return strings.Contains(page, "same network")
		}},
		{"email_code_enabled", over(func(s *storage.SignInOverrides) { s.EmailCode = &no }), func(id string) bool {
			off := lacks("/emailcode\"")(id)
			v := h.visitor(id, newJar(t)) // whoever knows the address of the page
			at := strings.TrimSuffix(deviceForm.FindStringSubmatch(v.shows())[1], "/qr")
			if _, page := v.browse(http.MethodGet, v.origin()+at+"/emailcode", nil); strings.Contains(page, `name="email"`) == off {
				t.Errorf("%s: off %v, and its page is otherwise", id, off)
			}
			return off
		}},
		{"magic_link_enabled", over(func(s *storage.SignInOverrides) { s.MagicLink = &no }), lacks("/magiclink\"")},
		{"phone_code_enabled", over(func(s *storage.SignInOverrides) { s.PhoneCode = &no }), lacks("/phonecode\"")},
		{"password_reset_enabled", over(func(s *storage.SignInOverrides) { s.ResetEnabled = &no }), lacks("/recover\"")},
		{"require_verified_email", over(func(s *storage.SignInOverrides) { s.RequireVerified = &yes }), func(id string) bool {
			return h.visitor(id, newJar(t)).proves(lee) != ""
		}},
		{"terms", func(s *storage.ProjectSettings) {
			s.Terms = &storage.Terms{Version: "2026-11", URL: "https://shop.example/terms"}
		}, func(id string) bool {
			return strings.Contains(h.visitor(id, newJar(t)).proves(jane), "https://shop.example/terms")
		}},
	})
}

// TestProjectSignInKeeps: what a project says of its own does not open what the
// process has not, and takes nothing from what is stronger.
func TestProjectSignInKeeps(t *testing.T) {
	h := newHouses(t, "second_factor.policy", "required", "terms.version", "1", "terms.url", "https://example.com/terms")
	yes := true
	v := h.visitor("shop", newJar(t))
	h.changed("shop", func(s *storage.ProjectSettings) {
		s.SignIn.SecondFactor, s.SignIn.EmailCode, s.SignIn.PhoneCode, s.Terms = storage.SecondFactorOptional, &yes, &yes, &storage.Terms{}
	})
	if page := v.shows(); strings.Contains(page, "/emailcode\"") || strings.Contains(page, "/phonecode\"") {
		t.Error("a project opens a way by messages that nobody sends")
	}
	if !v.tries("jane@example.test", housePassword) {
		t.Error("no second factor and no terms, and yet there are")
	}
	h.changed("shop", func(s *storage.ProjectSettings) {
		s.Login.SecondFactorRequired, s.SignIn.SecondFactor = true, storage.SecondFactorOff
	})
	if v.tries("jane@example.test", housePassword) {
		t.Error("the factor settings of a project take back what its login policy requires")
	}
}

// TestProcessOrigins: the origins that the process has for its own host ask for no
// passkey of another one, and take nothing from a project there.
func TestProcessOrigins(t *testing.T) {
	h := newHouses(t, "passkey.origin", "https://id.example.com,https://app.id.example.com")
	for _, tt := range []struct {
		id, origin string
		good       bool
	}{
		{"bank", "https://id.bank.example", true}, {"bank", "https://app.id.example.com", false}, {"shop", "https://app.id.example.com", true}, {"shop", "https://www.id.example.com", false},
	} {
		v := h.visitor(tt.id, newJar(t))
		v.proves("jane@example.test")
		k := v.key()
		k.Origin = tt.origin
		if got := v.keeps(k); got != tt.good {
			t.Errorf("a passkey of %s made at %s: %v", tt.id, tt.origin, got)
		}
	}
}
