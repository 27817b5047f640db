package flows

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// maxBody is the longest form or JSON object that is read, in bytes.
const maxBody = 64 << 10

// refusal is an answer that ends the visit: a page that says why.
type refusal struct {
	status  int
	message string // message id
}

func (r *refusal) Error() string { return "flows: " + r.message }

var (
	errExpired      = &refusal{http.StatusGone, "error.expired"}
	errOtherBrowser = &refusal{http.StatusForbidden, "error.other_browser"}
	errCrossOrigin  = &refusal{http.StatusForbidden, "error.cross_origin"}
	errNoPage       = &refusal{http.StatusNotFound, "error.not_found"}
	errMethod       = &refusal{http.StatusMethodNotAllowed, "error.method_not_allowed"}
	errBadForm      = &refusal{http.StatusBadRequest, "error.bad_request"}
	errMediaType    = &refusal{http.StatusUnsupportedMediaType, "error.bad_request"}
	errNoWayIn      = errors.New("flows: nothing is needed, and nobody is signed in: no flow of this project can sign anybody in")
)

// answer is a step in JSON.
type answer struct {
	Flow       string            `json:"flow,omitempty"`
	Action     string            `json:"action,omitempty"`
	Client     *templates.Client `json:"client,omitempty"`
	View       any               `json:"view,omitempty"`
	Problem    *told             `json:"problem,omitempty"`
	FormToken  string            `json:"form_token,omitempty"` // of the account pages: to be sent with each form
	Done       string            `json:"done,omitempty"`       // what was just done, as a sentence
	RedirectTo string            `json:"redirect_to,omitempty"`
}

// LogValue shows which step it is: the rest is the person's.
func (a answer) LogValue() slog.Value { return slog.StringValue(a.Flow) }

// told is a problem with its sentence in the person's language.
type told struct {
	Message  string         `json:"message"`
	Sentence string         `json:"sentence"`
	Field    string         `json:"field,omitempty"`
	Data     map[string]any `json:"data,omitempty"`
}

func wantsJSON(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/html")
}

// page shows a step, with what went wrong with it.
func (v *visit) page(w http.ResponseWriter, r *http.Request, status int, f Flow, problem *Problem) error {
	if err := v.offer(r.Context(), v.in); err != nil {
		return err
	}
	view, err := f.View(r.Context(), v.in)
	if err != nil {
		return err
	}
	req := &v.in.Request
	p := templates.Page{
		Name: f.ID(), Action: v.in.URL(f.ID()), View: view,
		Client: client(req), UILocales: v.languages(), FormAction: redirectOrigin(req.RedirectURI),
		Popup: req.Display == "popup", // OIDC Core §3.1.2.1: its opener waits for it
		Dev:   v.project.InsecureDevelopment, RequestID: v.origin.RequestID,
	}
	v.send(w, r, status, p, problem)
	return nil
}

// languages are what the page speaks before what the browser asks for: the
// request's ui_locales (OIDC Core §3.1.2.1), then the language of who is signed in
// here. Who only says who they are shows nobody a language by that.
func (v *visit) languages() []string {
	all := slices.Clone(v.in.Request.UILocales)
	if len(v.live) > 0 && v.live[0].User.Locale != "" {
		all = append(all, v.live[0].User.Locale)
	}
	return all
}

// send writes a page, in the form that was asked for.
func (e *Engine) send(w http.ResponseWriter, r *http.Request, status int, p templates.Page, problem *Problem) {
	a := answer{Flow: p.Name, Action: p.Action, Client: p.Client, View: p.View}
	if p.Account != nil {
		a.FormToken = p.Account.Token
		if p.Account.Done != "" {
			a.Done = e.Pages.Sentence(e.Pages.Preferences(r, p.UILocales), p.Account.Done, nil)
		}
	}
	if problem != nil {
		p.Problem = &templates.Problem{Message: problem.Message, Data: problem.Data, Field: problem.Field}
		a.Problem = &told{
			Message: problem.Message, Field: problem.Field, Data: problem.Data,
			Sentence: e.Pages.Sentence(e.Pages.Preferences(r, p.UILocales), problem.Message, problem.Data),
		}
		if status = problem.Status; status == 0 {
			status = http.StatusUnprocessableEntity
		}
		if problem.RetryAfter > 0 { // RFC 9110 §10.2.3: whole seconds
			w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(problem.RetryAfter.Seconds()))))
		}
	}
	if wantsJSON(r) {
		writeJSON(w, status, a)
		return
	}
	e.Pages.Render(w, r, status, p)
}

