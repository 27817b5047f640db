package op

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/elloloop/identity/storage"
)

// answer sends an authorization response by the request's response mode: the
// only writer of responses, and of errors, to a redirect URI.
func (op *Provider) answer(w http.ResponseWriter, r *http.Request, p *storage.Project, ar *storage.AuthorizationRequest, fields []Field) {
	if ar.State != "" {
		fields = append(fields, Field{"state", ar.State}) // RFC 6749 §4.1.2: exactly as received
	}
	fields = append(fields, Field{"iss", p.Issuer}) // RFC 9207 §2
	fields = op.sessionState(w, r, p, ar, fields)
	switch ar.ResponseMode {
	case "form_post":
		op.pages.FormPost(w, r, p, ar.RedirectURI, fields)
	case "fragment":
		redirect(w, ar.RedirectURI+"#"+encode(fields))
	default:
		redirect(w, withQuery(ar.RedirectURI, fields))
	}
}

// answerError sends an error to the client (RFC 6749 §4.1.2.1, OIDC Core §3.1.2.6).
func (op *Provider) answerError(w http.ResponseWriter, r *http.Request, p *storage.Project, ar *storage.AuthorizationRequest, err error) {
	e := asError(err)
	op.logError(r, e)
	fields := []Field{{"error", e.Code}}
	if e.Description != "" {
		fields = append(fields, Field{"error_description", e.Description})
	}
	op.answer(w, r, p, ar, fields)
}

// showError shows an error to the person. a may be nil.
func (op *Provider) showError(w http.ResponseWriter, r *http.Request, p *storage.Project, a *authorization, err error) {
	e := asError(err)
	op.logError(r, e)
	page := ErrorPage{Status: e.Status, Code: e.Code, Description: e.Description}
	if e.Status == http.StatusUnauthorized { // a page has nothing to authenticate with
		page.Status = http.StatusBadRequest
	}
	if a != nil {
		page.Sent = a.sent
		if a.request != nil {
			page.UILocales = a.request.UILocales
		}
	}
	op.pages.Error(w, r, p, page)
}

// showExpired shows that a request is over: start again at the application.
func (op *Provider) showExpired(w http.ResponseWriter, r *http.Request, p *storage.Project, uiLocales []string) {
	op.pages.Error(w, r, p, ErrorPage{
		Status: http.StatusBadRequest, Code: ErrInvalidRequest.Code, Expired: true, UILocales: uiLocales,
	})
}

// withQuery adds fields to a URI, whose own query stays (RFC 6749 §3.1.2).
func withQuery(uri string, fields []Field) string {
	separator := "?"
	if strings.Contains(uri, "?") {
		separator = "&"
	}
	return uri + separator + encode(fields)
}

// encode keeps the order of the fields.
func encode(fields []Field) string {
	var b strings.Builder
	for i, f := range fields {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(f.Name))
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(f.Value))
	}
	return b.String()
}

// redirect sends the browser on with 303: after a POST the method becomes GET,
// and a form with credentials is never sent twice (RFC 9700 §4.12).
func redirect(w http.ResponseWriter, location string) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer") // RFC 9700 §4.2.4
	h.Set("Location", location)
	w.WriteHeader(http.StatusSeeOther)
}

func (op *Provider) logError(r *http.Request, e *Error) {
	level := slog.LevelInfo
	// A caller that is gone is no fault of ours.
	if e.Status >= http.StatusInternalServerError && !errors.Is(r.Context().Err(), context.Canceled) {
		level = slog.LevelError
	}
	op.log.LogAttrs(r.Context(), level, "error response", slog.String("path", r.URL.Path),
		slog.String("error", e.Code), slog.String("description", e.Description),
		slog.Any("cause", e.cause), slog.String("request_id", r.Header.Get("X-Request-Id")))
}
