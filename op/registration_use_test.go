package op

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/elloloop/identity/storage"
)

const day = 24 * time.Hour

// use signs in at a registered client and redeems the code.
func (h *harness) use(c map[string]any) int {
	h.t.Helper()
	h.signInAgain()
	_, q := location(h.t, h.get(pathAuthorize, authorizeQuery(c["client_id"].(string))))
	r := httptest.NewRequest(http.MethodPost, testIssuer+pathToken, strings.NewReader(codeForm(q.Get("code")).Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(c["client_id"].(string), c["client_secret"].(string))
	return h.send(r).StatusCode
}

func TestRegistrationUse(t *testing.T) {
	h := registrationHarness(t)
	h.project.RegistrationUnusedTTL = 30 * day
	stored := func(c map[string]any) *storage.Client {
		t.Helper()
		got, err := h.store.Clients.Get(t.Context(), h.project.Scope(), c["client_id"].(string))
		h.must(err)
		return got
	}
	used := h.register(document(nil))
	unused := h.register(document(map[string]any{"redirect_uris": []string{"https://unused.example.test/cb"}}))
	implicit := h.register(document(map[string]any{"response_types": []string{"id_token token"}}))
	for range 3 {
		h.clock.advance(20 * day)
		if status := h.use(used); status != http.StatusOK {
			t.Fatalf("S5-04/used-stays: %d after use every 20 days", status)
		}
		query := with(authorizeQuery(implicit["client_id"].(string)), url.Values{"response_type": {"id_token token"}, "code_challenge": nil, "code_challenge_method": nil})
		if at := h.get(pathAuthorize, query).Header.Get("Location"); !strings.Contains(at, "access_token=") {
			t.Fatalf("S5-04/used-through-the-browser-stays: %s", at)
		}
	}
	if res := h.get(pathAuthorize, authorizeQuery(unused["client_id"].(string))); res.StatusCode != http.StatusBadRequest {
		t.Errorf("S5-04/unused-goes: %d", res.StatusCode)
	}
	for origin, want := range map[string]bool{"https://rp.example.test": true, "https://unused.example.test": false} {
		has, err := h.store.Clients.HasOrigin(t.Context(), h.project.Scope(), origin)
		if err != nil || has != want {
			t.Errorf("S5-04/origins-go-too: %s %v %v", origin, has, err)
		}
	}
	t.Run("S5-04/one-write-a-day", func(t *testing.T) {
		h.clock.advance(2 * day)
		h.use(used)
		before := stored(used).Version
		h.clock.advance(day / 2)
		if h.use(used); stored(used).Version != before {
			t.Error("twice within a day, and twice it was written")
		}
		h.clock.advance(day)
		if h.use(used); stored(used).Version == before {
			t.Error("a day later it was not written")
		}
	})
	t.Run("S5-04/lost-race", func(t *testing.T) { // another process writes at the same time
		h.clock.advance(2 * day)
		h.signInAgain()
		_, err := h.op.clients.get(t.Context(), h.project, used["client_id"].(string))
		h.must(err)
		c := stored(used)
		h.must(h.store.Clients.Replace(t.Context(), h.project.Scope(), c, ClientOrigins(c)))
		if status := h.use(used); status != http.StatusOK {
			t.Errorf("%d", status)
		}
	})
	t.Run("S5-04/for-ever", func(t *testing.T) {
		h.project.RegistrationUnusedTTL = 0
		if h.use(used); !stored(used).ExpiresAt.IsZero() {
			t.Errorf("the operator lets them stay, and it ends %s", stored(used).ExpiresAt)
		}
	})
	t.Run("S5-04/static-client", func(t *testing.T) {
		h.project.RegistrationUnusedTTL = 30 * day
		h.client("rp", nil)
		h.tokens("rp", nil)
		c, err := h.store.Clients.Get(t.Context(), h.project.Scope(), "rp")
		if h.must(err); !c.ExpiresAt.IsZero() || c.Version != 1 {
			t.Errorf("an operator's client was changed: version %d, ends %s", c.Version, c.ExpiresAt)
		}
	})
}

// TestRegistrationKeepsPolicy: a client does not take back how its operator wants
// people to sign in to it.
func TestRegistrationKeepsPolicy(t *testing.T) {
	h := registrationHarness(t)
	reg := h.register(document(nil))
	c, err := h.store.Clients.Get(t.Context(), h.project.Scope(), reg["client_id"].(string))
	h.must(err)
	c.SignIn.SecondFactor = storage.SecondFactorRequired
	h.must(h.store.Clients.Replace(t.Context(), h.project.Scope(), c, ClientOrigins(c)))
	res := h.sendDocument(http.MethodPut, reg["registration_client_uri"].(string), reg["registration_access_token"].(string),
		document(map[string]any{"client_id": c.ID}))
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", res.StatusCode, text(t, res))
	}
	if c, err = h.store.Clients.Get(t.Context(), h.project.Scope(), c.ID); err != nil || c.SignIn.SecondFactor != storage.SecondFactorRequired {
		t.Errorf("S5-04: the policy is %+v, %v", c.SignIn, err)
	}
}

// TestForeignSector: the scheme of an application's own proves no host (OIDC Core
// §8.1).
func TestForeignSector(t *testing.T) {
	h := registrationHarness(t)
	res := h.sendDocument(http.MethodPost, testIssuer+pathRegister, "", document(map[string]any{
		"application_type": "native", "token_endpoint_auth_method": "none", "subject_type": "pairwise",
		"redirect_uris": []string{"com.example.evil://rp.example.test/cb"},
	}))
	if says := text(t, res); res.StatusCode != http.StatusBadRequest || !strings.Contains(says, "sector_identifier_uri") {
		t.Errorf("S5-04: %d %s", res.StatusCode, says)
	}
}

func TestCORSRegistration(t *testing.T) {
	h := registrationHarness(t)
	h.client("spa", func(c *storage.Client) { c.WebOrigins = []string{"https://spa.example.test"} })
	for mode, strangers := range map[storage.RegistrationMode]bool{
		storage.RegistrationOpen: true, storage.RegistrationToken: false, storage.RegistrationClosed: false, "": false,
	} {
		h.project.Registration = mode
		for origin, want := range map[string]bool{"https://stranger.example": strangers, "https://spa.example.test": true, "null": false, "https://A.example": false} {
			for _, at := range []string{pathRegister, pathRegister + "/some"} {
				r := httptest.NewRequest(http.MethodOptions, testIssuer+at, nil)
				r.Header.Set("Origin", origin)
				res := h.send(r)
				allowed := res.Header.Get("Access-Control-Allow-Origin")
				if (allowed == origin) != want || allowed != "" && !want || res.Header.Get("Access-Control-Allow-Credentials") != "" {
					t.Errorf("S2-15/register: %s from %s, registration %q: %q", at, origin, mode, allowed)
				}
			}
		}
		r := httptest.NewRequest(http.MethodOptions, testIssuer+pathToken, nil)
		r.Header.Set("Origin", "https://stranger.example")
		if got := h.send(r).Header.Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("S2-15/token: a stranger may call the token endpoint, registration %q", mode)
		}
	}
}

