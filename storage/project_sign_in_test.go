package storage_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/elloloop/identity/storage"
)

// everySignIn overrides everything, with a word that each field may hold.
func everySignIn() storage.SignInOverrides {
	yes, life := true, time.Minute
	return storage.SignInOverrides{
		First: []string{"passkey"}, Second: []string{"totp"}, SecondFactor: storage.SecondFactorRequired,
		RememberDevice: &life, StepUp: &life, TOTPIssuer: "Safe", PasskeysEnabled: &yes, PasskeySignup: &yes, PasskeyRPName: "Safe",
		PasskeyRPID: "example.test", PasskeyOrigins: []string{"https://a.example.test"}, PasskeyRelated: []string{"https://b.test"}, PasskeyChallenge: &life,
		PasskeyVerify: "required", PasskeyAttest: "direct", PasskeyClones: "warn", QREnabled: &yes, QRLife: &life, QRSameNetwork: &yes,
		EmailCode: new(bool), MagicLink: new(bool), PhoneCode: new(bool), ResetEnabled: &yes, RequireVerified: &yes,
	}
}

// TestProjectSignInStored: what a project has of its own comes back from every
// driver as it was.
func TestProjectSignInStored(t *testing.T) {
	all := everySignIn()
	for i := range reflect.TypeOf(all).NumField() {
		if reflect.ValueOf(all).Field(i).IsZero() {
			t.Fatalf("%s is not tried", reflect.TypeOf(all).Field(i).Name)
		}
	}
	onDrivers(t, func(t *testing.T, s *storage.Store) {
		p := record("one")
		p.Settings.SignIn, p.Settings.Terms = all, &storage.Terms{Version: "1", URL: "https://example.test/terms"}
		must(t, s.Projects.Create(t.Context(), p))
		got, err := s.Projects.Get(t.Context(), "one")
		must(t, err)
		if diff := cmp.Diff(p.Settings, got.Settings); diff != "" {
			t.Error(diff)
		}
	})
}

// TestProjectSignInResolve: each field alone changes what the project runs, and
// none what the process has.
func TestProjectSignInResolve(t *testing.T) {
	base := &storage.Project{ID: "default", Issuer: "https://id.example.test"}
	base.SignIn.Policy.First, base.SignIn.Closed = []string{"password"}, make([]string, 0, 8) // room to write into
	before := *base
	all := reflect.ValueOf(everySignIn())
	for i := range all.NumField() {
		p := record("one")
		reflect.ValueOf(&p.Settings.SignIn).Elem().Field(i).Set(all.Field(i))
		name := all.Type().Field(i).Name
		none := record("one").Resolve(base, base.Issuer)
		if name == "PasskeyRelated" {
			p.Settings.SignIn.PasskeyRPID = "example.test"
			none.SignIn.PasskeyRPID = "example.test"
		}
		if got := p.Resolve(base, base.Issuer); cmp.Equal(got, none) {
			t.Errorf("%s changes nothing", name)
		}
	}
	p := record("one")
	p.Settings.SignIn = everySignIn()
	if got := p.Resolve(base, base.Issuer).SignIn; !slices.Equal(got.Closed, []string{"emailcode", "magiclink", "phonecode"}) {
		t.Errorf("closed: %q", got.Closed)
	}
	if diff := cmp.Diff(before, *base); diff != "" || base.SignIn.Closed[:1][0] != "" {
		t.Errorf("the process was changed: %s", diff)
	}
}

// TestProjectRelyingParty: the origins of the process belong to its own relying
// party id; a project with another one has none of them.
func TestProjectRelyingParty(t *testing.T) {
	base := &storage.Project{SignIn: storage.SignInSettings{
		PasskeyRPID: "example.test", PasskeyOrigins: []string{"https://a.example.test"}, PasskeyRelated: []string{"https://b.test"},
	}}
	p := record("one")
	if got := p.Resolve(base, "").SignIn; got.PasskeyRPID != "example.test" || len(got.PasskeyOrigins) != 1 || len(got.PasskeyRelated) != 1 {
		t.Errorf("nothing is overridden, got %+v", got)
	}
	p.Settings.SignIn.PasskeyRPID = "id.example.test"
	if got := p.Resolve(base, "").SignIn; got.PasskeyRPID != "id.example.test" || len(got.PasskeyOrigins) != 0 || len(got.PasskeyRelated) != 0 {
		t.Errorf("origins of another relying party: %+v", got)
	}
}

func TestRelyingParty(t *testing.T) {
	for _, c := range []struct {
		host, id string
		good     bool
	}{
		{"id.example.com", "id.example.com", true}, {"id.example.com", "example.com", true}, {"a.b.example.co.uk", "example.co.uk", true},
		{"localhost", "localhost", true}, {"shop.github.io", "shop.github.io", true}, {"github.io", "github.io", true},
		{"id.example.com", "com", false}, {"a.example.co.uk", "co.uk", false}, {"shop.github.io", "github.io", false}, {"id.bank.internal", "internal", false},
		{"id.example.com", "ple.com", false}, {"id.example.com", "www.id.example.com", false}, {"id.example.com", "other.com", false}, {"id.example.com", "", false},
		{"id.example.com", ".example.com", false}, {"id.example.com", "Example.com", false},
	} {
		if err := storage.RelyingParty(c.host, c.id); (err == nil) != c.good {
			t.Errorf("%s at %s: %v", c.id, c.host, err)
		}
	}
	for origin, good := range map[string]bool{
		"https://a.test": true, "https://a.test:8443": true, "http://localhost:8080": true, "http://app.localhost": true,
		"http://a.test": false, "https://a.test/": false, "https://u@a.test": false, "https://a.test?": false, "ftp://a.test": false, "": false, "https://": false, "null": false,
	} {
		if _, ok := storage.WebOrigin(origin); ok != good {
			t.Errorf("%q: %v", origin, ok)
		}
	}
}
