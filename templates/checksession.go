package templates

import (
	"bytes"
	"html/template"
	"log/slog"
	"net/http"
	"strconv"
)

// checkSession is the page that other sites hold in a frame (OIDC Session
// Management §3.3). Nothing of it is seen, so no operator changes it, and there is
// nothing that could be clicked.
var checkSession = template.Must(template.New("checksession").Parse(`<!doctype html>
<html lang="en" data-cookie="{{.Cookie}}">
<meta charset="utf-8">
<title>Session</title>
<script src="{{.Script}}"></script>
</html>
`))

// CheckSession sends the page that compares a session_state with the cookie of
// this name: the one page that any site may hold in a frame (S1-10).
func (r *Renderer) CheckSession(w http.ResponseWriter, req *http.Request, cookie string) {
	t, err := r.theme()
	var body bytes.Buffer
	if err == nil {
		err = checkSession.Execute(&body, struct{ Cookie, Script string }{cookie, t.assets.path["checksession.js"]})
	}
	if err != nil {
		r.log.LogAttrs(req.Context(), slog.LevelError, "page not rendered", slog.String("page", "checksession"), slog.Any("error", err))
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	h := w.Header()
	secure(h, Page{})
	h.Del("X-Frame-Options")
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; base-uri 'none'")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	_, _ = w.Write(body.Bytes()) // the browser is gone: nobody is left to tell
}
