package op

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
)

// documents is what URLs of clients hold.
type documents map[string]string

func (d documents) Fetch(_ context.Context, url string, limit int64) ([]byte, error) {
	body, there := d[url]
	if !there || int64(len(body)) > limit {
		return nil, errors.New("dial tcp 10.1.2.3:443: no")
	}
	return []byte(body), nil
}

func registrationHarness(t testing.TB) *harness {
	h := newHarness(t)
	h.project.Registration, h.project.FrontChannel = storage.RegistrationOpen, true
	h.op.fetch = documents{
		"https://rp.example.test/sector.json": `["https://rp.example.test/cb","https://other.example.test/cb"]`,
		"https://rp.example.test/object.json": `{"redirect_uris":[]}`,
	}
	return h
}

// sendDocument sends a document to the registration endpoint, or to a client's own URL.
func (h *harness) sendDocument(method, url, token string, document any) *http.Response {
	h.t.Helper()
	body, ok := document.(string)
	if !ok && document != nil {
		b, err := json.Marshal(document)
		h.must(err)
		body = string(b)
	}
	r := httptest.NewRequest(method, url, bytes.NewBufferString(body))
	if document != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.mux.ServeHTTP(w, r)
	return w.Result()
}

func (h *harness) register(document any) map[string]any {
	h.t.Helper()
	res := h.sendDocument(http.MethodPost, testIssuer+pathRegister, "", document)
	if res.StatusCode != http.StatusCreated || res.Header.Get("Content-Type") != "application/json" || res.Header.Get("Cache-Control") != "no-store" {
		h.t.Fatalf("%d %v %s", res.StatusCode, res.Header, text(h.t, res))
	}
	return object(h.t, res)
}

func document(change map[string]any) map[string]any {
	d := map[string]any{"client_name": "RP", "redirect_uris": []string{testRedirect}}
	for k, v := range change {
		d[k] = v
	}
	return d
}

