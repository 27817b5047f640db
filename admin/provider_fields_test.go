package admin

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

// providerKept are the fields of a stored provider that no caller sets.
var providerKept = map[string]string{
	"ID": "set once", "Meta": "the database's", "Sealed": "client_secret, which is no part of the message",
	"EmailsEndpoint": "that of the kind", "CreatedOrder": "orders lists",
}

// plainProviders have no rules.
type plainProviders struct{}

func (plainProviders) Faults(_, _ *storage.Provider, _ string) [][2]string { return nil }
func (plainProviders) TrustsEmail(storage.ProviderKind) bool               { return false }
func (plainProviders) Configured(*storage.Project, string) bool            { return false }
func (plainProviders) RedirectURI(*storage.Project, string) string         { return "" }

// TestProviderFields is TestClientFields for providers.
func TestProviderFields(t *testing.T) {
	s, c := &Server{Config: Config{Providers: plainProviders{}}}, &call{project: &storage.Project{ID: "p"}}
	full := &storage.Provider{}
	fill(t, reflect.ValueOf(full).Elem(), "provider")
	m := s.providerMessage(c, full)
	names := settable(m.ProtoReflect().Descriptor(), providerOutput...)
	for f := range reflect.TypeFor[storage.Provider]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		_, kept := providerKept[f.Name]
		if kept == slices.Contains(names, name) {
			t.Errorf("storage.Provider.%s (%s): settable %v, listed as kept %v", f.Name, name, slices.Contains(names, name), kept)
		}
	}
	for _, name := range names {
		after := proto.CloneOf(m)
		if err := merge(after, &adminv1.Provider{}, &fieldmaskpb.FieldMask{Paths: []string{name}}, providerOutput...); err != nil {
			t.Fatal(err)
		}
		next := *full
		s.fillProvider(&next, after)
		before, got := objectOf(t, full), objectOf(t, &next)
		if reflect.DeepEqual(before[name], got[name]) {
			t.Errorf("an update of %s did not change it", name)
		}
		delete(before, name)
		delete(got, name)
		if diff := cmp.Diff(before, got); diff != "" {
			t.Errorf("an update of %s changed more:\n%s", name, diff)
		}
	}
}
