package flowtest_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	otp "github.com/pquerna/otp/totp"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/flows/flowtest"
	"github.com/elloloop/identity/flows/passkey"
	"github.com/elloloop/identity/flows/recoverycode"
	"github.com/elloloop/identity/flows/register"
	"github.com/elloloop/identity/flows/totp"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// passkeys switches passkeys on, and makes the project's secrets, which whoever
// needs them first would make.
func (w *world) passkeys(t *testing.T) passkey.Config {
	t.Helper()
	w.project.SignIn.PasskeysEnabled, w.project.SignIn.PasskeySignup = true, true
	w.secrets(t, "passkey")
	return passkey.Config{Credentials: w.store.PasskeyCredentials, Secrets: w.store.ProjectSecrets, Users: w.store.Users}
}

func (w *world) secrets(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := w.store.ProjectSecrets.Get(t.Context(), w.project.Scope(), name); err != nil {
			t.Fatal(err)
		}
	}
}

// publicKey are the options of a browser's call.
func publicKey(t *testing.T, text json.RawMessage) map[string]any {
	t.Helper()
	var all map[string]map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all["publicKey"]
}

func view[V any](t *testing.T, s flowtest.State) V {
	t.Helper()
	v, err := s.Flow.View(t.Context(), s.In)
	if err != nil {
		t.Fatal(err)
	}
	return v.(V)
}

