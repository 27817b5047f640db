package inbox_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/elloloop/identity/cmd/identity/inbox"
)

// TestEmpty: programs that wait for a letter read a list from the start.
func TestEmpty(t *testing.T) {
	r, w := chi.NewRouter(), httptest.NewRecorder()
	inbox.New(nil).Mount(r)
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/dev/inbox", nil)
	req.Header.Set("Accept", "application/json")
	r.ServeHTTP(w, req)
	if got := w.Body.String(); got != "{\"messages\":[]}\n" {
		t.Errorf("got %q", got)
	}
}
