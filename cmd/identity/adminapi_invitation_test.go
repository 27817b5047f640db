package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

func (a *administered) visit(method, link string, form url.Values) *httptest.ResponseRecorder {
	req := httptest.NewRequestWithContext(a.t.Context(), method, link, strings.NewReader(form.Encode()))
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, req)
	return w
}

// TestAdminInvitations: who is invited gets an account by the link; the list says
// what became of each; what was accepted can't be taken back, and the other way
// round.
func TestAdminInvitations(t *testing.T) {
	a := administer(t)
	create := func(email, key string) *adminv1.CreateInvitationResponse {
		t.Helper()
		var res adminv1.CreateInvitationResponse
		a.do("operator", "InvitationService/CreateInvitation", &adminv1.CreateInvitationRequest{
			ProjectId: "alpha", Invitation: &adminv1.Invitation{Email: email, Role: adminv1.UserRole_USER_ROLE_GUEST}, IdempotencyKey: key,
		}, &res)
		return &res
	}
	jane := create("Jane@example.test", "once")
	if again := create("Jane@example.test", "once"); again.GetLink() != jane.GetLink() || jane.GetMailed() {
		t.Errorf("once more: %v, %v", again, jane)
	}
	link := jane.GetLink()
	if !strings.HasPrefix(link, adminIssuer+"/p/alpha/link/invite?token=") {
		t.Fatalf("link %q", link)
	}
	if w := a.visit(http.MethodGet, link, nil); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Jane@example.test") {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if w := a.visit(http.MethodPost, link, url.Values{"password": {"a fairly long password"}}); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	u, err := a.p.store.Users.ByEmail(t.Context(), storage.In("alpha"), "jane@example.test")
	if err != nil || u.Role != "guest" || !u.EmailVerified {
		t.Fatalf("%+v, %v", u, err)
	}
	bob := create("bob@example.test", "")
	a.do("operator", "InvitationService/RevokeInvitation", &adminv1.RevokeInvitationRequest{ProjectId: "alpha", InvitationId: bob.GetInvitation().GetId()}, &adminv1.RevokeInvitationResponse{})
	if w := a.visit(http.MethodPost, bob.GetLink(), url.Values{"password": {"a fairly long password"}}); w.Code != http.StatusGone || !strings.Contains(w.Body.String(), "taken back") {
		t.Errorf("revoked: %d %s", w.Code, w.Body)
	}
	var list adminv1.ListInvitationsResponse
	a.do("operator", "InvitationService/ListInvitations", &adminv1.ListInvitationsRequest{ProjectId: "alpha"}, &list)
	states := map[string]adminv1.InvitationState{}
	for _, i := range list.GetInvitations() {
		states[i.GetEmail()] = i.GetState()
	}
	if states["Jane@example.test"] != adminv1.InvitationState_INVITATION_STATE_ACCEPTED || states["bob@example.test"] != adminv1.InvitationState_INVITATION_STATE_REVOKED {
		t.Errorf("%v", states)
	}
	for name, tt := range map[string]struct{ method, body, code string }{
		"has an account": {"CreateInvitation", `{"projectId":"alpha","invitation":{"email":"jane@example.test"}}`, "already_exists"},
		"no address":     {"CreateInvitation", `{"projectId":"alpha","invitation":{"email":"jane"}}`, "invalid_argument"},
		"tenant role":    {"CreateInvitation", `{"projectId":"alpha","invitation":{"email":"x@example.test","tenantRole":"TENANT_ROLE_ADMIN"}}`, "invalid_argument"},
		"accepted":       {"RevokeInvitation", `{"projectId":"alpha","invitationId":"` + jane.GetInvitation().GetId() + `"}`, "failed_precondition"},
	} {
		if got := a.call("operator", "InvitationService/"+tt.method, []byte(tt.body)); got.Code != tt.code {
			t.Errorf("%s: %s", name, got.body)
		}
	}
	a.machine("user-writer", "alpha", adminIssuer+"/p/alpha/admin", "identity.users:write")
	got := a.call("user-writer", "InvitationService/CreateInvitation", []byte(`{"projectId":"alpha","invitation":{"email":"x@example.test","role":"USER_ROLE_ADMIN"}}`))
	if got.Code != "permission_denied" {
		t.Errorf("S5-03: who may write accounts invites an administrator: %s", got.body)
	}
	got = a.call("user-writer", "InvitationService/CreateInvitation", []byte(`{"projectId":"alpha","invitation":{"email":"x@example.test","tenantId":"any","tenantRole":"TENANT_ROLE_OWNER"}}`))
	if got.Code != "permission_denied" {
		t.Errorf("S5-03: who may write accounts invites into a tenant: %s", got.body)
	}
}
