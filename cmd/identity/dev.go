package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/spf13/cobra"

	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/cmd/identity/gallery"
	"github.com/elloloop/identity/cmd/identity/inbox"
	"github.com/elloloop/identity/cmd/identity/playground"
)

// devFlags are those that only the development server has.
type devFlags struct {
	data, from           string
	port                 int
	ephemeral, printJSON bool
}

func newDevCommand(t *terminal) *cobra.Command {
	f, s := &devFlags{}, newSettings(t)
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Start a development server with demo accounts, demo clients, a playground and an inbox",
		Long: `Start a development server on http://localhost, with demo accounts, demo clients,
a playground, and an inbox for every mail. It listens on loopback alone and is not
for production: its accounts have passwords that everybody knows, and it serves
no TLS.`,
		Example: `  identity dev
  identity dev --ephemeral --port 0 --print-json     for tests: forgets everything, prints one line of JSON`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return s.dev(cmd, t, f) },
	}
	cmd.Flags().StringVar(&f.data, "data", devFolder, "folder of the database and its key; delete it to start over")
	cmd.Flags().IntVar(&f.port, "port", 8080, "port on localhost; 0: any free one")
	cmd.Flags().BoolVar(&f.ephemeral, "ephemeral", false, "use a folder of its own, removed at the end")
	cmd.Flags().BoolVar(&f.printJSON, "print-json", false, "print one line of JSON when ready, for tests")
	cmd.Flags().StringVar(&f.from, "seed", "", "YAML file with users and clients instead of the demo ones")
	s.flags(cmd)
	return cmd
}

func (s *settings) dev(cmd *cobra.Command, t *terminal, f *devFlags) (err error) {
	ctx, start := cmd.Context(), time.Now()
	data := demo()
	if f.from != "" {
		if data, err = readSeed(f.from); err != nil {
			return err
		}
	}
	folder := f.data
	if f.ephemeral {
		if folder, err = os.MkdirTemp("", "identity-dev-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	}
	key, err := devKey(folder)
	if err != nil {
		return err
	}
	listeners, port, err := listenLocalhost(ctx, f.port)
	if err != nil {
		return err
	}
	issuer := "http://localhost:" + strconv.Itoa(port)
	c, err := s.load(cmd, func(in *config.Input) {
		in.Dev = true
		in.Defaults = developmentDefaults(issuer, folder)
		in.Environ = append([]string{"GATEWAY_KEY_ENCRYPTION_KEYS=" + key}, in.Environ...)
	})
	if err == nil {
		err = onlyLoopback(c, issuer)
	}
	if err != nil {
		for _, l := range listeners {
			err = errors.Join(err, l.Close())
		}
		return err
	}
	// For the commands that run beside us: see developmentData.
	if err := os.WriteFile(filepath.Join(folder, devIssuerFile), []byte(issuer+"\n"), 0o600); err != nil {
		return err
	}
	log := newLogger(c, t.stderr)
	return serve(ctx, c, log, serving{
		listeners: listeners,
		dev: func(p *provider) (func(chi.Router), error) {
			return s.developmentRoutes(ctx, p, data)
		},
		ready: func(p *provider) error {
			if f.printJSON {
				return t.printJSON(data.describe(p.project.Issuer))
			}
			_, err := fmt.Fprint(t.stdout, data.banner(p.project.Issuer, folder, f.ephemeral, time.Since(start)))
			return err
		},
	})
}

// onlyLoopback refuses settings that would take a development server elsewhere.
func onlyLoopback(c *config.Config, issuer string) error {
	if c.Server.Issuer != issuer {
		return usageError{fmt.Errorf("the development server is %s: take the issuer %q away, or use identity serve", issuer, c.Server.Issuer)}
	}
	for _, key := range []string{"listen", "connect_port", "tls.cert_file", "tls.key_file"} {
		if c.Origin(key).Source != config.SourceDefault {
			return usageError{fmt.Errorf("the development server listens on localhost alone, without TLS: take the setting %q away and use --port, or use identity serve", key)}
		}
	}
	if c.Origin("postgres.dsn").Source != config.SourceDefault {
		return usageError{errors.New("the development server keeps its data in a folder of its own: take the setting postgres.dsn away")}
	}
	if c.Origin("sqlite.path").Source != config.SourceDefault { // demo accounts in somebody's real data
		return usageError{errors.New("the development server keeps its data in a folder of its own: take the setting sqlite.path away and use --data")}
	}
	return nil
}

// developmentRoutes marks the database as one for development, seeds the
// data, and adds the playground and the inbox, where every message lands.
func (s *settings) developmentRoutes(ctx context.Context, p *provider, data *seed) (func(chi.Router), error) {
	if _, err := p.store.ProjectSecrets.Get(ctx, p.project.Scope(), developmentMark); err != nil {
		return nil, err
	}
	if err := data.store(ctx, p.database, s); err != nil {
		return nil, err
	}
	play := playground.New(playground.Config{
		Issuer: p.project.Issuer, Renderer: p.renderer, Now: time.Now,
		ResourceServer: data.resourceServer(),
	})
	box := inbox.New(p.renderer)
	p.post.toInbox(box)
	p.project.Messages.Mail, p.project.Messages.SMS = true, true // what needs a message is offered
	return func(r chi.Router) {
		play.Mount(r)
		box.Mount(r)
		gallery.New(p.renderer).Mount(r)
	}, nil
}

// listenLocalhost listens on both loopback addresses, so that localhost reaches
// us however it resolves, and nobody else does.
func listenLocalhost(ctx context.Context, port int) ([]net.Listener, int, error) {
	var lc net.ListenConfig
	four, err := lc.Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, 0, fmt.Errorf("cannot listen on localhost: %w (another program may hold the port: choose one with --port)", err)
	}
	addr, ok := four.Addr().(*net.TCPAddr)
	if !ok {
		return nil, 0, errors.Join(errors.New("the listener has no TCP address"), four.Close())
	}
	listeners := []net.Listener{four}
	if six, err := lc.Listen(ctx, "tcp6", net.JoinHostPort("::1", strconv.Itoa(addr.Port))); err == nil {
		listeners = append(listeners, six) // a machine without IPv6 does without
	}
	return listeners, addr.Port, nil
}

// devKey returns the key-encryption key of a development folder, made once.
func devKey(folder string) (string, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", fmt.Errorf("the folder for the data cannot be made: %w (choose another with --data)", err)
	}
	file := filepath.Join(folder, devKeyFile)
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		key := make([]byte, 32)
		_, _ = rand.Read(key) // never fails: crypto/rand ends the process instead
		b = []byte("dev=" + base64.StdEncoding.EncodeToString(key) + "\n")
		err = os.WriteFile(file, b, 0o600)
	}
	if err != nil {
		return "", fmt.Errorf("the folder for the data cannot be used: %w (choose another with --data)", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// onLocalhost sends browsers that opened the numeric address to the name: the
// issuer, its cookies and passkeys belong to localhost.
func onLocalhost(next http.Handler, issuer string, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err == nil && (host == "127.0.0.1" || host == "::1") && r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html") {
			log.Debug("sent from the numeric address to localhost")
			w.Header().Set("Location", issuer+r.URL.RequestURI())
			w.WriteHeader(http.StatusSeeOther)
			return
		}
		next.ServeHTTP(w, r)
	})
}
