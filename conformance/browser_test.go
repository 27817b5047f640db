package conformance

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
)

// browser is a person's browser without script: it follows redirects, keeps
// cookies, fills forms. Every page that it sees is held to the rules of all pages.
type browser struct {
	t      *testing.T
	server *server
	client *http.Client
	who    person
	hops   []hop
	asked  []string // names of the forms that the person answered, in order
}

// hop is one answer of the server on the way.
type hop struct {
	method string
	url    *url.URL
	status int
	header http.Header
}

func newBrowser(t *testing.T, s *server, who person) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := newHTTPClient()
	if s.trust != nil {
		c = s.trust(c)
	}
	c.Jar = jar
	t.Cleanup(c.CloseIdleConnections)
	return &browser{t: t, server: s, client: c, who: who}
}

// get opens an address of the provider.
func (b *browser) get(address string) *page {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Sec-Fetch-Site", "none")
	return b.follow(req)
}

// post sends a form from a page of another site, as an authorization request may be
// sent.
func (b *browser) post(address string, values url.Values, origin string) *page {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, address, strings.NewReader(values.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", origin)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	if origin != b.server.issuer {
		req.Header.Set("Sec-Fetch-Site", "cross-site")
	}
	return b.follow(req)
}

// submit sends a form with the values that a person typed, and one button.
func (b *browser) submit(f form, typed map[string]string, press ...string) *page {
	b.t.Helper()
	values := url.Values{}
	for k, v := range f.values {
		values[k] = v
	}
	for k, v := range typed {
		values.Set(k, v)
	}
	if len(press) == 2 {
		values.Set(press[0], press[1])
	} else if len(f.buttons) > 0 && f.buttons[0].name != "" { // the default button
		values.Set(f.buttons[0].name, f.buttons[0].value)
	}
	if f.method != http.MethodPost {
		u := *f.action
		u.RawQuery = values.Encode()
		return b.get(u.String())
	}
	return b.post(f.action.String(), values, b.server.issuer)
}

