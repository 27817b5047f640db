package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/elloloop/identity/admin"
	"github.com/elloloop/identity/cmd/identity/config"
	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

const (
	providerSecret = "the-first-secret-that-nobody-sees"
	laterSecret    = "the-second-secret-that-nobody-sees"
)

// works is a provider that can be stored.
func works(id string) *adminv1.Provider {
	return &adminv1.Provider{Id: id, Kind: "oidc", Name: "Works", ClientId: "identity", Issuer: "https://works.example"}
}

// overheard collects everything that leaves: answers, the log and the audit log.
type overheard struct {
	*administered
	all bytes.Buffer
}

// overhear serves the administration with these settings and a log.
func (a *administered) overhear(environ ...string) *overheard {
	a.t.Helper()
	out := &overheard{administered: a}
	c, err := config.Load(config.Input{Environ: append([]string{
		"GATEWAY_ISSUER=" + adminIssuer, "GATEWAY_REPO_DRIVER=memory", "GATEWAY_KEY_ENCRYPTION_KEYS=k1=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
	}, environ...)})
	must(a.t, err)
	cfg := adminConfig(c, a.p, nil, nil, slog.New(slog.NewJSONHandler(&out.all, &slog.HandlerOptions{Level: slog.LevelDebug})))
	cfg.Passwords, cfg.Tokens, cfg.Secret, cfg.Resolver, cfg.Limits = adminPasswords{}, a, adminSecret, a, admin.Limits{}
	a.p.admin, err = admin.New(cfg)
	must(a.t, err)
	a.handler = a.p.admin.Handler()
	return out
}

// asks calls ProviderService and keeps the answer.
func (o *overheard) asks(caller, method string, req proto.Message, res proto.Message) answer {
	o.t.Helper()
	got := o.callMessage(caller, "ProviderService/"+method, req)
	o.all.WriteString(got.body)
	if res != nil {
		if got.Code != "" {
			o.t.Fatalf("%s as %s: %s", method, caller, got.body)
		}
		must(o.t, protojson.Unmarshal([]byte(got.body), res))
	}
	return got
}

