package passkey_test

import (
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/flows/passkey"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/memory"
)

type world struct {
	config  passkey.Config
	store   *storage.Store
	project *storage.Project
	user    *storage.User
}

func newWorld(t *testing.T, keys int) *world {
	t.Helper()
	ring, err := storage.NewKeyring(storage.KeyEncryptionKey{ID: "k", Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{store: storage.New(memory.Open(storage.Schema(), memory.Config{}), ring)}
	w.config = passkey.Config{Credentials: w.store.PasskeyCredentials, Secrets: w.store.ProjectSecrets, Users: w.store.Users}
	w.project = &storage.Project{ID: "default", Issuer: "https://id.example:8443"}
	w.user = &storage.User{ID: storage.NewSubject(), Email: "a@example.test", EmailKey: "a@example.test", Status: storage.UserActive}
	w.commit(t, w.store.Users.Add(w.user))
	for i := range keys {
		w.commit(t, w.store.PasskeyCredentials.Add(&storage.PasskeyCredential{
			ID: storage.NewID(), CredentialID: []byte{byte(i)}, UserID: w.user.ID, Name: "one", Record: json.RawMessage(`{}`), CreatedOrder: int64(i + 1),
		}))
	}
	return w
}

func (w *world) commit(t *testing.T, changes ...storage.Change) {
	t.Helper()
	if err := w.store.Commit(t.Context(), w.project.Scope(), changes...); err != nil {
		t.Fatal(err)
	}
}

func (w *world) ways(t *testing.T) flows.Ways {
	t.Helper()
	u, err := w.store.Users.Get(t.Context(), w.project.Scope(), w.user.ID)
	if err != nil {
		t.Fatal(err)
	}
	ways, err := flows.WaysOf(t.Context(), w.store, w.project.Scope(), u)
	if err != nil {
		t.Fatal(err)
	}
	return ways
}

func TestSignal(t *testing.T) {
	w := newWorld(t, 2)
	s, err := w.config.Signal(t.Context(), w.project, w.user)
	if err != nil || s.RPID != "id.example" || len(s.AllAcceptedCredentialIDs) != 2 || s.AllAcceptedCredentialIDs[1] != "AQ" {
		t.Errorf("%+v, %v", s, err)
	}
	if s.UserID == "" || s.UserID == w.user.Email || s.Name != flows.Label(w.user) || s.DisplayName == "" {
		t.Errorf("%+v", s)
	}
	w.project.Issuer, w.project.SignIn.PasskeyRPID = "https://id.sso.example", "sso.example"
	if s, err := w.config.Signal(t.Context(), w.project, w.user); err != nil || s.RPID != "sso.example" {
		t.Errorf("%+v, %v", s, err)
	}
	w.project.Issuer = "https://id.another.example" // another project of the process
	if s, err := w.config.Signal(t.Context(), w.project, w.user); err != nil || s.RPID != "id.another.example" {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err := w.config.Signal(t.Context(), w.project, &storage.User{ID: "nobody"}); err != nil || s.AllAcceptedCredentialIDs == nil {
		t.Errorf("%+v, %v", s, err) // the browser wants a list
	}
}

// TestRemove: one's own alone, and never the last way in (S3-15), however two
// removals meet.
func TestRemove(t *testing.T) {
	w := newWorld(t, 2)
	scope := w.project.Scope()
	keys, err := w.config.List(t.Context(), scope, w.user.ID)
	if err != nil || len(keys) != 2 {
		t.Fatalf("%v, %v", keys, err)
	}
	if _, err := w.config.Remove(t.Context(), scope, "somebody else", keys[0].ID, w.ways(t)); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("S3-15: another's passkey: %v", err)
	}
	one, err := w.config.Remove(t.Context(), scope, w.user.ID, keys[0].ID, w.ways(t))
	if err != nil {
		t.Fatal(err)
	}
	two, err := w.config.Remove(t.Context(), scope, w.user.ID, keys[1].ID, w.ways(t))
	if err != nil {
		t.Fatal(err)
	}
	w.commit(t, one...)
	if err := w.store.Commit(t.Context(), scope, two...); !errors.Is(err, storage.ErrConflict) {
		t.Errorf("S3-15: the last one was removed by a race: %v", err)
	}
	var problem *flows.Problem
	if _, err := w.config.Remove(t.Context(), scope, w.user.ID, keys[1].ID, w.ways(t)); !errors.As(err, &problem) {
		t.Errorf("S3-15: the last one was removed: %v", err)
	}
}

func TestRename(t *testing.T) {
	w := newWorld(t, 1)
	keys, err := w.config.List(t.Context(), w.project.Scope(), w.user.ID)
	if err != nil {
		t.Fatal(err)
	}
	for name, ok := range map[string]bool{"My telephone": true, "": false, "a\u202eb": false, "a\nb": false, "a\xff": false} {
		change, err := w.config.Rename(t.Context(), w.project.Scope(), w.user.ID, keys[0].ID, name)
		if (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
		if err == nil {
			w.commit(t, change)
		}
	}
	if keys, err := w.config.List(t.Context(), w.project.Scope(), w.user.ID); err != nil || keys[0].Name != "My telephone" {
		t.Errorf("%+v, %v", keys, err)
	}
}

// TestRecent: old, or of less than the account has (S3-14).
func TestRecent(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		name string
		age  time.Duration
		amr  []string
		ways flows.Ways
		want bool
	}{
		{"S3-14/fresh", time.Minute, []string{"pwd"}, flows.Ways{Password: true}, true},
		{"S3-14/old", 6 * time.Minute, []string{"pwd"}, flows.Ways{Password: true}, false},
		{"S3-14/one-of-two", time.Minute, []string{"pwd"}, flows.Ways{Password: true, TOTP: true}, false},
		{"S3-14/both", time.Minute, []string{"pwd", "otp", "mfa"}, flows.Ways{Password: true, TOTP: true}, true},
		{"S3-14/passkey", time.Minute, []string{"hwk", "user", "mfa"}, flows.Ways{Passkeys: 1}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &storage.Session{AuthTime: now.Add(-tt.age), AMR: tt.amr}
			if got := flows.Recent(&storage.Project{}, s, tt.ways, now); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestNameOf(t *testing.T) {
	for id, want := range map[string]string{
		"\xea\x9b\x8d\x66\x4d\x01\x1d\x21\x3c\xe4\xb6\xb4\x8c\xb5\x75\xd4": "Google Password Manager", string(make([]byte, 16)): "Passkey", "": "Passkey",
	} {
		if got := passkey.NameOf([]byte(id)); got != want {
			t.Errorf("%x: %q, want %q", id, got, want)
		}
	}
}

// TestAddressesHaveNoPasskeys: the first page of a provider at an address asks for
// none, and works.
func TestAddressesHaveNoPasskeys(t *testing.T) {
	for issuer, want := range map[string]bool{
		"https://id.example": true, "http://localhost:8080": true, "http://127.0.0.1:8080": false, "http://[::1]:8080": false,
	} {
		w := newWorld(t, 0)
		w.project.Issuer, w.project.SignIn.PasskeysEnabled = issuer, true
		got, err := passkey.New(w.config).Options(t.Context(), &flows.Interaction{Project: w.project, Now: time.Now()})
		if err != nil || (got != nil) != want {
			t.Errorf("%s: %v, %v", issuer, got, err)
		}
	}
}

// TestNames: every name that the file has is found, can be shown, and is told with
// its source.
func TestNames(t *testing.T) {
	text, err := os.ReadFile("aaguid.json")
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		Makers []struct {
			Maker, Source string
			Names         map[string]string
		}
	}
	if err := json.Unmarshal(text, &all); err != nil || len(all.Makers) == 0 {
		t.Fatalf("%v, %d makers", err, len(all.Makers))
	}
	for _, m := range all.Makers {
		if m.Source == "" {
			t.Errorf("no source of the names of %s", m.Maker)
		}
		for id, name := range m.Names {
			if got := passkey.NameOf(bytesOf(id)); got != name || name == "" {
				t.Errorf("%s is %q, want %q", id, got, name)
			}
		}
	}
	if got := passkey.NameOf(make([]byte, 16)); got != "Passkey" {
		t.Errorf("nobody's is %q", got)
	}
}

func bytesOf(id string) []byte {
	u := uuid.MustParse(id)
	return u[:]
}
