package main

import (
	"encoding/json"
	"net/http"

	"github.com/elloloop/identity/flows/passkey"
	"github.com/elloloop/identity/storage"
)

// relatedOrigins tells browsers which other origins may use the passkeys of this
// host (WebAuthn L3 §5.11). Where there are none the page is not there.
func relatedOrigins(projects func(*http.Request) (*storage.Project, error), absent http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p, err := projects(r)
		if err != nil || len(passkey.Related(p)) == 0 {
			absent(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "public, max-age=300")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		// The client is gone: nobody is left to tell.
		_ = json.NewEncoder(w).Encode(map[string][]string{"origins": passkey.Related(p)})
	}
}
