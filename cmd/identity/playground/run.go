package playground

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/elloloop/identity/templates"
)

const (
	maxRuns      = 256 // of all browsers; the oldest goes first
	runLife      = time.Hour
	maxExchanges = 20 // of one run; the oldest goes first
)

// wishes are what the person chose on the start page.
type wishes struct {
	scope, prompt, maxAge, loginHint string
	mistake                          string // what to do wrong: a templates.Break… value, or ""
}

// run is one sign-in from its request to its sign-out.
type run struct {
	wishes
	state, nonce, verifier string
	created                time.Time
	authorizeURL           string
	request                []templates.PlaygroundParameter

	mu        sync.Mutex // guards what follows
	answered  bool       // an authorization response was taken, so none is taken again
	response  []templates.PlaygroundParameter
	problem   string // a sentence; "" when all went well
	expected  bool   // the person asked for the problem
	note      string // a sentence that is no problem
	exchanges []templates.PlaygroundExchange
	received  []templates.PlaygroundCheck // of the authorization response
	checks    []templates.PlaygroundCheck // of the tokens
	token     *oauth2.Token
	idToken   string
	subject   string // sub of the first ID token that was good
	userinfo  string // indented JSON
}

// LogValue hides every token of the run.
func (*run) LogValue() slog.Value { return slog.StringValue("[redacted]") }

func newRun(w wishes, now time.Time) *run {
	return &run{wishes: w, state: rand.Text(), nonce: rand.Text(), verifier: oauth2.GenerateVerifier(), created: now}
}

// exchanged adds requests with their answers.
func (r *run) exchanged(list []templates.PlaygroundExchange) {
	r.exchanges = append(r.exchanges, list...)
	if n := len(r.exchanges) - maxExchanges; n > 0 {
		r.exchanges = r.exchanges[n:]
	}
}

// runs are the sign-ins of all browsers, each found by the secret in a cookie.
type runs struct {
	cookie http.Cookie // without its value
	now    func() time.Time

	mu       sync.Mutex
	byCookie map[string]*run
}

// LogValue hides the secrets of the browsers.
func (*runs) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// runCookie is the cookie that binds a run to its browser. Cookies don't tell
// ports apart, so the port is in its name: two development servers are two.
func runCookie(issuer *url.URL) http.Cookie {
	return http.Cookie{
		Name: "identity_playground_" + issuer.Port(), Path: pathStart, MaxAge: int(runLife / time.Second),
		HttpOnly: true, Secure: issuer.Scheme == "https",
		SameSite: http.SameSiteLaxMode, // Strict would be missing when the authorization server sends the browser back
	}
}

func newRuns(cookie http.Cookie, now func() time.Time) *runs {
	return &runs{cookie: cookie, now: now, byCookie: map[string]*run{}}
}

// keep stores a run for this browser, in the place of its last one.
func (s *runs) keep(w http.ResponseWriter, r *run) {
	cookie := s.cookie
	cookie.Value = rand.Text()
	http.SetCookie(w, &cookie)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep()
	s.byCookie[cookie.Value] = r
}

// sweep makes room for one more.
func (s *runs) sweep() {
	oldest, since := "", s.now()
	for id, r := range s.byCookie {
		if s.now().Sub(r.created) > runLife {
			delete(s.byCookie, id)
		} else if oldest == "" || r.created.Before(since) {
			oldest, since = id, r.created
		}
	}
	if len(s.byCookie) >= maxRuns {
		delete(s.byCookie, oldest)
	}
}

var errNoRun = errors.New("playground: no run of this browser")

// find returns the run of this browser. errNoRun when it has none that is live.
func (s *runs) find(req *http.Request) (*run, error) {
	c, err := req.Cookie(s.cookie.Name)
	if err != nil {
		return nil, errNoRun
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.byCookie[c.Value]
	if r == nil || s.now().Sub(r.created) > runLife {
		return nil, errNoRun
	}
	return r, nil
}

// forget ends the run of this browser.
func (s *runs) forget(w http.ResponseWriter, req *http.Request) {
	if c, err := req.Cookie(s.cookie.Name); err == nil {
		s.mu.Lock()
		delete(s.byCookie, c.Value)
		s.mu.Unlock()
	}
	cookie := s.cookie
	cookie.MaxAge = -1
	http.SetCookie(w, &cookie)
}
