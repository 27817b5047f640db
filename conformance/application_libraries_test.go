package conformance

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/zitadel/oidc/v3/pkg/client/rp"
	httphelper "github.com/zitadel/oidc/v3/pkg/http"
	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// onNode runs a script of conformance/node that is an application.
func onNode(script, dependency string) func(*testing.T, *world, channel) *guest {
	return func(t *testing.T, w *world, by channel) *guest {
		t.Helper()
		cmd := scripted(t, script, dependency)
		origin := newOrigin(t)
		c := w.registerApplication(t, dependency, origin+"/callback", origin+"/bye", by, origin+"/front", origin+"/back")
		what, err := json.Marshal(map[string]string{
			"issuer": w.issuer, "client_id": c.ID, "client_secret": c.Secret, "origin": origin,
			"cert_file": suite.ca.certFile, "key_file": suite.ca.keyFile,
		})
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stdin = strings.NewReader(string(what))
		runCompanion(t, script, cmd, origin+"/ping")
		return libraryApplication(origin)
	}
}

// libraryApplication are the addresses of the applications that stand on libraries.
func libraryApplication(origin string) *guest {
	return &guest{
		page: origin + "/", signOut: origin + "/logout", bye: origin + "/bye", front: origin + "/front", bySID: true,
		refresh: func(t *testing.T, b *browser) {
			t.Helper()
			if p := b.roam(origin + "/refresh"); p.status != http.StatusOK {
				t.Fatalf("refresh: status %d: %s", p.status, p.text())
			}
		},
	}
}

// zitadelApplication is an application in Go on zitadel/oidc's relying party.
type zitadelApplication struct {
	party  rp.RelyingParty
	issuer string
	origin string

	mu       sync.Mutex
	sessions map[string]zitadelSession // by the value of the cookie
}

type zitadelSession struct {
	email, sid, access, refresh, id string
}

const appCookie = "__Host-app"

func runZitadelRP(t *testing.T, w *world, by channel) *guest {
	t.Helper()
	a := &zitadelApplication{issuer: w.issuer, sessions: map[string]zitadelSession{}}
	mux := http.NewServeMux()
	s := httptest.NewUnstartedServer(mux)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{suite.ca.certificate}}
	s.StartTLS()
	t.Cleanup(s.Close)
	a.origin = strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	c := w.registerApplication(t, "zitadel", a.origin+"/callback", a.origin+"/bye", by, a.origin+"/front", a.origin+"/back")
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		t.Fatal(err)
	}
	var err error
	a.party, err = rp.NewRelyingPartyOIDC(t.Context(), w.issuer, c.ID, c.Secret, a.origin+"/callback", []string{oidc.ScopeOpenID, oidc.ScopeEmail},
		rp.WithHTTPClient(w.http), rp.WithPKCE(httphelper.NewCookieHandler(key, key)), rp.WithSigningAlgsFromDiscovery())
	if err != nil {
		t.Fatal(err)
	}
	login := rp.AuthURLHandler(rand.Text, a.party)
	mux.HandleFunc("GET /{$}", func(rw http.ResponseWriter, r *http.Request) {
		session, ok := a.session(r)
		if !ok {
			login(rw, r)
			return
		}
		fmt.Fprintf(rw, "%s is signed in, the access token is %x", session.email, sha256.Sum256([]byte(session.access)))
	})
	mux.HandleFunc("GET /callback", rp.CodeExchangeHandler(rp.UserinfoCallback(a.begin), a.party))
	mux.HandleFunc("GET /refresh", a.failing(a.refresh))
	mux.HandleFunc("GET /logout", a.failing(a.logout))
	mux.HandleFunc("GET /bye", func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, "signed out") })
	mux.HandleFunc("GET /front", a.failing(a.frontChannel))
	mux.HandleFunc("POST /back", a.failing(a.backChannel))
	return libraryApplication(a.origin)
}

func (a *zitadelApplication) failing(f func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := f(w, r); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	}
}

func (a *zitadelApplication) session(r *http.Request) (zitadelSession, bool) {
	c, err := r.Cookie(appCookie)
	if err != nil {
		return zitadelSession{}, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s, ok := a.sessions[c.Value]
	return s, ok
}

// end ends the sessions here that belong to one of the provider's.
func (a *zitadelApplication) end(sid string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, s := range a.sessions {
		if s.sid == sid {
			delete(a.sessions, id)
		}
	}
}

func (a *zitadelApplication) begin(w http.ResponseWriter, r *http.Request, tokens *oidc.Tokens[*oidc.IDTokenClaims], _ string, _ rp.RelyingParty, info *oidc.UserInfo) {
	id := rand.Text()
	a.mu.Lock()
	a.sessions[id] = zitadelSession{info.Email, tokens.IDTokenClaims.SessionID, tokens.AccessToken, tokens.RefreshToken, tokens.IDToken}
	a.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: appCookie, Value: id, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (a *zitadelApplication) refresh(w http.ResponseWriter, r *http.Request) error {
	s, ok := a.session(r)
	if !ok {
		return errors.New("nobody is signed in")
	}
	next, err := rp.RefreshTokens[*oidc.IDTokenClaims](r.Context(), a.party, s.refresh, "", "")
	if err != nil {
		return err
	}
	s.access, s.refresh = next.AccessToken, next.RefreshToken
	c, err := r.Cookie(appCookie)
	if err != nil {
		return err
	}
	a.mu.Lock()
	a.sessions[c.Value] = s
	a.mu.Unlock()
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

// logout lets the browser go to the provider: rp.EndSession goes there itself, and
// has no cookie of the person.
func (a *zitadelApplication) logout(w http.ResponseWriter, r *http.Request) error {
	s, ok := a.session(r)
	if !ok {
		return errors.New("nobody is signed in")
	}
	a.end(s.sid)
	values := url.Values{"id_token_hint": {s.id}, "post_logout_redirect_uri": {a.origin + "/bye"}}
	http.Redirect(w, r, a.party.GetEndSessionEndpoint()+"?"+values.Encode(), http.StatusSeeOther)
	return nil
}

// frontChannel is OIDC Front-Channel Logout 1.0, section 2.
func (a *zitadelApplication) frontChannel(_ http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	if q.Get("iss") != a.issuer || q.Get("sid") == "" {
		return errors.New("not from the provider")
	}
	a.end(q.Get("sid"))
	return nil
}

// backChannel is OIDC Back-Channel Logout 1.0, section 2.6: a logout token is checked
// as an ID token is, and by its event.
func (a *zitadelApplication) backChannel(_ http.ResponseWriter, r *http.Request) error {
	c, err := rp.VerifyIDToken[*oidc.IDTokenClaims](r.Context(), r.PostFormValue("logout_token"), a.party.IDTokenVerifier())
	if err != nil {
		return err
	}
	events, _ := c.Claims["events"].(map[string]any)
	if _, ok := events["http://schemas.openid.net/event/backchannel-logout"]; !ok || c.Nonce != "" || c.SessionID == "" {
		return errors.New("no logout token")
	}
	a.end(c.SessionID)
	return nil
}
