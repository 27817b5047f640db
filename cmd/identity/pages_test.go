package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestNoProject: where there is no project people get a page, as on its pages, and
// clients JSON, unless they say what they want.
func TestNoProject(t *testing.T) {
	a := administer(t)
	for _, row := range []struct {
		path, accept string
		page         bool
	}{
		{"/p/none/account", "", true}, {"/p/none/account/security", "*/*", true}, {"/p/none/interaction/x", "", true}, {"/p/none/authorize", "", true}, {"/p/none", "", true},
		{"/p/none/account", "application/json", false}, {"/p/none/account", "text/html,application/json", true},
		{"/p/none/oauth/token", "", false}, {"/p/none/.well-known/openid-configuration", "*/*", false}, {"/p/none/userinfo", "text/html", true},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, adminIssuer+row.path, nil)
		if row.accept != "" {
			r.Header.Set("Accept", row.accept)
		}
		w := httptest.NewRecorder()
		a.handler.ServeHTTP(w, r)
		if got := strings.HasPrefix(w.Header().Get("Content-Type"), "text/html"); w.Code != http.StatusNotFound || got != row.page {
			t.Errorf("%s, Accept %q: %d, a page: %v", row.path, row.accept, w.Code, got)
		}
	}
}