// follow sends a request and goes on until there is a page, or another origin.
func (b *browser) follow(req *http.Request) *page {
	b.t.Helper()
	req.Header.Set("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
	req.Header.Set("Accept-Language", "en")
	req.Header.Set("User-Agent", "Mozilla/5.0 (conformance)")
	for range 20 {
		resp, err := b.client.Do(req)
		if err != nil {
			b.t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			b.t.Fatal(err)
		}
		b.hops = append(b.hops, hop{req.Method, req.URL, resp.StatusCode, resp.Header})
		b.cookies(resp)
		location := resp.Header.Get("Location")
		if location == "" {
			p, err := parsePage(req.URL, resp, body)
			if err != nil {
				b.t.Fatal(err)
			}
			for _, wrong := range p.wrongs() {
				b.t.Errorf("%s (%d) %s", req.Method, resp.StatusCode, wrong)
			}
			return p
		}
		b.redirection(req, resp)
		next, err := req.URL.Parse(location)
		if err != nil {
			b.t.Fatalf("Location %q: %v", location, err)
		}
		if next.Scheme+"://"+next.Host != b.server.issuer {
			return &page{url: req.URL, status: resp.StatusCode, header: resp.Header, callback: next}
		}
		headers := req.Header.Clone()
		headers.Del("Content-Type")
		headers.Del("Origin")
		headers.Del("Cookie") // the client wrote what the jar held then
		if req, err = http.NewRequestWithContext(b.t.Context(), http.MethodGet, next.String(), nil); err != nil {
			b.t.Fatal(err)
		}
		req.Header = headers
	}
	b.t.Fatal("twenty redirects")
	return nil
}

// redirection holds every redirect to S1-07 and S1-08.
func (b *browser) redirection(req *http.Request, resp *http.Response) {
	b.t.Helper()
	at := req.Method + " " + req.URL.Path
	if resp.StatusCode != http.StatusSeeOther && (req.Method == http.MethodPost || resp.StatusCode != http.StatusFound) {
		b.t.Errorf("S1-07: %s redirects with %d, want 303", at, resp.StatusCode)
	}
	if cc := resp.Header.Get("Cache-Control"); !strings.Contains(cc, "no-store") {
		b.t.Errorf("S1-08: %s redirects with Cache-Control %q, want no-store", at, cc)
	}
	if rp := resp.Header.Get("Referrer-Policy"); rp != "no-referrer" {
		b.t.Errorf("S1-08: %s redirects with Referrer-Policy %q, want no-referrer", at, rp)
	}
}

// cookies holds every cookie to S1-18, and remembers it as a secret.
func (b *browser) cookies(resp *http.Response) {
	b.t.Helper()
	for _, c := range resp.Cookies() {
		b.server.log.secret(c.Value)
		secure := strings.HasPrefix(c.Name, "__Host-") && c.Secure
		if strings.HasPrefix(b.server.issuer, "http:") { // in development alone
			secure = true
		}
		script := strings.Contains(c.Name, "identity_state") // read in a frame of another site, says nothing
		if !secure || c.HttpOnly == script || c.Path != "/" || c.Domain != "" || c.SameSite == http.SameSiteDefaultMode {
			b.t.Errorf("S1-18: cookie %s: Secure %v, HttpOnly %v, Path %q, Domain %q, SameSite %v", c.Name, c.Secure, c.HttpOnly, c.Path, c.Domain, c.SameSite)
		}
	}
}

// finish answers what the person is asked until the browser is sent to the client.
func (b *browser) finish(p *page) *page {
	b.t.Helper()
	for range 12 {
		if _, ok := p.response(b.server.issuer); ok {
			return p
		}
		p = b.step(p)
	}
	b.t.Fatalf("no end after twelve pages, the last is %s: %s", p.url.Path, p.text())
	return nil
}

// step answers one page.
func (b *browser) step(p *page) *page {
	b.t.Helper()
	if f, ok := p.form("password"); ok && f.has("password") {
		b.asked = append(b.asked, "password")
		return b.submit(f, map[string]string{"identifier": b.who.email, "password": b.who.password})
	}
	if f, ok := p.form("identifier"); ok && f.has("identifier") {
		b.asked = append(b.asked, "identifier")
		return b.submit(f, map[string]string{"identifier": b.who.email})
	}
	for _, f := range p.forms {
		if f.offers("decision", "allow") {
			b.asked = append(b.asked, "consent")
			return b.submit(f, nil, "decision", "allow")
		}
	}
	for _, f := range p.forms {
		for _, choice := range f.buttons {
			if strings.Contains(choice.label, b.who.email) {
				b.asked = append(b.asked, "account")
				return b.submit(f, nil, choice.name, choice.value)
			}
		}
	}
	b.t.Fatalf("%s %d: a page that can't be answered: %s", p.url.Path, p.status, p.text())
	return nil
}

// asks says whether the person was asked for something since the last reset.
func (b *browser) asks(what string) bool {
	for _, a := range b.asked {
		if a == what {
			return true
		}
	}
	return false
}

// reset forgets what was asked and seen, and keeps the cookies.
func (b *browser) reset() { b.asked, b.hops = nil, nil }

// errorPage wants a page for a person: this status, and no way to a client.
func (b *browser) errorPage(p *page, status int) {
	b.t.Helper()
	if p.callback != nil {
		b.t.Errorf("redirected to %s://%s%s, want an error page", p.callback.Scheme, p.callback.Host, p.callback.Path)
		return
	}
	if p.status != status {
		b.t.Errorf("status %d, want %d: %s", p.status, status, p.text())
	}
	for _, f := range p.forms {
		if f.has("password") || f.action.Scheme+"://"+f.action.Host != b.server.issuer {
			b.t.Errorf("want an error page, got a form to %s", f.action)
		}
	}
	if len(p.text()) < 20 {
		b.t.Errorf("the error page says nothing: %q", p.text())
	}
}
