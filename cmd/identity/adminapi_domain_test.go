package main

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/elloloop/identity/admin"
	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/storage"
)

// assume serves the administration of a deployment that asks for no proof of
// hosts, or does.
func (a *administered) assume(yes bool) {
	a.t.Helper()
	c := &config.Config{}
	c.Server.RequireVerifiedAuthDomain = !yes
	cfg := adminConfig(c, a.p, nil, nil, slog.New(slog.DiscardHandler))
	cfg.Passwords, cfg.Tokens, cfg.Secret, cfg.Resolver = adminPasswords{}, a, adminSecret, a
	var err error
	a.p.admin, err = admin.New(cfg)
	must(a.t, err)
	a.p.assumeDomains = yes
	a.handler = a.p.admin.Handler()
}

// TestDomainsWithoutProof: where no proof is asked for, a host that was claimed
// makes the issuer, as long as it is so. Nobody takes another project's.
func TestDomainsWithoutProof(t *testing.T) {
	a := administer(t)
	call := func(method, project, more string) answer {
		return a.call("operator", "DomainService/"+method, []byte(`{"project_id":"`+project+`"`+more+`}`))
	}
	claim := func(project, host string) string {
		t.Helper()
		got := call("ClaimDomain", project, `,"host":"`+host+`"`)
		var res struct{ Domain struct{ ID string } }
		must(t, json.Unmarshal([]byte(got.body), &res))
		return `,"domain_id":"` + res.Domain.ID + `"`
	}
	issuer := func() string {
		t.Helper()
		a.p.finder.Invalidate(storage.Notice{All: true})
		p, err := a.p.finder.ByID(t.Context(), "alpha")
		must(t, err)
		return p.Issuer
	}
	alpha, beta := claim("alpha", "id.alpha.example"), claim("beta", "id.alpha.example")
	if got := call("SetPrimaryDomain", "alpha", alpha); got.Code != "failed_precondition" {
		t.Fatalf("without a proof: %s", got.body)
	}
	a.assume(true)
	if got := call("SetPrimaryDomain", "alpha", alpha); got.Code != "" || strings.Contains(got.body, "VERIFIED") || !strings.Contains(got.body, `"primary":true`) {
		t.Fatalf("no proof is asked for: %s", got.body)
	}
	if got := call("SetPrimaryDomain", "beta", beta); got.Code != "already_exists" {
		t.Errorf("another project takes the host: %s", got.body)
	}
	if got := issuer(); got != "https://id.alpha.example" {
		t.Errorf("the issuer is %s", got)
	}
	if id, err := a.p.Domain(t.Context(), "id.alpha.example"); err != nil || id != "alpha" {
		t.Errorf("the host is %s's, %v", id, err)
	}
	a.assume(false) // the deployment wants proofs from now on
	if got := issuer(); got != adminIssuer+"/p/alpha" {
		t.Errorf("a host without a proof makes the issuer %s", got)
	}
	if _, err := a.p.Domain(t.Context(), "id.alpha.example"); err == nil {
		t.Error("a host without a proof leads to the project")
	}
	if got := call("VerifyDomain", "alpha", alpha); got.Code != "failed_precondition" {
		t.Errorf("proven by nothing: %s", got.body)
	}
	domains, err := a.p.store.ProjectDomains.OfProject(t.Context(), "alpha", storage.PageRequest{})
	must(t, err)
	a.txt["_identity-challenge.id.alpha.example."] = []string{domains.Items[0].Challenge}
	if got := call("VerifyDomain", "alpha", alpha); got.Code != "" || !strings.Contains(got.body, "VERIFIED") {
		t.Fatalf("the proof: %s", got.body)
	}
	if got := issuer(); got != "https://id.alpha.example" {
		t.Errorf("the proven host makes the issuer %s", got)
	}
}