func TestAssertionIssuerOnly(t *testing.T) {
	p := testProject()
	at := time.Now()
	exp := float64(at.Add(time.Minute).Unix())
	for _, c := range []struct {
		only bool
		aud  audience
		good bool
	}{
		{false, audience{testIssuer}, true}, {false, audience{testIssuer + pathToken}, true},
		{true, audience{testIssuer}, true}, {true, audience{testIssuer + pathToken}, false}, {true, audience{testIssuer, testIssuer + pathToken}, false},
	} {
		p.AssertionIssuerOnly = c.only
		a := &clientAssertion{Audience: c.aud, Expires: &exp, ID: "one"}
		if _, err := a.checkClaims(p, at); (err == nil) != c.good {
			t.Errorf("S2-08/aud: issuer only %v, aud %v: %v", c.only, c.aud, err)
		}
	}
}

// TestRequestObjectRotatedKey: the client signs with a key that it published just
// now.
func TestRequestObjectRotatedKey(t *testing.T) {
	h := newHarness(t)
	no, s := false, &keyServer{life: time.Hour}
	h.op.fetch = s
	rsaKey, _ := clientTestKeys()
	s.publish(t, "old")
	h.client("rp", func(c *storage.Client) { c.JWKSURI, c.RequirePKCE = "https://rp.example.test/jwks", &no })
	object := requestObject(t, "RS256", "new", rsaKey, inner(), nil)
	ask := func() url.Values {
		_, q := location(t, h.get(pathAuthorize, outer("rp", object)))
		return q
	}
	if q := ask(); q.Get("error") != "invalid_request_object" {
		t.Errorf("signed with a key that is not published: %v", q)
	}
	body, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &rsaKey.PublicKey, KeyID: "new"}}})
	h.must(err)
	s.body = body
	h.clock.advance(clientKeysRetry)
	if q := ask(); q.Get("code") == "" {
		t.Errorf("OIDC-Core-10.1.1: the new key is not fetched: %v", q)
	}
	s.body = nil
	h.clock.advance(2 * clientKeysMost)
	if q := ask(); q.Get("error") != "invalid_request_object" {
		t.Errorf("its keys can't be had: %v", q)
	}
}

// FuzzJWKS: what is accepted of a key document is public keys that can be used,
// each with a kid of its own.
func FuzzJWKS(f *testing.F) {
	f.Add([]byte(clientJWKS(f)))
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AAAA"},{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"AA"}]}`))
	f.Add([]byte(`{"keys":[null,[],{"kty":"RSA","n":"","e":""}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		keys, faults := readJWKS(raw)
		seen := map[string]bool{}
		for _, k := range keys {
			if !k.Valid() || !k.IsPublic() || len(k.KeyID) > 255 {
				t.Fatalf("%q made a key that can't be used: %q", raw, k.KeyID)
			}
			if seen[k.KeyID] {
				t.Fatalf("%q made two keys with the kid %q", raw, k.KeyID)
			}
			seen[k.KeyID] = true
		}
		if len(keys) > maxClientKeys || len(keys) == 0 && len(faults) == 0 {
			t.Fatalf("%q: %d keys, %d faults", raw, len(keys), len(faults))
		}
	})
}
