package flows

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// ScanPath is the page, below the issuer, on which somebody who is signed in lets
// another browser in.
const ScanPath = "/qr"

// Approval judges what that page gets. What is over, or was never there, is a
// *Problem, always the same.
type Approval interface {
	// Claim turns a code into a ticket that this browser alone can use.
	Claim(ctx context.Context, w *Witness, code string) (ticket string, err error)
	// Since is when the person must have proven who they are, zero for no other time
	// than the project's.
	Since(ctx context.Context, w *Witness, ticket string) (time.Time, error)
	// View returns what the person has to know.
	View(ctx context.Context, w *Witness, ticket string) (any, error)
	// Submit judges their answer. Of the Proof, Changes, Events and Denied count.
	Submit(ctx context.Context, w *Witness, ticket string, form url.Values) (Proof, error)
}

// Witness is who is at the browser that scanned.
type Witness struct {
	Account // the zero Account: nobody is signed in
	Project *storage.Project
	Origin  storage.Origin
	Now     time.Time
	Bound   storage.Digest // of the cookie that binds the browser
}

// LogValue shows the project alone.
func (w *Witness) LogValue() slog.Value { return slog.StringValue(w.Project.ID) }

// SameNetwork says whether an address belongs to the network of this browser: a
// /24 of IPv4, a /56 of IPv6.
func (w *Witness) SameNetwork(ip string) bool {
	n := network(ip)
	return n != "unknown" && n == network(w.Origin.IP)
}

// Event begins an audit event of what the person does here.
func (w *Witness) Event(action string) storage.AuditEvent {
	return storage.AuditEvent{
		At: w.Now, Action: action, Outcome: "success", Actor: w.User.ID, Target: w.User.ID,
		SessionID: w.Session.ID, Origin: w.Origin,
	}
}

// witness opens the page. It gives the browser its binding cookie where it has
// none yet.
func (e *Engine) witness(w http.ResponseWriter, r *http.Request, p *storage.Project) (*visit, *Witness, error) {
	if e.Approval == nil {
		return nil, nil, errNoPage
	}
	v, err := e.visit(r, p)
	if err != nil {
		return nil, nil, err
	}
	v.in = v.interaction(storage.AuthorizationRequest{})
	if v.browser == "" {
		v.browser = storage.NewSecret()
		v.jar.set(w, browserCookie, v.browser, 0)
	}
	who := &Witness{Project: p, Origin: v.origin, Now: v.now, Bound: storage.DigestOf(v.browser)}
	if len(v.live) > 0 && v.in.Fresh(v.live[0]) {
		who.Account = v.live[0]
	}
	return v, who, nil
}

func (e *Engine) showScan(w http.ResponseWriter, r *http.Request, p *storage.Project) error {
	v, who, err := e.witness(w, r, p)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	if code := q.Get("code"); code != "" {
		return v.claim(w, r, who, code)
	}
	if q.Get("ticket") == "" {
		v.scanPage(w, r, templates.Page{Name: "qrcode", View: templates.QRCodeView{}}, nil)
		return nil
	}
	return v.ask(w, r, who, q.Get("ticket"), nil)
}

// claim takes a code out of the address: what stays there is worth nothing
// elsewhere.
func (v *visit) claim(w http.ResponseWriter, r *http.Request, who *Witness, code string) error {
	// Counted before it is judged.
	l, p := &limits{v, v.in}, v.project
	err := l.count(r.Context(), "qr:address:"+network(v.origin.IP), p.RateLimitLogin, p.RateLimitWindow, v.in.Failure("qr_login.denied", "rate_limited"), "")
	ticket := ""
	if err == nil {
		ticket, err = v.Approval.Claim(r.Context(), who, code)
	}
	if err != nil {
		return v.refuseScan(w, r, err)
	}
	v.redirect(w, r, v.scanURL(ticket))
	return nil
}

func (v *visit) scanURL(ticket string) string {
	return base(v.project) + ScanPath + "?ticket=" + url.QueryEscape(ticket)
}

// ask shows who wants in, to somebody who has just proven who they are.
func (v *visit) ask(w http.ResponseWriter, r *http.Request, who *Witness, ticket string, problem *Problem) error {
	fresh, err := v.freshFor(w, r, who, ticket)
	if err != nil {
		return v.refuseScan(w, r, err)
	}
	if !fresh {
		return nil
	}
	view, err := v.Approval.View(r.Context(), who, ticket)
	if err != nil {
		return v.refuseScan(w, r, err)
	}
	v.scanPage(w, r, templates.Page{Name: "qrapprove", View: view}, problem)
	return nil
}

