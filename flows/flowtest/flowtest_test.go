package flowtest_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/flows/consent"
	"github.com/elloloop/identity/flows/emailcode"
	"github.com/elloloop/identity/flows/flowtest"
	"github.com/elloloop/identity/flows/help"
	"github.com/elloloop/identity/flows/identify"
	"github.com/elloloop/identity/flows/logout"
	"github.com/elloloop/identity/flows/magiclink"
	"github.com/elloloop/identity/flows/password"
	"github.com/elloloop/identity/flows/phonecode"
	"github.com/elloloop/identity/flows/qr"
	"github.com/elloloop/identity/flows/recover"
	"github.com/elloloop/identity/flows/recoverycode"
	"github.com/elloloop/identity/flows/register"
	"github.com/elloloop/identity/flows/selectaccount"
	"github.com/elloloop/identity/flows/terms"
	"github.com/elloloop/identity/flows/totp"
	"github.com/elloloop/identity/flows/verify"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/memory"
)

const secret = "correct-horse-battery"

// TestFlows holds every flow of ours to the contract, on every driver.
func TestFlows(t *testing.T) {
	pw := func(w *world) *password.Flow {
		return password.New(password.Config{Accounts: w.accounts, Credentials: w.store.PasswordCredentials, Hasher: plain{}})
	}
	first := func(w *world) storage.AuthorizationRequest { // one factor is passed
		return storage.AuthorizationRequest{Subject: w.user.ID, AMR: []string{"pwd"}}
	}
	refusesAll := func(string, int, ...string) *flows.Problem {
		return &flows.Problem{Message: "problem.password_common", Field: "password"}
	}
	tests := map[string]struct {
		flow func(w *world) flows.Flow
		req  func(w *world) storage.AuthorizationRequest
		set  func(w *world, in *flows.Interaction) []storage.Change // what the situation has stored
		flowtest.Case
	}{
		"identify": {
			flow: func(*world) flows.Flow { return identify.New(identify.Config{}) },
			Case: flowtest.Case{
				Pass: form("identifier", "a@example.test"),
				Refuse: map[string]url.Values{
					"empty": form("identifier", "  "), "control": form("identifier", "a\x00b"),
					"invalid UTF-8": form("identifier", "a\xff"), "long": form("identifier", strings.Repeat("x", 321)),
				},
			},
		},
		"identify with password": {
			flow: func(w *world) flows.Flow { return identify.New(identify.Config{With: pw(w)}) },
			Case: flowtest.Case{
				Pass: form("identifier", "a@example.test", "password", secret), Secret: secret,
				Refuse: map[string]url.Values{
					"no password": form("identifier", "a@example.test"),
					"wrong":       form("identifier", "a@example.test", "password", secret+"!"),
				},
			},
		},
		"password": {
			flow: func(w *world) flows.Flow { return pw(w) },
			req: func(*world) storage.AuthorizationRequest {
				return storage.AuthorizationRequest{Identifier: "a@example.test"}
			},
			Case: flowtest.Case{
				Pass: form("password", secret), Secret: secret,
				Refuse: map[string]url.Values{"wrong": form("password", secret+"!"), "long": form("password", strings.Repeat("x", 5000))},
			},
		},
		"register": {
			flow: func(w *world) flows.Flow {
				return register.New(register.Config{
					Accounts: w.accounts, Credentials: w.store.PasswordCredentials, Hasher: plain{},
					Policy: func(pw string, _ int, _ ...string) *flows.Problem {
						if pw != secret {
							return refusesAll(pw, 0)
						}
						return nil
					},
				})
			},
			Case: flowtest.Case{
				Offered: true, Pass: form("email", "new@example.test", "name", "New", "password", secret), Secret: secret,
				Refuse: map[string]url.Values{
					"no email":      form("password", secret),
					"no address":    form("email", "new", "password", secret),
					"control":       form("email", "new@example.test", "name", "a\u202eb", "password", secret),
					"long name":     form("email", "new@example.test", "name", strings.Repeat("x", 201), "password", secret),
					"weak password": form("email", "new@example.test", "password", "password"),
				},
			},
		},
		"emailcode": {
			flow: func(w *world) flows.Flow {
				return emailcode.New(emailcode.Config{Mailbox: w.mailbox(), Codes: w.store.EmailLoginCodes})
			},
			req: func(w *world) storage.AuthorizationRequest {
				return storage.AuthorizationRequest{Identifier: "a@example.test", Sent: map[string]string{"emailcode": w.code("381942")}}
			},
			Case: flowtest.Case{
				Pass: form("code", "381 942"), Secret: "381 942",
				Refuse: map[string]url.Values{"wrong": form("code", "381943"), "empty": form("code", " "), "long": form("code", strings.Repeat("3", 99)), "no address": form("email", "x")},
			},
		},
		"magiclink": {
			flow: func(w *world) flows.Flow {
				return magiclink.New(magiclink.Config{Mailbox: w.mailbox(), Tokens: w.store.MagicLinkTokens})
			},
			req: func(w *world) storage.AuthorizationRequest {
				w.code("381942") // the project's pepper is there: it is made once, by whoever needs it first
				return storage.AuthorizationRequest{}
			},
			Case: flowtest.Case{
				Offered: true, Pass: form("email", "a@example.test"),
				Refuse: map[string]url.Values{"no address": form("email", "x"), "no letter": form("code", "381942")},
			},
		},
		"recover": {
			flow: func(w *world) flows.Flow {
				return recover.New(recover.Config{
					Mailbox: w.mailbox(), Tokens: w.store.PasswordResets, Credentials: w.store.PasswordCredentials, Hasher: plain{}, Policy: refusesAll,
				})
			},
			Case: flowtest.Case{
				Offered: true, Pass: form("email", "a@example.test"),
				Refuse: map[string]url.Values{"no address": form("email", "x"), "a username": form("email", "alice")},
			},
		},
		"totp": {
			flow: func(w *world) flows.Flow { return totp.New(totp.Config{Credentials: w.store.TOTPCredentials}) },
			req:  first,
			set: func(w *world, in *flows.Interaction) []storage.Change {
				in.Now = time.Unix(1111111109, 0) // RFC 6238, Appendix B
				return w.store.TOTPCredentials.Set(w.project.Scope(), w.user.ID, []byte("12345678901234567890"), 0, in.Now)
			},
			Case: flowtest.Case{
				Pass: form("code", "081804"), Secret: "081804",
				Refuse: map[string]url.Values{"wrong": form("code", "081805"), "long": form("code", strings.Repeat("0", 5000))},
			},
		},
		"recoverycode": {
			flow: func(w *world) flows.Flow {
				return recoverycode.New(recoverycode.Config{Codes: w.store.RecoveryCodes, Secrets: w.store.ProjectSecrets})
			},
			req: first,
			set: func(w *world, _ *flows.Interaction) []storage.Change {
				pepper, err := w.store.ProjectSecrets.Get(context.Background(), w.project.Scope(), "recovery-pepper")
				if err != nil {
					panic(err)
				}
				return w.store.RecoveryCodes.Replace(w.user.ID, pepper, []string{"ABCDEFGHJKLM"})
			},
			Case: flowtest.Case{
				Offered: true, Pass: form("code", "ABCD-EFGH-JKLM"), Secret: "ABCD-EFGH-JKLM",
				Refuse: map[string]url.Values{"wrong": form("code", "AAAA-AAAA-AAAA")},
			},
		},
		"qr": {
			flow: func(w *world) flows.Flow {
				w.project.SignIn.QREnabled = true
				return qr.New(qr.Config{Logins: w.store.QRLogins, Secrets: w.store.ProjectSecrets, Sessions: w.store.Sessions})
			},
			req: func(*world) storage.AuthorizationRequest { return storage.AuthorizationRequest{Proven: []string{"qr"}} },
			set: func(w *world, in *flows.Interaction) []storage.Change {
				return w.store.QRLogins.Begin(&storage.QRLogin{
					ID: storage.NewID(), RequestID: in.Request.ID, CodeHash: storage.DigestOf(in.Request.ID), StartedAt: in.Now,
					Subject: w.user.ID, SessionID: w.session.ID, AuthTime: in.Now, AMR: []string{"pwd"}, ExpiresAt: in.Now.Add(time.Minute),
				})
			},
			Case: flowtest.Case{Pass: form("decision", "continue"), Refuse: map[string]url.Values{"neither": form("decision", "yes")}},
		},
		"phonecode": {
			flow: func(w *world) flows.Flow {
				w.project.Messages.SMS, w.project.Messages.PhoneCodeTTL = true, time.Minute
				return phonecode.New(phonecode.Config{Users: w.store.Users, Codes: w.store.PhoneCodes, Outbox: w.store.Outbox, Secrets: w.store.ProjectSecrets})
			},
			req: func(w *world) storage.AuthorizationRequest {
				return storage.AuthorizationRequest{Identifier: "+436641234567", Sent: map[string]string{"phonecode": w.phoneCode("+436641234567", "381942")}}
			},
			Case: flowtest.Case{
				Pass: form("code", "381 942"), Secret: "381 942",
				Refuse: map[string]url.Values{"wrong": form("code", "381943"), "empty": form("code", " "), "no number": form("phone", "0664")},
			},
		},
		"help": {
			flow: func(w *world) flows.Flow {
				box := w.mailbox()
				w.project.Messages.HelpEnabled = true
				return help.New(help.Config{Mailbox: box, Requests: w.store.HelpRequests, Directory: w.store.UserDirectory})
			},
			Case: flowtest.Case{
				Offered: true, Pass: form("email", "a@example.test", "message", "I lost my phone."),
				Refuse: map[string]url.Values{
					"no address": form("email", "x", "message", "help"), "no message": form("email", "a@example.test", "message", " \u202e"),
					"long": form("email", "a@example.test", "message", strings.Repeat("x", 1001)),
				},
			},
		},
		"verify": {
			flow: func(w *world) flows.Flow {
				return verify.New(verify.Config{Mailbox: w.mailbox(), Tokens: w.store.EmailVerifications, Sessions: w.store.Sessions})
			},
			req: func(w *world) storage.AuthorizationRequest {
				w.code("381942") // the project's pepper is there
				return storage.AuthorizationRequest{Subject: w.user.ID, SessionID: w.session.ID}
			},
			set: func(w *world, in *flows.Interaction) []storage.Change {
				in.Project.Messages.RequireVerified = true
				return nil
			},
			Case: flowtest.Case{
				Pass: form("decision", "send"), Refuse: map[string]url.Values{"no letter": form("code", "381942"), "empty": form("code", " ")},
			},
		},
		"terms": {
			flow: func(w *world) flows.Flow {
				w.project.Terms = storage.Terms{Version: "2", URL: "https://app.example/terms"}
				return terms.New(w.store.Users)
			},
			req: func(w *world) storage.AuthorizationRequest {
				return storage.AuthorizationRequest{Subject: w.user.ID, SessionID: w.session.ID}
			},
			Case: flowtest.Case{
				Pass:   form("decision", "accept", "version", "2"),
				Refuse: map[string]url.Values{"neither": form("decision", "yes", "version", "2"), "older": form("decision", "accept", "version", "1")},
			},
		},
		"consent": {
			flow: func(w *world) flows.Flow {
				return consent.New(consent.Config{Consents: w.store.Consents, Users: w.store.Users})
			},
			req: func(w *world) storage.AuthorizationRequest {
				return storage.AuthorizationRequest{Subject: w.user.ID, SessionID: w.session.ID, Scope: []string{"openid"}}
			},
			Case: flowtest.Case{Pass: form("decision", "allow"), Refuse: map[string]url.Values{"neither": form("decision", "yes")}},
		},
		"selectaccount": {
			flow: func(*world) flows.Flow { return selectaccount.New() },
			req: func(*world) storage.AuthorizationRequest {
				return storage.AuthorizationRequest{Prompt: []string{"select_account"}}
			},
			Case: flowtest.Case{Pass: form("account", "other"), Refuse: map[string]url.Values{"strange": form("account", storage.NewID())}},
		},
	}
	for driver, open := range drivers() {
		repo := open(t) // each situation has a project of its own
		for name, tt := range tests {
			t.Run(driver+"/"+name, func(t *testing.T) {
				tt.New = func(t *testing.T) flowtest.State {
					w := newWorld(t, repo)
					req := storage.AuthorizationRequest{}
					if tt.req != nil {
						req = tt.req(w)
					}
					s := w.state(t, tt.flow(w), req)
					if tt.set != nil {
						if err := s.Commit(tt.set(w, s.In)...); err != nil {
							t.Fatal(err)
						}
					}
					return s
				}
				flowtest.Run(t, tt.Case)
			})
		}
	}
}

// TestLogoutFlow: the page that belongs to no request is needed by none.
func TestLogoutFlow(t *testing.T) {
	w := newWorld(t, memory.Open(storage.Schema(), memory.Config{}))
	s := w.state(t, logout.New(), storage.AuthorizationRequest{})
	if needed, err := s.Flow.Needed(t.Context(), s.In); needed || err != nil {
		t.Errorf("needed %v, %v", needed, err)
	}
	for name, tt := range map[string]struct {
		form url.Values
		want []string
	}{
		"all": {form("decision", "logout"), []string{w.session.ID}},
		"one": {form("decision", "logout", "session", w.session.ID), []string{w.session.ID}},
		"not": {form("decision", "logout", "session", storage.NewID()), nil},
	} {
		proof, err := s.Flow.Submit(t.Context(), s.In, tt.form)
		if err != nil || strings.Join(proof.SignOut, " ") != strings.Join(tt.want, " ") {
			t.Errorf("%s: %v, %v", name, proof.SignOut, err)
		}
	}
}