// registered gives the account a passkey.
func (w *world) registered(t *testing.T, c passkey.Config) *flowtest.Authenticator {
	t.Helper()
	k := flowtest.NewAuthenticator(t)
	r, err := c.NewRegistration(t.Context(), w.project, w.user.ID, time.Now(), "set-up")
	if err != nil {
		t.Fatal(err)
	}
	options, err := r.Options(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, changes, reason, err := r.Finish(t.Context(), k.Create(publicKey(t, options)))
	if err != nil || reason != "" {
		t.Fatalf("%s, %v", reason, err)
	}
	if err := w.store.Commit(t.Context(), w.project.Scope(), changes...); err != nil {
		t.Fatal(err)
	}
	return k
}

// TestCredentialFlows holds to the contract the flows whose answer is another one
// each time.
func TestCredentialFlows(t *testing.T) {
	malformed := map[string]url.Values{"malformed": form("credential", "{}"), "no JSON": form("credential", "x"), "long": form("credential", strings.Repeat("x", 5000))}
	wrong := map[string]url.Values{"wrong": form("code", "000000"), "long": form("code", strings.Repeat("0", 5000))}
	tests := map[string]struct {
		state func(t *testing.T, w *world) flowtest.State
		flowtest.Case
	}{
		"passkey": {
			state: func(t *testing.T, w *world) flowtest.State {
				c := w.passkeys(t)
				k := w.registered(t, c)
				s := w.state(t, passkey.New(c), storage.AuthorizationRequest{Identifier: w.user.Email})
				s.Pass = form("credential", k.Get(publicKey(t, view[templates.PasskeyView](t, s).Options)))
				return s
			},
			Case: flowtest.Case{Refuse: malformed},
		},
		"passkey as the second factor": {
			state: func(t *testing.T, w *world) flowtest.State {
				c := w.passkeys(t)
				k := w.registered(t, c)
				w.project.SignIn.Policy.SecondFactor = storage.SecondFactorRequired
				s := w.state(t, passkey.New(c), storage.AuthorizationRequest{Subject: w.user.ID, AMR: []string{"pwd"}})
				s.Pass = form("credential", k.Get(publicKey(t, view[templates.PasskeyView](t, s).Options)))
				return s
			},
			Case: flowtest.Case{Refuse: malformed},
		},
		"addpasskey": {
			state: func(t *testing.T, w *world) flowtest.State {
				c := w.passkeys(t)
				s := w.state(t, passkey.NewAdd(c, w.store.Reminders, w.store.TOTPCredentials), storage.AuthorizationRequest{
					Subject: w.user.ID, SessionID: w.session.ID, AMR: []string{"pwd"}, Proven: []string{"password"}, CanPasskey: true,
				})
				s.Pass = form("credential", flowtest.NewAuthenticator(t).Create(publicKey(t, view[templates.AddPasskeyView](t, s).Options)))
				return s
			},
			Case: flowtest.Case{Refuse: malformed},
		},
		"register with a passkey": {
			state: func(t *testing.T, w *world) flowtest.State {
				c, box := w.passkeys(t), w.mailbox()
				w.secrets(t, "code-pepper")
				f := register.New(register.Config{
					Accounts: w.accounts, Credentials: w.store.PasswordCredentials, Hasher: plain{}, Mailbox: box,
					Policy: func(string, int, ...string) *flows.Problem {
						return &flows.Problem{Message: "problem.password_common", Field: "password"}
					},
					Tokens: w.store.EmailVerifications, Passkeys: passkey.NewNewcomer(c),
				})
				token := &storage.AccountToken{
					UserID: storage.NewSubject(), EmailKey: "new@example.test", ExpiresAt: time.Now().Add(time.Hour),
					Pending: &storage.PendingAccount{Email: "new@example.test", Passkey: true, Proven: true},
				}
				_, changes := w.store.EmailVerifications.Issue(token)
				s := w.state(t, f, storage.AuthorizationRequest{Sent: map[string]string{"register": token.ID}})
				if err := s.Commit(changes...); err != nil {
					t.Fatal(err)
				}
				s.Pass = form("credential", flowtest.NewAuthenticator(t).Create(publicKey(t, view[templates.RegisterView](t, s).Passkey.Options)))
				return s
			},
			Case: flowtest.Case{Offered: true, Refuse: malformed},
		},
		"enroltotp": {
			state: func(t *testing.T, w *world) flowtest.State {
				w.project.SignIn.Policy.SecondFactor = storage.SecondFactorRequired
				w.secrets(t, totp.EnrolmentSecret)
				f := totp.NewEnrol(totp.EnrolConfig{Credentials: w.store.TOTPCredentials, Secrets: w.store.ProjectSecrets, Users: w.store.Users})
				s := w.state(t, f, storage.AuthorizationRequest{Subject: w.user.ID, AMR: []string{"pwd"}})
				code, err := otp.GenerateCode(strings.ReplaceAll(view[templates.TOTPEnrolView](t, s).Secret, " ", ""), s.In.Now)
				if err != nil {
					t.Fatal(err)
				}
				s.Pass = form("code", code)
				return s
			},
			Case: flowtest.Case{Refuse: wrong},
		},
		"recoverycodes": {
			state: func(t *testing.T, w *world) flowtest.State {
				w.secrets(t, recoverycode.IssueSecret, "recovery-pepper")
				f := recoverycode.NewIssue(recoverycode.Config{Codes: w.store.RecoveryCodes, Secrets: w.store.ProjectSecrets}, "totp")
				return w.state(t, f, storage.AuthorizationRequest{Subject: w.user.ID, AMR: []string{"pwd", "otp"}, Proven: []string{"totp"}})
			},
			Case: flowtest.Case{Pass: form("saved", "1"), Refuse: map[string]url.Values{"not kept": form("saved", "")}},
		},
	}
	for driver, open := range drivers() {
		repo := open(t)
		for name, tt := range tests {
			t.Run(driver+"/"+name, func(t *testing.T) {
				tt.New = func(t *testing.T) flowtest.State { return tt.state(t, newWorld(t, repo)) }
				flowtest.Run(t, tt.Case)
			})
		}
	}
}

// TestRecoveryCodesOnce: who is on the way to the page that offers codes is not given
// others before, which that page would end.
func TestRecoveryCodesOnce(t *testing.T) {
	const page = "/account/recovery-codes"
	for driver, open := range drivers() {
		w := newWorld(t, open(t))
		f := recoverycode.NewIssue(recoverycode.Config{Codes: w.store.RecoveryCodes, Secrets: w.store.ProjectSecrets, Page: page}, "totp")
		for to, want := range map[string]bool{"": true, "/account": true, page: false} {
			s := w.state(t, f, storage.AuthorizationRequest{Subject: w.user.ID, AMR: []string{"pwd", "otp"}, Proven: []string{"totp"}, ReturnTo: to})
			if needed, err := f.Needed(t.Context(), s.In); err != nil || needed != want {
				t.Errorf("%s: on the way to %q: %v, %v", driver, to, needed, err)
			}
		}
	}
}
