package templates

import (
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// payloads are what an attacker would register as a name or send as a parameter.
var payloads = [...]string{
	`<script>alert(1)</script>`,
	`"><script>alert(1)</script>`,
	`'><img src=x onerror=alert(1)>`,
	`" onmouseover="alert(1)" x="`,
	`' onfocus='alert(1)' autofocus='`,
	"` onload=`alert(1)`",
	`</title><script>alert(1)</script>`,
	`</textarea></pre></code></style><svg/onload=alert(1)>`,
	`--><script>alert(1)</script><!--`,
	`javascript:alert(1)`,
	`JaVaScRiPt:alert(1)`,
	"java\tscript:alert(1)",
	"\x01javascript:alert(1)",
	`data:text/html,<script>alert(1)</script>`,
	`data:image/svg+xml,<svg onload=alert(1)>`,
	`vbscript:msgbox(1)`,
	`//evil.example/x.js`,
	`\\evil.example\x`,
	`https://evil.example/"onmouseover="alert(1)`,
	`https://evil.example/'><script>alert(1)</script>`,
	`https://evil.example;script-src *`,
	"https://evil.example/\r\nSet-Cookie: a=b",
	`{{.Brand}}{{printf "%s" "x"}}`,
	`${alert(1)}`,
	`<base href=https://evil.example/>`,
	`<meta http-equiv=refresh content=0;url=https://evil.example/>`,
	`<form action=https://evil.example><button>`,
	"\xff\xfe<script>alert(1)</script>",
	"\u202e\u2066<script>",
	`&lt;script&gt;alert(1)&lt;/script&gt;`,
	`&#x22;&gt;<script>`,
	strings.Repeat("A", 5000) + `<script>alert(1)</script>`,
}

// poisoned returns a copy of v with the payload in every string that it holds.
func poisoned(v reflect.Value, payload string) reflect.Value {
	if v.Type() == reflect.TypeFor[time.Time]() {
		return v
	}
	switch v.Kind() {
	case reflect.String:
		return reflect.ValueOf(payload).Convert(v.Type())
	case reflect.Struct:
		out := reflect.New(v.Type()).Elem()
		for i := range v.NumField() {
			out.Field(i).Set(poisoned(v.Field(i), payload))
		}
		return out
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		out := reflect.New(v.Type().Elem())
		out.Elem().Set(poisoned(v.Elem(), payload))
		return out
	case reflect.Interface:
		if v.IsNil() {
			return v
		}
		return poisoned(v.Elem(), payload)
	case reflect.Slice:
		out := reflect.MakeSlice(v.Type(), 0, v.Len())
		for i := range v.Len() {
			out = reflect.Append(out, poisoned(v.Index(i), payload))
		}
		return out
	case reflect.Map:
		out := reflect.MakeMap(v.Type())
		for _, key := range v.MapKeys() {
			out.SetMapIndex(key, poisoned(v.MapIndex(key), payload))
			out.SetMapIndex(reflect.ValueOf(payload).Convert(v.Type().Key()), poisoned(v.MapIndex(key), payload))
		}
		return out
	default:
		return v
	}
}

// poison puts the payload into all that a page shows; only its name is ours.
func poison(p Page, payload string) Page {
	out := poisoned(reflect.ValueOf(p), payload).Interface().(Page)
	out.Name = p.Name
	return out
}

// alphabet is every element and every attribute name of the pages themselves.
func alphabet(t *testing.T, r *Renderer) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	for _, s := range variants() {
		for _, n := range elements(parsed(t, r, s.Page, "en")) {
			known["<"+n.Data] = true
			for _, a := range n.Attr {
				known[a.Key] = true
			}
		}
	}
	return known
}

func TestPayloadsStayText(t *testing.T) {
	r := newRenderer(t, Config{})
	known := alphabet(t, r)
	for i, payload := range payloads {
		for _, s := range Samples() {
			t.Run(fmt.Sprintf("S1-11/%s/%d", s.Name, i), func(t *testing.T) {
				w := rendered(t, r, poison(s.Page, payload), "")
				checkHeaderIsWhole(t, w.Header().Get("Content-Security-Policy"))
				tree, err := html.Parse(w.Body)
				if err != nil {
					t.Fatal(err)
				}
				checkNothingInline(t, tree)
				checkTargets(t, tree)
				for _, n := range elements(tree) {
					if !known["<"+n.Data] {
						t.Errorf("the payload made an element <%s>", n.Data)
					}
					for _, a := range n.Attr {
						if !known[a.Key] {
							t.Errorf("the payload made an attribute %s of <%s>", a.Key, n.Data)
						}
					}
				}
			})
		}
	}
}