// redirect sends the person on. 303: what was posted is not posted again (S1-07).
func (e *Engine) redirect(w http.ResponseWriter, r *http.Request, location string) {
	if wantsJSON(r) {
		writeJSON(w, http.StatusOK, answer{RedirectTo: location})
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Location", location)
	w.WriteHeader(http.StatusSeeOther)
}

func writeJSON(w http.ResponseWriter, status int, a answer) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	// A failed write means that the browser is gone: nobody is left to tell.
	_ = json.NewEncoder(w).Encode(a)
}

// fail is the only place where an error becomes an answer. What is unknown is a
// 500 without a word about the inside.
func (e *Engine) fail(w http.ResponseWriter, r *http.Request, uiLocales []string, err error) {
	origin := e.Origin(r)
	status, message := http.StatusInternalServerError, "error.server"
	var known *refusal
	switch {
	case errors.As(err, &known):
		status, message = known.status, known.message
	case gone(err):
		status, message = http.StatusNotFound, "error.not_found"
	case errors.Is(err, storage.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		status, message = http.StatusServiceUnavailable, "error.unavailable"
		w.Header().Set("Retry-After", "5")
	}
	level := slog.LevelInfo
	// The browser that asked may be gone: that is no fault of ours.
	if status >= http.StatusInternalServerError && !errors.Is(r.Context().Err(), context.Canceled) {
		level = slog.LevelError
	}
	e.Log.LogAttrs(r.Context(), level, "flow refused", slog.Int("status", status),
		slog.String("request_id", origin.RequestID), slog.Any("cause", err))
	p := templates.Page{
		Name: "error", UILocales: uiLocales, RequestID: origin.RequestID,
		View: templates.ErrorView{Status: status, Message: message},
	}
	if wantsJSON(r) {
		sentence := e.Pages.Sentence(e.Pages.Preferences(r, uiLocales), message, nil)
		writeJSON(w, status, answer{Problem: &told{Message: message, Sentence: sentence}})
		return
	}
	e.Pages.Render(w, r, status, p)
}

func client(req *storage.AuthorizationRequest) *templates.Client {
	if req.ClientID == "" {
		return nil
	}
	c := req.Client
	return &templates.Client{ID: req.ClientID, Name: c.Name, URI: c.URI, LogoURI: c.LogoURI, PolicyURI: c.PolicyURI, TOSURI: c.TOSURI}
}

// redirectOrigin is where the last form of the interaction ends up: browsers
// apply the page's form-action to redirects too.
func redirectOrigin(uri string) []string {
	u, err := url.Parse(uri)
	switch {
	case err != nil || u.Scheme == "":
		return nil
	case u.Host != "" && (u.Scheme == "https" || u.Scheme == "http"):
		return []string{u.Scheme + "://" + u.Host}
	}
	return []string{u.Scheme + ":"}
}

// parseForm reads a form, or a JSON object of strings. A cross-origin page can't
// send application/json without asking first (S3-18).
func parseForm(r *http.Request) (url.Values, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return nil, errMediaType
	}
	switch media {
	case "application/x-www-form-urlencoded":
		if err := r.ParseForm(); err != nil {
			return nil, errBadForm
		}
		return r.PostForm, nil
	case "application/json":
		var object map[string]string
		if err := json.NewDecoder(r.Body).Decode(&object); err != nil {
			return nil, errBadForm
		}
		form := make(url.Values, len(object))
		for k, s := range object {
			form.Set(k, s)
		}
		return form, nil
	}
	return nil, errMediaType
}

// minutes is how long a person waits, for a sentence.
func minutes(d time.Duration) int { return max(1, int(math.Ceil(d.Minutes()))) }
