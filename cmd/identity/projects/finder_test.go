package projects

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
)

// register is a directory in memory, that counts how often it is asked.
type register struct {
	entries map[string]Entry
	hosts   map[string]string
	away    bool
	asked   atomic.Int64
}

func (d *register) Project(_ context.Context, id string) (Entry, error) {
	d.asked.Add(1)
	e, ok := d.entries[id]
	switch {
	case d.away:
		return e, storage.ErrUnavailable
	case !ok:
		return e, storage.ErrNotFound
	}
	return e, nil
}

func (d *register) Domain(_ context.Context, host string) (string, error) {
	d.asked.Add(1)
	id, ok := d.hosts[host]
	switch {
	case d.away:
		return "", storage.ErrUnavailable
	case !ok:
		return "", storage.ErrNotFound
	}
	return id, nil
}

type world struct {
	*register
	finder *Finder
	now    time.Time
	ready  []string
}

func newWorld() *world {
	w := &world{now: time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC), register: &register{
		entries: map[string]Entry{
			"default": {Project: &storage.Project{ID: "default"}, Primary: "login.example.net"},
			"shop":    {Project: &storage.Project{ID: "shop"}},
			"bank":    {Project: &storage.Project{ID: "bank"}, Primary: "id.bank.example"},
			"off":     {Project: &storage.Project{ID: "off"}, Disabled: true},
		},
		hosts: map[string]string{
			"login.example.net": "default", "id.bank.example": "bank", "old.bank.example": "bank", "shop.example": "shop", "off.example": "off",
		},
	}}
	w.finder = New(Config{
		Directory: w, Issuer: "https://id.example.com", Default: "default", Life: 30 * time.Second, MaxEntries: 32,
		Now:   func() time.Time { return w.now },
		Found: func(_ context.Context, p *storage.Project) error { w.ready = append(w.ready, p.ID); return nil },
		Refuse: func(w http.ResponseWriter, _ *http.Request, status int, err error) {
			http.Error(w, err.Error(), status)
		},
	})
	return w
}

// call answers "status project issuer path", or "status location".
func (w *world) call(method, host, target string, header http.Header) string {
	rec := httptest.NewRecorder()
	r := httptest.NewRequest(method, "https://placeholder.example"+target, nil)
	r.Host = host
	for name, v := range header {
		r.Header[name] = v
	}
	w.finder.Wrap(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		p, err := w.finder.Of(r)
		if err != nil {
			http.Error(out, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = fmt.Fprintf(out, "%s %s %s", p.ID, p.Issuer, r.URL.EscapedPath())
	})).ServeHTTP(rec, r)
	if l := rec.Header().Get("Location"); l != "" {
		return strconv.Itoa(rec.Code) + " " + l
	}
	if rec.Code != http.StatusOK {
		return strconv.Itoa(rec.Code)
	}
	return "200 " + rec.Body.String()
}

