package conformance

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func oidccServer(t *testing.T, w *world) {
	b := member(t, w)
	r := w.request(w.web)
	code := b.code(r)
	if len(code)*6 < 128 {
		t.Errorf("a code of %d characters has less than 128 bits", len(code))
	}
	first := b.redeem(r, code)
	header, _ := w.jwt(t, first.id)
	if header.Algorithm != "RS256" {
		t.Errorf("the ID token is signed with %s, the default is RS256", header.Algorithm)
	}
	a := w.userinfo(t, first.access)
	a.want(t, http.StatusOK)
	if a.str("sub") != first.sub() {
		t.Errorf("userinfo: sub is %q, the ID token's is %q", a.str("sub"), first.sub())
	}
	if first.sub() != w.alice.sub {
		t.Errorf("sub is %q, `user add` said %q", first.sub(), w.alice.sub)
	}
	second := b.tokens(w.other) // a second client, signed in already
	if second.sub() != first.sub() {
		t.Errorf("another client sees the subject %q, want %q", second.sub(), first.sub())
	}
}

func oidccClientSecretPost(t *testing.T, w *world) {
	if got := member(t, w).tokens(w.other); got.sub() != w.alice.sub {
		t.Errorf("sub is %q", got.sub())
	}
}

func oidccResponseTypeMissing(t *testing.T, w *world) {
	b := member(t, w)
	b.refused(w.request(w.web, "response_type", ""), "invalid_request", "unsupported_response_type")
}

func oidccIDTokenSignature(t *testing.T, w *world) {
	for _, c := range []struct {
		client client
		alg    string
	}{{w.web, "RS256"}, {w.es256, "ES256"}} {
		header, _ := w.jwt(t, member(t, w).tokens(c.client).id)
		if header.Algorithm != c.alg {
			t.Errorf("%s: alg is %s, want %s", c.client.ID, header.Algorithm, c.alg)
		}
	}
}

// oidccIDTokenUnsigned: none is offered by no means, so the module has nothing to
// ask for.
func oidccIDTokenUnsigned(t *testing.T, w *world) {
	a := w.fetch(t, "/.well-known/openid-configuration")
	for name := range a.body {
		if strings.HasSuffix(name, "alg_values_supported") {
			for _, alg := range a.list(name) {
				if strings.EqualFold(alg, "none") {
					t.Errorf("%s has none", name)
				}
			}
		}
	}
}

func checkUserinfo(t *testing.T, a answer, sub string) {
	t.Helper()
	a.want(t, http.StatusOK)
	a.wantUncached(t)
	if a.str("sub") != sub {
		t.Errorf("sub is %q, want %q", a.str("sub"), sub)
	}
	for name, v := range a.body { // OIDC Core §5.1: the JSON types, and §5.3.2: nothing empty
		ok := v != nil && v != ""
		switch name {
		case "email_verified", "phone_number_verified":
			_, ok = v.(bool)
		case "updated_at":
			_, ok = v.(float64)
		case "address":
			_, ok = v.(map[string]any)
		default:
			if _, text := v.(string); !text {
				ok = false
			}
		}
		if !ok {
			t.Errorf("%s is %T, %v", name, v, v)
		}
	}
}

func oidccUserinfoGet(t *testing.T, w *world) {
	got := member(t, w).tokens(w.web, "scope", "openid profile email")
	checkUserinfo(t, w.userinfo(t, got.access), got.sub())
}

func oidccUserinfoPostHeader(t *testing.T, w *world) {
	got := member(t, w).tokens(w.web)
	req := posted(w.issuer+"/userinfo", nil)
	req.Header.Set("Authorization", "Bearer "+got.access)
	checkUserinfo(t, w.do(t, req), got.sub())
}

func oidccUserinfoPostBody(t *testing.T, w *world) {
	got := member(t, w).tokens(w.web)
	checkUserinfo(t, w.do(t, posted(w.issuer+"/userinfo", url.Values{"access_token": {got.access}})), got.sub())
}

func oidccWithoutNonce(t *testing.T, w *world) {
	got := member(t, w).tokens(w.web, "nonce", "")
	if _, has := got.claims["nonce"]; has {
		t.Error("the ID token has a nonce that nobody sent")
	}
}

