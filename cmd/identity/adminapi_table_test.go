package main

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

// row is one RPC of the table: a request that is well formed, without its
// project, and the code that a caller gets who is let in. Ids in capitals are
// those of what project beta holds: nobody reaches them through alpha.
type row struct{ request, code string }

// rows has one for every RPC there is: one without is a failure.
var rows = map[string]row{
	"ProjectService/CreateProject":           {`{"project":{"id":"default"}}`, "already_exists"},
	"ProjectService/GetProject":              {`{}`, ""},
	"ProjectService/ListProjects":            {`{}`, ""},
	"ProjectService/UpdateProject":           {`{"project":{"name":"A"},"updateMask":"name"}`, ""},
	"ProjectService/DeleteProject":           {`{"etag":"\"none\""}`, "aborted"},
	"ProjectService/CreateProjectCredential": {`{"kind":"PROJECT_CREDENTIAL_KIND_PUBLISHABLE","name":"web"}`, ""},
	"ProjectService/ListProjectCredentials":  {`{}`, ""},
	"ProjectService/RevokeProjectCredential": {`{"credentialId":"CREDENTIAL"}`, "not_found"},
	"ProjectService/GetProjectFiles":         {`{}`, ""},
	"ProjectService/ReplaceProjectFiles":     {`{"files":{"html/nothing.html":"eA=="}}`, "invalid_argument"},
	"ProjectService/BootstrapPlatformAdmin":  {`{"email":"not an address","password":"x"}`, "invalid_argument"},

	"DomainService/ClaimDomain":      {`{"host":"login.example.test"}`, ""},
	"DomainService/VerifyDomain":     {`{"domainId":"DOMAIN"}`, "not_found"},
	"DomainService/GetDomain":        {`{"domainId":"DOMAIN"}`, "not_found"},
	"DomainService/ListDomains":      {`{}`, ""},
	"DomainService/SetPrimaryDomain": {`{"domainId":"DOMAIN"}`, "not_found"},
	"DomainService/DeleteDomain":     {`{"domainId":"DOMAIN"}`, "not_found"},

	"TenantService/CreateTenant":       {`{"tenant":{"name":"T"},"ownerUserId":"USER"}`, "not_found"},
	"TenantService/GetTenant":          {`{"tenantId":"TENANT"}`, "not_found"},
	"TenantService/ListTenants":        {`{}`, ""},
	"TenantService/UpdateTenant":       {`{"tenant":{"id":"TENANT","name":"x"},"updateMask":"name"}`, "not_found"},
	"TenantService/DeleteTenant":       {`{"tenantId":"TENANT"}`, "not_found"},
	"TenantService/AddTenantDomain":    {`{"tenantId":"TENANT","domain":"corp.example"}`, "not_found"},
	"TenantService/VerifyTenantDomain": {`{"tenantId":"TENANT","domainId":"x"}`, "not_found"},
	"TenantService/RemoveTenantDomain": {`{"tenantId":"TENANT","domainId":"x"}`, "not_found"},
	"TenantService/ListTenantDomains":  {`{"tenantId":"TENANT"}`, "not_found"},
	"TenantService/SetTenantMember":    {`{"tenantId":"TENANT","userId":"USER","role":"TENANT_ROLE_OWNER"}`, "not_found"},
	"TenantService/RemoveTenantMember": {`{"tenantId":"TENANT","userId":"USER"}`, "not_found"},
	"TenantService/ListTenantMembers":  {`{"tenantId":"TENANT"}`, "not_found"},
	"TenantService/ListUserTenants":    {`{"userId":"USER"}`, "not_found"},

	"UserService/CreateUser":      {`{"user":{"name":"nobody"}}`, "invalid_argument"},
	"UserService/GetUser":         {`{"userId":"USER"}`, "not_found"},
	"UserService/ListUsers":       {`{}`, ""},
	"UserService/UpdateUser":      {`{"user":{"id":"USER","name":"x"},"updateMask":"name"}`, "not_found"},
	"UserService/DeleteUser":      {`{"userId":"USER"}`, "not_found"},
	"UserService/SetUserPassword": {`{"userId":"USER","password":"a fairly long password"}`, "not_found"},
	"UserService/ImportUsers":     {`{"users":[{"user":{"email":"imported@example.test"}}],"dryRun":true}`, ""},
	"UserService/LookupUsers":     {`{"emails":["of-beta@example.test"]}`, ""},

	"GroupService/CreateGroup":       {`{"group":{"name":""}}`, "invalid_argument"},
	"GroupService/GetGroup":          {`{"groupId":"GROUP"}`, "not_found"},
	"GroupService/ListGroups":        {`{}`, ""},
	"GroupService/UpdateGroup":       {`{"group":{"id":"GROUP","name":"x"},"updateMask":"name"}`, "not_found"},
	"GroupService/DeleteGroup":       {`{"groupId":"GROUP"}`, "not_found"},
	"GroupService/AddGroupMember":    {`{"groupId":"GROUP","userId":"USER"}`, "not_found"},
	"GroupService/RemoveGroupMember": {`{"groupId":"GROUP","userId":"USER"}`, "not_found"},
	"GroupService/ListGroupMembers":  {`{"groupId":"GROUP"}`, "not_found"},
	"GroupService/ListUserGroups":    {`{"userId":"USER"}`, "not_found"},
	"GroupService/AddSubgroup":       {`{"groupId":"GROUP","subgroupId":"GROUP"}`, "not_found"},
	"GroupService/RemoveSubgroup":    {`{"groupId":"GROUP","subgroupId":"GROUP"}`, "not_found"},
	"GroupService/ListSubgroups":     {`{"groupId":"GROUP"}`, "not_found"},

	"ClientService/CreateClient":       {`{"client":{"redirectUris":["http://plain.example.test/cb"]}}`, "invalid_argument"},
	"ClientService/GetClient":          {`{"clientId":"CLIENT"}`, "not_found"},
	"ClientService/ListClients":        {`{}`, ""},
	"ClientService/UpdateClient":       {`{"client":{"id":"CLIENT","clientName":"x"},"updateMask":"clientName"}`, "not_found"},
	"ClientService/RotateClientSecret": {`{"clientId":"CLIENT"}`, "not_found"},
	"ClientService/DeleteClient":       {`{"clientId":"CLIENT"}`, "not_found"},

	"SessionService/ListSessions":       {`{"userId":"USER"}`, "not_found"},
	"SessionService/GetSession":         {`{"sessionId":"SESSION"}`, "not_found"},
	"SessionService/RevokeSession":      {`{"sessionId":"SESSION"}`, "not_found"},
	"SessionService/RevokeUserSessions": {`{"userId":"USER"}`, "not_found"},

	"KeyService/ListKeys":   {`{}`, ""},
	"KeyService/RotateKeys": {`{"alg":"ES256"}`, "failed_precondition"},
	"KeyService/RevokeKey":  {`{"keyId":"KEY"}`, "not_found"},

	"InvitationService/CreateInvitation": {`{"invitation":{"email":"guest@example.test","tenantId":"TENANT"}}`, "not_found"},
	"InvitationService/ListInvitations":  {`{}`, ""},
	"InvitationService/RevokeInvitation": {`{"invitationId":"INVITATION"}`, "not_found"},

	"HelpService/ListHelpRequests":   {`{}`, ""},
	"HelpService/ResolveHelpRequest": {`{"helpRequestId":"HELP"}`, "not_found"},

	"ProviderService/CreateProvider": {`{"provider":{"kind":"oidc","clientId":"c"},"clientSecret":"s"}`, "invalid_argument"},
	"ProviderService/GetProvider":    {`{"providerId":"PROVIDER"}`, "not_found"},
	"ProviderService/ListProviders":  {`{}`, ""},
	"ProviderService/UpdateProvider": {`{"provider":{"id":"PROVIDER","name":"x"},"updateMask":"name"}`, "not_found"},
	"ProviderService/DeleteProvider": {`{"providerId":"PROVIDER"}`, "not_found"},

	"AuditService/ListAuditEvents":   {`{}`, ""},
	"AuditService/ListControlEvents": {`{}`, ""},
	"AuditService/VerifyAuditLog":    {`{}`, ""},
}

