// Package web is the outer layer of the HTTP server: what every request passes
// before it reaches an endpoint, and the server's limits.
package web

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Config is what the layer needs to know.
type Config struct {
	MaxBodyBytes   int64          // of a request's body
	TrustedProxies []netip.Prefix // peers whose X-Forwarded-For and -Proto are believed
	Secure         bool           // the issuer is https: send Strict-Transport-Security
	Log            *slog.Logger
}

// Wrap puts the layer around a handler.
func Wrap(c Config, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		id := uuid.Must(uuid.NewV7()).String()
		r.Header.Set("X-Request-Id", id) // ours: what a stranger sent could forge log lines
		r.RemoteAddr = clientAddress(r, c.TrustedProxies)
		r.Body = http.MaxBytesReader(w, r.Body, c.MaxBodyBytes)
		h := w.Header()
		h.Set("X-Request-Id", id)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer") // RFC 9700 §4.2.4
		h.Set("X-Frame-Options", "DENY")        // RFC 9700 §4.16
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		if c.Secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		rec := &recorder{ResponseWriter: w}
		defer func() {
			if cause := recover(); cause != nil {
				c.fail(rec, r, cause)
			}
			c.logAccess(rec, r, start)
		}()
		next.ServeHTTP(rec, r)
	})
}

// fail answers for a handler that panicked. The stack goes to the log.
func (c Config) fail(w *recorder, r *http.Request, cause any) {
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(cause)
	}
	c.Log.ErrorContext(r.Context(), "panic", "path", r.URL.Path, "cause", cause, "stack", string(debug.Stack()),
		"request_id", r.Header.Get("X-Request-Id"))
	if w.status == 0 {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write([]byte(`{"error":"server_error"}`)) // the client is gone: nobody is left to tell
	}
}

// parameterNames are those that the access log prints: names, never values, and
// only ones that the standards define.
var parameterNames = []string{
	"client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "prompt", "max_age",
	"code_challenge", "code_challenge_method", "id_token_hint", "login_hint", "ui_locales", "acr_values", "claims",
	"request", "request_uri", "post_logout_redirect_uri", "id", "display", "resource",
}

// logAccess writes one line for each request: the path and the names of known
// parameters, and nothing that could be a code, a token or a secret.
func (c Config) logAccess(w *recorder, r *http.Request, start time.Time) {
	if !c.Log.Enabled(r.Context(), slog.LevelInfo) {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", w.status),
		slog.Int64("bytes", w.bytes), slog.Float64("took_ms", float64(time.Since(start).Microseconds())/1000),
		slog.String("remote", r.RemoteAddr), slog.String("request_id", r.Header.Get("X-Request-Id")),
	}
	if names := knownParameters(r); len(names) > 0 {
		attrs = append(attrs, slog.Any("parameters", names))
	}
	c.Log.LogAttrs(r.Context(), slog.LevelInfo, "request", attrs...)
}

func knownParameters(r *http.Request) []string {
	if r.URL.RawQuery == "" {
		return nil
	}
	var names []string
	for pair := range strings.SplitSeq(r.URL.RawQuery, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if slices.Contains(parameterNames, name) {
			names = append(names, name)
		}
	}
	return names
}

// clientAddress returns the address of the client. X-Forwarded-For is believed
// from trusted peers alone, from the right, as far as the chain is trusted.
func clientAddress(r *http.Request, trusted []netip.Prefix) string {
	host, port, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	peer, err := netip.ParseAddr(host)
	if err != nil || !isTrusted(peer, trusted) {
		return r.RemoteAddr
	}
	chain := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(chain) {
		addr, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		peer = addr.Unmap()
		if !isTrusted(peer, trusted) {
			break
		}
	}
	return net.JoinHostPort(peer.String(), port)
}

func isTrusted(a netip.Addr, trusted []netip.Prefix) bool {
	a = a.Unmap()
	return slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(a) })
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Flush implements http.Flusher: a stream of gRPC is sent message by message.
func (r *recorder) Flush() {
	_ = http.NewResponseController(r.ResponseWriter).Flush() // what can't be flushed now goes out at the end
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
