package op

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/elloloop/identity/storage"
)

// TestGroupsAndRoles: by their scopes, or by name, and to nobody else.
func TestGroupsAndRoles(t *testing.T) {
	h := newHarness(t)
	h.client("rp", nil)
	h.client("id", func(c *storage.Client) { c.IDTokenClaims = true })
	ctx, scope := t.Context(), h.project.Scope()
	group := func(name string) string {
		g := &storage.WorkingGroup{ID: storage.NewID(), Name: name}
		h.must(h.store.WorkingGroups.Create(ctx, scope, g))
		return g.ID
	}
	staff, all := group("Staff"), group("Everybody")
	h.must(h.store.GroupMembers.Add(ctx, scope, staff, h.user.ID))
	h.must(h.store.Subgroups.Add(ctx, scope, all, staff))
	group("Others")
	u, err := h.store.Users.Get(ctx, scope, h.user.ID)
	h.must(err)
	u.Role = "admin"
	h.must(h.store.Commit(ctx, scope, h.store.Users.Replace(u)))
	want := []any{"Staff", "Everybody"}
	info := func(client string, change url.Values) map[string]any {
		return object(t, h.send(userinfoRequest(h.tokens(client, change)["access_token"].(string))))
	}
	got := info("rp", url.Values{"scope": {"openid groups roles"}})
	if diff := cmp.Diff(map[string]any{"sub": h.user.ID, "groups": want, "roles": []any{"admin"}}, got); diff != "" {
		t.Errorf("by scope (-want +got):\n%s", diff)
	}
	if got := info("rp", url.Values{"scope": {"openid profile"}}); got["groups"] != nil || got["roles"] != nil {
		t.Errorf("without their scopes: %v", got)
	}
	got = info("rp", url.Values{"scope": {"openid"}, "claims": {`{"userinfo":{"groups":null}}`}})
	if diff := cmp.Diff(map[string]any{"sub": h.user.ID, "groups": want}, got); diff != "" {
		t.Errorf("by name (-want +got):\n%s", diff)
	}
	claims := claimsOf(t, h.tokens("id", url.Values{"scope": {"openid groups"}})["id_token"])
	if diff := cmp.Diff(want, claims["groups"]); diff != "" {
		t.Errorf("ID token (-want +got):\n%s", diff)
	}
	t.Run("S6-12/many-groups", func(t *testing.T) {
		for i := range maxGroupsClaim {
			h.must(h.store.GroupMembers.Add(ctx, scope, group(fmt.Sprint("Group ", i)), h.user.ID))
		}
		if groups := info("rp", url.Values{"scope": {"openid groups"}})["groups"].([]any); len(groups) != maxGroupsClaim {
			t.Errorf("%d groups", len(groups))
		}
	})
}