// rights says what a caller of the table may, by the name of the caller: which
// projects they see, and which scopes they have; "*" is every one.
var rights = map[string]struct{ projects, scopes []string }{
	"nobody":           {},
	"garbage":          {},
	"publishable":      {},
	"operator":         {[]string{"*"}, []string{"*"}},
	"control":          {[]string{"*"}, []string{"*"}},
	"control-readers":  {[]string{"*"}, []string{"identity.users:read"}},
	"platform-admin":   {[]string{"*"}, []string{"*"}},
	"secret-of-alpha":  {[]string{"alpha"}, []string{"*"}},
	"secret-of-beta":   {[]string{"beta"}, []string{"*"}},
	"directory":        {[]string{"alpha"}, []string{"identity.directory:read"}},
	"admin-of-alpha":   {[]string{"alpha"}, []string{"*"}},
	"narrow-admin":     {[]string{"alpha"}, []string{"identity.users:read"}},
	"member-of-alpha":  {[]string{"alpha"}, []string{}},
	"client-of-alpha":  {[]string{"alpha"}, []string{"identity.users:read", "identity.groups:read"}},
	"client-elsewhere": {},
}

func callers(t *testing.T) *administered {
	a := administer(t)
	a.credential("publishable", "alpha", storage.CredentialPublishable)
	a.credential("secret-of-alpha", "alpha", storage.CredentialSecret)
	a.credential("secret-of-beta", "beta", storage.CredentialSecret)
	a.credential("directory", "alpha", storage.CredentialDirectory)
	a.machine("control", "default", adminIssuer+"/admin", "identity.admin", "identity.control")
	a.machine("control-readers", "default", adminIssuer, "identity.users:read", "identity.control")
	a.machine("client-of-alpha", "alpha", adminIssuer+"/p/alpha/admin", "identity.users:read", "identity.groups:read", "identity.control")
	a.machine("client-elsewhere", "alpha", "https://api.example.test", "identity.admin") // its tokens are for another
	a.person("platform-admin", "default", "admin", true, "identity.admin", "identity.control")
	a.person("admin-of-alpha", "alpha", "admin", false, "openid", "identity.admin", "identity.control")
	a.person("narrow-admin", "alpha", "admin", false, "identity.users:read")
	a.person("member-of-alpha", "alpha", "member", false, "identity.admin", "identity.control")
	a.callers["garbage"] = "eyJhbGciOiJub25lIn0.e30."
	a.fillBeta()
	return a
}