// TestAdminProviders is the life of a provider: by an administrator of its project,
// in it alone, with its secret sealed and seen by nobody.
func TestAdminProviders(t *testing.T) {
	a := callers(t)
	a.machine("provider-writer", "alpha", adminIssuer+"/p/alpha/admin", "identity.providers:read", "identity.providers:write")
	o := a.overhear()
	const who = "provider-writer"
	stored := func() *storage.Provider {
		t.Helper()
		p, err := a.p.store.Providers.Get(t.Context(), storage.In("alpha"), "works")
		must(t, err)
		return p
	}
	sealed := func() string {
		t.Helper()
		plain, err := a.p.store.Providers.Secret(storage.In("alpha"), stored())
		must(t, err)
		return plain
	}

	create := &adminv1.CreateProviderRequest{Provider: works("works"), ClientSecret: providerSecret, IdempotencyKey: "once"}
	var made adminv1.CreateProviderResponse
	first := o.asks(who, "CreateProvider", create, &made)
	p := made.GetProvider()
	if p.GetRedirectUri() != adminIssuer+"/p/alpha/upstream/works/callback" || !p.GetHasClientSecret() || p.GetHiddenByConfiguration() || p.TrustEmail == nil || p.GetTrustEmail() || p.GetEtag() == "" {
		t.Errorf("created: %v", p)
	}
	if sealed() != providerSecret || bytes.Contains(stored().Sealed, []byte(providerSecret)) {
		t.Error("S5-07: the secret is not sealed")
	}
	if again := o.asks(who, "CreateProvider", create, nil); again.body != first.body {
		t.Errorf("repeated: %s, first %s", again.body, first.body)
	}
	if got := o.asks(who, "CreateProvider", &adminv1.CreateProviderRequest{Provider: works("works"), ClientSecret: "other"}, nil); got.Code != "already_exists" || !strings.Contains(got.body, "provider.id") {
		t.Errorf("a second one of the id: %s", got.body)
	}
	var google adminv1.CreateProviderResponse
	o.asks(who, "CreateProvider", &adminv1.CreateProviderRequest{Provider: &adminv1.Provider{Kind: "google", ClientId: "c"}, ClientSecret: "s"}, &google)
	if google.GetProvider().GetId() != "google" || !google.GetProvider().GetTrustEmail() {
		t.Errorf("with what its kind says: %v", google.GetProvider())
	}
	var list adminv1.ListProvidersResponse
	o.asks(who, "ListProviders", &adminv1.ListProvidersRequest{PageSize: 1}, &list)
	if len(list.GetProviders()) != 1 || list.GetNextPageToken() == "" {
		t.Errorf("a page of one: %v", &list)
	}
	o.asks(who, "ListProviders", &adminv1.ListProvidersRequest{}, &list)
	if len(list.GetProviders()) != 2 || list.GetProviders()[0].GetId() != "works" || list.GetNextPageToken() != "" { // that of beta is not among them
		t.Errorf("listed: %v", &list)
	}
	if got := o.asks("secret-of-beta", "GetProvider", &adminv1.GetProviderRequest{ProviderId: "works"}, nil); got.Code != "not_found" {
		t.Errorf("another project sees it: %s", got.body)
	}

	change := func(m *adminv1.Provider, secret string, paths ...string) *adminv1.UpdateProviderRequest {
		m.Id = "works"
		return &adminv1.UpdateProviderRequest{Provider: m, ClientSecret: secret, UpdateMask: &fieldmaskpb.FieldMask{Paths: paths}}
	}
	var updated adminv1.UpdateProviderResponse
	o.asks(who, "UpdateProvider", change(&adminv1.Provider{Name: "The Works", Etag: p.GetEtag()}, "", "name"), &updated)
	if n := updated.GetProvider(); n.GetName() != "The Works" || n.GetClientId() != "identity" || n.GetEtag() == p.GetEtag() || sealed() != providerSecret {
		t.Errorf("after a new name: %v", n)
	}
	for name, req := range map[string]proto.Message{
		"UpdateProvider": change(&adminv1.Provider{Name: "Lost", Etag: p.GetEtag()}, "", "name"),
		"DeleteProvider": &adminv1.DeleteProviderRequest{ProviderId: "works", Etag: p.GetEtag()},
	} {
		if got := o.asks(who, name, req, nil); got.Code != "aborted" || stored().Name != "The Works" {
			t.Errorf("%s with an old etag: %s", name, got.body)
		}
	}
	o.asks(who, "UpdateProvider", change(&adminv1.Provider{}, laterSecret), &updated)
	if sealed() != laterSecret {
		t.Error("the new secret is not stored")
	}
	o.asks(who, "UpdateProvider", change(&adminv1.Provider{AuthMethod: "none"}, "", "auth_method"), &updated)
	if updated.GetProvider().GetHasClientSecret() || sealed() != "" {
		t.Error("a secret stays that is of no use")
	}
	if got := o.asks(who, "UpdateProvider", change(&adminv1.Provider{}, "", "auth_method"), nil); got.Code != "invalid_argument" || !strings.Contains(got.body, "client_secret") {
		t.Errorf("a client that authenticates without a secret: %s", got.body)
	}
	if got := o.asks(who, "UpdateProvider", change(&adminv1.Provider{Name: "x"}, ""), nil); got.Code != "invalid_argument" || !strings.Contains(got.body, "update_mask") {
		t.Errorf("a change of nothing: %s", got.body)
	}
	o.asks(who, "DeleteProvider", &adminv1.DeleteProviderRequest{ProviderId: "works"}, &adminv1.DeleteProviderResponse{})

	var events adminv1.ListAuditEventsResponse
	audit := a.callMessage("operator", "AuditService/ListAuditEvents", &adminv1.ListAuditEventsRequest{ProjectId: "alpha", Target: "works"})
	must(t, protojson.Unmarshal([]byte(audit.body), &events))
	var actions []string
	for _, e := range events.GetEvents() {
		actions = append(actions, strings.TrimSpace(e.GetAction()+" "+e.GetDetails()["fields"]))
		if e.GetActor() != "client:provider-writer" {
			t.Errorf("the event is %s's", e.GetActor())
		}
	}
	if want := "provider.created, provider.updated name, provider.updated client_secret, provider.updated auth_method has_client_secret, provider.deleted"; strings.Join(actions, ", ") != want {
		t.Errorf("events: %v", actions)
	}
	o.all.WriteString(audit.body)
	for _, secret := range []string{providerSecret, laterSecret} {
		if strings.Contains(o.all.String(), secret) {
			t.Errorf("S5-06: a secret left: %s", o.all.String())
		}
	}
}