// TestFind: the project comes of a proven host or of the path, the issuer of what
// is stored and configured, whatever the headers say.
func TestFind(t *testing.T) {
	const deployment, bank = "default https://id.example.com ", "bank https://id.bank.example "
	forged := http.Header{
		"X-Forwarded-Host": {"id.bank.example"}, "X-Forwarded-Proto": {"http"}, "X-Original-Host": {"id.bank.example"},
		"Forwarded": {"host=id.bank.example"}, "X-Forwarded-Prefix": {"/p/shop"}, "X-Project-Key": {"bank"}, "X-Original-Url": {"/p/shop/authorize"},
	}
	w := newWorld()
	for _, tt := range []struct {
		name, method, host, target string
		header                     http.Header
		want                       string
	}{
		{"default", "GET", "id.example.com", "/authorize", nil, "200 " + deployment + "/authorize"},
		{"default/port-and-case", "GET", "ID.Example.com.:443", "/authorize", nil, "200 " + deployment + "/authorize"},
		{"S1-17/forwarded-headers", "GET", "id.example.com", "/authorize", forged, "200 " + deployment + "/authorize"},
		{"S1-17/unproven-host", "GET", "evil.example", "/authorize", nil, "200 " + deployment + "/authorize"},
		{"S1-17/unproven-host-in-issuer", "GET", "id.example.com.evil.example", "/authorize", nil, "200 " + deployment + "/authorize"},
		{"S1-17/host-of-a-proxy", "GET", "10.0.0.7:8080", "/authorize", nil, "200 " + deployment + "/authorize"},
		{"S1-17/host-with-a-path", "GET", "id.bank.example/p/shop", "/authorize", nil, "200 " + deployment + "/authorize"},
		{"S1-17/no-host", "GET", "", "/authorize", nil, "200 " + deployment + "/authorize"},
		{"host", "GET", "id.bank.example", "/authorize", nil, "200 " + bank + "/authorize"},
		{"host/port", "POST", "id.bank.example:8443", "/oauth/token", nil, "200 " + bank + "/oauth/token"},
		{"S1-17/host-and-forwarded", "GET", "id.bank.example", "/authorize", http.Header{"X-Forwarded-Host": {"id.example.com"}}, "200 " + bank + "/authorize"},
		{"host/not-the-primary", "GET", "old.bank.example", "/authorize?a=b", nil, "307 https://id.bank.example/authorize?a=b"},
		{"host/not-the-primary-post", "POST", "old.bank.example", "/oauth/token", nil, "421"},
		{"host/of-default", "GET", "login.example.net", "/authorize?a=b", nil, "307 https://id.example.com/authorize?a=b"},
		{"host/proven-without-primary", "GET", "shop.example", "/userinfo", nil, "307 https://id.example.com/p/shop/userinfo"},
		{"host/another-project-below", "GET", "id.bank.example", "/p/shop/authorize", nil, "200 " + bank + "/p/shop/authorize"},
		{"path", "GET", "id.example.com", "/p/shop/authorize?a=b", nil, "200 shop https://id.example.com/p/shop /authorize"},
		{"path/root", "GET", "id.example.com", "/p/shop", nil, "200 shop https://id.example.com/p/shop /"},
		{"path/slash", "GET", "id.example.com", "/p/shop/", nil, "200 shop https://id.example.com/p/shop /"},
		{"path/escaped-below", "GET", "id.example.com", "/p/shop/interaction/a%2Fb", nil, "200 shop https://id.example.com/p/shop /interaction/a%2Fb"},
		{"path/dots", "GET", "id.example.com", "/p/shop/../bank/authorize", nil, "200 shop https://id.example.com/p/shop /../bank/authorize"},
		{"path/unproven-host", "GET", "evil.example", "/p/shop/authorize", nil, "200 shop https://id.example.com/p/shop /authorize"},
		{"RFC8414-3.1/inserted", "GET", "id.example.com", "/.well-known/oauth-authorization-server/p/shop", nil, "200 shop https://id.example.com/p/shop /.well-known/oauth-authorization-server"},
		{"RFC8414-3.1/inserted-oidc", "GET", "id.example.com", "/.well-known/openid-configuration/p/shop", nil, "200 shop https://id.example.com/p/shop /.well-known/openid-configuration"},
		{"OIDCDiscovery-4/appended", "GET", "id.example.com", "/p/shop/.well-known/openid-configuration", nil, "200 shop https://id.example.com/p/shop /.well-known/openid-configuration"},
		{"path/has-a-host", "GET", "id.example.com", "/p/bank/authorize?a=b", nil, "307 https://id.bank.example/authorize?a=b"},
		{"path/has-a-host-post", "POST", "id.example.com", "/p/bank/oauth/token", nil, "421"},
		{"path/default", "GET", "id.example.com", "/p/default/authorize", nil, "307 https://id.example.com/authorize"},
		{"path/unknown", "GET", "id.example.com", "/p/nobody/authorize", nil, "404"},
		{"path/unknown-inserted", "GET", "id.example.com", "/.well-known/openid-configuration/p/nobody", nil, "404"},
		{"path/no-id", "GET", "id.example.com", "/p//authorize", nil, "404"},
		{"path/case", "GET", "id.example.com", "/p/Shop/authorize", nil, "404"},
		{"path/escaped-id", "GET", "id.example.com", "/p/%73hop/authorize", nil, "404"},
		{"path/escaped-slash", "GET", "id.example.com", "/p%2Fshop/authorize", nil, "404"},
		{"path/disabled", "GET", "id.example.com", "/p/off/authorize", nil, "403"},
		{"host/disabled", "GET", "off.example", "/authorize", nil, "403"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range 2 { // the second time from the cache
				if got := w.call(tt.method, tt.host, tt.target, tt.header); got != tt.want {
					t.Errorf("%s https://%s%s: got %s, want %s", tt.method, tt.host, tt.target, got, tt.want)
				}
			}
		})
	}
	if got := fmt.Sprint(w.ready); got != "[default bank shop]" {
		t.Errorf("made ready: %s, want each project that served, once", got)
	}
}

