package templates

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHeaders(t *testing.T) {
	r := newRenderer(t, Config{})
	rows := []struct{ name, header, want string }{
		{"S1-10/frame-options", "X-Frame-Options", "DENY"},
		{"S1-08/referrer", "Referrer-Policy", "no-referrer"},
		{"S1-08/cache", "Cache-Control", "no-store"},
		{"S1-11/sniff", "X-Content-Type-Options", "nosniff"},
		{"S1-11/type", "Content-Type", "text/html; charset=utf-8"},
		{"language", "Content-Language", "de"},
	}
	for _, s := range Samples() {
		h := rendered(t, r, s.Page, "de").Header()
		for _, row := range rows {
			if got := h.Get(row.header); got != row.want {
				t.Errorf("%s: %s: %s: %q, want %q", row.name, s.Name, row.header, got, row.want)
			}
		}
		csp := h.Get("Content-Security-Policy")
		for _, directive := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "base-uri 'none'"} {
			if !hasDirective(csp, directive) {
				t.Errorf("S1-11/policy: %s: %q lacks %q", s.Name, csp, directive)
			}
		}
		if !hasDirective(csp, "frame-ancestors 'none'") {
			t.Errorf("S1-10/frame-ancestors: %s: %q", s.Name, csp)
		}
		if strings.Contains(csp, "unsafe") {
			t.Errorf("S1-11/policy: %s: %q", s.Name, csp)
		}
	}
}

// TestCheckSession: the one page that other sites may hold in a frame, with
// nothing in it but a script of ours (OIDC Session Management §3.3).
func TestCheckSession(t *testing.T) {
	w := httptest.NewRecorder()
	newRenderer(t, Config{}).CheckSession(w, httptest.NewRequest(http.MethodGet, "/check_session", nil), "\"><b>")
	h, body := w.Header(), w.Body.String()
	if csp := h.Get("Content-Security-Policy"); csp != "default-src 'none'; script-src 'self'; base-uri 'none'" || h.Get("X-Frame-Options") != "" {
		t.Errorf("S1-10/check-session: %q %q", csp, h.Get("X-Frame-Options"))
	}
	if strings.Contains(body, "<b>") || !strings.Contains(body, `<script src="/static/checksession.`) || strings.Count(body, "<") != 8 {
		t.Errorf("the page is %s", body)
	}
}

// TestFrames: the page of frames may load what it was told to, and nothing else.
func TestFrames(t *testing.T) {
	r := newRenderer(t, Config{})
	frames := []string{"https://a.example/out?iss=x&sid=y", "https://a.example/two", "http://127.0.0.1:8443/out", "javascript:alert(1)", "https://b.example;script-src *"}
	page := Page{Name: "frontchannel", Frames: frames, View: FrontChannelView{Frames: frames, Next: "com.example.app:/bye?state=s"}}
	w := rendered(t, r, page, "en")
	if csp := w.Header().Get("Content-Security-Policy"); !hasDirective(csp, "frame-src https://a.example http://127.0.0.1:8443") {
		t.Errorf("S1-11/frames: %q", csp)
	}
	if body := w.Body.String(); !strings.Contains(body, `href="com.example.app:/bye?state=s"`) || strings.Contains(body, "javascript:alert") {
		t.Errorf("the page is %s", body)
	}
	page.View = FrontChannelView{Frames: frames, Next: "javascript:alert(1)"}
	if body := rendered(t, r, page, "en").Body.String(); strings.Contains(body, "javascript:") {
		t.Errorf("S1-12/next: %s", body)
	}
}

func hasDirective(policy, directive string) bool {
	return strings.Contains("; "+policy+";", "; "+directive+";")
}

func TestFormActionPolicy(t *testing.T) {
	r := newRenderer(t, Config{})
	page := Samples()[0].Page
	for _, row := range []struct {
		name    string
		allowed []string
		want    string
	}{
		{"none", nil, "form-action 'self'"},
		{"redirect-uri", []string{"https://app.example.com/callback?a=b"}, "form-action 'self' https://app.example.com"},
		{"origin-with-port", []string{"http://127.0.0.1:49152"}, "form-action 'self' http://127.0.0.1:49152"},
		{"twice", []string{"https://a.example", "https://a.example/x"}, "form-action 'self' https://a.example"},
		{"native-scheme", []string{"com.example.app:/callback"}, "form-action 'self' com.example.app:"},
		{"ipv6-loopback", []string{"http://[::1]:8080/cb"}, "form-action 'self' http:"},
		{"javascript", []string{"javascript:alert(1)"}, "form-action 'self'"},
		{"directive", []string{"https://a.example;script-src", "https://a.example *", "https://*", "https://a.example,x"}, "form-action 'self'"},
		{"line", []string{"https://a.example\r\nX: y"}, "form-action 'self'"},
	} {
		t.Run("S1-11/"+row.name, func(t *testing.T) {
			page.FormAction = row.allowed
			csp := rendered(t, r, page, "en").Header().Get("Content-Security-Policy")
			if !hasDirective(csp, row.want) {
				t.Errorf("%q, want %q", csp, row.want)
			}
		})
	}
}