// freshFor says whether the person may answer now. If not, the browser was sent to
// sign in, and comes back.
func (v *visit) freshFor(w http.ResponseWriter, r *http.Request, who *Witness, ticket string) (bool, error) {
	ctx := r.Context()
	since, err := v.Approval.Since(ctx, who, ticket)
	if err != nil {
		return false, err
	}
	back := &storage.AuthorizationRequest{
		ReturnTo: ScanPath + "?ticket=" + url.QueryEscape(ticket), Client: storage.ClientDisplay{FirstParty: true},
	}
	if who.Session != nil {
		ways, err := WaysOf(ctx, v.store, v.project.Scope(), who.User)
		if err != nil {
			return false, err
		}
		due, err := v.due(ctx, who.Account)
		if err != nil {
			return false, err
		}
		if !due && Recent(v.project, who.Session, ways, v.now) && !who.Session.AuthTime.Before(since) {
			return true, nil
		}
		if !due && TooWeak(v.project, who.Session, ways, v.now) && r.URL.Query().Get("prove") == "" {
			v.tooWeak(w, r, v.scanURL(ticket))
			return false, nil
		}
		prompt, acr := StepUpRequest(ways)
		back.Prompt, back.HintedSubject, back.LoginHint = []string{prompt}, who.User.ID, Label(who.User)
		if acr != "" {
			back.ACRValues = []string{acr}
		}
	}
	location, err := v.Begin(w, r, v.project, back)
	if err == nil {
		v.redirect(w, r, location)
	}
	return false, err
}

func (e *Engine) submitScan(w http.ResponseWriter, r *http.Request, p *storage.Project) error {
	form, err := parseForm(r)
	if err != nil {
		return err
	}
	v, who, err := e.witness(w, r, p)
	if err != nil {
		return err
	}
	ticket := form.Get("ticket")
	if ticket == "" {
		return v.claim(w, r, who, form.Get("code"))
	}
	if form.Get("decision") == "switch" {
		return v.another(w, r, who, ticket)
	}
	fresh, err := v.freshFor(w, r, who, ticket)
	if err != nil {
		return v.refuseScan(w, r, err)
	}
	if !fresh {
		return nil
	}
	proof, err := v.Approval.Submit(r.Context(), who, ticket, form)
	var problem *Problem
	if errors.As(err, &problem) && problem.Field == "" { // it can be answered again
		if err := v.store.Commit(r.Context(), p.Scope(), append(problem.changes, v.appendAll(problem.Events)...)...); err != nil {
			return err
		}
		return v.ask(w, r, who, ticket, problem)
	}
	if err == nil {
		err = v.store.Commit(r.Context(), p.Scope(), slices.Concat(proof.Changes, v.appendAll(proof.Events))...)
	}
	if err != nil {
		return v.refuseScan(w, r, err)
	}
	v.scanPage(w, r, templates.Page{Name: "qrdone", View: templates.QRDoneView{Denied: proof.Denied != "", Mismatch: proof.Denied == "wrong_number"}}, nil)
	return nil
}

// another lets the person choose who they are, and come back.
func (v *visit) another(w http.ResponseWriter, r *http.Request, who *Witness, ticket string) error {
	if _, err := v.Approval.Since(r.Context(), who, ticket); err != nil {
		return v.refuseScan(w, r, err)
	}
	location, err := v.Begin(w, r, v.project, &storage.AuthorizationRequest{
		ReturnTo: ScanPath + "?ticket=" + url.QueryEscape(ticket), Client: storage.ClientDisplay{FirstParty: true},
		Prompt: []string{"select_account"},
	})
	if err == nil {
		v.redirect(w, r, location)
	}
	return err
}

// refuseScan asks for another code, where there is nothing to answer any more.
func (v *visit) refuseScan(w http.ResponseWriter, r *http.Request, err error) error {
	var problem *Problem
	switch {
	case errors.As(err, &problem):
		if problem.tells() {
			if err := v.store.Commit(r.Context(), v.project.Scope(), append(problem.changes, v.appendAll(problem.Events)...)...); err != nil {
				return err
			}
		}
	case errors.Is(err, storage.ErrConflict), errors.Is(err, storage.ErrConsumed), gone(err): // answered elsewhere, a moment ago
		problem = &Problem{Message: "problem.qr_code", Field: "code"}
	default:
		return err
	}
	v.scanPage(w, r, templates.Page{Name: "qrcode", View: templates.QRCodeView{}}, problem)
	return nil
}

func (v *visit) scanPage(w http.ResponseWriter, r *http.Request, page templates.Page, problem *Problem) {
	page.Action = base(v.project) + ScanPath
	page.Dev, page.RequestID = v.project.InsecureDevelopment, v.origin.RequestID
	v.send(w, r, http.StatusOK, page, problem)
}
