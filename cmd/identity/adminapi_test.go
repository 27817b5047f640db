package main

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

// TestAdminUsers is the life of an account over plain JSON, with its audit events.
func TestAdminUsers(t *testing.T) {
	a := administer(t)
	var made adminv1.CreateUserResponse
	a.do("operator", "UserService/CreateUser", &adminv1.CreateUserRequest{
		ProjectId: "alpha", User: &adminv1.User{Email: "Jane@Example.test", Name: "Jane"},
		Credential: &adminv1.CreateUserRequest_Password{Password: "a fairly long password"},
	}, &made)
	u := made.GetUser()
	if u.GetId() == "" || u.GetEtag() == "" || u.GetRole() != adminv1.UserRole_USER_ROLE_MEMBER || u.GetStatus() != adminv1.UserStatus_USER_STATUS_ACTIVE {
		t.Fatalf("created: %v", u)
	}
	if _, err := a.p.store.PasswordCredentials.Get(t.Context(), storage.In("alpha"), u.GetId()); err != nil {
		t.Errorf("no password: %v", err)
	}
	var got adminv1.GetUserResponse
	a.do("operator", "UserService/GetUser", &adminv1.GetUserRequest{ProjectId: "alpha", Key: &adminv1.GetUserRequest_Email{Email: "jane@example.test"}}, &got)
	if got.GetUser().GetId() != u.GetId() {
		t.Errorf("found by its address: %v", got.GetUser())
	}
	var updated adminv1.UpdateUserResponse
	change := &adminv1.UpdateUserRequest{
		ProjectId: "alpha", User: &adminv1.User{Id: u.GetId(), GivenName: "Jane", Etag: u.GetEtag()},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"given_name"}},
	}
	a.do("operator", "UserService/UpdateUser", change, &updated)
	if updated.GetUser().GetGivenName() != "Jane" || updated.GetUser().GetName() != "Jane" || updated.GetUser().GetEtag() == u.GetEtag() {
		t.Errorf("updated: %v", updated.GetUser())
	}
	a.do("operator", "UserService/DeleteUser", &adminv1.DeleteUserRequest{ProjectId: "alpha", UserId: u.GetId()}, &adminv1.DeleteUserResponse{})
	var events adminv1.ListAuditEventsResponse
	a.do("operator", "AuditService/ListAuditEvents", &adminv1.ListAuditEventsRequest{ProjectId: "alpha", Target: u.GetId()}, &events)
	var actions []string
	for _, e := range events.GetEvents() {
		actions = append(actions, e.GetAction())
		if e.GetActor() != "operator" || e.GetRequestId() == "" || e.GetIp() == "" {
			t.Errorf("event without its origin: %v", e)
		}
	}
	if strings.Join(actions, " ") != "user.created user.updated user.deleted" {
		t.Errorf("events: %v", actions)
	}
}
