// Package qr signs somebody in on one device by another one, where they are signed
// in: it shows a code there, and asks here.
package qr

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// Config configures both sides. Logins, Secrets and Sessions are required.
type Config struct {
	Logins   *storage.QRLogins
	Secrets  *storage.ProjectSecrets
	Sessions *storage.Sessions
}

// Flow waits, on the device where nobody is signed in.
type Flow struct{ config Config }

var (
	_ flows.Flow        = (*Flow)(nil)
	_ flows.Alternative = (*Flow)(nil)
	_ flows.Silencer    = (*Flow)(nil)
)

// New makes the flow.
func New(c Config) *Flow { return &Flow{c} }

// ID implements flows.Flow.
func (*Flow) ID() string { return "qr" }

// Requires implements flows.Silencer.
func (*Flow) Requires() string { return "login" }

func (f *Flow) open(in *flows.Interaction) bool {
	return in.Project.SignIn.QREnabled && in.Request.Subject == "" && in.First(f.ID())
}

// Needed implements flows.Flow: while the person waits.
func (f *Flow) Needed(ctx context.Context, in *flows.Interaction) (bool, error) {
	if !f.open(in) || !slices.Contains(in.Request.Proven, f.ID()) { // never begun: no read
		return false, nil
	}
	_, err := f.waiting(ctx, in)
	if over(err) {
		return false, nil
	}
	return err == nil, err
}

// Offered implements flows.Alternative.
func (f *Flow) Offered(_ context.Context, in *flows.Interaction) (bool, error) {
	return f.open(in), nil
}

func (f *Flow) waiting(ctx context.Context, in *flows.Interaction) (*storage.QRLogin, error) {
	return f.config.Logins.OfRequest(ctx, in.Project.Scope(), in.Request.ID)
}

func over(err error) bool {
	return errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrConsumed)
}

// View implements flows.Flow.
func (f *Flow) View(ctx context.Context, in *flows.Interaction) (any, error) {
	q, err := f.waiting(ctx, in)
	switch {
	case over(err):
		return templates.QRView{State: "start"}, nil
	case err != nil:
		return nil, err
	case q.Denied:
		return templates.QRView{State: "denied"}, nil
	case q.Subject != "":
		return templates.QRView{State: "allowed"}, nil
	}
	k, err := f.config.key(ctx, in.Project.Scope())
	if err != nil {
		return nil, err
	}
	code := k.code(q, in.Now)
	v := templates.QRView{State: "waiting", Code: shown(code), Seconds: untilTurn(q, in.Now)}
	v.Number, _ = k.number(q)
	v.Page = strings.TrimPrefix(strings.TrimPrefix(in.Project.Issuer+flows.ScanPath, "https://"), "http://")
	v.URL = link(in.Project, code)
	v.QRPath, v.QRSize, err = templates.QRCode(v.URL)
	return v, err
}

// link is what the picture says. A page of the operator's own is told whose code
// it is, to send the browser on to it.
func link(p *storage.Project, code string) string {
	if own := p.SignIn.QRBaseURL; own != "" {
		return own + "?" + url.Values{"code": {code}, "iss": {p.Issuer}}.Encode()
	}
	return p.Issuer + flows.ScanPath + "?code=" + code
}

// Submit implements flows.Flow.
func (f *Flow) Submit(ctx context.Context, in *flows.Interaction, form url.Values) (flows.Proof, error) {
	switch form.Get("decision") {
	case "start", "new":
		return f.begin(ctx, in)
	case "stop":
		return flows.Proof{Restart: true, Changes: []storage.Change{f.config.Logins.Stop(in.Request.ID)}}, nil
	case "continue":
		return f.finish(ctx, in)
	}
	return flows.Proof{}, &flows.Problem{Message: "problem.qr_decision_missing"}
}

const defaultLife = 5 * time.Minute

func (f *Flow) begin(ctx context.Context, in *flows.Interaction) (flows.Proof, error) {
	k, err := f.config.key(ctx, in.Project.Scope())
	if err != nil {
		return flows.Proof{}, err
	}
	life := in.Project.SignIn.QRLife
	if life == 0 {
		life = defaultLife
	}
	req := &in.Request
	q := &storage.QRLogin{
		ID: storage.NewID(), RequestID: req.ID, ClientID: req.ClientID, App: req.Client.Name,
		IP: in.Origin.IP, UserAgent: in.Origin.UserAgent, StartedAt: in.Now, ExpiresAt: in.Now.Add(life),
	}
	q.CodeHash = k.digest(k.finder(q.ID))
	// What the client asks of a session is asked of the other device too
	// (OIDC Core §3.1.2.1): its proof has to be one of now.
	if in.Prompts("login") || req.MaxAge != nil {
		q.ProvenAfter = in.Now
	}
	return flows.Proof{Changes: f.config.Logins.Begin(q)}, nil
}

// finish signs in who let this browser in, with what they had proven there and
// when: never more.
func (f *Flow) finish(ctx context.Context, in *flows.Interaction) (flows.Proof, error) {
	q, err := f.waiting(ctx, in)
	switch {
	case over(err):
		return flows.Proof{}, &flows.Problem{Message: "problem.qr_over"}
	case err != nil:
		return flows.Proof{}, err
	case q.Subject == "":
		return flows.Proof{}, &flows.Problem{Message: "problem.qr_waiting"}
	}
	s, err := f.config.Sessions.Get(ctx, in.Project.Scope(), q.SessionID)
	if errors.Is(err, storage.ErrNotFound) || err == nil && s.UserID != q.Subject {
		ev := in.Failure("user.sign_in_failed", "other_device_signed_out")
		ev.Target = q.Subject
		return flows.Proof{}, &flows.Problem{Message: "problem.qr_over", Events: []storage.AuditEvent{ev}}
	}
	if err != nil {
		return flows.Proof{}, err
	}
	return flows.Proof{
		Subject: q.Subject, AuthTime: q.AuthTime,
		// RFC 8176 §2: mca, more than one channel. It is no factor of its own.
		AMR: append(slices.DeleteFunc(slices.Clone(q.AMR), func(m string) bool { return m == "mca" }), "mca"),
		// What lets in here is what let in there as well: the policy judges both.
		By:      append([]string{f.ID()}, methods(q)...),
		Changes: []storage.Change{f.config.Logins.Take(q.ID)},
	}, nil
}

func methods(q *storage.QRLogin) []string {
	if len(q.Methods) == 0 {
		return []string{"unknown"}
	}
	return slices.DeleteFunc(slices.Clone(q.Methods), func(m string) bool { return m == "qr" })
}
