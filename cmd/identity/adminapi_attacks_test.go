package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

// TestAdminRefusals are requests that are told what is wrong with them.
func TestAdminRefusals(t *testing.T) {
	a := callers(t)
	u := a.person("target", "alpha", "member", false)
	boss := a.person("boss", "alpha", "admin", false)
	a.credentialWriter()
	for _, tt := range []struct{ name, caller, method, body, code, says string }{
		{"unknown-field", "operator", "UserService/ListUsers", `{"project_id":"alpha","colour":"red"}`, "invalid_argument", "colour"},
		{"S5-10/page-size", "operator", "UserService/ListUsers", `{"project_id":"alpha","page_size":1000000000}`, "invalid_argument", "page_size"},
		{"S5-10/cursor", "operator", "UserService/ListUsers", `{"project_id":"alpha","page_token":"AAAA"}`, "invalid_argument", "page_token"},
		{"S5-10/order", "operator", "UserService/ListUsers", `{"project_id":"alpha","order_by":"password"}`, "invalid_argument", "order_by"},
		{"S5-10/mask", "operator", "UserService/UpdateUser", `{"project_id":"alpha","user":{"id":"` + u.ID + `"},"update_mask":"passwordHash"}`, "invalid_argument", "update_mask"},
		{"S5-10/mask-of-output", "operator", "UserService/UpdateUser", `{"project_id":"alpha","user":{"id":"` + u.ID + `"},"update_mask":"createdAt"}`, "invalid_argument", "update_mask"},
		{"project-missing", "operator", "UserService/ListUsers", `{}`, "invalid_argument", "project_id"},
		{"etag", "operator", "UserService/UpdateUser", `{"project_id":"alpha","user":{"id":"` + u.ID + `","etag":"\"9\""},"update_mask":"name"}`, "aborted", "etag"},
		{"hash", "operator", "UserService/SetUserPassword", `{"project_id":"alpha","user_id":"` + u.ID + `","password_hash":"secret-thing"}`, "invalid_argument", "password_hash"},
		{"weak-password", "operator", "UserService/SetUserPassword", `{"project_id":"alpha","user_id":"` + u.ID + `","password":"password"}`, "invalid_argument", "password"},
		{"S5-03/role", "user-writer", "UserService/UpdateUser", `{"project_id":"alpha","user":{"id":"` + u.ID + `","role":"USER_ROLE_ADMIN"},"update_mask":"role"}`, "permission_denied", "identity.admin"},
		{"S5-03/password-of-admin", "user-writer", "UserService/SetUserPassword", `{"project_id":"alpha","user_id":"` + boss.ID + `","password":"a fairly long password"}`, "permission_denied", "identity.admin"},
		{"S5-03/address-of-admin", "user-writer", "UserService/UpdateUser", `{"project_id":"alpha","user":{"id":"` + boss.ID + `","email":"mine@example.test"},"update_mask":"email"}`, "permission_denied", "identity.admin"},
		{"S5-03/new-admin", "user-writer", "UserService/CreateUser", `{"project_id":"alpha","user":{"email":"x@example.test","role":"USER_ROLE_ADMIN"}}`, "permission_denied", "identity.admin"},
		{"S5-03/platform-admin", "admin-of-alpha", "UserService/UpdateUser", `{"project_id":"alpha","user":{"id":"` + u.ID + `","platformAdmin":true},"update_mask":"platformAdmin"}`, "permission_denied", "identity.control"},
		{"S5-03/client-scope", "client-writer", "ClientService/CreateClient", `{"project_id":"alpha","client":{"clientName":"C","grantTypes":["client_credentials"],"scope":["identity.keys:write"]}}`, "permission_denied", "identity.keys:write"},
		{"S5-03/control-scope", "admin-of-alpha", "ClientService/CreateClient", `{"project_id":"alpha","client":{"clientName":"C","grantTypes":["client_credentials"],"scope":["identity.control"]}}`, "permission_denied", "identity.control"},
		{"S5-03/secret-of-a-stronger-client", "client-writer", "ClientService/RotateClientSecret", `{"project_id":"alpha","client_id":"strong"}`, "permission_denied", "identity.admin"},
		{"S5-03/keys-of-a-stronger-client", "client-writer", "ClientService/UpdateClient", `{"project_id":"alpha","client":{"id":"strong","jwks":{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"mine","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}},"update_mask":"jwks"}`, "permission_denied", "identity.admin"},
		{"S5-03/address-of-a-stronger-client", "client-writer", "ClientService/UpdateClient", `{"project_id":"alpha","client":{"id":"strong","webOrigins":["https://mine.example.test"]},"update_mask":"webOrigins"}`, "permission_denied", "identity.admin"},
		{"S5-03/name-of-a-stronger-client", "client-writer", "ClientService/UpdateClient", `{"project_id":"alpha","client":{"id":"strong","clientName":"Renamed"},"update_mask":"clientName"}`, "", "Renamed"},
		{"S5-03/project-status", "admin-of-alpha", "ProjectService/UpdateProject", `{"project":{"status":"PROJECT_STATUS_DISABLED"},"update_mask":"status"}`, "permission_denied", "identity.control"},
		{"project-key-differs", "operator", "UserService/ListUsers", `{"project_id":"beta"}`, "invalid_argument", "project_id"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var headers []string
			if tt.name == "project-key-differs" {
				headers = []string{"X-Project-Key", a.callers["publishable"]}
			}
			got := a.call(tt.caller, tt.method, []byte(tt.body), headers...)
			if got.Code != tt.code || !strings.Contains(got.body, tt.says) {
				t.Errorf("code %q, want %q with %q: %s", got.Code, tt.code, tt.says, got.body)
			}
			if strings.Contains(got.body, "secret-thing") {
				t.Errorf("the answer repeats a secret: %s", got.body)
			}
			if tt.code == "invalid_argument" && tt.name != "unknown-field" && !strings.Contains(got.body, "google.rpc.BadRequest") {
				t.Errorf("no detail names the field: %s", got.body)
			}
		})
	}
	// S3-21: no tenant has the mail domain of a setting, by the operator or by the first to sign in.
	org := &storage.Tenant{ID: storage.NewID(), Name: "Org"}
	must(t, a.p.store.Tenants.Create(t.Context(), storage.In("alpha"), org, u.ID))
	got := a.call("operator", "TenantService/AddTenantDomain", []byte(`{"project_id":"alpha","tenant_id":"`+org.ID+`","domain":"isp.test"}`))
	if got.Code != "invalid_argument" || !strings.Contains(got.body, "public mail domain") || !slices.Contains(a.p.engine.PublicMailDomains, "ISP.test") {
		t.Errorf("S3-21: %s, and the flows know of %v", got.body, a.p.engine.PublicMailDomains)
	}
	l, err := a.p.store.AuditEvents.List(t.Context(), storage.In("alpha"), storage.AuditFilter{Action: "admin.refused"}, storage.PageRequest{})
	must(t, err)
	if len(l.Items) < 9 {
		t.Errorf("S5-03: %d refusals were audited, want one for each", len(l.Items))
	}
}

