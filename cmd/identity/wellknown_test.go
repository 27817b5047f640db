package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/elloloop/identity/storage"
)

func TestRelatedOrigins(t *testing.T) {
	p := &storage.Project{}
	h := relatedOrigins(func(*http.Request) (*storage.Project, error) { return p, nil }, http.NotFound)
	get := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h(w, httptest.NewRequest(http.MethodGet, "/.well-known/webauthn", nil))
		return w
	}
	if w := get(); w.Code != http.StatusNotFound {
		t.Errorf("without any: %d", w.Code)
	}
	p.SignIn.PasskeyRelated = []string{"https://shop.example", "https://shop.example.org"}
	w := get()
	if body := strings.TrimSpace(w.Body.String()); body != `{"origins":["https://shop.example","https://shop.example.org"]}` || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%s %q", body, w.Header().Get("Content-Type"))
	}
}

func TestPasskeyEndpoints(t *testing.T) {
	p := &storage.Project{Issuer: "https://id.example/p/shop"}
	h := passkeyEndpoints(func(*http.Request) (*storage.Project, error) { return p, nil }, http.NotFound)
	get := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h(w, httptest.NewRequest(http.MethodGet, "/.well-known/passkey-endpoints", nil))
		return w
	}
	if w := get(); w.Code != http.StatusNotFound {
		t.Errorf("without passkeys: %d", w.Code)
	}
	p.SignIn.PasskeysEnabled = true
	if body := strings.TrimSpace(get().Body.String()); body != `{"enroll":"https://id.example/p/shop/account/passkey","manage":"https://id.example/p/shop/account/security"}` {
		t.Error(body)
	}
}
