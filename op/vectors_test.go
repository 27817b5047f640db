package op

import (
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/elloloop/identity/storage"
)

// The payload that the examples of RFC 7515 appendix A sign.
const payload7515 = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"

// TestVectorsOfSignatures: the examples of RFC 7515 are read as a client's request
// object is.
func TestVectorsOfSignatures(t *testing.T) {
	for _, tt := range []struct{ name, alg, key, header, signature string }{
		{"RFC7515-A.2", "RS256", `{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}`,
			"eyJhbGciOiJSUzI1NiJ9", "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"},
		{"RFC7515-A.3", "ES256", `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`,
			"eyJhbGciOiJFUzI1NiJ9", "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHarness(t)
			c := h.client("joe", func(c *storage.Client) { c.JWKS = json.RawMessage(`{"keys":[` + tt.key + `]}`) })
			a := &authorization{ctx: t.Context(), project: h.project, client: c}
			raw := tt.header + "." + payload7515 + "." + tt.signature
			header, err := readObjectHeader(raw)
			h.must(err)
			if header.Alg != tt.alg {
				t.Fatalf("alg %s", header.Alg)
			}
			h.must(h.op.proveRequestObject(a, raw, header))
			if err := h.op.proveRequestObject(a, strings.Replace(raw, "eyJpc3Mi", "eyJpc3Nj", 1), header); err == nil {
				t.Error("another payload has the same signature")
			}
			if _, err := h.op.openRequestObject(a, raw, ErrRequestNotSupported); err == nil || !strings.Contains(err.Error(), "has expired") {
				t.Errorf("the example, of 2011, is answered with %v", err)
			}
		})
	}
	t.Run("RFC7515-A.5", func(t *testing.T) { // unsecured: only where project and client say so
		h := newHarness(t)
		a := &authorization{ctx: t.Context(), project: h.project, client: &storage.Client{ID: "joe"}}
		raw := "eyJhbGciOiJub25lIn0." + payload7515 + "."
		if _, err := h.op.openRequestObject(a, raw, ErrRequestNotSupported); err == nil || !strings.Contains(err.Error(), "have to be signed") {
			t.Errorf("answered with %v", err)
		}
		h.project.InsecureUnsigned = true
		if _, err := h.op.openRequestObject(a, raw, ErrRequestNotSupported); err == nil || !strings.Contains(err.Error(), "has expired") {
			t.Errorf("where it is allowed, answered with %v", err)
		}
	})
}

// TestVectorsOfEncryption: RFC 7520 §5.5, opened as a request object to us is.
func TestVectorsOfEncryption(t *testing.T) {
	b := newBench(t)
	const kid = "meriadoc.brandybuck@buckland.example"
	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON([]byte(`{"kty":"EC","kid":"` + kid + `","use":"enc","crv":"P-256",
		"x":"Ze2loSV3wrroKUN_4zhwGhCqo3Xhu1td4QjeQ5wIVR0","y":"HlLtdXARY_f55A3fnzQbPcm6hgr34Mp8p-nuzQCE0Zw",
		"d":"r_kHyZ-a06rmxM3yESK84r1otSg-aQcVStkRhA-iCM8"}`)); err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(jwk.Key)
	if err != nil {
		t.Fatal(err)
	}
	row := &storage.SigningKey{ID: kid, Alg: "ECDH-ES", Status: storage.KeyActive, CreatedOrder: 1}
	b.store.SigningKeys.Seal(b.project.Scope(), row, pkcs8)
	if err := b.store.SigningKeys.Rotate(t.Context(), b.project.Scope(), []*storage.SigningKey{row}, nil); err != nil {
		t.Fatal(err)
	}
	const jwe = "eyJhbGciOiJFQ0RILUVTIiwia2lkIjoibWVyaWFkb2MuYnJhbmR5YnVja0BidWNrbGFuZC5leGFtcGxlIiwiZXBrIjp7Imt0eSI6IkVDIiwiY3J2IjoiUC0yNTYiLCJ4IjoibVBVS1RfYkFXR0hJaGcwVHBqanFWc1AxclhXUXVfdndWT0hIdE5rZFlvQSIsInkiOiI4QlFBc0ltR2VBUzQ2ZnlXdzVNaFlmR1RUMElqQnBGdzJTUzM0RHY0SXJzIn0sImVuYyI6IkExMjhDQkMtSFMyNTYifQ" +
		"..yc9N8v5sYyv3iGQT926IUg." +
		"BoDlwPnTypYq-ivjmQvAYJLb5Q6l-F3LIgQomlz87yW4OPKbWE1zSTEFjDfhU9IPIOSA9Bml4m7iDFwA-1ZXvHteLDtw4R1XRGMEsDIqAYtskTTmzmzNa-_q4F_evAPUmwlO-ZG45Mnq4uhM1fm_D9rBtWolqZSF3xGNNkpOMQKF1Cl8i8wjzRli7-IXgyirlKQsbhhqRzkv8IcY6aHl24j03C-AR2le1r7URUhArM79BY8soZU0lzwI-sD5PZ3l4NDCCei9XkoIAfsXJWmySPoeRb2Ni5UZL4mYpvKDiwmyzGd65KqVw7MsFfI_K767G9C9Azp73gKZD0DyUn1mn0WW5LmyX_yJ-3AROq8p1WZBfG-ZyJ6195_JGG2m9Csg" +
		".WCCkNa-x4BeB9hIDIfFuhg"
	plain, err := b.keys.decrypt(t.Context(), b.project, jwe)
	if err != nil || !strings.HasPrefix(plain, "You can trust us to stick with you through thick and thin") {
		t.Errorf("RFC7520-5.5: %q, %v", plain, err)
	}
}

// TestVectorsOfHashes: OIDC Core appendix A.4 and A.6, RFC 7638 §3.1.
func TestVectorsOfHashes(t *testing.T) {
	if got := leftHash("RS256", "Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk"); got != "LDktKdoQak3Pk0cnXxCltA" {
		t.Errorf("OIDC-Core-A.4: c_hash %s", got)
	}
	if got := leftHash("RS256", "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"); got != "77QmUPtjPfzWtF2AnpK9RQ" {
		t.Errorf("OIDC-Core-A.6: at_hash %s", got)
	}
	key, kid, err := readJWK(json.RawMessage(`{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`))
	if err != nil || kid != "2011-04-29" {
		t.Fatalf("RFC7638-3.1: kid %q, %v", kid, err)
	}
	sum, err := key.Thumbprint(crypto.SHA256)
	if err != nil || base64.RawURLEncoding.EncodeToString(sum) != "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" {
		t.Errorf("RFC7638-3.1: %x, %v", sum, err)
	}
}
