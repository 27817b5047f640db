package web

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// The limits that no honest client meets (S6-01).
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 60 * time.Second
	maxHeaderBytes    = 32 << 10
	maxStreams        = 100 // of one HTTP/2 connection
	drainTime         = 500 * time.Millisecond
	closeTime         = 2 * time.Second // to close what is left, and the database
)

// Server serves one handler on its listeners until it is told to stop.
type Server struct {
	Handler         http.Handler
	Listeners       []net.Listener
	Certificate     *tls.Certificate // to serve TLS with; nil for plain HTTP
	ShutdownTimeout time.Duration
	// Draining is called when the server begins to stop, before connections are
	// closed: readiness goes off first.
	Draining func()
	Log      *slog.Logger
}

// Run serves until ctx ends, then answers what is in flight and returns nil.
func (s *Server) Run(ctx context.Context) error {
	var draining atomic.Bool
	srv := &http.Server{
		Handler: closeWhen(&draining, s.Handler), ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout,
		WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug), // what scanners cause
	}
	// HTTP/2 without TLS too: where a proxy ends TLS, gRPC has no other way in.
	srv.Protocols = new(http.Protocols)
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetHTTP2(true)
	srv.Protocols.SetUnencryptedHTTP2(true)
	srv.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: maxStreams} // S6-01
	if s.Certificate != nil {
		srv.TLSConfig = tlsConfig(*s.Certificate)
	}
	failed, secure := make(chan error, len(s.Listeners)), srv.TLSConfig != nil // Serve sets TLSConfig itself
	for _, l := range s.Listeners {
		go func() {
			if secure {
				failed <- srv.ServeTLS(l, "", "")
			} else {
				failed <- srv.Serve(l)
			}
		}()
	}
	select {
	case err := <-failed:
		_ = srv.Close() // the error that matters is err
		return err
	case <-ctx.Done():
	}
	// Readiness goes off and connections are closed after their next answer, so
	// that clients come back elsewhere; only then is nothing more accepted (S6-02).
	draining.Store(true)
	s.Draining()
	<-time.After(drainTime)
	// The whole of it keeps within ShutdownTimeout: what supervises us counts from
	// the signal, and kills after it.
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), max(drainTime, s.ShutdownTimeout-drainTime-closeTime))
	defer cancel()
	err := srv.Shutdown(stop)
	if errors.Is(err, context.DeadlineExceeded) {
		s.Log.Warn("requests were still being answered at the end of the shutdown time", "timeout", s.ShutdownTimeout)
		return srv.Close()
	}
	return err
}

// closeWhen tells clients to close their connection once the server drains.
func closeWhen(draining *atomic.Bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if draining.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// tlsConfig allows TLS 1.2 and 1.3, and in 1.2 only forward secrecy with an AEAD
// (RFC 9325 §4.2).
func tlsConfig(cert tls.Certificate) *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{cert},
		MinVersion:   tls.VersionTLS12,
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
	}
}
