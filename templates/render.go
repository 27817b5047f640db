package templates

import (
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Render draws the page in the person's language and sends it. The page is
// drawn before the first byte leaves: what can't be drawn becomes a plain 500.
func (r *Renderer) Render(w http.ResponseWriter, req *http.Request, status int, p Page) {
	p.Dev = p.Dev || r.config.Dev
	t, err := r.theme()
	if err != nil {
		r.fail(w, req, p, err)
		return
	}
	look, preferences := r.LookOf(req), r.Preferences(req, p.UILocales)
	dressed := t.dressed(look)
	body, d, err := dressed.bytes(p, dressed.messages.match(preferences))
	if err != nil && look.hasFiles() {
		// Nobody is kept out by a page of a project's own.
		r.log.LogAttrs(req.Context(), slog.LevelWarn, "a project's own page could not be drawn: the server's is shown",
			slog.String("page", p.Name), slog.String("request_id", p.RequestID), slog.Any("error", err))
		dressed = t.dressed(NewLook(look.brand, nil))
		body, d, err = dressed.bytes(p, dressed.messages.match(preferences))
	}
	if err != nil {
		r.fail(w, req, p, err)
		return
	}
	h := w.Header()
	secure(h, p)
	h.Set("Content-Security-Policy", policy(p, d))
	h.Set("Content-Language", d.Lang)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	// A failed write means that the browser is gone: nobody is left to tell.
	_, _ = w.Write(body)
}

// fail answers where the page itself can't be drawn.
func (r *Renderer) fail(w http.ResponseWriter, req *http.Request, p Page, err error) {
	r.log.LogAttrs(req.Context(), slog.LevelError, "page not rendered",
		slog.String("page", p.Name), slog.String("request_id", p.RequestID), slog.Any("error", err))
	secure(w.Header(), p)
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'")
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = w.Write([]byte("<!doctype html>\n<html lang=\"en\"><title>Error</title><h1>Something went wrong</h1><p>Please try again later.</p></html>\n"))
}

// secure sets the headers that every page has.
func secure(h http.Header, p Page) {
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	// Codes and interaction ids stand in our URLs (RFC 9700 §4.2.4).
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	// RFC 6749 §10.13: never inside another site's frame.
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", openerPolicy(p))
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=(), "+
		"publickey-credentials-get=(self), publickey-credentials-create=(self), otp-credentials=(self)")
	h.Set("X-Robots-Tag", "noindex")
}

// openerPolicy cuts the page off from the window that opened it, except where
// the client asked for a popup (OIDC Core §3.1.2.1 display): any other value
// would take away the opener that the client's callback page reports to.
func openerPolicy(p Page) string {
	if p.Popup || p.Name == "formpost" {
		return "unsafe-none"
	}
	return "same-origin"
}

// policy is the Content-Security-Policy of the page: nothing but our own files,
// the one image that the client or the brand shows, and forms that post to us.
func policy(p Page, d *document) string {
	images := []string{"'self'"}
	if d.Client != nil {
		images = appendSource(images, d.Client.LogoURI)
	}
	if s := imageSource(d.Brand.LogoURI); s != "" {
		images = append(images, s)
	}
	forms := []string{"'self'"}
	if strings.Contains(p.Action, "://") {
		forms = appendSource(forms, p.Action)
	}
	for _, f := range p.FormAction {
		forms = appendSource(forms, f)
	}
	frames := ""
	for _, f := range p.Frames {
		if s := source(f); s != "" && !strings.Contains(frames+" ", " "+s+" ") {
			frames += " " + s
		}
	}
	if frames != "" {
		frames = "; frame-src" + frames
	}
	if p.Name == "qr" { // its script asks whether it was answered
		frames += "; connect-src 'self'"
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src " + strings.Join(images, " ") + frames +
		"; form-action " + strings.Join(forms, " ") + "; frame-ancestors 'none'; base-uri 'none'"
}

func appendSource(list []string, raw string) []string {
	if s := source(raw); s != "" && !slices.Contains(list, s) {
		return append(list, s)
	}
	return list
}