func TestRegistration(t *testing.T) {
	h := registrationHarness(t)
	t.Run("RFC7591-3.2.1/defaults", func(t *testing.T) {
		got := h.register(document(map[string]any{"contacts": []string{"a@example.test"}, "first_party": true, "something_new": 7, "logo_uri": nil}))
		for name, want := range map[string]any{
			"token_endpoint_auth_method": "client_secret_basic", "application_type": "web", "id_token_signed_response_alg": "RS256",
			"subject_type": "public", "client_name": "RP", "client_secret_expires_at": 0.0,
			"grant_types": []any{"authorization_code"}, "response_types": []any{"code"}, "redirect_uris": []any{testRedirect}, "contacts": []any{"a@example.test"},
			"registration_client_uri": testIssuer + pathRegister + "/" + fmt.Sprint(got["client_id"]),
			"scope":                   "openid profile email address phone offline_access groups roles",
		} {
			if fmt.Sprint(got[name]) != fmt.Sprint(want) {
				t.Errorf("%s is %v, not %v", name, got[name], want)
			}
		}
		for _, name := range []string{"client_id", "client_secret", "registration_access_token", "client_id_issued_at"} {
			if got[name] == nil || got[name] == "" {
				t.Errorf("%s is missing", name)
			}
		}
		for _, name := range []string{"first_party", "something_new", "logo_uri", "secrets", "registration_token_hash", "dynamic", "created"} {
			if _, there := got[name]; there {
				t.Errorf("%s is told: %v", name, got[name])
			}
		}
		c, err := h.store.Clients.Get(t.Context(), h.project.Scope(), got["client_id"].(string))
		h.must(err)
		if c.FirstParty || !c.Dynamic {
			t.Errorf("stored %+v", c)
		}
	})
	t.Run("used", func(t *testing.T) { // and it is known at once
		h.project.RequirePKCE = false
		defer func() { h.project.RequirePKCE = true }()
		got := h.register(document(nil))
		code := h.code(got["client_id"].(string), nil)
		form := codeForm(code)
		r := httptest.NewRequest(http.MethodPost, testIssuer+pathToken, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth(got["client_id"].(string), got["client_secret"].(string))
		w := httptest.NewRecorder()
		h.mux.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
	t.Run("RFC7591-2.1/grants-of-responses", func(t *testing.T) {
		got := h.register(document(map[string]any{"response_types": []string{"code id_token", "id_token"}}))
		if fmt.Sprint(got["grant_types"]) != "[authorization_code implicit]" {
			t.Errorf("%v", got["grant_types"])
		}
	})
	t.Run("public", func(t *testing.T) {
		got := h.register(document(map[string]any{"token_endpoint_auth_method": "none"}))
		if got["client_secret"] != nil || got["client_secret_expires_at"] != nil {
			t.Errorf("%v", got)
		}
	})
	t.Run("RFC7591-2.3/software_statement", func(t *testing.T) {
		got := h.register(document(map[string]any{"software_statement": "eyJhbGciOiJub25lIn0.eyJjbGllbnRfbmFtZSI6IkV2aWwifQ.", "software_id": "4NRB1"}))
		if got["client_name"] != "RP" || got["software_statement"] != nil || got["software_id"] != "4NRB1" {
			t.Errorf("%v", got)
		}
	})
	t.Run("OIDC-Core-8.1/sector", func(t *testing.T) {
		got := h.register(document(map[string]any{"subject_type": "pairwise", "sector_identifier_uri": "https://rp.example.test/sector.json"}))
		if got["sector_identifier_uri"] != "https://rp.example.test/sector.json" {
			t.Errorf("%v", got)
		}
	})
	t.Run("OIDC-Core-4/initiate_login_uri", func(t *testing.T) {
		got := h.register(document(map[string]any{"initiate_login_uri": "https://rp.example.test/login"}))
		read := object(t, h.sendDocument(http.MethodGet, got["registration_client_uri"].(string), got["registration_access_token"].(string), nil))
		for _, m := range []map[string]any{got, read} {
			if m["initiate_login_uri"] != "https://rp.example.test/login" {
				t.Errorf("%v", m)
			}
		}
	})
}

func TestRegistrationFaults(t *testing.T) {
	h := registrationHarness(t)
	rsa1024 := `{"keys":[{"kty":"RSA","kid":"weak","e":"AQAB","n":"` + strings.Repeat("t", 170) + `"}]}`
	for name, c := range map[string]struct {
		change any
		code   string
		field  string
	}{
		"RFC7591-3.2.2/not-an-object":       {"[]", "invalid_client_metadata", "JSON object"},
		"RFC7591-3.2.2/not-JSON":            {"{", "invalid_client_metadata", "JSON object"},
		"RFC7591-3.2.2/null":                {"null", "invalid_client_metadata", "JSON object"},
		"RFC7591-3.2.2/no-redirect_uris":    {map[string]any{"redirect_uris": []string{}}, "invalid_redirect_uri", "redirect_uris"},
		"RFC7591-3.2.2/fragment":            {map[string]any{"redirect_uris": []string{"https://rp.example.test/cb#frag"}}, "invalid_redirect_uri", "redirect_uris[0]"},
		"RFC7591-3.2.2/wildcard":            {map[string]any{"redirect_uris": []string{"https://*.example.test/cb"}}, "invalid_redirect_uri", "redirect_uris[0]"},
		"RFC7591-3.2.2/http":                {map[string]any{"redirect_uris": []string{"http://rp.example.test/cb"}}, "invalid_redirect_uri", "redirect_uris[0]"},
		"RFC7591-3.2.2/string-not-array":    {map[string]any{"redirect_uris": "https://rp.example.test/cb"}, "invalid_redirect_uri", "redirect_uris has the wrong type: string where an array of strings"},
		"RFC7591-3.2.2/number-in-array":     {map[string]any{"contacts": []int{1}}, "invalid_client_metadata", "contacts has the wrong type"},
		"RFC7591-3.2.2/scope-array":         {map[string]any{"scope": []string{"openid"}}, "invalid_client_metadata", "scope"},
		"RFC7591-2/auth-method":             {map[string]any{"token_endpoint_auth_method": "tls_client_auth"}, "invalid_client_metadata", "token_endpoint_auth_method"},
		"RFC7591-2/grant_types":             {map[string]any{"grant_types": []string{"password"}}, "invalid_client_metadata", "grant_types"},
		"RFC7591-2/response_types":          {map[string]any{"response_types": []string{"magic"}}, "invalid_client_metadata", "response_types"},
		"RFC7591-2.1/grant-without-type":    {map[string]any{"grant_types": []string{"implicit"}, "response_types": []string{"code"}}, "invalid_client_metadata", "response_types"},
		"RFC7591-2/jwks-and-jwks_uri":       {map[string]any{"jwks": map[string]any{"keys": []any{}}, "jwks_uri": "https://rp.example.test/jwks"}, "invalid_client_metadata", "jwks"},
		"RFC7591-2/jwks_uri-http":           {map[string]any{"jwks_uri": "http://rp.example.test/jwks"}, "invalid_client_metadata", "jwks_uri"},
		"S2-11/weak-key":                    {map[string]any{"jwks": json.RawMessage(rsa1024)}, "invalid_client_metadata", "'weak'"},
		"S1-11/logo-javascript":             {map[string]any{"logo_uri": "javascript:alert(1)"}, "invalid_client_metadata", "logo_uri"},
		"S1-11/logo-data":                   {map[string]any{"logo_uri": "data:text/html,x"}, "invalid_client_metadata", "logo_uri"},
		"OIDC-Core-4/initiate_login_uri":    {map[string]any{"initiate_login_uri": "http://rp.example.test/login"}, "invalid_client_metadata", "initiate_login_uri"},
		"OIDC-Core-8.1/sector-not-there":    {map[string]any{"sector_identifier_uri": "https://inner.example.test/x"}, "invalid_client_metadata", "sector_identifier_uri cannot be fetched"},
		"OIDC-Core-8.1/sector-not-an-array": {map[string]any{"sector_identifier_uri": "https://rp.example.test/object.json"}, "invalid_client_metadata", "sector_identifier_uri does not hold"},
		"OIDC-Core-8.1/sector-lacks-one":    {map[string]any{"sector_identifier_uri": "https://rp.example.test/sector.json", "redirect_uris": []string{testRedirect, "https://rp.example.test/no"}}, "invalid_client_metadata", "redirect_uris[1]"},
		"OIDC-Core-8.1/sector-http":         {map[string]any{"sector_identifier_uri": "http://rp.example.test/sector.json"}, "invalid_client_metadata", "sector_identifier_uri"},
		"S5-04/client_credentials":          {map[string]any{"grant_types": []string{"client_credentials"}, "response_types": []string{}}, "invalid_client_metadata", "client_credentials"},
		"S5-04/none-unsigned":               {map[string]any{"id_token_signed_response_alg": "none"}, "invalid_client_metadata", "id_token_signed_response_alg"},
		"S5-04/too-many-uris":               {map[string]any{"request_uris": strings.Split(strings.Repeat("https://rp.example.test/x ", 200), " ")}, "invalid_client_metadata", "request_uris"},
		"S5-04/long-name":                   {map[string]any{"client_name": strings.Repeat("x", 300)}, "invalid_client_metadata", "client_name"},
		"S5-04/long-software_id":            {map[string]any{"software_id": strings.Repeat("x", 300)}, "invalid_client_metadata", "software_id"},
	} {
		t.Run(name, func(t *testing.T) {
			d := c.change
			if change, ok := d.(map[string]any); ok {
				d = document(change)
			}
			res := h.sendDocument(http.MethodPost, testIssuer+pathRegister, "", d)
			got := object(t, res)
			if res.StatusCode != http.StatusBadRequest || got["error"] != c.code || !strings.Contains(fmt.Sprint(got["error_description"]), c.field) {
				t.Errorf("%d %v", res.StatusCode, got)
			}
			if strings.Contains(fmt.Sprint(got), "10.1.2.3") {
				t.Errorf("the answer tells of our network: %v", got)
			}
		})
	}
	t.Run("S5-04/huge", func(t *testing.T) {
		res := h.sendDocument(http.MethodPost, testIssuer+pathRegister, "", document(map[string]any{"client_name": strings.Repeat("x", maxRegistration)}))
		if res.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%d", res.StatusCode)
		}
	})
	t.Run("RFC7591-3.1/content-type", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodPost, testIssuer+pathRegister, strings.NewReader(`{}`))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		h.mux.ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest {
			t.Errorf("%d", w.Code)
		}
	})
}

