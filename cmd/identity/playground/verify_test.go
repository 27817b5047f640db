package playground

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestVerify lets one thing at a time be wrong with a real answer (OIDC Core
// §3.1.3.7).
func TestVerify(t *testing.T) {
	w := newWorld(t)
	b := w.browser(t)
	b.signIn()
	good := b.run()
	forge := func(old, new string) func(*Playground, *run) {
		return func(_ *Playground, r *run) {
			part := strings.Split(r.idToken, ".")
			payload, err := base64.RawURLEncoding.DecodeString(part[1])
			check(t, err)
			part[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(payload), old, new, 1)))
			r.idToken = strings.Join(part, ".")
		}
	}
	at := func(d time.Duration) func(*Playground, *run) {
		return func(p *Playground, _ *run) { p.now = func() time.Time { return time.Now().Add(d) } }
	}
	for _, row := range []struct {
		name   string
		change func(*Playground, *run)
		failed string // the one tick that is missing; "" for none
		says   string
	}{
		{"good", func(*Playground, *run) {}, "", ""},
		{"signature", forge(`"exp":1`, `"exp":2`), "signature", "failed to verify"},
		{"iss", func(p *Playground, _ *run) { p.issuer = "http://other.example" }, "iss", "its iss"},
		{"aud", func(p *Playground, _ *run) { p.clientID = "other" }, "aud", "expected audience"},
		{"nonce", func(_ *Playground, r *run) { r.nonce = "other" }, "nonce", "its nonce"},
		{"exp", at(16 * time.Minute), "exp", "expired"},
		{"iat-future", at(-2 * time.Minute), "iat", "its iat"},
		{"at_hash", func(_ *Playground, r *run) { token := *r.token; token.AccessToken += "x"; r.token = &token }, "at_hash", "its at_hash"},
		{"OIDCCore-12.2/sub", func(_ *Playground, r *run) { r.subject = "other" }, "sub", "its sub"},
		{"OIDCCore-3.1.3.3/no-id-token", func(_ *Playground, r *run) { r.idToken = "" }, "", "no ID token came"},
		{"not-compact", func(_ *Playground, r *run) { r.idToken = "a.b" }, "", "can't be read"},
		{"not-base64url", func(_ *Playground, r *run) { r.idToken = "a.*.c" }, "", "can't be read"},
		{"not-json", func(_ *Playground, r *run) { r.idToken = "e30.bm8.c" }, "", "can't be read"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := *w.play
			r := &run{
				wishes: good.wishes, nonce: good.nonce, token: good.token, idToken: good.idToken, subject: good.subject,
			}
			discovered, err := p.discover(t.Context())
			check(t, err)
			row.change(&p, r)
			err = p.verify(t.Context(), discovered, r, r.nonce)
			if (err == nil) != (row.says == "") || err != nil && !strings.Contains(err.Error(), row.says) {
				t.Errorf("says %v, want %q", err, row.says)
			}
			for _, c := range r.checks {
				wrong := c.Name == row.failed || row.name == "iat-future" && c.Name == "iat" || row.name == "exp" && c.Name == "iat"
				if c.OK == wrong {
					t.Errorf("the tick of %s is %v", c.Name, c.OK)
				}
			}
			if row.failed != "" && len(r.checks) == 0 {
				t.Error("nothing was checked")
			}
		})
	}
}

func TestUserinfoOfSomebodyElse(t *testing.T) {
	w := newWorld(t)
	b := w.browser(t)
	b.signIn()
	r := b.run()
	r.subject = "somebody else"
	discovered, err := w.play.discover(t.Context())
	check(t, err)
	if err := w.play.askUserinfo(t.Context(), discovered, r); err == nil || !strings.Contains(err.Error(), "somebody else") {
		t.Errorf("OIDC Core §5.3.2: %v", err)
	}
}

func TestMembers(t *testing.T) {
	list := members([]byte(`{"z":"text","exp":1900000000,"a":["x",1],"n":{"b":true},"iat":"odd"}`))
	var got []string
	for _, m := range list {
		got = append(got, m.Name+"="+m.Value)
	}
	want := `z=text exp=1900000000 (2030-03-17T17:46:40Z) a=["x",1] n={"b":true} iat=odd`
	if s := strings.Join(got, " "); s != want {
		t.Errorf("%s, want %s", s, want)
	}
	for _, bad := range []string{"", "[]", `{"a":`, `{"a":1,`, "null"} {
		if list := members([]byte(bad)); list != nil {
			t.Errorf("%q: %v", bad, list)
		}
	}
}

func TestCurl(t *testing.T) {
	post, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://localhost/oauth/token",
		strings.NewReader("code=it%27s&b=1&b=2"))
	check(t, err)
	post.SetBasicAuth("id", "pass")
	get, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://localhost/userinfo", nil)
	check(t, err)
	get.Header.Set("Authorization", "Bearer x")
	odd, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://localhost/", strings.NewReader("%zz"))
	check(t, err)
	for _, row := range []struct {
		req  *http.Request
		want string
	}{
		{post, "curl 'http://localhost/oauth/token' \\\n  -u 'id:pass' \\\n  --data-urlencode 'b=1' \\\n  --data-urlencode 'b=2' \\\n  --data-urlencode 'code=it'\\''s'"},
		{get, "curl 'http://localhost/userinfo' \\\n  -H 'Authorization: Bearer x'"},
		{odd, ""},
	} {
		got, err := curl(row.req)
		if got != row.want || (err != nil) != (row.want == "") {
			t.Errorf("%s (%v), want %s", got, err, row.want)
		}
	}
	if body, err := io.ReadAll(post.Body); err != nil || len(body) == 0 { // the request can still be sent
		t.Errorf("the body is gone: %q, %v", body, err)
	}
}
