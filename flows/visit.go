package flows

import (
	"context"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/elloloop/identity/storage"
)

// visit is one HTTP request of one browser.
type visit struct {
	*Engine
	project *storage.Project
	jar     jar
	browser string            // the binding cookie, "" when there is none
	secrets map[string]string // session id to the secret that the browser holds
	device  device
	trust   trust
	live    []Account
	people  map[string]*storage.User // that were read in this visit
	origin  storage.Origin
	now     time.Time
	locales []string
	row     *storage.AuthorizationRequest // as stored
	in      *Interaction                  // as the flows see it
	// narrowed: logout_hint leaves one account of several.
	narrowed bool
}

// LogValue hides what the browser holds.
func (*visit) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// touchAfter bounds how often a session in use is written.
const touchAfter = 5 * time.Minute

// visit reads who is at the browser.
func (e *Engine) visit(r *http.Request, p *storage.Project) (*visit, error) {
	v := &visit{
		Engine: e, project: p, jar: cookies(p), secrets: map[string]string{},
		origin: e.Origin(r), now: e.Now().UTC(), locales: e.Pages.Preferences(r, nil), people: map[string]*storage.User{},
	}
	v.browser = parseSecret(v.jar.get(r, browserCookie))
	var err error
	if v.device, err = e.device(r.Context(), p, v.jar.get(r, deviceCookie)); err != nil {
		return nil, err
	}
	v.trust = trust{entries: parseTrust(v.jar.get(r, trustCookie)), key: v.device.key, place: p.ID}
	for _, secret := range parseSecrets(v.jar.get(r, sessionCookie)) {
		s, err := e.store.Sessions.BySecret(r.Context(), p.Scope(), storage.DigestOf(secret))
		if gone(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		u, err := v.owner(r.Context(), s)
		if err != nil {
			return nil, err
		}
		if u == nil || slices.ContainsFunc(v.live, func(a Account) bool { return a.User.ID == u.ID }) {
			continue
		}
		v.secrets[s.ID] = secret
		login, err := v.tenantOf(r.Context(), u)
		if err != nil {
			return nil, err
		}
		v.people[u.ID] = u
		v.live = append(v.live, Account{v.touched(r.Context(), s, secret), u, login})
	}
	return v, nil
}

// owner returns whose session it is, nil when the account may not be signed in
// any more. The session itself is live: the repository hides what has expired,
// and the idle end is never after the absolute one.
func (v *visit) owner(ctx context.Context, s *storage.Session) (*storage.User, error) {
	u, err := v.store.Users.Get(ctx, v.project.Scope(), s.UserID)
	if gone(err) {
		return nil, nil
	}
	if err != nil || u.Status != storage.UserActive {
		return nil, err
	}
	return u, nil
}

// touched moves the idle end of a session in use, seldom and as well as can be:
// the person is signed in whether it succeeds or not.
func (v *visit) touched(ctx context.Context, s *storage.Session, secret string) *storage.Session {
	if v.now.Sub(s.LastSeen) < touchAfter {
		return s
	}
	later := *s
	later.LastSeen = v.now
	later.ExpiresAt = earlier(v.now.Add(v.project.SessionIdle), s.EndsAt)
	if err := v.store.Commit(ctx, v.project.Scope(), v.store.Sessions.Renew(&later)); err != nil {
		return s
	}
	if again, err := v.store.Sessions.BySecret(ctx, v.project.Scope(), storage.DigestOf(secret)); err == nil {
		return again
	}
	return s
}

// open reads the request that the person answers. Only the browser that began it
// may (S1-09).
func (e *Engine) open(r *http.Request, p *storage.Project, id string) (*visit, error) {
	row, err := e.store.AuthorizationRequests.Get(r.Context(), p.Scope(), id)
	if err != nil {
		return nil, over(err)
	}
	v, err := e.visit(r, p)
	if err != nil {
		return nil, err
	}
	if !v.bound(row) {
		return nil, errOtherBrowser
	}
	v.row = row
	v.in = v.interaction(*row)
	if err := v.repair(r.Context()); err != nil {
		return nil, err
	}
	return v, v.in.govern(r.Context())
}

// over says that there is nothing left to answer.
func over(err error) error {
	if gone(err) || errors.Is(err, storage.ErrConsumed) || errors.Is(err, storage.ErrInvalidArgument) {
		return errExpired
	}
	return err
}

func (v *visit) bound(row *storage.AuthorizationRequest) bool {
	digest := storage.DigestOf(v.browser)
	return v.browser != "" && subtle.ConstantTimeCompare(digest[:], row.BrowserHash[:]) == 1
}

// interaction is what the flows see of the visit, with this state of the row.
func (v *visit) interaction(row storage.AuthorizationRequest) *Interaction {
	in := &Interaction{
		Project: v.project, Request: row, Accounts: slices.Clone(v.live),
		Origin: v.origin, Now: v.now, Locales: v.locales, device: v.device, trust: v.trust, base: base(v.project), visit: v,
	}
	in.Limits = &limits{v, in}
	in.Request.Proven = slices.Clone(row.Proven)
	in.Request.AMR = slices.Clone(row.AMR)
	return in
}

// repair forgets who it was when their session has ended meanwhile, or the policy
// does not take their proof any more.
func (v *visit) repair(ctx context.Context) error {
	req := &v.in.Request
	if req.Subject == "" || req.Denied != "" {
		return nil
	}
	holds := v.stands
	if req.SessionID == "" { // between two factors
		holds = v.proves
	}
	live, err := holds(ctx, req)
	if err == nil && live {
		live, err = v.allowed(ctx, req)
	}
	if err == nil && !live {
		restart(req)
	}
	return err
}

// restart forgets all that was proven.
func restart(req *storage.AuthorizationRequest) {
	req.Subject, req.SessionID, req.AuthTime, req.AMR, req.ACR = "", "", time.Time{}, nil, ""
	req.Identifier, req.Proven, req.ConsentGiven, req.Done, req.SetAt, req.Sent = "", nil, false, false, time.Time{}, nil
	req.Link, req.Methods, req.ProvenAs = nil, nil, 0
}

// stands says whether the session that the request is answered from is live.
func (v *visit) stands(ctx context.Context, req *storage.AuthorizationRequest) (bool, error) {
	s, err := v.store.Sessions.Get(ctx, v.project.Scope(), req.SessionID)
	if gone(err) || errors.Is(err, storage.ErrInvalidArgument) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	u, err := v.owner(ctx, s)
	return err == nil && u != nil && u.ID == req.Subject, err
}

// base is the path that the issuer has, "" for most.
func base(p *storage.Project) string {
	u, err := url.Parse(p.Issuer)
	if err != nil {
		return ""
	}
	return strings.TrimRight(u.EscapedPath(), "/")
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