// OAuth 2.0 Form Post Response Mode §2: the values go where they belong, by a
// script that is a file, and by a button without it.
func TestFormPost(t *testing.T) {
	r := newRenderer(t, Config{})
	page := Page{Name: "formpost", Action: "https://app.example.com/callback?tenant=1", View: FormPostView{Fields: []FormPostField{
		{"state", `"><script>alert(1)</script>`}, {"code", "abc"}, {"state\"x", "y"},
	}}}
	w := rendered(t, r, page, "en")
	csp := w.Header().Get("Content-Security-Policy")
	if !hasDirective(csp, "form-action 'self' https://app.example.com") || !hasDirective(csp, "script-src 'self'") {
		t.Errorf("S1-13/policy: %q", csp)
	}
	if strings.Contains(w.Body.String(), "<script>alert") {
		t.Error("S1-13/escaped: a value became markup")
	}
	tree := parsed(t, r, page, "en")
	checkNothingInline(t, tree)
	checkForms(t, tree, page)
	got := map[string]string{}
	for _, n := range elements(elements(tree, "form")[0], "input") {
		if value(n, "type") != "hidden" {
			t.Errorf("S1-13/hidden: input %s is %s", value(n, "name"), value(n, "type"))
		}
		got[value(n, "name")] = value(n, "value")
	}
	for _, f := range page.View.(FormPostView).Fields {
		if got[f.Name] != f.Value {
			t.Errorf("S1-13/values: %s is %q, want %q", f.Name, got[f.Name], f.Value)
		}
	}
	if len(elements(tree, "button")) != 1 || text(elements(tree, "button")[0]) == "" {
		t.Error("S1-13/button: want one that works without script")
	}
	scripts := 0
	for _, n := range elements(tree, "script") {
		if strings.HasPrefix(value(n, "src"), "/static/formpost.") {
			scripts++
		}
	}
	if scripts != 1 {
		t.Errorf("S1-13/script: %d scripts send the form, want 1", scripts)
	}
	page.Action = "javascript:alert(document.forms[0].code.value)"
	if got := value(elements(parsed(t, r, page, "en"), "form")[0], "action"); strings.HasPrefix(got, "javascript") {
		t.Errorf("S1-13/action: %q", got)
	}
}

func TestOpenerPolicy(t *testing.T) {
	r := newRenderer(t, Config{})
	page := Samples()[0].Page
	if got := rendered(t, r, page, "en").Header().Get("Cross-Origin-Opener-Policy"); got != "same-origin" {
		t.Errorf("%q, want same-origin", got)
	}
	page.Popup = true
	if got := rendered(t, r, page, "en").Header().Get("Cross-Origin-Opener-Policy"); got != "unsafe-none" {
		t.Errorf("popup: %q: the client's callback page would lose its opener", got)
	}
}

// What can't be drawn is a plain page, logged, with nothing of the inside.
func TestUnrenderablePage(t *testing.T) {
	var log bytes.Buffer
	r := newRenderer(t, Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for _, p := range []Page{
		{Name: "nowhere", RequestID: "req-1"},
		{Name: "identify", View: 17, RequestID: "req-1"},
		{Name: "identify", View: nil, RequestID: "req-1"},
	} {
		log.Reset()
		w := httptest.NewRecorder()
		r.Render(w, httptest.NewRequest(http.MethodGet, "/", nil), http.StatusOK, p)
		if w.Code != http.StatusInternalServerError || w.Header().Get("X-Frame-Options") != "DENY" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: status %d, headers %v", p.Name, w.Code, w.Header())
		}
		if strings.Contains(w.Body.String(), "template") || !strings.Contains(log.String(), "request_id=req-1") {
			t.Errorf("%s: body %s, log %s", p.Name, w.Body, &log)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	r := newRenderer(b, Config{})
	req := httptest.NewRequest(http.MethodGet, "/", nil)
	req.Header.Set("Accept-Language", "de-DE,de;q=0.9,en;q=0.8")
	for _, s := range Samples() {
		switch s.Name {
		case "identify-password", "consent", "error", "formpost":
		default:
			continue
		}
		b.Run(s.Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.Render(httptest.NewRecorder(), req, http.StatusOK, s.Page)
			}
		})
	}
}

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := New(Config{}); err != nil {
			b.Fatal(err)
		}
	}
}
