package admin

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

// clientKept are the fields of a stored client that no caller sets, and why.
var clientKept = map[string]string{
	"ID": "named by the request", "Meta": "the database's", "Secrets": "RotateClientSecret makes them",
	"InsecureAnyLocalhostPort": "development servers alone set it", "Dynamic": "says how it was registered",
	"RegistrationTokenHash": "a secret of the client itself", "CreatedOrder": "orders lists", "ExpiresAt": "of unused dynamic clients",
	"SoftwareStatement": "proven at a registration, never afterwards",
}

// TestClientFields holds every field of a stored client: it can be set, or is
// listed as one that can't, and an update of another field leaves it as it was.
func TestClientFields(t *testing.T) {
	full := &storage.Client{}
	fill(t, reflect.ValueOf(full).Elem(), "client")
	full.JWKS = json.RawMessage(`{"keys": [{"kty": "RSA", "exponent": 12345678901234567}]}`) // no float64 holds it
	m, err := ClientMessage(full)
	if err != nil {
		t.Fatal(err)
	}
	names := settable(m.ProtoReflect().Descriptor(), clientOutput...)
	want := map[string]bool{}
	for f := range reflect.TypeFor[storage.Client]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		_, kept := clientKept[f.Name]
		if kept == slices.Contains(names, name) {
			t.Errorf("storage.Client.%s (%s): settable %v, listed as kept %v", f.Name, name, slices.Contains(names, name), kept)
		}
		want[name] = true
	}
	for _, name := range names {
		if !want[name] {
			t.Errorf("Client.%s of the message is stored nowhere", name)
		}
	}

	for _, name := range names { // an update of one field, to nothing
		got, err := clientOf(&adminv1.Client{}, full, []string{name})
		if err != nil {
			t.Fatal(err)
		}
		before, after := objectOf(t, full), objectOf(t, got)
		before[name], after[name] = nil, nil
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("an update of %s changed more:\n%s", name, diff)
		}
		got.ID = full.ID
		if got.Meta != full.Meta || !got.ExpiresAt.Equal(full.ExpiresAt) {
			t.Errorf("an update of %s lost what is stored beside the JSON", name)
		}
	}
	// JSON of any kind that is written back itself has the numbers of a Struct.
	again, err := clientOf(m, full, slices.DeleteFunc(names, func(n string) bool { return n == "jwks" }))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(objectOf(t, full), objectOf(t, again)); diff != "" {
		t.Errorf("writing back what was read changed:\n%s", diff)
	}
}

// userKept are the fields of a stored account that no caller sets.
var userKept = map[string]string{
	"ID": "set once", "Meta": "the database's", "EmailKey": "made of email", "UsernameKey": "made of username", "NameKey": "made of name",
	"Deletion": "set by a change of the status", "ProfileUpdatedAt": "the time of the update", "CreatedOrder": "orders lists",
	"Terms": "accepted by the person", "GovernedBy": "set where a member changes their address",
}

// plainPeople leave addresses and names as they are.
type plainPeople struct{}

func (plainPeople) Email(typed string) (address, key string, err error) { return typed, typed, nil }
func (plainPeople) Username(typed string) (name, key string, err error) { return typed, typed, nil }

// TestUserFields is TestClientFields for accounts.
func TestUserFields(t *testing.T) {
	s := &Server{Config: Config{People: plainPeople{}}}
	full := &storage.User{}
	fill(t, reflect.ValueOf(full).Elem(), "user")
	full.Status, full.Role = storage.UserPendingDeletion, roleGuest
	full.EmailKey, full.UsernameKey, full.NameKey = full.Email, full.Username, storage.FoldName(full.Name)
	m := userMessage(full)
	names := settable(m.ProtoReflect().Descriptor(), userOutput...)
	for f := range reflect.TypeFor[storage.User]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		_, kept := userKept[f.Name]
		if kept == slices.Contains(names, name) {
			t.Errorf("storage.User.%s (%s): settable %v, listed as kept %v", f.Name, name, slices.Contains(names, name), kept)
		}
	}
	for _, name := range names {
		after := proto.CloneOf(m)
		if err := merge(after, &adminv1.User{}, &fieldmaskpb.FieldMask{Paths: []string{name}}, userOutput...); err != nil {
			t.Fatal(err)
		}
		next := *full
		if err := s.fillUser(&next, after); err != nil {
			t.Fatal(err)
		}
		before, got := objectOf(t, full), objectOf(t, &next)
		if reflect.DeepEqual(before[name], got[name]) {
			t.Errorf("an update of %s did not change it", name)
		}
		for _, key := range []string{name, name + "_key"} {
			delete(before, key)
			delete(got, key)
		}
		if diff := cmp.Diff(before, got); diff != "" {
			t.Errorf("an update of %s changed more:\n%s", name, diff)
		}
	}
}

// TestProjectFields: what is stored of a project's settings comes back through a
// message: all of it, and each field alone, which no other one takes the place of.
func TestProjectFields(t *testing.T) {
	s := &Server{Config: Config{People: plainPeople{}}}
	full := &storage.ProjectRecord{}
	fill(t, reflect.ValueOf(full).Elem(), "project")
	full.Status, full.Settings.Access.Mode, full.Settings.Registration = storage.ProjectActive, storage.AccessInvite, storage.RegistrationToken
	full.Settings.Access.Domains, full.Settings.Branding = []string{"example.test"}, storage.Branding{Name: "The shop", LogoURI: "https://shop.example/logo.png", Accent: "#1a56db", Dark: "#9ec5fe"}
	back := func(rec *storage.ProjectRecord) {
		t.Helper()
		got := &storage.ProjectRecord{}
		if err := s.fillProject(got, projectMessage(rec, &storage.Project{})); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(rec.Settings, got.Settings); diff != "" {
			t.Error(diff)
		}
	}
	back(full)
	alone := func(of func(*storage.ProjectSettings) reflect.Value) {
		for i := range of(&full.Settings).NumField() {
			rec := &storage.ProjectRecord{}
			of(&rec.Settings).Field(i).Set(of(&full.Settings).Field(i))
			back(rec)
		}
	}
	alone(func(p *storage.ProjectSettings) reflect.Value { return reflect.ValueOf(p).Elem() })
	alone(func(p *storage.ProjectSettings) reflect.Value { return reflect.ValueOf(&p.SignIn).Elem() })
}

// fill sets every field to something that is not its zero value.
func fill(t *testing.T, v reflect.Value, name string) {
	t.Helper()
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(time.Unix(1700000000, 0).UTC()))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(name)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint8:
		v.SetUint(7)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), name)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0), name)
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i), name)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf(name).Convert(v.Type().Key()), reflect.ValueOf(int64(7)).Convert(v.Type().Elem()))
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), fmt.Sprintf("%s.%s", name, v.Type().Field(i).Name))
		}
	default:
		t.Fatalf("%s is a %s: fill does not know how", name, v.Kind())
	}
}

// objectOf is what is stored of a row, with exact numbers.
func objectOf(t *testing.T, row any) map[string]any {
	t.Helper()
	b, err := json.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(strings.NewReader(string(b)))
	dec.UseNumber()
	out := map[string]any{}
	if err := dec.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}
