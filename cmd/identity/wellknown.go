package main

import (
	"encoding/json"
	"net/http"

	"github.com/elloloop/identity/flows/account"
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
		wellKnown(w, map[string][]string{"origins": passkey.Related(p)})
	}
}

// passkeyEndpoints tells password managers where people add and manage their
// passkeys. Where passkeys are switched off the page is not there.
func passkeyEndpoints(projects func(*http.Request) (*storage.Project, error), absent http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p, err := projects(r)
		if err != nil || !p.SignIn.PasskeysEnabled {
			absent(w, r)
			return
		}
		wellKnown(w, map[string]string{"enroll": p.Issuer + account.PathPasskey, "manage": p.Issuer + account.PathSecurity})
	}
}

func wellKnown(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_ = json.NewEncoder(w).Encode(v) // the client is gone: nobody is left to tell
}
