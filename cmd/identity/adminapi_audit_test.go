package main

import (
	"fmt"
	"slices"
	"testing"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
)

// TestAuditOfOperators: whoever administers a project sees what operators did to
// it, with what happened in it, and nothing of another project.
func TestAuditOfOperators(t *testing.T) {
	a := callers(t)
	for _, c := range []struct{ caller, method, body string }{
		{"operator", "DomainService/ClaimDomain", `{"project_id":"alpha","host":"id.alpha.example"}`},
		{"operator", "GroupService/CreateGroup", `{"project_id":"alpha","group":{"name":"team"}}`},
		{"operator", "DomainService/ClaimDomain", `{"project_id":"beta","host":"id.beta.example"}`},
		{"operator", "ProjectService/UpdateProject", `{"project_id":"alpha","project":{"signup_enabled":false},"update_mask":"signupEnabled"}`},
		{"operator", "ProjectService/CreateProjectCredential", `{"project_id":"alpha","kind":"PROJECT_CREDENTIAL_KIND_PUBLISHABLE","name":"web"}`},
	} {
		if got := a.call(c.caller, c.method, []byte(c.body)); got.Code != "" {
			t.Fatalf("%s: %s", c.method, got.body)
		}
	}
	want := []string{"domain.claimed", "group.created", "project.updated", "project_credential.created"}
	for _, caller := range []string{"admin-of-alpha", "operator"} {
		for _, size := range []int32{1, 2, 100} {
			var got []string
			for token, first := "", true; first || token != ""; first = false {
				res := &adminv1.ListAuditEventsResponse{}
				a.do(caller, "AuditService/ListAuditEvents", &adminv1.ListAuditEventsRequest{ProjectId: "alpha", PageSize: size, PageToken: token}, res)
				for _, e := range res.GetEvents() {
					if p := e.GetDetails()["project_id"]; p != "" && p != "alpha" {
						t.Errorf("%s sees an event of %s", caller, p)
					}
					if slices.Contains(want, e.GetAction()) {
						got = append(got, e.GetAction())
					}
				}
				token = res.GetNextPageToken()
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s in pages of %d: %v, want %v", caller, size, got, want)
			}
		}
	}
}