// fillBeta puts one thing of each kind into project beta.
func (a *administered) fillBeta() {
	ctx, beta, store := a.t.Context(), storage.In("beta"), a.p.store
	u := a.person("of-beta", "beta", "member", false)
	g := &storage.WorkingGroup{ID: storage.NewID(), Name: "g", CreatedOrder: 1}
	must(a.t, store.WorkingGroups.Create(ctx, beta, g))
	tenant := &storage.Tenant{ID: storage.NewID(), Name: "t", CreatedOrder: 1}
	must(a.t, store.Tenants.Create(ctx, beta, tenant, u.ID))
	must(a.t, store.Clients.Create(ctx, beta, &storage.Client{ID: "client-of-beta", CreatedOrder: 1}, nil))
	session := &storage.Session{ID: storage.NewID(), UserID: u.ID, SecretHash: storage.DigestOf("s"), ExpiresAt: time.Now().Add(time.Hour), CreatedOrder: 1}
	must(a.t, store.Commit(ctx, beta, store.Sessions.Start(session)...))
	domain, err := store.ProjectDomains.Claim(ctx, "beta", "beta.example.test")
	must(a.t, err)
	credentials, err := store.ProjectCredentials.OfProject(ctx, "beta", storage.PageRequest{})
	must(a.t, err)
	must(a.t, a.p.keys.Ensure(ctx, a.project("beta")))
	keys, err := a.p.keys.List(ctx, a.project("beta"))
	must(a.t, err)
	invitation := &storage.UserInvitation{Email: "guest@beta.test", EmailKey: "guest@beta.test", Role: "member", EndsAt: time.Now().Add(time.Hour)}
	_, invited := store.UserInvitations.Issue(invitation)
	help := &storage.HelpRequest{Email: "guest@beta.test", Message: "help", CreatedOrder: time.Now().UnixMicro()}
	must(a.t, store.Commit(ctx, beta, append(invited, store.HelpRequests.Ask(help))...))
	elsewhere := &storage.Provider{ID: "works-of-beta", Kind: storage.ProviderOIDC, ClientID: "c", Issuer: "https://works.example", CreatedOrder: 1}
	must(a.t, store.Providers.Add(ctx, beta, elsewhere, "s"))
	a.ids = map[string]string{
		"USER": u.ID, "GROUP": g.ID, "TENANT": tenant.ID, "CLIENT": "client-of-beta", "SESSION": session.ID,
		"DOMAIN": domain.ID, "CREDENTIAL": credentials.Items[0].ID, "KEY": keys[0].KID, "INVITATION": invitation.ID, "HELP": help.ID,
		"PROVIDER": elsewhere.ID,
	}
	must(a.t, a.p.keys.Ensure(ctx, a.project("alpha")))
}