// TestAdminProviderTrust: whose word opens the accounts of others is decided by who
// may do everything (S5-03).
func TestAdminProviderTrust(t *testing.T) {
	a := callers(t)
	a.machine("provider-writer", "alpha", adminIssuer+"/p/alpha/admin", "identity.providers:write")
	o := a.overhear()
	yes := true
	trusted, factors := works("trusted"), works("factors")
	trusted.TrustEmail, factors.TrustMfa = &yes, true
	a.identity("known")
	plain := &adminv1.CreateProviderRequest{Provider: works("works"), ClientSecret: "s"}
	o.asks("provider-writer", "CreateProvider", plain, &adminv1.CreateProviderResponse{})
	change := func(m *adminv1.Provider, path string) *adminv1.UpdateProviderRequest {
		m.Id = "works"
		return &adminv1.UpdateProviderRequest{Provider: m, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{path}}}
	}
	for name, c := range map[string]struct {
		method string
		req    proto.Message
	}{
		"new-trusted":     {"CreateProvider", &adminv1.CreateProviderRequest{Provider: trusted, ClientSecret: "s"}},
		"new-factors":     {"CreateProvider", &adminv1.CreateProviderRequest{Provider: factors, ClientSecret: "s"}},
		"new-with-people": {"CreateProvider", &adminv1.CreateProviderRequest{Provider: works("known"), ClientSecret: "s"}},
		"trusted":         {"UpdateProvider", change(&adminv1.Provider{TrustEmail: &yes}, "trust_email")},
		"factors":         {"UpdateProvider", change(&adminv1.Provider{TrustMfa: true}, "trust_mfa")},
		"discovery":       {"UpdateProvider", change(&adminv1.Provider{DiscoveryUrl: "https://evil.example/d"}, "discovery_url")},
		"token-endpoint":  {"UpdateProvider", change(&adminv1.Provider{TokenEndpoint: "https://evil.example/t"}, "token_endpoint")},
	} {
		t.Run("S5-03/"+name, func(t *testing.T) {
			if got := o.asks("provider-writer", c.method, c.req, nil); got.Code != "permission_denied" || !strings.Contains(got.body, "identity.admin") {
				t.Errorf("who may write providers alone: %s", got.body)
			}
			if got := o.asks("admin-of-alpha", c.method, c.req, nil); got.Code != "" {
				t.Errorf("who may do everything: %s", got.body)
			}
		})
	}
	l, err := a.p.store.AuditEvents.List(t.Context(), storage.In("alpha"), storage.AuditFilter{Action: "admin.refused"}, storage.PageRequest{})
	must(t, err)
	if len(l.Items) != 7 {
		t.Errorf("%d refusals were audited, want one for each", len(l.Items))
	}
}

// identity links somebody of alpha to a provider.
func (a *administered) identity(provider string) *storage.OAuthIdentity {
	a.t.Helper()
	u := a.person("linked-to-"+provider, "alpha", "member", false)
	i := &storage.OAuthIdentity{ID: storage.NewID(), Provider: provider, Issuer: "https://works.example", Subject: "u", UserID: u.ID, LastUsed: time.Now(), CreatedOrder: 1}
	must(a.t, a.p.store.Commit(a.t.Context(), storage.In("alpha"), a.p.store.OAuthIdentities.Add(i)))
	return i
}

// TestAdminProviderDeletion: a provider that anybody is linked to is not removed by
// the way, and takes no account with it (S3-15).
func TestAdminProviderDeletion(t *testing.T) {
	a := callers(t)
	o := a.overhear()
	o.asks("admin-of-alpha", "CreateProvider", &adminv1.CreateProviderRequest{Provider: works("works"), ClientSecret: "s"}, &adminv1.CreateProviderResponse{})
	i := a.identity("works")
	left := func() int {
		t.Helper()
		all, err := a.p.store.OAuthIdentities.OfUser(t.Context(), storage.In("alpha"), i.UserID)
		must(t, err)
		return len(all)
	}
	got := o.asks("admin-of-alpha", "DeleteProvider", &adminv1.DeleteProviderRequest{ProviderId: "works"}, nil)
	if got.Code != "failed_precondition" || !strings.Contains(got.body, "unlink has to be true") || left() != 1 {
		t.Errorf("without a word on the links: %s, %d left", got.body, left())
	}
	o.asks("admin-of-alpha", "DeleteProvider", &adminv1.DeleteProviderRequest{ProviderId: "works", Unlink: true}, &adminv1.DeleteProviderResponse{})
	if left() != 0 {
		t.Error("the links stay")
	}
	if u, err := a.p.store.Users.Get(t.Context(), storage.In("alpha"), i.UserID); err != nil || u.Status != storage.UserActive {
		t.Errorf("the account: %v, %v", u, err)
	}
}

