package flows

import (
	"context"
	"crypto/subtle"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/go-chi/chi/v5"

	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// Room is one page of a person's own account.
type Room struct {
	Path string // below the issuer
	Name string // its template
	// Guarded: a fresh proof of who it is, even to look (S3-14).
	Guarded bool
	// Fresh says whether what was sent needs a fresh proof. nil: it does.
	Fresh  func(form url.Values) bool
	View   func(context.Context, *Member) (any, error)
	Submit func(context.Context, *Member, url.Values) (Outcome, error)
	// Returned says what went wrong elsewhere, for somebody who comes back from there
	// with the query "problem". nil, and a nil Problem: nothing to be told.
	Returned func(context.Context, *Member) (*Problem, error)
}

// Outcome is what a form of an account page does. All of it is one commit.
type Outcome struct {
	Changes []storage.Change
	Events  []storage.AuditEvent
	Told    string // message id of what changed, for the letter to the owner; "": no letter
	// Act commits, where one change alone is not enough to say; nil: a plain commit.
	Act func(ctx context.Context, changes ...storage.Change) error

	EndOthers bool // every other session and every grant ends; this one gets a new id and secret
	EndAll    bool // this one too
	To        string
	Leave     *templates.AccountLeaveView // another site, where the person goes on
	Done      string                      // word of the sentence that the next page shows
	File      *File
	// Taken is what to say where a unique name was taken.
	Taken *Problem
}

// File is what a form downloads.
type File struct {
	Name string
	Body []byte // JSON
}

// Rooms serves the pages of the account. Nobody is signed in: the browser is led
// through a sign-in that belongs to no client, and back. Each page speaks JSON as
// the steps of an interaction do; forms are sent with the form_token of the page.
func (e *Engine) Rooms(rooms []Room) http.Handler {
	r := chi.NewRouter()
	for _, room := range rooms {
		r.Get(room.Path, e.handle(e.lookAt(room)))
		if room.Submit != nil {
			r.Post(room.Path, e.handle(e.submitTo(room)))
		}
	}
	r.Get(AccountPath+"/left", e.handle(e.left))
	r.MethodNotAllowed(e.handle(func(http.ResponseWriter, *http.Request, *storage.Project) error { return errMethod }))
	r.NotFound(e.handle(func(http.ResponseWriter, *http.Request, *storage.Project) error { return errNoPage }))
	return e.sameOrigin(r)
}

// member returns who is at the browser, nil when nobody is signed in.
func (e *Engine) member(r *http.Request, p *storage.Project) (*Member, error) {
	v, err := e.visit(r, p)
	if err != nil || len(v.live) == 0 {
		return nil, err
	}
	v.in = v.interaction(storage.AuthorizationRequest{})
	a := v.live[0]
	return &Member{
		Account: a, Project: p, Origin: v.origin, Now: v.now, Query: r.URL.Query(),
		Locales: e.Pages.Preferences(r, nil), visit: v, secret: v.secrets[a.Session.ID],
	}, nil
}

// admit returns who may go on. When it returns nobody, the browser was sent to
// prove who it is.
func (e *Engine) admit(w http.ResponseWriter, r *http.Request, p *storage.Project, room Room, fresh bool) (*Member, error) {
	m, err := e.member(r, p)
	if err != nil {
		return nil, err
	}
	ask := &storage.AuthorizationRequest{ReturnTo: local(room.Path), Client: storage.ClientDisplay{FirstParty: true}}
	if m != nil && !m.visit.in.Fresh(m.Account) { // its organisation is stricter now
		ask.LoginHint, m = Label(m.User), nil
	}
	if m != nil {
		due, err := m.visit.due(r.Context(), m.Account)
		if err != nil {
			return nil, err
		}
		ways, err := m.Ways(r.Context())
		if err != nil {
			return nil, err
		}
		if !due && (!fresh || Recent(p, m.Session, ways, m.Now)) {
			return m, nil
		}
		if !due && TooWeak(p, m.Session, ways, m.Now) && r.URL.Query().Get("prove") == "" {
			m.visit.tooWeak(w, r, m.URL(room.Path))
			return nil, nil
		}
		prompt, acr := StepUpRequest(ways)
		ask.Prompt, ask.HintedSubject, ask.LoginHint = []string{prompt}, m.User.ID, Label(m.User)
		if acr != "" {
			ask.ACRValues = []string{acr}
		}
	}
	location, err := e.Begin(w, r, p, ask)
	if err == nil {
		e.redirect(w, r, location)
	}
	return nil, err
}

func (e *Engine) lookAt(room Room) func(http.ResponseWriter, *http.Request, *storage.Project) error {
	return func(w http.ResponseWriter, r *http.Request, p *storage.Project) error {
		m, err := e.admit(w, r, p, room, room.Guarded)
		if m == nil {
			return err
		}
		var problem *Problem
		if room.Returned != nil && m.Query.Has("problem") {
			if problem, err = room.Returned(r.Context(), m); err != nil {
				return err
			}
		}
		return e.showRoom(w, r, m, room, problem)
	}
}

func (e *Engine) showRoom(w http.ResponseWriter, r *http.Request, m *Member, room Room, problem *Problem) error {
	view, err := room.View(r.Context(), m)
	if err != nil {
		return err
	}
	frame := &templates.AccountFrame{Base: base(m.Project), Token: m.token(), Label: Label(m.User)}
	done := m.Query.Get("done")
	if m.Query.Has("linked") { // back from another provider
		done = "linked"
	}
	if problem == nil && slices.Contains(templates.AccountDone(), done) {
		frame.Done = "account.done." + done
	}
	w.Header().Set("Vary", "Accept")
	e.send(w, r, http.StatusOK, templates.Page{
		Name: room.Name, Action: m.URL(room.Path), View: view, Account: frame,
		Dev: m.Project.InsecureDevelopment, RequestID: m.Origin.RequestID, UILocales: m.visit.languages(),
	}, problem)
	return nil
}

func (e *Engine) submitTo(room Room) func(http.ResponseWriter, *http.Request, *storage.Project) error {
	return func(w http.ResponseWriter, r *http.Request, p *storage.Project) error {
		form, err := parseForm(r)
		if err != nil {
			return err
		}
		m, err := e.admit(w, r, p, room, room.Fresh == nil || room.Fresh(form))
		if m == nil {
			return err
		}
		if subtle.ConstantTimeCompare([]byte(form.Get("form_token")), []byte(m.token())) != 1 {
			return e.told(w, r, m, room, form, Outcome{}, &Problem{Message: "problem.form_old", Status: http.StatusForbidden})
		}
		out, err := room.Submit(r.Context(), m, form)
		if err == nil {
			err = m.commit(r.Context(), w, &out)
		}
		return e.told(w, r, m, room, form, out, err)
	}
}

// told tells the person how their form ended.
func (e *Engine) told(w http.ResponseWriter, r *http.Request, m *Member, room Room, form url.Values, out Outcome, err error) error {
	var problem *Problem
	switch {
	case errors.Is(err, storage.ErrAlreadyExists) && out.Taken != nil:
		problem = out.Taken
	case errors.As(err, &problem):
		if problem.tells() {
			if err := e.store.Commit(r.Context(), m.Project.Scope(), append(problem.changes, m.visit.appendAll(problem.Events)...)...); err != nil {
				return err
			}
		}
	case errors.Is(err, storage.ErrConflict), gone(err), errors.Is(err, storage.ErrAlreadyExists), errors.Is(err, storage.ErrConsumed):
		// Another tab was faster, or what the form was about is gone: see what is left.
		e.redirect(w, r, m.URL(room.Path))
		return nil
	case err != nil:
		return err
	}
	if problem != nil {
		m.Form = form
		return e.showRoom(w, r, m, room, problem)
	}
	if out.File != nil {
		h := maps.All(map[string]string{
			"Content-Type": "application/json", "Content-Disposition": `attachment; filename="` + out.File.Name + `"`,
			"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		})
		for k, v := range h {
			w.Header().Set(k, v)
		}
		_, _ = w.Write(out.File.Body) // a failed write means that the browser is gone
		return nil
	}
	if out.Leave != nil {
		return e.leave(w, r, m, out.Leave)
	}
	to := out.To
	if to == "" {
		to = room.Path
	}
	to = m.URL(local(to))
	if out.Done != "" {
		to = withQuery(to, url.Values{"done": {out.Done}}.Encode())
	}
	e.redirect(w, r, to)
	return nil
}

// leave sends the person to another site by a page of its own: where a form of ours
// may end, which the page's policy says, no other site belongs.
func (e *Engine) leave(w http.ResponseWriter, r *http.Request, m *Member, to *templates.AccountLeaveView) error {
	if wantsJSON(r) {
		e.redirect(w, r, to.URL)
		return nil
	}
	e.send(w, r, http.StatusOK, templates.Page{
		Name: "accountleave", View: *to, Dev: m.Project.InsecureDevelopment, RequestID: m.Origin.RequestID, UILocales: m.visit.languages(),
	}, nil)
	return nil
}

// commit stores what a form does, with its audit and the letter to the owner.
func (m *Member) commit(ctx context.Context, w http.ResponseWriter, out *Outcome) error {
	v := m.visit
	changes := slices.Concat(out.Changes, v.appendAll(out.Events))
	if out.Told != "" {
		what := v.Pages.Sentence(append([]string{m.User.Locale}, m.Locales...), out.Told, nil)
		changes = append(changes, m.Letter(storage.Mail{Name: "changed", Data: map[string]any{"What": what}})...)
	}
	after := v.live
	switch {
	case out.EndAll:
		changes = append(v.store.Sessions.EndAll(m.User.ID), changes...)
		after = v.live[1:]
	case out.EndOthers:
		renewed, secret := *m.Session, storage.NewSecret()
		renewed.Meta, renewed.ID, renewed.SecretHash, renewed.Clients = storage.Meta{}, storage.NewID(), storage.DigestOf(secret), nil
		renewed.CreatedOrder = m.Now.UnixMicro()
		changes = slices.Concat(v.store.Sessions.EndAll(m.User.ID), changes, v.store.Sessions.Start(&renewed))
		v.secrets[renewed.ID] = secret
		after = append([]Account{{Session: &renewed, User: m.User}}, v.live[1:]...)
	}
	act := out.Act
	if act == nil {
		act = func(ctx context.Context, changes ...storage.Change) error {
			return v.store.Commit(ctx, m.Project.Scope(), changes...)
		}
	}
	if err := act(ctx, changes...); err != nil {
		return err
	}
	if out.EndAll || out.EndOthers {
		v.live = after
		v.keep(w)
	}
	return nil
}

// tooWeak tells somebody what their sign-in lacked, instead of asking for the same
// again and again.
func (v *visit) tooWeak(w http.ResponseWriter, r *http.Request, again string) {
	v.send(w, r, http.StatusForbidden, templates.Page{
		Name: "accountproof", View: templates.AccountProofView{AgainURL: withQuery(again, "prove=1"), BackURL: base(v.project) + AccountPath},
		Dev: v.project.InsecureDevelopment, RequestID: v.origin.RequestID,
	}, nil)
}

// left is the page after the person went out of their account for good, or
// everywhere. It needs nobody.
func (e *Engine) left(w http.ResponseWriter, r *http.Request, p *storage.Project) error {
	e.send(w, r, http.StatusOK, templates.Page{
		Name: "accountleft", View: templates.AccountLeftView{Deleted: r.URL.Query().Get("done") == "deletion", SignInURL: base(p) + AccountPath},
		Dev: p.InsecureDevelopment, RequestID: e.Origin(r).RequestID,
	}, nil)
	return nil
}
