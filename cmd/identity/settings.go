package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/text/language"

	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/cmd/identity/web"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/postgres"
	"github.com/elloloop/identity/storage/sqlite"
	"github.com/elloloop/identity/templates"
)

// projectOf makes the default project of the configuration.
func projectOf(c *config.Config) *storage.Project {
	p := &storage.Project{
		ID: c.Storage.DefaultProjectID, Issuer: c.Server.Issuer, Name: c.Pages.BrandName,
		AuthorizationCodeTTL: c.Tokens.AuthorizationCodeExpiry, AuthorizationRequestTTL: c.Tokens.AuthorizationRequestExpiry,
		AccessTokenTTL: c.Tokens.AccessExpiry, IDTokenTTL: c.Tokens.IDTokenExpiry,
		RefreshTokenTTL: c.Tokens.RefreshExpiry, RefreshGrace: c.Tokens.RefreshGrace,
		SessionIdle: c.Session.Idle, SessionMax: c.Session.Max,
		RequirePKCE: c.Tokens.PKCERequired, FrontChannel: c.Tokens.FrontChannel, AssertionIssuerOnly: !c.Tokens.AssertionEndpoint, InsecureUnsigned: c.Insecure.Unsigned,
		AllowedOrigins:  c.Server.AllowedOrigins,
		PasswordEnabled: c.Login.AllowLocal, SignupEnabled: c.Password.SignupEnabled,
		IdentifierFirst: c.Login.IdentifierFirst, PasswordMinLength: c.Password.MinLength,
		LoginMaxFailed: c.Login.MaxFailedAttempts, LoginLockout: c.Login.Lockout,
		RateLimitWindow: c.RateLimit.Window, RateLimitLogin: c.RateLimit.Login,
		RateLimitSignup: c.RateLimit.Signup, RateLimitClientAuth: c.RateLimit.ClientAuth,
		RateLimitRegistration: c.RateLimit.Register, Registration: storage.RegistrationMode(c.Registration.Mode),
		RegistrationUnusedTTL: c.Registration.UnusedExpiry, DeletionGrace: c.SignIn.DeletionGrace,
	}
	p.SignIn, p.Messages = signInOf(c), messagesOf(c)
	p.Terms = storage.Terms{Version: c.Messages.TermsVersion, URL: c.Messages.TermsURL}
	if c.Tokens.Audience != "" {
		p.Audience = []string{c.Tokens.Audience}
	}
	return p
}

func sqliteConfig(c *config.Config) sqlite.Config {
	return sqlite.Config{Path: c.Storage.SQLitePath, MaxConns: c.Storage.SQLiteMaxConns, Synchronous: c.Storage.SQLiteSynchronous}
}

func postgresConfig(c *config.Config) postgres.Config {
	return postgres.Config{
		DSN: c.Storage.PostgresDSN.Reveal(), MigrateDSN: c.Storage.PostgresMigrateDSN.Reveal(), ListenDSN: c.Storage.PostgresListenDSN.Reveal(),
		MaxConns: c.Storage.PostgresMaxConns, Pooling: c.Storage.PostgresPooling, AutoMigrate: c.Storage.PostgresAutoMigrate,
		ConnTimeout: time.Duration(c.Storage.PostgresConnTimeout) * time.Millisecond,
	}
}

func pageConfig(c *config.Config, l *looks, log *slog.Logger) templates.Config {
	name := c.Pages.BrandName
	if name == "" {
		name = hostOf(c.Server.Issuer)
	}
	return templates.Config{
		Dir: c.Pages.TemplatesDir, DefaultLocale: language.Make(c.Pages.DefaultLocale),
		Brand: templates.Brand{Name: name, Accent: c.Pages.BrandAccent}, Logger: log, Look: l.of,
	}
}

func webConfig(c *config.Config, log *slog.Logger) web.Config {
	return web.Config{
		MaxBodyBytes: c.Server.MaxBodyBytes, TrustedProxies: c.Server.TrustedProxies,
		Secure: strings.HasPrefix(c.Server.Issuer, "https:"), Log: log,
	}
}

func listenAddress(c *config.Config) string {
	if c.Server.Listen != "" {
		return c.Server.Listen
	}
	return net.JoinHostPort("", strconv.Itoa(c.Server.ConnectPort))
}

// pathOf is the path of an issuer, "" where it has none.
func pathOf(issuer string) string {
	_, rest, _ := strings.Cut(issuer, "://")
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return rest[i:]
	}
	return ""
}

func hostOf(issuer string) string {
	_, rest, _ := strings.Cut(issuer, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

// newLogger writes what happens to w: JSON for machines, text for people.
func newLogger(c *config.Config, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.Log.Level}
	if c.Log.Format == "text" {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// settings reads the configuration of a command.
type settings struct {
	terminal *terminal
	hasher   *hashing // of the configuration that was loaded
	config   *config.Config
	log      *slog.Logger
	own      *pflag.FlagSet // the settings alone, where the command has flags of the same names
	quiet    bool           // say nothing
}

func newSettings(t *terminal) *settings { return &settings{terminal: t} }

// flags adds every setting to a command as a flag, when it is called. Its help
// shows the command's own flags first.
func (s *settings) flags(cmd *cobra.Command) { s.terminal.late[cmd] = func() { s.addFlags(cmd) } }

func (s *settings) addFlags(cmd *cobra.Command) {
	all := pflag.NewFlagSet("settings", pflag.ContinueOnError)
	config.Flags(all)
	cmd.Flags().AddFlagSet(all)
	usual := cmd.UsageFunc()
	hide := func(hidden bool) { all.VisitAll(func(f *pflag.Flag) { f.Hidden = hidden }) }
	cmd.SetUsageFunc(func(c *cobra.Command) error {
		hide(true)
		err := usual(c)
		hide(false)
		if err == nil && c == cmd {
			_, err = fmt.Fprintf(c.OutOrStderr(), "\nSettings (identity config --reference explains them):\n%s", all.FlagUsages())
		}
		return err
	})
}

// given are the flags of the settings.
func (s *settings) given(cmd *cobra.Command) *pflag.FlagSet {
	if s.own != nil {
		return s.own
	}
	return cmd.Flags()
}

// load reads the configuration: defaults, file, environment, flags. The error
// lists every mistake.
func (s *settings) load(cmd *cobra.Command, change func(*config.Input)) (*config.Config, error) {
	in := config.FromFlags(s.given(cmd), s.terminal.environ)
	if change != nil {
		change(&in)
	}
	c, err := config.Load(in)
	if err != nil {
		return nil, usageError{fmt.Errorf("the configuration has mistakes:\n%w\ntry: identity config --reference", err)}
	}
	s.config = c
	s.hasher, err = newHashing(c)
	return c, err
}

// configured is load for the commands that work beside a server. Only those that
// serve want everything said: no production begins on what identity dev left.
func (s *settings) configured(cmd *cobra.Command) (*config.Config, error) {
	return s.load(cmd, s.developmentData(cmd))
}

// onDatabase runs a command on the configured database.
func (s *settings) onDatabase(cmd *cobra.Command, do func(*database) error) (err error) {
	c, err := s.configured(cmd)
	if err != nil {
		return err
	}
	if s.log = newLogger(c, s.terminal.stderr); s.quiet {
		s.log = slog.New(slog.DiscardHandler)
	}
	d, err := openDatabase(cmd.Context(), c, s.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	return do(d)
}