func TestRegistrationMode(t *testing.T) {
	h := registrationHarness(t)
	url := testIssuer + pathRegister
	for _, mode := range []storage.RegistrationMode{"", storage.RegistrationClosed} {
		h.project.Registration = mode
		if res := h.sendDocument(http.MethodPost, url, "", document(nil)); res.StatusCode != http.StatusForbidden {
			t.Errorf("S5-04 closed: %d", res.StatusCode)
		}
		if m := h.op.metadataOf(h.project); m.RegistrationEndpoint != "" {
			t.Errorf("closed, and discovery has %q", m.RegistrationEndpoint)
		}
	}
	h.project.Registration = storage.RegistrationToken
	if m := h.op.metadataOf(h.project); m.RegistrationEndpoint != url {
		t.Errorf("discovery has %q", m.RegistrationEndpoint)
	}
	issue := func(it storage.InitialAccessToken) string {
		s, err := h.store.InitialAccessTokens.Issue(t.Context(), h.project.Scope(), &it)
		h.must(err)
		return s
	}
	once, many := issue(storage.InitialAccessToken{Once: true}), issue(storage.InitialAccessToken{ExpiresAt: h.clock.now().Add(time.Hour)})
	for i, c := range []struct {
		token  string
		status int
	}{
		{"", http.StatusUnauthorized}, {"wrong", http.StatusUnauthorized},
		{once, http.StatusCreated}, {once, http.StatusUnauthorized},
		{many, http.StatusCreated}, {many, http.StatusCreated},
	} {
		res := h.sendDocument(http.MethodPost, url, c.token, document(map[string]any{"grant_types": []string{"authorization_code", "client_credentials"}}))
		if res.StatusCode != c.status {
			t.Errorf("S5-04 token %d: %d %s", i, res.StatusCode, text(t, res))
		}
		if c.status == http.StatusUnauthorized && !strings.HasPrefix(res.Header.Get("WWW-Authenticate"), "Bearer ") {
			t.Errorf("no challenge: %v", res.Header)
		}
	}
	h.clock.advance(2 * time.Hour)
	if res := h.sendDocument(http.MethodPost, url, many, document(nil)); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("S5-04 expired token: %d", res.StatusCode)
	}
}