// procedures are all RPCs of the package, from the descriptors.
func procedures(t *testing.T) map[string]protoreflect.MethodDescriptor {
	all := map[string]protoreflect.MethodDescriptor{}
	protoregistry.GlobalFiles.RangeFilesByPackage("identity.admin.v1", func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			s := f.Services().Get(i)
			for j := range s.Methods().Len() {
				all[string(s.Name())+"/"+string(s.Methods().Get(j).Name())] = s.Methods().Get(j)
			}
		}
		return true
	})
	if len(all) < 60 {
		t.Fatalf("only %d RPCs found", len(all))
	}
	return all
}

// expected is the code that a caller gets for a project.
func expected(caller, project string, access *adminv1.Access, inProject bool, letIn string) string {
	r := rights[caller]
	has := slices.Contains(r.scopes, "*") || slices.Contains(r.scopes, access.GetScope())
	switch {
	case r.projects == nil:
		return "unauthenticated"
	case !has, access.GetControlPlane() && !slices.Contains(r.projects, "*"):
		return "permission_denied"
	case inProject && !slices.Contains(r.projects, "*") && !slices.Contains(r.projects, project):
		return "not_found"
	}
	return letIn
}

// TestAdminAuthorization is every RPC × every kind of caller × their own project,
// another one and one that does not exist (S5-01, S5-03).
func TestAdminAuthorization(t *testing.T) {
	a := callers(t)
	all := procedures(t)
	for name := range rows {
		if all[name] == nil {
			t.Errorf("%s: there is no such RPC", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		r, ok := rows[name]
		if !ok {
			t.Errorf("%s has no row in the table", name)
			continue
		}
		access, _ := proto.GetExtension(all[name].Options(), adminv1.E_Access).(*adminv1.Access)
		inProject := all[name].Input().Fields().ByName("project_id") != nil
		for caller := range rights {
			for _, project := range []string{"alpha", "nowhere"} {
				t.Run(fmt.Sprintf("S5-01/%s/%s/%s", name, caller, project), func(t *testing.T) {
					got := a.call(bearerOf(caller), name, a.request(t, all[name], r.request, project))
					want := expected(caller, project, access, inProject, r.code)
					if project == "nowhere" && inProject && want != "unauthenticated" && want != "permission_denied" {
						want = "not_found"
					}
					if got.Code != want {
						t.Fatalf("code %q, want %q: %s", got.Code, want, got.body)
					}
					check(t, a, got, name)
				})
			}
		}
	}
}

func bearerOf(caller string) string {
	if caller == "nobody" {
		return ""
	}
	return caller
}

// request fills in the project and the ids of beta, and checks that the row is a
// request of this RPC.
func (a *administered) request(t *testing.T, m protoreflect.MethodDescriptor, body, project string) []byte {
	t.Helper()
	for name, id := range a.ids {
		body = strings.ReplaceAll(body, `"`+name+`"`, `"`+id+`"`)
	}
	msg := dynamicpb.NewMessage(m.Input())
	if err := protojson.Unmarshal([]byte(body), msg); err != nil {
		t.Fatalf("the row is no %s: %v", m.Input().Name(), err)
	}
	if f := m.Input().Fields().ByName("project_id"); f != nil {
		msg.Set(f, protoreflect.ValueOfString(project))
	}
	out, err := protojson.Marshal(msg)
	must(t, err)
	return out
}

// check looks at how a refusal is told.
func check(t *testing.T, a *administered, got answer, name string) {
	t.Helper()
	challenge := got.header.Get("WWW-Authenticate")
	switch got.Code {
	case "unauthenticated":
		if got.status != http.StatusUnauthorized || !strings.HasPrefix(challenge, "Bearer") {
			t.Errorf("status %d, WWW-Authenticate %q", got.status, challenge)
		}
	case "permission_denied":
		if !strings.Contains(challenge, `error="insufficient_scope", scope="identity.`) || !strings.Contains(got.Message, "identity.") {
			t.Errorf("the scope is not named: %q, %q", challenge, got.Message)
		}
	case "not_found":
		if !strings.HasPrefix(got.Message, "there is no ") { // never a hint that it is somebody else's
			t.Errorf("%s betrays something: %s", name, got.body)
		}
	}
}
