package op

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/elloloop/identity/storage"
)

// writeJSON is the one writer of success and of errors in JSON. Nothing that it
// writes may be cached (RFC 6749 §5.1).
func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // only if a stored claim is no JSON
		status, body = http.StatusInternalServerError, []byte(`{"error":"server_error"}`)
	}
	writeBody(w, status, "application/json", body)
}

func writeBody(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client is gone: nobody is left to tell
}

type errorResponse struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

// writeError answers an error of an endpoint that clients call (RFC 6749 §5.2).
func (op *Provider) writeError(w http.ResponseWriter, r *http.Request, p *storage.Project, err error) {
	e := asError(err)
	op.logError(r, e)
	op.retryAfter(w, e)
	if e.Status == http.StatusUnauthorized && usedBasic(r) { // RFC 6749 §5.2: matching the scheme that was used
		w.Header().Set("WWW-Authenticate", `Basic realm="`+realm(p)+`", charset="UTF-8"`)
	}
	writeJSON(w, e.Status, errorResponse{e.Code, e.Description})
}

// writeBearerError answers an error of a protected resource (RFC 6750 §3).
func (op *Provider) writeBearerError(w http.ResponseWriter, r *http.Request, p *storage.Project, err error) {
	e := asError(err)
	op.logError(r, e)
	op.retryAfter(w, e)
	if e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden || e.Status == http.StatusBadRequest {
		challenge := `Bearer realm="` + realm(p) + `"`
		if e != errNoToken { // RFC 6750 §3.1: without a token no error code
			challenge += `, error="` + e.Code + `", error_description="` + e.Description + `"`
			if e.Code == ErrInsufficientScope.Code {
				challenge += `, scope="` + scopeOpenID + `"`
			}
		}
		w.Header().Set("WWW-Authenticate", challenge)
	}
	writeJSON(w, e.Status, errorResponse{e.Code, e.Description})
}

func (op *Provider) retryAfter(w http.ResponseWriter, e *Error) {
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(e.RetryAfter.Seconds()+0.999)))
	}
}

func realm(p *storage.Project) string {
	if p == nil {
		return ""
	}
	return p.Issuer
}

// LogValue hides the tokens.
func (t TokenResponse) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// LogValue hides the tokens.
func (issued) LogValue() slog.Value { return slog.StringValue("[redacted]") }
