package flowtest_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/flows/flowtest"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/graph"
	"github.com/elloloop/identity/storage/memory"
	"github.com/elloloop/identity/storage/postgres"
	"github.com/elloloop/identity/storage/postgres/pgtest"
	"github.com/elloloop/identity/storage/sqlite"
	"github.com/elloloop/identity/storage/sqlite/sqlitetest"
)

// world is a store with one account that is signed in.
type world struct {
	store    *storage.Store
	repo     graph.Repository
	accounts *flows.Accounts
	project  *storage.Project
	user     *storage.User
	session  *storage.Session
}

// plain keeps passwords as they are: the work is the hashers' own tests.
type plain struct{}

func (plain) Verify(_ context.Context, h storage.PasswordHash, pw string) (bool, bool, error) {
	return string(h) == "hash:"+strings.ToUpper(pw), true, nil
}

func (plain) Hash(_ context.Context, pw string) (storage.PasswordHash, error) {
	return storage.PasswordHash("hash:" + strings.ToUpper(pw)), nil
}

func TestMain(m *testing.M) { pgtest.Main(m) }

func drivers() map[string]func(t *testing.T) graph.Repository {
	return map[string]func(t *testing.T) graph.Repository{
		"memory": func(*testing.T) graph.Repository { return memory.Open(storage.Schema(), memory.Config{}) },
		"sqlite": func(t *testing.T) graph.Repository {
			r, err := sqlite.Open(t.Context(), storage.Schema(), sqlite.Config{Path: sqlitetest.File(t), Synchronous: "NORMAL"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := r.Close(); err != nil {
					t.Error(err)
				}
			})
			return r
		},
		"postgres": func(t *testing.T) graph.Repository {
			d := pgtest.Shared(t, func(d pgtest.Database) error {
				_, err := postgres.Migrate(t.Context(), postgres.Config{DSN: d.App, MigrateDSN: d.Owner})
				return err
			})
			r, err := postgres.Open(t.Context(), storage.Schema(), postgres.Config{DSN: d.App})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := r.Close(); err != nil {
					t.Error(err)
				}
			})
			return r
		},
	}
}

func newWorld(t *testing.T, repo graph.Repository) *world {
	t.Helper()
	keys, err := storage.NewKeyring(storage.KeyEncryptionKey{ID: "k", Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{store: storage.New(repo, keys), repo: repo}
	same := func(s string) (string, string, error) { return s, s, nil }
	w.accounts = &flows.Accounts{Users: w.store.Users, Email: same, Username: same}
	w.project = &storage.Project{ID: storage.NewID(), Issuer: "https://id.example", PasswordEnabled: true, SignupEnabled: true, PasswordMinLength: 8}
	w.user = &storage.User{ID: storage.NewSubject(), Email: "a@example.test", EmailKey: "a@example.test", Status: storage.UserActive}
	hash, _ := plain{}.Hash(t.Context(), secret)
	w.session = &storage.Session{
		ID: storage.NewID(), UserID: w.user.ID, SecretHash: storage.DigestOf(storage.NewSecret()),
		ExpiresAt: time.Now().Add(time.Hour), EndsAt: time.Now().Add(time.Hour),
	}
	changes := append([]storage.Change{
		w.store.Users.Add(w.user),
		w.store.PasswordCredentials.Add(&storage.PasswordCredential{UserID: w.user.ID, Hash: hash}),
	}, w.store.Sessions.Start(w.session)...)
	if err := w.store.Commit(t.Context(), w.project.Scope(), changes...); err != nil {
		t.Fatal(err)
	}
	return w
}

// state puts a flow into an interaction.
func (w *world) state(t *testing.T, f flows.Flow, req storage.AuthorizationRequest) flowtest.State {
	req.ID, req.ClientID, req.RedirectURI = storage.NewID(), "app", "https://app.example/callback"
	return flowtest.State{
		Flow: f,
		In: &flows.Interaction{
			Project: w.project, Request: req, Now: time.Now(), Limits: flowtest.NoLimits{},
			Accounts: []flows.Account{{Session: w.session, User: w.user}},
		},
		Stored: func() string { return w.dump(t) },
		Commit: func(changes ...storage.Change) error {
			return w.store.Commit(t.Context(), w.project.Scope(), changes...)
		},
	}
}

// mailbox lets letters leave.
func (w *world) mailbox() *flows.Mailbox {
	w.project.Messages = storage.MessageSettings{Mail: true, ResetEnabled: true, CodeTTL: time.Minute, LinkTTL: time.Minute, ResetTTL: time.Minute}
	return &flows.Mailbox{Accounts: w.accounts, Users: w.store.Users, Outbox: w.store.Outbox, Secrets: w.store.ProjectSecrets, Invitations: w.store.UserInvitations}
}

// code stores one that was sent to the account, and returns its id.
func (w *world) code(code string) string {
	c := &storage.EmailLoginCode{ID: storage.NewID(), Email: w.user.Email, EmailKey: w.user.EmailKey, ExpiresAt: time.Now().Add(time.Minute)}
	pepper, err := w.store.ProjectSecrets.Get(context.Background(), w.project.Scope(), "code-pepper")
	if err == nil {
		err = w.store.Commit(context.Background(), w.project.Scope(), w.store.EmailLoginCodes.Add(c, pepper, code))
	}
	if err != nil {
		panic(err)
	}
	return c.ID
}

// phoneCode gives the account a number that it has proven, stores a code that was
// sent to it, and returns the code's id.
func (w *world) phoneCode(number, code string) string {
	next := *w.user
	next.PhoneNumber, next.PhoneNumberVerified = number, true
	c := &storage.PhoneVerificationCode{ID: storage.NewID(), UserID: w.user.ID, PhoneNumber: number, RequestID: "r", ExpiresAt: time.Now().Add(time.Minute)}
	pepper, err := w.store.ProjectSecrets.Get(context.Background(), w.project.Scope(), "code-pepper")
	if err == nil {
		next.Version = 1
		err = w.store.Commit(context.Background(), w.project.Scope(), append(w.store.PhoneCodes.Replace(c, pepper, code), w.store.Users.Replace(&next))...)
	}
	if err != nil {
		panic(err)
	}
	return c.ID
}

func (w *world) dump(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, typ := range storage.Schema().Types {
		page, err := w.repo.List(t.Context(), w.project.Scope(), graph.Query{Type: typ.ID, Limit: graph.MaxLimit})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range page.Nodes {
			fmt.Fprintln(&b, typ.Name, n.ID, n.Version, string(n.Data))
		}
	}
	return b.String()
}

func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}