func TestRegistrationFlood(t *testing.T) {
	h := registrationHarness(t)
	h.project.RateLimitRegistration = 3
	for i := range 5 {
		res := h.sendDocument(http.MethodPost, testIssuer+pathRegister, "", document(nil))
		if limited := i >= 3; limited != (res.StatusCode == http.StatusTooManyRequests) || limited && res.Header.Get("Retry-After") == "" {
			t.Errorf("S5-04 registration %d: %d", i, res.StatusCode)
		}
	}
}

func TestRegistrationManagement(t *testing.T) {
	h := registrationHarness(t)
	one, two := h.register(document(nil)), h.register(document(nil))
	url, token := one["registration_client_uri"].(string), one["registration_access_token"].(string)
	other := two["registration_access_token"].(string)
	id := one["client_id"].(string)

	for name, c := range map[string]struct{ url, token string }{
		"RFC7592-2.1/no-token": {url, ""}, "S5-04/token-of-another-client": {url, other},
		"RFC7592-2.1/no-such-client": {testIssuer + pathRegister + "/nobody", token}, "S5-04/empty": {url, " "},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
			t.Run(name+"/"+method, func(t *testing.T) {
				res := h.sendDocument(method, c.url, c.token, document(map[string]any{"client_id": id}))
				if res.StatusCode != http.StatusUnauthorized || res.Header.Get("WWW-Authenticate") == "" {
					t.Errorf("%d %s", res.StatusCode, text(t, res))
				}
			})
		}
	}
	t.Run("RFC7592-2.1/read", func(t *testing.T) {
		res := h.sendDocument(http.MethodGet, url, token, nil)
		got := object(t, res)
		if res.StatusCode != http.StatusOK || got["registration_access_token"] != token || got["client_id"] != id || got["client_name"] != "RP" {
			t.Errorf("%d %v", res.StatusCode, got)
		}
	})
	t.Run("static-client", func(t *testing.T) { // an operator's client has no token, not even an empty one
		h.client("static", nil)
		if res := h.sendDocument(http.MethodGet, testIssuer+pathRegister+"/static", token, nil); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%d", res.StatusCode)
		}
	})
	for name, change := range map[string]map[string]any{
		"RFC7592-2.2/no-client_id":      {},
		"RFC7592-2.2/other-client_id":   {"client_id": two["client_id"]},
		"RFC7592-2.2/with-token":        {"client_id": id, "registration_access_token": token},
		"RFC7592-2.2/with-issued_at":    {"client_id": id, "client_id_issued_at": 1},
		"RFC7592-2.2/other-secret":      {"client_id": id, "client_secret": two["client_secret"]},
		"RFC7592-2.2/bad-redirect-uris": {"client_id": id, "redirect_uris": []string{"https://rp.example.test/#x"}},
	} {
		t.Run(name, func(t *testing.T) {
			if res := h.sendDocument(http.MethodPut, url, token, document(change)); res.StatusCode != http.StatusBadRequest {
				t.Errorf("%d %s", res.StatusCode, text(t, res))
			}
		})
	}
	t.Run("RFC7592-2.2/update", func(t *testing.T) {
		res := h.sendDocument(http.MethodPut, url, token, document(map[string]any{
			"client_id": id, "client_secret": one["client_secret"], "client_name": "New", "redirect_uris": []string{"https://new.example.test/cb"},
		}))
		got := object(t, res)
		if res.StatusCode != http.StatusOK || got["client_name"] != "New" || fmt.Sprint(got["redirect_uris"]) != "[https://new.example.test/cb]" {
			t.Fatalf("%d %v", res.StatusCode, got)
		}
		fresh, _ := got["registration_access_token"].(string)
		if fresh == token || fresh == "" {
			t.Errorf("the token was not rotated")
		}
		if res := h.sendDocument(http.MethodGet, url, token, nil); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("the old token still reads: %d", res.StatusCode)
		}
		token = fresh
		c, err := h.op.clients.get(t.Context(), h.project, id)
		h.must(err)
		if c.Name != "New" || !anySecret(c.Secrets, []string{one["client_secret"].(string)}, h.clock.now()) {
			t.Errorf("after the update: %+v", c)
		}
	})
	t.Run("RFC7592-2.3/delete", func(t *testing.T) {
		if res := h.sendDocument(http.MethodDelete, url, token, nil); res.StatusCode != http.StatusNoContent {
			t.Fatalf("%d %s", res.StatusCode, text(t, res))
		}
		if _, err := h.op.clients.get(t.Context(), h.project, id); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("the client is still known: %v", err)
		}
		if res := h.sendDocument(http.MethodGet, url, token, nil); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%d", res.StatusCode)
		}
	})
}