// credentialWriter makes callers who may write one kind of thing, and a client
// that is stronger than they are.
func (a *administered) credentialWriter() {
	a.machine("user-writer", "alpha", adminIssuer+"/p/alpha/admin", "identity.users:write", "identity.users:read")
	a.machine("client-writer", "alpha", adminIssuer+"/p/alpha/admin", "identity.clients:write")
	a.machine("strong", "alpha", adminIssuer+"/p/alpha/admin", "identity.admin")
}

// TestAdminIdempotency repeats creations, one after the other and at once.
func TestAdminIdempotency(t *testing.T) {
	a := callers(t)
	body := []byte(`{"project_id":"alpha","idempotency_key":"k1","client":{"grantTypes":["client_credentials"],"clientName":"C"}}`)
	first := a.call("operator", "ClientService/CreateClient", body)
	if again := a.call("operator", "ClientService/CreateClient", body); first.Code != "" || again.body != first.body {
		t.Errorf("repeated: %s, first %s", again.body, first.body)
	}
	if !strings.Contains(first.body, "clientSecret") {
		t.Errorf("no secret: %s", first.body)
	}
	other := a.call("operator", "ClientService/CreateClient", []byte(strings.Replace(string(body), `"C"`, `"D"`, 1)))
	if other.Code != "already_exists" || !strings.Contains(other.body, "idempotency_key") {
		t.Errorf("another request with the key: %s", other.body)
	}
	user := []byte(`{"project_id":"alpha","idempotency_key":"k2","user":{"email":"once@example.test"}}`)
	ids := sync.Map{}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			got := a.call("operator", "UserService/CreateUser", user)
			ids.Store(got.body, true)
		})
	}
	wg.Wait()
	n := 0
	ids.Range(func(k, _ any) bool { n++; t.Log(k); return true })
	if n != 1 {
		t.Errorf("%d different answers to one request, want 1", n)
	}
}

