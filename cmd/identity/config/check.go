package config

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/idna"
	"golang.org/x/text/language"
)

var (
	projectID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)
	colour    = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)
)

// argon2Minimum are the least memories in KiB by passes, index 0 for one pass, as
// OWASP's password storage cheat sheet has them.
var argon2Minimum = []uint32{47104, 19456, 12288, 9216, 7168}

// check holds the settings against each other. What could not be parsed is broken
// already, and not reported twice.
func (l *loader) check(c *Config, broken map[string]bool) {
	report := func(key, format string, args ...any) {
		for _, s := range l.settings {
			if s.Key == key && !broken[key] {
				l.mistake(s, format, args...)
			}
		}
	}
	l.checkServer(c, report)
	l.checkMessages(c, report)
	l.checkTerms(c, report)
	l.checkBreached(c, report)
	l.checkAdmin(c, report)
	l.checkUpstream(c, report)
	if c.Storage.Driver == "postgres" && c.Storage.PostgresDSN == "" && l.origins["postgres.dsn"].FromFile == "" {
		report("postgres.dsn", "it is required for GATEWAY_REPO_DRIVER=postgres: write postgres://user:password@host:5432/database")
	}
	if c.Storage.Driver == "sqlite" && c.Storage.SQLitePath == "" {
		report("sqlite.path", "it is empty: name a file, or set GATEWAY_REPO_DRIVER to memory")
	}
	if !projectID.MatchString(c.Storage.DefaultProjectID) {
		report("default_project_id", "%s is no id: write 1 to 63 letters, digits, - or _, a letter or digit first", quote(c.Storage.DefaultProjectID))
	}
	if len(c.Storage.KeyEncryptionKeys) == 0 && !l.in.Dev && l.origins["key_encryption_keys"].FromFile == "" {
		report("key_encryption_keys", "it is required: GATEWAY_KEY_ENCRYPTION_KEYS=%s makes one; keep a copy of it outside the database", makeKey)
	}
	if d := c.Storage.KeyRotation; d > 0 && d < 24*time.Hour {
		report("key_rotation.interval_seconds", "%d is less than a day: write 86400 or more, or 0 for never", int(d.Seconds()))
	}
	for i, host := range c.Server.AuthDomains {
		normal, err := normalHost(host)
		if err != nil || !strings.Contains(normal, ".") {
			report("default_project_auth_domains", "%s is no host: write each as a name, such as login.example.com, without a scheme, port or path", quote(host))
			continue
		}
		c.Server.AuthDomains[i] = normal
	}
	if c.Session.Idle > c.Session.Max && !broken["session.max_seconds"] {
		report("session.idle_seconds", "it is longer than GATEWAY_SESSION_MAX_SECONDS: a session can't be idle for longer than it lives")
	}
	if c.Tokens.RefreshGrace >= c.Tokens.RefreshExpiry && !broken["refresh.expiry_seconds"] {
		report("refresh.grace_seconds", "it must be shorter than GATEWAY_REFRESH_EXPIRY_SECONDS")
	}
	if t := c.Password.Argon2Time; t > 0 && !broken["password.argon2.time"] {
		if least := argon2Minimum[min(int(t), len(argon2Minimum))-1]; c.Password.Argon2Memory < least {
			report("password.argon2.memory_kib", "%d KiB is below the minimum of OWASP for GATEWAY_PASSWORD_ARGON2_TIME=%d: write %d or more", c.Password.Argon2Memory, t, least)
		}
	}
	l.checkPasskeys(c, report)
	l.checkQR(c, report)
	if _, err := language.Parse(c.Pages.DefaultLocale); err != nil {
		report("default_locale", "%s is no language: write a tag such as en or de", quote(c.Pages.DefaultLocale))
	}
	if a := c.Pages.BrandAccent; a != "" && !colour.MatchString(a) {
		report("brand.accent", "%s is no colour: write #rrggbb, such as #1a56db", quote(a))
	}
}

func (l *loader) checkServer(c *Config, report func(key, format string, args ...any)) {
	l.checkIssuer(c.Server.Issuer, report)
	switch listen := c.Server.Listen; {
	case listen == "" && l.in.Dev:
		c.Server.Listen = net.JoinHostPort("127.0.0.1", strconv.Itoa(c.Server.ConnectPort))
	case listen == "":
		c.Server.Listen = ":" + strconv.Itoa(c.Server.ConnectPort)
	default:
		_, port, err := net.SplitHostPort(listen)
		if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n > 65535 {
			report("listen", "%s is not host:port: write such as 127.0.0.1:8080, or :8080 for all addresses", quote(listen))
		}
	}
	if (c.Server.TLSCertFile == "") != (c.Server.TLSKeyFile == "") {
		set, missing := "tls.cert_file", "GATEWAY_TLS_KEY_FILE"
		if c.Server.TLSCertFile == "" {
			set, missing = "tls.key_file", "GATEWAY_TLS_CERT_FILE"
		}
		report(set, "it needs %s too: TLS takes a certificate and its key", missing)
	}
	if c.Server.TLSCertFile != "" && l.origins["trusted_proxies"].Source == SourceDefault {
		c.Server.TrustedProxies = nil // who ends TLS has callers in front, no proxy: S1-17
	}
	for _, o := range c.Server.AllowedOrigins {
		u, err := url.Parse(o)
		if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())) || u.Scheme+"://"+u.Host != o {
			report("allowed_origins", "%s is no origin: write each as https://host or https://host:port, without a path; http is for localhost alone", quote(o))
		}
	}
}

// checkIssuer holds the issuer to OIDC Discovery §3: https, no query, no fragment.
// Without a path, and without a slash at its end, there is one spelling of it alone.
func (l *loader) checkIssuer(issuer string, report func(key, format string, args ...any)) {
	if issuer == "" {
		if !l.in.Dev {
			report("issuer", "it is required: the public URL of the provider, such as https://id.example.com")
		}
		return
	}
	u, err := url.Parse(issuer)
	if err != nil || u.Hostname() == "" || u.Opaque != "" || u.Scheme != "https" && u.Scheme != "http" {
		report("issuer", "%s is no URL: write such as https://id.example.com", quote(issuer))
		return
	}
	right := url.URL{Scheme: "https", Host: strings.ToLower(u.Host)}
	local := l.in.Dev && loopback(u.Hostname())
	if local {
		right.Scheme = u.Scheme
	}
	var wrong []string
	if u.Scheme == "http" && !local {
		wrong = append(wrong, "must be https")
	}
	if u.User != nil {
		wrong = append(wrong, "must not have a user or a password")
	}
	if u.RawQuery != "" || u.ForceQuery {
		wrong = append(wrong, "must not have a query")
	}
	if u.Fragment != "" || strings.Contains(issuer, "#") {
		wrong = append(wrong, "must not have a fragment")
	}
	switch path := strings.TrimRight(u.Path, "/"); {
	case path != "": // discovery, cookies and every endpoint stand at the root
		wrong = append(wrong, "must not have a path, for this version serves at the root of a host")
	case u.Path != "":
		wrong = append(wrong, "must not end with a slash")
	}
	if wrong == nil && right.String() != issuer {
		wrong = append(wrong, "must be in its plain spelling")
	}
	if wrong != nil {
		report("issuer", "%s %s: write %s", quote(issuer), strings.Join(wrong, ", and "), right.String())
	}
}

// loopback says whether a host is this machine.
func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// normalHost is a host name in the form in which hosts are compared.
func normalHost(host string) (string, error) {
	return idna.Lookup.ToASCII(strings.TrimSuffix(strings.ToLower(host), "."))
}
