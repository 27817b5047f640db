package flows

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/elloloop/identity/storage"
)

// What a browser's script and a page of frames may know of its sessions.

// browserState is a value for the set of accounts that are signed in (OIDC
// Session Management §4.2): "" for none, else a MAC of their sessions, which says
// nothing about who they are.
func (v *visit) browserState() string {
	if len(v.live) == 0 {
		return ""
	}
	sids := make([]string, len(v.live))
	for i, a := range v.live {
		sids[i] = a.Session.ID
	}
	slices.Sort(sids)
	h := hmac.New(sha256.New, v.device.key)
	// The word keeps it apart from the MACs of devices, which begin with a project.
	_, _ = h.Write([]byte("browser state\x00" + strings.Join(sids, "\x00"))) // a hash never fails
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16])
}

// BrowserState returns what the cookie says of this browser's sessions. Where it
// may be stale (fresh), or is missing beside a session, the sessions are looked
// at, and the cookie is mended.
func (e *Engine) BrowserState(w http.ResponseWriter, r *http.Request, p *storage.Project, fresh bool) (string, error) {
	j := cookies(p)
	sent := j.get(r, stateCookie)
	if !fresh && (sent != "" || j.get(r, sessionCookie) == "") {
		return sent, nil
	}
	v, err := e.visit(r, p)
	if err != nil {
		return "", err
	}
	state := v.browserState()
	if state != sent {
		j.set(w, stateCookie, state, 0)
	}
	return state, nil
}

// BrowserStateCookie names the cookie that script reads.
func (e *Engine) BrowserStateCookie(p *storage.Project) string { return cookies(p).name(stateCookie) }

// departure is a session that ended, as the browser carries it to the page of
// frames: the sid, and the clients of it that have a page to load.
type departure struct {
	SessionID string   `json:"s"`
	Clients   []string `json:"c"`
}

const (
	departureLife = time.Minute
	maxDeparture  = 3 << 10 // bytes: browsers take 4096 with the name
)

// depart leaves the browser a note of who is to be told in frames, for the end
// session endpoint, which it calls next. What does not fit is left out: the
// server tells those that can be told without the browser.
func (v *visit) depart(w http.ResponseWriter, sids []string) {
	var left []departure
	value := ""
	for _, a := range v.in.Accounts {
		if !slices.Contains(sids, a.Session.ID) {
			continue
		}
		d := departure{SessionID: a.Session.ID}
		for _, c := range a.Session.Clients {
			if c.FrontChannel {
				d.Clients = append(d.Clients, c.ClientID)
			}
		}
		if len(d.Clients) == 0 && !v.narrowed { // else the note says that the question was answered
			continue
		}
		left = append(left, d)
		raw, err := json.Marshal(left)
		if err != nil || base64.RawURLEncoding.EncodedLen(len(raw)) > maxDeparture {
			break
		}
		value = base64.RawURLEncoding.EncodeToString(raw)
	}
	if value != "" {
		v.jar.set(w, leftCookie, value, departureLife)
	}
}

// Departed reads that note, and removes it.
func (e *Engine) Departed(w http.ResponseWriter, r *http.Request, p *storage.Project) []*storage.Session {
	j := cookies(p)
	value := j.get(r, leftCookie)
	if value == "" {
		return nil
	}
	j.set(w, leftCookie, "", 0)
	raw, err := base64.RawURLEncoding.DecodeString(value)
	var left []departure
	if err != nil || len(value) > maxDeparture || json.Unmarshal(raw, &left) != nil {
		return nil
	}
	var out []*storage.Session
	for _, d := range left[:min(len(left), maxAccounts)] {
		s := &storage.Session{ID: d.SessionID}
		for _, c := range d.Clients {
			s.Clients = append(s.Clients, storage.SessionClient{ClientID: c, FrontChannel: true})
		}
		out = append(out, s)
	}
	return out
}