func TestNamed(t *testing.T) {
	w := newWorld()
	for _, tt := range []struct {
		name, host string
		keys       []string
		want       string
		err        error
	}{
		{"key", "id.example.com", []string{"bank"}, "bank", nil},
		{"key-before-host", "id.bank.example", []string{"shop"}, "shop", nil},
		{"host", "id.bank.example", nil, "bank", nil},
		{"neither", "evil.example", nil, "default", nil},
		{"unknown", "id.example.com", []string{"nobody"}, "", storage.ErrNotFound},
		{"malformed", "id.example.com", []string{"../bank"}, "", storage.ErrNotFound},
		{"twice", "id.example.com", []string{"bank", "shop"}, "", storage.ErrNotFound},
		{"disabled", "id.example.com", []string{"off"}, "", ErrDisabled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/", nil)
			r.Host = tt.host
			for _, k := range tt.keys {
				r.Header.Add(Header, k)
			}
			p, err := w.finder.Named(r)
			if !errors.Is(err, tt.err) || p != nil && p.ID != tt.want || p == nil && tt.want != "" {
				t.Errorf("got %v, %v, want %s, %v", p, err, tt.want, tt.err)
			}
		})
	}
}

// TestCache: what is found is asked for once, dropped by a notice, and at the
// latest when its life ends.
func TestCache(t *testing.T) {
	w := newWorld()
	shop := func(want string) {
		t.Helper()
		if got := w.call("GET", "shop.example", "/userinfo", nil); !strings.HasPrefix(got, want) {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	shop("307")
	asked := w.asked.Load()
	for range 100 {
		shop("307")
	}
	if w.asked.Load() != asked {
		t.Error("the directory was asked again")
	}
	w.entries["shop"] = Entry{Project: &storage.Project{ID: "shop"}, Primary: "shop.example"}
	shop("307")
	w.finder.Invalidate(storage.Notice{Type: 1})
	shop("307")
	w.finder.Invalidate(storage.Notice{All: true})
	shop("200")
	t.Run("S6-09/notice-lost", func(t *testing.T) {
		w.entries["shop"] = Entry{Project: &storage.Project{ID: "shop"}, Disabled: true}
		w.now = w.now.Add(29 * time.Second)
		shop("200")
		w.now = w.now.Add(time.Second)
		shop("403")
	})
	w.away = true
	w.finder.Invalidate(storage.Notice{All: true})
	shop("503") // what is known to be switched off does not come back with an outage
}

// TestCacheWhileTheDatabaseIsAway: who was served goes on being served, for as
// long as keys are.
func TestCacheWhileTheDatabaseIsAway(t *testing.T) {
	w := newWorld()
	bank := func() string { return w.call("GET", "id.bank.example", "/userinfo", nil)[:3] }
	if got := bank(); got != "200" {
		t.Fatal(got)
	}
	w.away = true
	w.now = w.now.Add(14 * time.Minute)
	if got := bank(); got != "200" {
		t.Errorf("after 14 minutes: %s", got)
	}
	w.now = w.now.Add(time.Minute)
	if got := bank(); got != "503" {
		t.Errorf("after 15 minutes: %s", got)
	}
}

// TestCacheBounded: invented names do not fill the memory.
func TestCacheBounded(t *testing.T) {
	w := newWorld()
	for i := range 1000 {
		n := strconv.Itoa(i)
		w.call("GET", "host"+n+".example", "/", nil)
		w.call("GET", "id.example.com", "/p/nobody"+n+"/", nil)
	}
	if a, b := len(w.finder.hosts.entries), len(w.finder.strange.entries); a > 32 || b > 32 {
		t.Errorf("%d hosts and %d ids are kept, want 32 at the most", a, b)
	}
}
