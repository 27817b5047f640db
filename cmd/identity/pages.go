package main

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/elloloop/identity/op"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// protocolPages shows the protocol's own pages by the same templates as the flows.
type protocolPages struct {
	renderer *templates.Renderer
}

var _ op.Pages = (*protocolPages)(nil)

// errorMessages are the sentences for the person, by error code.
var errorMessages = map[string]string{
	op.ErrInvalidClient.Code:          "error.invalid_client",
	op.ErrInvalidRedirectURI.Code:     "error.invalid_redirect_uri",
	op.ErrServerError.Code:            "error.server",
	op.ErrTemporarilyUnavailable.Code: "error.unavailable",
}

// Error shows what went wrong.
func (p *protocolPages) Error(w http.ResponseWriter, r *http.Request, pr *storage.Project, e op.ErrorPage) {
	message, ok := errorMessages[e.Code]
	if !ok {
		message = "error.invalid_request"
	}
	if e.Expired {
		message = "error.expired"
	}
	p.render(w, r, pr, e.Status, e.UILocales, templates.Page{
		Name: "error",
		View: templates.ErrorView{Status: e.Status, Code: e.Code, Description: e.Description, Sent: e.Sent, Message: message},
	})
}

// FormPost shows the form that sends an authorization response.
func (p *protocolPages) FormPost(w http.ResponseWriter, r *http.Request, pr *storage.Project, action string, fields []op.Field) {
	view := templates.FormPostView{Fields: make([]templates.FormPostField, len(fields))}
	for i, f := range fields {
		view.Fields[i] = templates.FormPostField{Name: f.Name, Value: f.Value}
	}
	p.render(w, r, pr, http.StatusOK, nil, templates.Page{
		Name: "formpost", Action: action, View: view, FormAction: []string{action},
	})
}

// LoggedOut says that the person is signed out.
func (p *protocolPages) LoggedOut(w http.ResponseWriter, r *http.Request, pr *storage.Project, uiLocales []string) {
	p.render(w, r, pr, http.StatusOK, uiLocales, templates.Page{Name: "loggedout", View: templates.LoggedOutView{}})
}

// logoutWait is how long the page of frames waits, in seconds.
const logoutWait = 5

// FrontChannelLogout tells applications in frames that the person signed out.
func (p *protocolPages) FrontChannelLogout(w http.ResponseWriter, r *http.Request, pr *storage.Project, f op.FrontChannelPage) {
	if f.Location != "" { // script goes on sooner
		w.Header().Set("Refresh", strconv.Itoa(logoutWait)+"; url="+f.Location)
	}
	p.render(w, r, pr, http.StatusOK, f.UILocales, templates.Page{
		Name: "frontchannel", Frames: f.Frames,
		View: templates.FrontChannelView{Frames: f.Frames, Next: f.Location},
	})
}

// CheckSession is the page that other sites hold in a frame.
func (p *protocolPages) CheckSession(w http.ResponseWriter, r *http.Request, _ *storage.Project, cookie string) {
	p.renderer.CheckSession(w, r, cookie)
}

// Home is the page at the issuer.
func (p *protocolPages) Home(w http.ResponseWriter, r *http.Request, pr *storage.Project) {
	links := []templates.HomeLink{{Href: pr.Issuer + "/account", Message: "home.account"}, {Href: pr.Issuer + "/.well-known/openid-configuration", Message: "home.discovery"}}
	if pr.InsecureDevelopment {
		links = append(links, templates.HomeLink{Href: "/dev/playground", Message: "home.playground"}, templates.HomeLink{Href: "/dev/inbox", Message: "home.inbox"},
			templates.HomeLink{Href: "/dev/pages", Message: "home.gallery"})
	}
	p.render(w, r, pr, http.StatusOK, nil, templates.Page{Name: "home", View: templates.HomeView{Issuer: pr.Issuer, Links: links}})
}

func (p *protocolPages) notFound(w http.ResponseWriter, r *http.Request, pr *storage.Project) {
	p.render(w, r, pr, http.StatusNotFound, nil, templates.Page{
		Name: "error", View: templates.ErrorView{Status: http.StatusNotFound, Message: "error.not_found"},
	})
}

// forPeople says whether a path, in any project, is of those that people open: they
// get a page, as there, unless they ask for JSON.
func forPeople(path string) bool {
	if rest, ok := strings.CutPrefix(path, "/p/"); ok {
		_, rest, _ = strings.Cut(rest, "/")
		path = "/" + rest
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return slices.Contains([]string{"", "account", "interaction", "link", "logout", "qr", "authorize", "end_session"}, first)
}

// refuse answers a request that belongs to no project that serves: a page for a
// person, JSON for a client.
func (p *provider) refuse(w http.ResponseWriter, r *http.Request, status int, err error) {
	code, message, say := op.ErrServerError.Code, "error.server", "the project could not be read"
	switch status {
	case http.StatusNotFound:
		code, message, say = op.ErrInvalidRequest.Code, "error.not_found", "there is no project at this address"
	case http.StatusForbidden:
		code, message, say = op.ErrAccessDenied.Code, "error.project_disabled", "this project is switched off"
	case http.StatusMisdirectedRequest:
		code, message, say = op.ErrInvalidRequest.Code, "error.not_found", "this project is served at its issuer, which is another address"
	case http.StatusServiceUnavailable:
		code, message, say = op.ErrTemporarilyUnavailable.Code, "error.unavailable", "the database does not answer"
	}
	if status >= http.StatusInternalServerError {
		p.log.ErrorContext(r.Context(), "a project could not be found", "cause", err, "request_id", r.Header.Get("X-Request-Id"))
	}
	accept := r.Header.Get("Accept")
	if strings.Contains(accept, "text/html") || forPeople(r.URL.Path) && !strings.Contains(accept, "application/json") {
		(&protocolPages{p.renderer}).render(w, r, nil, status, nil, templates.Page{
			Name: "error", View: templates.ErrorView{Status: status, Code: code, Description: say, Message: message},
		})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"error":%q,"error_description":%q}`, code, say) // the client is gone: nobody is left to tell
}

func (p *protocolPages) render(w http.ResponseWriter, r *http.Request, pr *storage.Project, status int, uiLocales []string, page templates.Page) {
	page.UILocales = uiLocales
	page.RequestID = r.Header.Get("X-Request-Id")
	page.Dev = pr != nil && pr.InsecureDevelopment
	p.renderer.Render(w, r, status, page)
}
