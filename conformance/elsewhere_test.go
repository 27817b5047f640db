package conformance

import (
	"io"
	"net/http"
	"net/url"
	"strings"
)

// elsewhere are the pages of others: applications and other providers. The person's
// browser has the same cookies there, and nothing holds them to our rules.

// ours says whether a page is the provider's.
func (b *browser) ours(u *url.URL) bool { return u.Scheme+"://"+u.Host == b.server.issuer }

// roam opens an address, whosever it is, and goes on until there is a page.
func (b *browser) roam(address string) *page {
	b.t.Helper()
	for range 20 {
		req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, address, nil)
		if err != nil {
			b.t.Fatal(err)
		}
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		var p *page
		if b.ours(req.URL) {
			p = b.follow(req)
		} else {
			p = b.fetch(req)
		}
		if p.callback == nil {
			return p
		}
		b.server.log.secret(p.callback.Query().Get("code"))
		address = p.callback.String()
	}
	b.t.Fatalf("twenty redirects, the last to %s", address)
	return nil
}

// fetch sends one request to others. The callback of the page is where the answer
// leads.
func (b *browser) fetch(req *http.Request) *page {
	b.t.Helper()
	req.Header.Set("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
	req.Header.Set("Accept-Language", "en")
	req.Header.Set("User-Agent", "Mozilla/5.0 (conformance)")
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	p, err := parsePage(req.URL, resp, body)
	if err != nil {
		b.t.Fatal(err)
	}
	if location := resp.Header.Get("Location"); location != "" {
		if p.callback, err = req.URL.Parse(location); err != nil {
			b.t.Fatalf("Location %q: %v", location, err)
		}
	}
	return p
}

// look asks for an address of others once, and goes nowhere.
func (b *browser) look(address string) *page {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.fetch(req)
}

// send fills in a form of others, and returns the answer to it alone.
func (b *browser) send(f form, typed map[string]string) *page {
	b.t.Helper()
	values := url.Values{}
	for k, v := range f.values {
		values[k] = v
	}
	for k, v := range typed {
		values.Set(k, v)
	}
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, f.action.String(), strings.NewReader(values.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", f.action.Scheme+"://"+f.action.Host)
	return b.fetch(req)
}

// through opens an address and answers what the provider asks until the browser is
// elsewhere.
func (b *browser) through(address string) *page {
	b.t.Helper()
	p := b.roam(address)
	for range 12 {
		if !b.ours(p.url) {
			return p
		}
		if p = b.step(p); p.callback != nil {
			b.server.log.secret(p.callback.Query().Get("code"))
			p = b.roam(p.callback.String())
		}
	}
	b.t.Fatalf("no end after twelve pages, the last is %s: %s", p.url.Path, p.text())
	return nil
}

// frames loads what a page of the provider has in frames, and goes where the page
// goes then.
func (b *browser) frames(p *page) *page {
	b.t.Helper()
	for _, src := range p.attributes("iframe", "src") {
		b.roam(src)
	}
	_, next, ok := strings.Cut(p.header.Get("Refresh"), "url=")
	if !ok {
		b.t.Fatalf("the page with frames goes nowhere: %s", p.text())
	}
	return b.roam(next)
}
