package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
)

// changed stores other settings for a project, which hold at once.
func (h *houses) changed(id string, change func(*storage.ProjectSettings)) {
	h.t.Helper()
	rec, err := h.p.store.Projects.Get(h.t.Context(), id)
	h.must(err)
	change(&rec.Settings)
	h.must(h.p.store.Projects.Update(h.t.Context(), rec))
	h.p.finder.Invalidate(storage.Notice{All: true})
	h.projects[id], err = h.p.finder.ByID(h.t.Context(), id)
	h.must(err)
}

// life is how long a token works, by what it says.
func (h *houses) life(raw string) time.Duration {
	h.t.Helper()
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		h.t.Fatal("no JWT")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	h.must(err)
	var c struct{ Iat, Exp int64 }
	h.must(json.Unmarshal(payload, &c))
	return time.Duration(c.Exp-c.Iat) * time.Second
}

// send asks past every page.
func (h *houses) send(method, target, body string, header ...string) *httptest.ResponseRecorder {
	h.t.Helper()
	r := httptest.NewRequestWithContext(h.t.Context(), method, target, bytes.NewBufferString(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.http.Transport.(within).handler.ServeHTTP(w, r)
	return w
}

// shows opens the first page of a sign-in.
func (v *visitor) shows(more ...string) string {
	v.t.Helper()
	_, page := v.authorize(more...)
	return page
}

// tries sends an address and a password, and says whether that signs in.
func (v *visitor) tries(email, password string) bool {
	v.t.Helper()
	action := formAction.FindStringSubmatch(v.shows("prompt", "login"))
	if action == nil {
		return false
	}
	u, err := url.Parse(v.issuer)
	v.must(err)
	res, _ := v.browse(http.MethodPost, u.Scheme+"://"+u.Host+action[1], url.Values{"identifier": {email}, "password": {password}})
	return v.answer(res).Get("code") != ""
}

// TestProjectSettings: what a project has of its own holds in it, at the wire, and
// in no other project.
func TestProjectSettings(t *testing.T) {
	h := newHouses(t)
	const registration = `{"redirect_uris":["https://new.example/cb"],"token_endpoint_auth_method":"none"}`
	yes, no := true, false
	minute, long := time.Minute, 2*time.Hour
	h.hold([]setting{
		{"access_token_ttl", func(s *storage.ProjectSettings) { s.AccessTokenTTL = &minute }, func(id string) bool {
			v := h.visitor(id, newJar(t))
			v.signIn()
			return h.life(v.access) == minute
		}},
		{"id_token_ttl", func(s *storage.ProjectSettings) { s.IDTokenTTL = &long }, func(id string) bool {
			v := h.visitor(id, newJar(t))
			v.signIn()
			return h.life(v.id) == long
		}},
		{"allowed_origins", func(s *storage.ProjectSettings) { s.AllowedOrigins = []string{"https://spa.example"} }, func(id string) bool {
			w := h.send(http.MethodOptions, h.projects[id].Issuer+"/oauth/token", "", "Origin", "https://spa.example", "Access-Control-Request-Method", "POST")
			return w.Header().Get("Access-Control-Allow-Origin") == "https://spa.example"
		}},
		{"registration/open", func(s *storage.ProjectSettings) { s.Registration = storage.RegistrationOpen }, func(id string) bool {
			w := h.send(http.MethodPost, h.projects[id].Issuer+"/register", registration, "Content-Type", "application/json")
			document := h.send(http.MethodGet, h.projects[id].Issuer+"/.well-known/openid-configuration", "")
			if told := strings.Contains(document.Body.String(), "registration_endpoint"); told != (w.Code == http.StatusCreated) {
				t.Errorf("%s: discovery names the endpoint: %v; it answers %d", id, told, w.Code)
			}
			return w.Code == http.StatusCreated
		}},
		{"registration/token", func(s *storage.ProjectSettings) { s.Registration = storage.RegistrationToken }, func(id string) bool {
			w := h.send(http.MethodPost, h.projects[id].Issuer+"/register", registration, "Content-Type", "application/json")
			return w.Code == http.StatusUnauthorized
		}},
		{"require_pkce", func(s *storage.ProjectSettings) { s.RequirePKCE = &no }, func(id string) bool {
			v := h.visitor(id, newJar(t))
			res, _ := v.browse(http.MethodGet, v.oauth.AuthCodeURL("state"), nil)
			return v.answer(res) == nil // a page, and no error to the application
		}},
		{"password_enabled", func(s *storage.ProjectSettings) { s.PasswordEnabled = &no }, func(id string) bool {
			return !h.visitor(id, newJar(t)).tries("jane@example.test", housePassword)
		}},
		{"identifier_first", func(s *storage.ProjectSettings) { s.IdentifierFirst = &yes }, func(id string) bool {
			return !strings.Contains(h.visitor(id, newJar(t)).shows(), `type="password"`)
		}},
		{"login_policy/methods", func(s *storage.ProjectSettings) { s.Login.Methods = []string{"passkey"} }, func(id string) bool {
			return !h.visitor(id, newJar(t)).tries("jane@example.test", housePassword)
		}},
		{"login_policy/sso", func(s *storage.ProjectSettings) { s.Login.SSORequired = true }, func(id string) bool {
			return !h.visitor(id, newJar(t)).tries("jane@example.test", housePassword)
		}},
		{"login_policy/second-factor", func(s *storage.ProjectSettings) { s.Login.SecondFactorRequired = true }, func(id string) bool {
			return !h.visitor(id, newJar(t)).tries("jane@example.test", housePassword)
		}},
		{"login_max_failed", func(s *storage.ProjectSettings) { one := 1; s.LoginMaxFailed = &one }, func(id string) bool {
			v := h.visitor(id, newJar(t))
			v.tries("jane@example.test", "wrong password 1")
			v.tries("jane@example.test", "wrong password 2")
			return !v.tries("jane@example.test", housePassword)
		}},
		{"signup_enabled", func(s *storage.ProjectSettings) { s.SignupEnabled = &no }, noRegistration(h)},
		{"access/closed", func(s *storage.ProjectSettings) { s.Access.Mode = storage.AccessClosed }, noRegistration(h)},
		{"access/invite", func(s *storage.ProjectSettings) { s.Access.Mode = storage.AccessInvite }, noRegistration(h)},
		{"access/allowlist-without-mail", func(s *storage.ProjectSettings) {
			s.Access = storage.AccessPolicy{Mode: storage.AccessAllowlist, Domains: []string{"example.test"}}
		}, noRegistration(h)},
		{"branding", func(s *storage.ProjectSettings) { s.Branding.Name = "The Shop" }, func(id string) bool {
			return h.projects[id].Name == "The Shop"
		}},
	})
}

// setting is one that a project has of its own.
type setting struct {
	name   string
	change func(*storage.ProjectSettings)
	holds  func(id string) bool // in this project
}

// hold tries each setting: it holds in the project that has it, and in neither of
// the others.
func (h *houses) hold(settings []setting) {
	for _, tt := range settings {
		h.t.Run(tt.name, func(t *testing.T) {
			if tt.name != "require_pkce" && tt.holds("shop") {
				t.Fatal("it is so without the setting")
			}
			h.changed("shop", tt.change)
			if !tt.holds("shop") {
				t.Error("the setting does not hold")
			}
			if tt.holds("bank") || tt.holds("default") {
				t.Error("the setting holds in another project")
			}
			h.changed("shop", func(s *storage.ProjectSettings) { *s = storage.ProjectSettings{} })
		})
	}
}

// noRegistration says whether nobody can make an account in a project.
func noRegistration(h *houses) func(id string) bool {
	return func(id string) bool {
		return !strings.Contains(h.visitor(id, newJar(h.t)).shows(), "/register\"")
	}
}

// TestProjectSettingsOfDefault: the default project has its settings from the
// process, and over them what is stored of it.
func TestProjectSettingsOfDefault(t *testing.T) {
	h := newHouses(t)
	minute := time.Minute
	h.changed("default", func(s *storage.ProjectSettings) { s.AccessTokenTTL = &minute })
	v := h.visitor("default", newJar(t))
	v.signIn()
	if got := h.life(v.access); got != minute {
		t.Errorf("an access token works for %s", got)
	}
	other := h.visitor("shop", newJar(t))
	other.signIn()
	if got := h.life(other.access); got != h.config.Tokens.AccessExpiry {
		t.Errorf("that of another project works for %s", got)
	}
}