// checkTargets holds that no link, image or form leads anywhere but to the web.
func checkTargets(t *testing.T, tree *html.Node) {
	t.Helper()
	for _, n := range elements(tree) {
		for _, name := range []string{"href", "src", "action", "formaction"} {
			v, ok := attr(n, name)
			if !ok || strings.HasPrefix(v, "#") {
				continue
			}
			switch got := scheme(v); {
			case got != "" && got != "https" && got != "http":
				t.Errorf("<%s %s=%q>", n.Data, name, v)
			case n.Data == "img" && got != "https":
				t.Errorf("<img src=%q>: want https", v)
			}
		}
	}
}

// scheme is the scheme that a browser finds in a URL: it skips leading controls,
// and tabs and newlines everywhere.
func scheme(raw string) string {
	raw = strings.TrimLeft(raw, "\x00\x01\x02\x1b ")
	raw = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(raw)
	if i := strings.IndexAny(raw, ":/?#"); i > 0 && raw[i] == ':' {
		return strings.ToLower(raw[:i])
	}
	return ""
}

// checkHeaderIsWhole holds that a value can't add a directive or a source.
func checkHeaderIsWhole(t *testing.T, policy string) {
	t.Helper()
	directives := strings.Split(policy, "; ")
	want := []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"}
	if len(directives) == len(want)+1 { // of the page of frames, and of the one that asks
		extra := "frame-src"
		if strings.HasPrefix(directives[4], "connect-src") {
			extra = "connect-src 'self'"
		}
		want = slices.Insert(want, 4, extra)
	}
	if len(directives) != len(want) {
		t.Fatalf("Content-Security-Policy: %q", policy)
	}
	for i, d := range directives {
		rest, ok := strings.CutPrefix(d, want[i])
		if !ok || strings.ContainsAny(rest, ";,*'\"\r\n\\") {
			t.Errorf("Content-Security-Policy: directive %q, want %q", d, want[i])
		}
		for _, s := range strings.Fields(rest) {
			if u, err := url.Parse(s); err != nil || u.Scheme == "javascript" || u.Scheme == "data" {
				t.Errorf("Content-Security-Policy: source %q", s)
			}
		}
	}
}

func TestClientLinks(t *testing.T) {
	link := map[string]string{
		"https://a.example/x?y=z":        "https://a.example/x?y=z",
		"http://a.example/":              "http://a.example/",
		"javascript:alert(1)":            "",
		"JAVASCRIPT:alert(1)":            "",
		"java\nscript:alert(1)":          "",
		" javascript:alert(1)":           "",
		"data:text/html,x":               "",
		"mailto:a@a.example":             "",
		"//a.example/":                   "",
		"/local":                         "",
		`https:\\a.example\`:             "",
		"https://user:pass@bank.example": "",
		"https:a.example":                "",
		"https://":                       "",
		"ftp://a.example/":               "",
		"":                               "",
	}
	for raw, want := range link {
		if got := safeLink(raw); got != want {
			t.Errorf("S1-11/link: %q is shown as %q, want %q", raw, got, want)
		}
	}
	image := map[string]string{
		"https://a.example/l.png":          "https://a.example/l.png",
		"http://a.example/l.png":           "",
		"http://127.0.0.1:8080/l.png":      "http://127.0.0.1:8080/l.png",
		"http://[::1]/l.png":               "http://[::1]/l.png",
		"http://localhost/l.png":           "http://localhost/l.png",
		"http://localhost.evil.example/":   "",
		"http://127.0.0.1.evil.example/":   "",
		"data:image/png;base64,AAAA":       "",
		"javascript:alert(1)":              "",
		"blob:https://a.example/1":         "",
		"https://a.example/l.svg#<script>": "https://a.example/l.svg#%3Cscript%3E",
	}
	for raw, want := range image {
		if got := safeImage(raw); got != want {
			t.Errorf("S1-11/image: %q is shown as %q, want %q", raw, got, want)
		}
	}
}

// A name must not rewrite the sentence that it stands in.
func TestClientName(t *testing.T) {
	for in, want := range map[string]string{
		"  Notes \n":             "Notes",
		"Bank\u202e)knab(":       "Bank)knab(",
		"a\u200b\u2066b\x00\x1b": "ab",
		"\u202e":                 "demo",
		"":                       "demo",
		"写真 アプリ":                 "写真 アプリ",
	} {
		if got := present(Client{ID: "demo", Name: in}).Name; got != want {
			t.Errorf("S1-11/name: %q is shown as %q, want %q", in, got, want)
		}
	}
	if got := []rune(present(Client{Name: strings.Repeat("ä", 500)}).Name); len(got) > maxName+1 {
		t.Errorf("S1-11/name: %d runes are shown", len(got))
	}
}