// scopeModule asks for scopes: their claims come from userinfo, and no others.
func scopeModule(scopes string, claims ...string) func(*testing.T, *world) {
	of := map[string]string{
		"profile": "name family_name given_name middle_name nickname preferred_username profile picture website gender birthdate zoneinfo locale updated_at",
		"email":   "email email_verified", "address": "address", "phone": "phone_number phone_number_verified",
	}
	return func(t *testing.T, w *world) {
		got := member(t, w).tokens(w.web, "scope", "openid "+scopes)
		a := w.userinfo(t, got.access)
		checkUserinfo(t, a, got.sub())
		allowed := "sub "
		for s := range strings.FieldsSeq(scopes) {
			allowed += of[s] + " "
		}
		for name := range a.body {
			if !strings.Contains(" "+allowed, " "+name+" ") {
				t.Errorf("%s was not asked for", name)
			}
		}
		for _, name := range claims {
			if _, has := a.body[name]; !has {
				t.Errorf("%s is missing", name)
			}
		}
	}
}

func oidccAlternateHappyFlow(t *testing.T, w *world) {
	b := member(t, w)
	r := w.request(w.web, "scope", "email profile openid")
	query := strings.Split(r.Encode(), "&")
	for i, j := 0, len(query)-1; i < j; i, j = i+1, j-1 {
		query[i], query[j] = query[j], query[i]
	}
	resp := b.answer(r, b.finish(b.get(w.issuer+"/authorize?"+strings.Join(query, "&"))))
	got := b.redeem(r, resp.Get("code"))
	if name := w.userinfo(t, got.access).str("name"); name != "Alice Archer" {
		t.Errorf("name is %q", name)
	}
}

// parameterModule sends a parameter that must do no harm.
func parameterModule(name, value string) func(*testing.T, *world) {
	return func(t *testing.T, w *world) { member(t, w).tokens(w.web, name, value) }
}

func oidccLoginHint(t *testing.T, w *world) {
	b := member(t, w)
	r := w.request(w.web, "login_hint", "buffy@localhost")
	p := b.get(w.authorizeURL(r))
	f, ok := p.form("identifier")
	if !ok {
		t.Fatalf("no form asks for an identifier: %s", p.text())
	}
	if got := f.values.Get("identifier"); got != "buffy@localhost" {
		t.Errorf("the identifier is %q, want the hint", got)
	}
	b.redeem(r, b.answer(r, b.finish(p)).Get("code"))
}

func oidccACRValues(t *testing.T, w *world) {
	supported := w.fetch(t, "/.well-known/openid-configuration").list("acr_values_supported")
	if len(supported) == 0 {
		t.Fatal("acr_values_supported is empty")
	}
	got := member(t, w).tokens(w.web, "acr_values", supported[0]+" urn:nobody:knows")
	if got.claims["acr"] != supported[0] {
		t.Errorf("acr is %v, want %s", got.claims["acr"], supported[0])
	}
}

func oidccPostRequest(t *testing.T, w *world) {
	b := member(t, w)
	r := w.request(w.web)
	resp := b.answer(r, b.finish(b.post(w.issuer+"/authorize", r.Values, "https://web.example.test")))
	b.redeem(r, resp.Get("code"))
}

func oidccRequestObject(t *testing.T, w *world) {
	b := member(t, w)
	unsigned := "eyJhbGciOiJub25lIn0.eyJyZXNwb25zZV90eXBlIjoiY29kZSJ9."
	b.refused(w.request(w.web, "request", unsigned), "request_not_supported")
}

func oidccRequestURI(t *testing.T, w *world) {
	b := member(t, w)
	b.refused(w.request(w.web, "request_uri", "https://web.example.test/request.jwt#hash"), "invalid_request_uri")
}

func oidccClaimsEssential(t *testing.T, w *world) {
	b := member(t, w)
	got := b.tokens(w.web, "claims", `{"userinfo":{"name":{"essential":true}}}`)
	if name := w.userinfo(t, got.access).str("name"); name != "Alice Archer" {
		t.Errorf("userinfo: name is %q", name)
	}
	if _, has := got.claims["name"]; has {
		t.Error("name is in the ID token too")
	}
	got = b.tokens(w.web, "claims", `{"id_token":{"email":null,"unknown_claim":{"essential":true}}}`)
	if got.claims["email"] != w.alice.email {
		t.Errorf("ID token: email is %v", got.claims["email"])
	}
	if _, has := w.userinfo(t, got.access).body["email"]; has {
		t.Error("email is in userinfo too")
	}
}

func oidccValidPKCE(t *testing.T, w *world) { member(t, w).tokens(w.spa) }

func oidccAssertionAudience(t *testing.T, w *world) { member(t, w).tokens(w.signed) }
