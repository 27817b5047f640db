package op

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// directory is an issuer of software statements that the operator trusts.
type directory struct {
	t   testing.TB
	key *ecdsa.PrivateKey
}

const directoryName = "https://directory.example.test"

func newDirectory(t testing.TB) directory {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return directory{t, key}
}

// file is what the operator writes down of it.
func (d directory) file(name string) []byte {
	d.t.Helper()
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &d.key.PublicKey, KeyID: "one", Algorithm: "ES256", Use: "sig"}}}
	raw, err := json.Marshal(map[string]any{name: set})
	if err != nil {
		d.t.Fatal(err)
	}
	return raw
}

func (d directory) statement(claims map[string]any) string {
	d.t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: d.key, KeyID: "one"}}, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	all := map[string]any{"iss": directoryName}
	maps.Copy(all, claims)
	payload, err := json.Marshal(all)
	if err != nil {
		d.t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		d.t.Fatal(err)
	}
	raw, err := jws.CompactSerialize()
	if err != nil {
		d.t.Fatal(err)
	}
	return raw
}

func statementHarness(t testing.TB) (*harness, directory) {
	t.Helper()
	h, d := registrationHarness(t), newDirectory(t)
	trusted, err := ReadSoftwareStatements(d.file(directoryName))
	h.must(err)
	h.op.statements = trusted
	return h, d
}

// TestSoftwareStatement: what a trusted statement says takes the place of the members
// beside it, and it comes back as it was sent.
func TestSoftwareStatement(t *testing.T) {
	h, d := statementHarness(t)
	signed := d.statement(map[string]any{
		"software_id": "4NRB1", "client_name": "Approved", "redirect_uris": []string{"https://approved.example.test/cb"},
		"first_party": true, "client_id": "chosen", "client_secret": "chosen",
	})
	got := h.register(document(map[string]any{"software_statement": signed, "client_name": "Evil", "software_id": "other"}))
	t.Run("RFC7591-3.1.1/precedence", func(t *testing.T) {
		if got["client_name"] != "Approved" || got["software_id"] != "4NRB1" || got["redirect_uris"].([]any)[0] != "https://approved.example.test/cb" {
			t.Errorf("%v", got)
		}
	})
	t.Run("RFC7591-3.2.1/unmodified", func(t *testing.T) {
		read := object(t, h.sendDocument(http.MethodGet, got["registration_client_uri"].(string), got["registration_access_token"].(string), nil))
		if got["software_statement"] != signed || read["software_statement"] != signed {
			t.Errorf("%v, read %v", got["software_statement"], read["software_statement"])
		}
	})
	t.Run("RFC7591-2.3/nobody-is-made-more", func(t *testing.T) {
		c, err := h.store.Clients.Get(t.Context(), h.project.Scope(), got["client_id"].(string))
		h.must(err)
		if c.FirstParty || c.ID == "chosen" || got["client_secret"] == "chosen" {
			t.Errorf("%+v", c)
		}
	})
	t.Run("RFC7592-2.2/update", func(t *testing.T) {
		uri, token := got["registration_client_uri"].(string), got["registration_access_token"].(string)
		update := document(map[string]any{"client_id": got["client_id"], "client_name": "Evil"})
		if e := object(t, h.sendDocument(http.MethodPut, uri, token, update)); e["error"] != "invalid_client_metadata" {
			t.Fatalf("without the statement: %v", e)
		}
		update["software_statement"] = signed
		if again := object(t, h.sendDocument(http.MethodPut, uri, token, update)); again["client_name"] != "Approved" || again["software_statement"] != signed {
			t.Errorf("with it: %v", again)
		}
	})
	t.Run("RFC7591-2.3/none", func(t *testing.T) {
		if got := h.register(document(nil)); got["client_name"] != "RP" || got["software_statement"] != nil {
			t.Errorf("%v", got)
		}
	})
}

func TestSoftwareStatementRefused(t *testing.T) {
	h, d := statementHarness(t)
	now := h.clock.now().Unix()
	good := strings.Split(d.statement(map[string]any{"client_name": "Approved"}), ".")
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + good[1] + "."
	secret := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256"}`)) + "." + good[1] + "." + good[2]
	for name, c := range map[string]struct {
		statement any
		code      string
	}{
		"RFC7591-3.2.2/issuer-not-trusted": {d.statement(map[string]any{"iss": "https://other.example.test"}), "unapproved_software_statement"},
		"RFC7591-3.2.2/no-issuer":          {d.statement(map[string]any{"iss": ""}), "unapproved_software_statement"},
		"RFC7591-3.2.2/other-key":          {newDirectory(t).statement(nil), "invalid_software_statement"},
		"RFC7591-3.2.2/changed":            {good[0] + "." + strings.Split(d.statement(map[string]any{"client_name": "Evil"}), ".")[1] + "." + good[2], "invalid_software_statement"},
		"S2-16/none":                       {unsigned, "invalid_software_statement"},
		"S2-16/HS256":                      {secret, "invalid_software_statement"},
		"RFC7591-3.2.2/expired":            {d.statement(map[string]any{"exp": now - 3600}), "invalid_software_statement"},
		"RFC7591-3.2.2/not-yet":            {d.statement(map[string]any{"nbf": now + 3600}), "invalid_software_statement"},
		"RFC7591-3.2.2/iat-ahead":          {d.statement(map[string]any{"iat": now + 3600}), "invalid_software_statement"},
		"RFC7591-3.2.2/no-JWT":             {"statement", "invalid_software_statement"},
		"RFC7591-3.2.2/number":             {7, "invalid_software_statement"},
		"S2-10/five-parts":                 {strings.Join(append(good, "", ""), "."), "invalid_software_statement"},
		"S2-10/large":                      {d.statement(map[string]any{"client_name": strings.Repeat("x", maxSoftwareStatement)}), "invalid_software_statement"},
		"RFC7591-3.2.2/claims-checked":     {d.statement(map[string]any{"redirect_uris": []string{"https://rp.example.test/cb#x"}}), "invalid_redirect_uri"},
	} {
		t.Run(name, func(t *testing.T) {
			res := h.sendDocument(http.MethodPost, pathRegister, "", document(map[string]any{"software_statement": c.statement}))
			if got := object(t, res); res.StatusCode != http.StatusBadRequest || got["error"] != c.code {
				t.Errorf("%d %v, want %s", res.StatusCode, got, c.code)
			}
		})
	}
}

func TestReadSoftwareStatements(t *testing.T) {
	d := newDirectory(t)
	for name, raw := range map[string]string{
		"nothing": "", "list": "[]", "empty": "{}", "no-keys": `{"https://directory.example.test":{"keys":[]}}`,
		"a-JWKS-alone": `{"keys":[]}`, "symmetric": `{"https://directory.example.test":{"keys":[{"kty":"oct","k":"AA"}]}}`, "no-name": string(d.file("")),
	} {
		if got, err := ReadSoftwareStatements([]byte(raw)); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}
