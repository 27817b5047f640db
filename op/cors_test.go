package op

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/elloloop/identity/storage"
)

func TestCORSClients(t *testing.T) {
	b := newBench(t)
	b.project.AllowedOrigins = []string{"https://portal.example"}
	b.create(t, &storage.Client{ID: "spa", ApplicationType: "web", RedirectURIs: []string{"https://spa.example/cb", "http://localhost:5173/cb"}, WebOrigins: []string{"https://app.example:8443"}})
	b.create(t, &storage.Client{ID: "native", ApplicationType: "native", RedirectURIs: []string{"http://127.0.0.1/cb", "com.example.app:/cb"}})
	handler := b.op.corsClients(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest) // an error answer
	}))
	send := func(method, origin string) *http.Response {
		r := httptest.NewRequest(method, testIssuer+pathToken, nil)
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		if method == http.MethodOptions {
			r.Header.Set("Access-Control-Request-Method", "POST")
			r.Header.Set("Access-Control-Request-Headers", "authorization,dpop")
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Result()
	}
	for origin, want := range map[string]bool{
		"https://spa.example":             true,
		"https://app.example:8443":        true,
		"https://portal.example":          true,
		"http://localhost:5173":           true,
		"http://127.0.0.1:49152":          true,
		"http://localhost:5174":           false,
		"http://[::1]:49152":              false,
		"https://127.0.0.1:49152":         false,
		"http://127.0.0.1:*":              false,
		"http://127.0.0.1.evil.example:1": false,
		"http://127.0.0.1:49152/":         false,
		"https://spa.example:443":         false,
		"https://spa.example.evil":        false,
		"https://SPA.example":             false,
		"https://evil.spa.example":        false,
		"http://spa.example":              false,
		"https://u@spa.example":           false,
		"com.example.app:/":               false,
		"null":                            false,
		"*":                               false,
		"":                                false,
	} {
		t.Run("S2-15/"+origin, func(t *testing.T) {
			for _, method := range []string{http.MethodPost, http.MethodOptions} {
				res := send(method, origin)
				allowed := res.Header.Get("Access-Control-Allow-Origin")
				if want && allowed != origin || !want && allowed != "" {
					t.Errorf("%s: Access-Control-Allow-Origin %q, want allowed %v", method, allowed, want)
				}
				if res.Header.Get("Access-Control-Allow-Credentials") != "" {
					t.Errorf("%s: credentials are allowed", method)
				}
				if !slices.Contains(res.Header.Values("Vary"), "Origin") {
					t.Errorf("%s: Vary %q", method, res.Header.Values("Vary"))
				}
				if method == http.MethodOptions && res.StatusCode != http.StatusNoContent {
					t.Errorf("preflight: status %d", res.StatusCode)
				}
				if method == http.MethodOptions && want && res.Header.Get("Access-Control-Allow-Headers") != "Authorization, Content-Type, DPoP" {
					t.Errorf("preflight: headers %q", res.Header.Get("Access-Control-Allow-Headers"))
				}
				if method == http.MethodPost && want && res.Header.Get("Access-Control-Expose-Headers") == "" {
					t.Error("an error answer exposes no header")
				}
			}
		})
	}
	t.Run("S2-15/two-origins", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodPost, testIssuer+pathToken, nil)
		r.Header["Origin"] = []string{"https://spa.example", "https://evil.example"}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if got := w.Result().Header.Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("Access-Control-Allow-Origin %q", got)
		}
	})
}

func TestCORSPublic(t *testing.T) {
	handler := corsPublic(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	for method, status := range map[string]int{http.MethodGet: http.StatusTeapot, http.MethodOptions: http.StatusNoContent} {
		r := httptest.NewRequest(method, testIssuer+pathJWKS, nil)
		r.Header.Set("Origin", "https://anywhere.example")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		res := w.Result()
		if res.StatusCode != status || res.Header.Get("Access-Control-Allow-Origin") != "*" || res.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %d %v", method, res.StatusCode, res.Header)
		}
	}
}

func TestClientOrigins(t *testing.T) {
	for name, test := range map[string]struct {
		client *storage.Client
		want   []string
	}{
		"web": {
			&storage.Client{ApplicationType: "web", WebOrigins: []string{"https://b.example", "https://b.example/"}, RedirectURIs: []string{
				"https://RP.example:443/cb?x=1", "https://rp.example/other", "http://localhost:3000/cb", "http://127.0.0.1:80/cb", "https://*.example/",
			}},
			[]string{"http://127.0.0.1", "http://localhost:3000", "https://b.example", "https://rp.example"},
		},
		"native": {
			&storage.Client{ApplicationType: "native", RedirectURIs: []string{"http://127.0.0.1/cb", "http://[::1]:1/cb", "http://localhost:9/cb", "com.example.app:/cb"}},
			[]string{"http://127.0.0.1:*", "http://[::1]:*", "http://localhost:9"},
		},
		"any-localhost-port": {
			&storage.Client{ApplicationType: "web", InsecureAnyLocalhostPort: true, RedirectURIs: []string{"http://localhost:9/cb"}},
			[]string{"http://localhost:*"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, ClientOrigins(test.client)); diff != "" {
				t.Errorf("origins (-want +got):\n%s", diff)
			}
		})
	}
}
