package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/spf13/cobra"

	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/cmd/identity/web"
)

func newServeCommand(t *terminal) *cobra.Command {
	s := newSettings(t)
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Start the server",
		Long: `Start the server with the configuration of the environment, a file and flags.
A mistake in any of them is told before anything starts, all at once.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := s.load(cmd, nil)
			if err != nil {
				return err
			}
			log := newLogger(c, t.stderr)
			return serve(cmd.Context(), c, log, serving{})
		},
	}
	s.flags(cmd)
	return cmd
}

// serving is what differs between serve and dev.
type serving struct {
	listeners []net.Listener                            // already open; nil: those of the configuration
	dev       func(*provider) (func(chi.Router), error) // adds routes; nil in production
	ready     func(*provider) error                     // called once connections are accepted
}

// serve runs a provider until ctx ends.
func serve(ctx context.Context, c *config.Config, log *slog.Logger, s serving) (err error) {
	start := time.Now()
	cert, err := certificate(c)
	if err != nil {
		return err
	}
	p, err := assemble(ctx, c, log)
	if err != nil {
		return err
	}
	work, stop := context.WithCancel(context.WithoutCancel(ctx)) // goes on while requests are answered
	defer func() {
		stop()
		p.tasks.Wait() // bounded by the grace of each
		err = errors.Join(err, p.close())
	}()
	handler, err := s.handler(ctx, p, c, log)
	if err != nil {
		return err
	}
	if s.listeners == nil {
		if s.listeners, err = listen(ctx, listenAddress(c)); err != nil {
			return err
		}
	}
	p.post.warnWithoutMail(ctx, log)
	p.background(work, c, log)
	srv := &web.Server{
		Handler: handler, Listeners: s.listeners, ShutdownTimeout: c.Server.ShutdownTimeout,
		Draining: func() { p.draining.Store(true) }, Log: log, Certificate: cert,
	}
	log.InfoContext(ctx, "serving", "issuer", p.project.Issuer, "listen", s.listeners[0].Addr().String(),
		"version", version(), "took_ms", time.Since(start).Milliseconds())
	if s.ready != nil {
		if err := s.ready(p); err != nil {
			return err
		}
	}
	p.tasks.Go(debug.FreeOSMemory) // what the start alone needed: an idle server may wait long for its next collection
	if err := srv.Run(ctx); err != nil {
		return err
	}
	log.InfoContext(ctx, "stopped")
	return nil
}

// certificate loads what TLS is served with, nil when a proxy ends TLS.
func certificate(c *config.Config) (*tls.Certificate, error) {
	if c.Server.TLSCertFile == "" {
		return nil, nil
	}
	cert, err := tls.LoadX509KeyPair(c.Server.TLSCertFile, c.Server.TLSKeyFile)
	if err != nil {
		return nil, fmt.Errorf("the TLS certificate and key cannot be used: %w", err)
	}
	return &cert, nil
}

// handler is what production and development serve.
func (s *serving) handler(ctx context.Context, p *provider, c *config.Config, log *slog.Logger) (http.Handler, error) {
	if s.dev == nil {
		return p.handler(c, log, nil), refuseDevelopmentData(ctx, p.database)
	}
	p.project.InsecureDevelopment = true
	routes, err := s.dev(p)
	if err != nil {
		return nil, err
	}
	return onLocalhost(p.handler(c, log, routes), p.project.Issuer, log), nil
}

func listen(ctx context.Context, address string) ([]net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w (another program may hold the port: choose one with --listen)", address, err)
	}
	return []net.Listener{l}, nil
}

// readinessURL is where a server of this environment answers.
func readinessURL(environ []string) string {
	scheme, port := "http", "80"
	for _, v := range environ {
		name, value, _ := strings.Cut(v, "=")
		switch {
		case value == "":
		case name == "GATEWAY_TLS_CERT_FILE":
			scheme = "https"
		case name == "GATEWAY_LISTEN", name == "GATEWAY_CONNECT_PORT" && port == "80":
			port = value[strings.LastIndexByte(value, ':')+1:]
		}
	}
	return scheme + "://127.0.0.1:" + port + "/readyz"
}

func newHealthcheckCommand(t *terminal) *cobra.Command {
	var url string
	cmd := &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask a running server whether it is ready, for container health checks",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), 5*time.Second)
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
			if err != nil {
				return usageError{fmt.Errorf("--url: %w", err)}
			}
			// Our own machine is asked by its number, which no certificate names. Nothing
			// secret is sent, and a wrong answer could only come of the machine itself.
			loopback := req.URL.Hostname() == "127.0.0.1"
			transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: loopback}} //nolint:gosec // loopback alone, see above
			res, err := (&http.Client{Timeout: 5 * time.Second, Transport: transport}).Do(req)
			if err != nil {
				return err
			}
			defer res.Body.Close()
			if res.StatusCode != http.StatusOK {
				return fmt.Errorf("%s answered %s", url, res.Status)
			}
			_, err = fmt.Fprintln(t.stdout, "ready")
			return err
		},
	}
	cmd.Flags().StringVar(&url, "url", readinessURL(t.environ), "address of the readiness check")
	return cmd
}