// FuzzRegistration: whatever is sent, what is registered passes the checks and
// nobody becomes more than a dynamic client.
func FuzzRegistration(f *testing.F) {
	h, d := statementHarness(f)
	proven := d.statement(map[string]any{"client_name": "Approved", "first_party": true})
	f.Add(`{"redirect_uris":["https://rp.example.test/cb"]}`)
	f.Add(`{"redirect_uris":["https://rp.example.test/cb"],"software_statement":"` + proven + `"}`)
	f.Add(`{"redirect_uris":["https://rp.example.test/cb"],"first_party":true,"Secrets":[{}],"scope":"a b openid"}`)
	f.Add(`{"response_types":["id_token token"],"grant_types":null,"jwks":{"keys":[{"kty":"oct"}]}}`)
	f.Fuzz(func(t *testing.T, body string) {
		reg, err := h.op.readRegistration([]byte(body))
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Status >= 500 {
				t.Fatalf("%v", err)
			}
			return
		}
		c := &reg.client
		if c.SoftwareStatement != "" && c.SoftwareStatement != proven {
			t.Fatalf("%q is believed", c.SoftwareStatement)
		}
		if c.FirstParty || c.Dynamic || len(c.Secrets) > 0 || c.Disabled || c.ID != "" || len(c.Audience) > 0 || c.InsecureAnyLocalhostPort {
			t.Fatalf("%q made %+v", body, c)
		}
		c.ID = "x"
		_ = h.op.giveSecret(h.project, c)
		if len(ValidateClientFor(h.project, c)) > 0 {
			return
		}
		if _, err := registrationResponse(h.project, c, "", "t"); err != nil {
			t.Fatalf("%q: %v", body, err)
		}
	})
}
