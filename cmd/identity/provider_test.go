package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/elloloop/identity/admin/client"
	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

// TestProviderReplicas: what is said of a provider on one replica is on the pages
// of the other with the next request, in its project alone.
func TestProviderReplicas(t *testing.T) {
	h := newHouses(t, "repo.driver", "sqlite", "sqlite.path", filepath.Join(t.TempDir(), "identity.db"))
	log := slog.New(slog.DiscardHandler)
	p, err := assemble(t.Context(), h.config, log)
	h.must(err)
	t.Cleanup(func() { h.must(p.close()) })
	other := *h
	other.p, other.http = p, &http.Client{Transport: within{p.handler(h.config, log, nil)}}
	providers := client.Over(h.p.admin.Local("operator"), "http://local").Providers
	button := func(project string) string { // on the first page of the other replica
		t.Helper()
		_, after, found := strings.Cut(other.visitor(project, newJar(t)).shows(), "Continue with ")
		if !found {
			return ""
		}
		name, _, _ := strings.Cut(after, "<")
		return strings.TrimSpace(name)
	}
	if got := button("shop"); got != "" {
		t.Fatalf("a button %q from the start", got)
	}
	_, err = providers.CreateProvider(t.Context(), &adminv1.CreateProviderRequest{ProjectId: "shop", Provider: works("works"), ClientSecret: "s"})
	h.must(err)
	if got := button("shop"); got != "Works" {
		t.Errorf("after it was made: %q", got)
	}
	if got := button("bank"); got != "" {
		t.Errorf("another project has the button %q", got)
	}
	change := func(m *adminv1.Provider, path string) {
		t.Helper()
		m.Id = "works"
		_, err := providers.UpdateProvider(t.Context(), &adminv1.UpdateProviderRequest{ProjectId: "shop", Provider: m, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{path}}})
		h.must(err)
	}
	change(&adminv1.Provider{Name: "Renamed"}, "name")
	if got := button("shop"); got != "Renamed" {
		t.Errorf("after another name: %q", got)
	}
	change(&adminv1.Provider{Disabled: true}, "disabled")
	if got := button("shop"); got != "" {
		t.Errorf("after it was switched off: %q", got)
	}
	change(&adminv1.Provider{}, "disabled")
	if got := button("shop"); got != "Renamed" {
		t.Errorf("after it was switched on: %q", got)
	}
	_, err = providers.DeleteProvider(t.Context(), &adminv1.DeleteProviderRequest{ProjectId: "shop", ProviderId: "works"})
	h.must(err)
	if got := button("shop"); got != "" {
		t.Errorf("after it was deleted: %q", got)
	}
}

// TestProviderCommands: the same commands on a running server and on the local
// database; the secret comes from a file or from standard input, and goes nowhere.
func TestProviderCommands(t *testing.T) {
	a := callers(t)
	srv := httptest.NewServer(a.handler)
	t.Cleanup(srv.Close)
	dir := t.TempDir()
	file := filepath.Join(dir, "secret")
	must(t, os.WriteFile(file, []byte(laterSecret+"\n"), 0o600))
	remote := &shell{t, []string{"IDENTITY_SERVER=" + srv.URL, "IDENTITY_TOKEN=" + a.callers["admin-of-alpha"]}}
	local := &shell{t, []string{
		"GATEWAY_ISSUER=" + adminIssuer, "GATEWAY_SQLITE_PATH=" + filepath.Join(dir, "identity.db"),
		"GATEWAY_KEY_ENCRYPTION_KEYS=k1=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"GATEWAY_OAUTH_GITHUB_CLIENT_ID=configured", "GATEWAY_OAUTH_GITHUB_CLIENT_SECRET=s",
	}}
	said := ""
	for name, c := range map[string]struct {
		shell    *shell
		redirect string
	}{
		"server": {remote, adminIssuer + "/p/alpha/upstream/works/callback"},
		"local":  {local, adminIssuer + "/upstream/works/callback"},
	} {
		t.Run(name, func(t *testing.T) {
			ok := func(stdin string, args ...string) string {
				t.Helper()
				code, stdout, stderr := c.shell.run(stdin, append([]string{"provider"}, args...)...)
				if said += stdout + stderr; code != 0 {
					t.Fatalf("identity provider %s: exit %d\n%s", strings.Join(args, " "), code, stderr)
				}
				return stdout + stderr
			}
			out := ok(providerSecret+"\n", "add", "oidc", "--id", "works", "--name", "Works", "--provider-issuer", "https://works.example", "--client-id", "identity", "--secret-stdin")
			if !strings.Contains(out, "added works") || !strings.Contains(out, c.redirect) {
				t.Errorf("add: %s", out)
			}
			if out := ok("", "list", "--json"); !strings.Contains(out, `"id":"works"`) || !strings.Contains(out, `"kind":"oidc"`) || !strings.Contains(out, c.redirect) || strings.Contains(out, "sealed") {
				t.Errorf("list: %s", out)
			}
			ok("", "update", "works", "--secret-file", file, "--name", "Renamed", "--trust-email")
			if out := ok("", "show", "works"); !strings.Contains(out, "Renamed") || !strings.Contains(out, "trust_email              true") {
				t.Errorf("show: %s", out)
			}
			for _, f := range []struct {
				args []string
				code int
				says string
			}{
				{[]string{"add", "saml", "--client-id", "c"}, exitUsage, "there are apple, github"},
				{[]string{"add", "google", "--client-id", "c"}, exitUsage, "the client secret is missing"},
				{[]string{"add", "oidc", "--id", "works", "--provider-issuer", "http://works.example", "--client-id", "c", "--secret-file", file}, exitUsage, "provider.issuer has to be an https URL"},
				{[]string{"add", "oidc", "--id", "works", "--provider-issuer", "https://works.example", "--client-id", "c", "--secret-file", file}, exitConflict, "provider.id belongs to another provider"},
				{[]string{"update", "works", "--kind", "google"}, exitUsage, "unknown flag"},
				{[]string{"show", "nothing"}, exitNotFound, "try: identity provider list"},
				{[]string{"delete", "works"}, exitUsage, "repeat it with --yes"},
			} {
				code, stdout, stderr := c.shell.run("", append([]string{"provider"}, f.args...)...)
				if said += stdout + stderr; code != f.code || !strings.Contains(stderr, f.says) {
					t.Errorf("identity provider %s: exit %d, want %d with %q\n%s", strings.Join(f.args, " "), code, f.code, f.says, stderr)
				}
			}
			ok("", "delete", "works", "--yes")
			if out := ok("", "list", "--json"); strings.TrimSpace(out) != "[]" {
				t.Errorf("after the deletion: %s", out)
			}
			out = ok(providerSecret+"\n", "add", "github", "--client-id", "c", "--secret-stdin")
			if hidden := strings.Contains(out, "takes its place"); hidden != (name == "local") {
				t.Errorf("with one of the same id in the configuration: %s", out)
			}
		})
	}
	for _, secret := range []string{providerSecret, laterSecret} {
		if strings.Contains(said, secret) {
			t.Error("S5-06: a secret was printed")
		}
	}
	p, err := a.p.store.Providers.Get(t.Context(), storage.In("alpha"), "github")
	must(t, err)
	if plain, err := a.p.store.Providers.Secret(storage.In("alpha"), p); err != nil || plain != providerSecret {
		t.Errorf("stored is %q, %v", plain, err)
	}
}