// TestAdminProviderHidden: the configuration's provider takes the place of a stored
// one, which is told; the links belong to it, and stay with it.
func TestAdminProviderHidden(t *testing.T) {
	a := callers(t)
	o := a.overhear("GATEWAY_OAUTH_GOOGLE_CLIENT_ID=configured", "GATEWAY_OAUTH_GOOGLE_CLIENT_SECRET=s")
	google := &adminv1.Provider{Kind: "google", ClientId: "stored"}
	for project, hidden := range map[string]bool{"default": true, "alpha": false} {
		var made adminv1.CreateProviderResponse
		o.asks("operator", "CreateProvider", &adminv1.CreateProviderRequest{ProjectId: project, Provider: google, ClientSecret: "s"}, &made)
		var got adminv1.GetProviderResponse
		o.asks("operator", "GetProvider", &adminv1.GetProviderRequest{ProjectId: project, ProviderId: "google"}, &got)
		if made.GetProvider().GetHiddenByConfiguration() != hidden || got.GetProvider().GetHiddenByConfiguration() != hidden {
			t.Errorf("%s: %v, want hidden %v", project, got.GetProvider(), hidden)
		}
	}
	i := &storage.OAuthIdentity{ID: storage.NewID(), Provider: "google", Issuer: "https://accounts.google.com", Subject: "u", UserID: "u", CreatedOrder: 1}
	must(t, a.p.store.Commit(t.Context(), storage.In("default"), a.p.store.OAuthIdentities.Add(i)))
	o.asks("operator", "DeleteProvider", &adminv1.DeleteProviderRequest{ProjectId: "default", ProviderId: "google", Unlink: true}, &adminv1.DeleteProviderResponse{})
	if linked, err := a.p.store.Providers.Linked(t.Context(), storage.In("default"), "google"); err != nil || !linked {
		t.Errorf("the links to the configuration's provider are gone: %v", err)
	}
}

// TestAdminProviderFaults: what is wrong is told by its field; a project has no
// more providers than a page has room for.
func TestAdminProviderFaults(t *testing.T) {
	a := callers(t)
	o := a.overhear()
	bad := works("Works")
	bad.Issuer, bad.TeamId = "http://works.example", "TEAM123456"
	got := o.asks("operator", "CreateProvider", &adminv1.CreateProviderRequest{ProjectId: "alpha", Provider: bad}, nil)
	var details struct {
		Details []struct {
			Debug struct {
				FieldViolations []struct{ Field string }
			}
		}
	}
	must(t, json.Unmarshal([]byte(got.body), &details))
	var fields []string
	for _, v := range details.Details[0].Debug.FieldViolations {
		fields = append(fields, v.Field)
	}
	if got.Code != "invalid_argument" || strings.Join(fields, " ") != "provider.id provider.issuer provider.team_id client_secret" {
		t.Errorf("%v: %s", fields, got.body)
	}
	for i := range storage.MaxProviders {
		p := &storage.Provider{ID: "p" + string(rune('a'+i/26)) + string(rune('a'+i%26)), Kind: storage.ProviderGitHub, ClientID: "c", CreatedOrder: int64(i)}
		must(t, a.p.store.Providers.Add(t.Context(), storage.In("alpha"), p, "s"))
	}
	got = o.asks("operator", "CreateProvider", &adminv1.CreateProviderRequest{ProjectId: "alpha", Provider: works("works"), ClientSecret: "s"}, nil)
	if got.Code != "failed_precondition" || !strings.Contains(got.body, "50 at most") {
		t.Errorf("one too many: %s", got.body)
	}
}