// TestBootstrap makes the first platform administrator, raced (S5-09).
func TestBootstrap(t *testing.T) {
	a := callers(t)
	var made, closed atomic.Int32
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			got := a.call("operator", "ProjectService/BootstrapPlatformAdmin",
				fmt.Appendf(nil, `{"email":"root%d@example.test","password":"a fairly long password"}`, i))
			switch got.Code {
			case "":
				made.Add(1)
			case "failed_precondition":
				closed.Add(1)
			default:
				t.Errorf("S5-09: %s", got.body)
			}
		})
	}
	wg.Wait()
	if made.Load() != 1 || closed.Load() != 19 {
		t.Errorf("S5-09: %d made, %d refused", made.Load(), closed.Load())
	}
	if got := a.call("control", "ProjectService/BootstrapPlatformAdmin", []byte(`{"email":"late@example.test","password":"a fairly long password"}`)); got.Code != "failed_precondition" {
		t.Errorf("S5-09: later: %s", got.body)
	}
}

// TestAdminDomain proves a host by DNS, over the API.
func TestAdminDomain(t *testing.T) {
	a := callers(t)
	var claim adminv1.ClaimDomainResponse
	a.do("admin-of-alpha", "DomainService/ClaimDomain", &adminv1.ClaimDomainRequest{Host: "Login.Alpha.example"}, &claim)
	d := claim.GetDomain()
	verify := &adminv1.VerifyDomainRequest{DomainId: d.GetId()}
	if got := a.call("admin-of-alpha", "DomainService/VerifyDomain", []byte(`{"domainId":"`+d.GetId()+`"}`)); got.Code != "failed_precondition" {
		t.Fatalf("verified without a record: %s", got.body)
	}
	a.txt[d.GetTxtName()+"."] = []string{"v=spf1 -all", d.GetTxtValue()}
	var verified adminv1.VerifyDomainResponse
	a.do("admin-of-alpha", "DomainService/VerifyDomain", verify, &verified)
	if verified.GetDomain().GetStatus() != adminv1.DomainStatus_DOMAIN_STATUS_VERIFIED || verified.GetDomain().GetHost() != "login.alpha.example" {
		t.Errorf("verified: %v", verified.GetDomain())
	}
	a.do("admin-of-alpha", "DomainService/SetPrimaryDomain", &adminv1.SetPrimaryDomainRequest{DomainId: d.GetId()}, &adminv1.SetPrimaryDomainResponse{})
	var p adminv1.GetProjectResponse
	a.do("admin-of-alpha", "ProjectService/GetProject", &adminv1.GetProjectRequest{}, &p)
	if p.GetProject().GetIssuer() != "https://login.alpha.example" {
		t.Errorf("issuer %q", p.GetProject().GetIssuer())
	}
}

// TestAdminRoles: taking a role or an account away ends what a token could do.
func TestAdminRoles(t *testing.T) {
	a := callers(t)
	u := a.person("fallen", "alpha", "admin", false, "identity.admin")
	list := []byte(`{}`)
	if got := a.call("fallen", "UserService/ListUsers", list); got.Code != "" {
		t.Fatal(got.body)
	}
	a.do("operator", "UserService/UpdateUser", &adminv1.UpdateUserRequest{
		ProjectId: "alpha", User: &adminv1.User{Id: u.ID, Role: adminv1.UserRole_USER_ROLE_MEMBER}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"role"}},
	}, &adminv1.UpdateUserResponse{})
	if got := a.call("fallen", "UserService/ListUsers", list); got.Code != "permission_denied" {
		t.Errorf("S5-03: as a member: %s", got.body)
	}
	a.do("operator", "UserService/UpdateUser", &adminv1.UpdateUserRequest{
		ProjectId: "alpha", User: &adminv1.User{Id: u.ID, Status: adminv1.UserStatus_USER_STATUS_SUSPENDED}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"status"}},
	}, &adminv1.UpdateUserResponse{})
	if got := a.call("fallen", "UserService/ListUsers", list); got.Code != "unauthenticated" {
		t.Errorf("S5-03: suspended: %s", got.body)
	}
}
