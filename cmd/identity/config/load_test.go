package config

import (
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

const (
	testKey  = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=" // bytes 0 to 31
	otherKey = "Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA="
)

// enough is the least environment outside of dev.
func enough(more ...string) []string {
	return append([]string{"GATEWAY_ISSUER=https://id.example.com", "GATEWAY_KEY_ENCRYPTION_KEYS=k1=" + testKey, "PATH=/bin"}, more...)
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "identity.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, in Input) *Config {
	t.Helper()
	c, err := Load(in)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// other returns a valid value of a setting that is not its default, and what else
// has to be set with it.
func other(t *testing.T, s Setting) (value string, with map[string]string) {
	t.Helper()
	special := map[string]string{
		"issuer": "https://login.example.org", "listen": "127.0.0.1:8443", "tls.cert_file": "cert.pem", "tls.key_file": "key.pem",
		"trusted_proxies": "192.0.2.0/24,198.51.100.7/32", "allowed_origins": "https://a.example.com,http://localhost:3000",
		"login.first_factors": "password,passkey", "login.second_factors": "totp,recoverycode", "second_factor.policy": "required", "totp.issuer": "Shop",
		"postgres.dsn": "postgres://a@db/a", "postgres.migrate_dsn": "postgres://b@db/a", "postgres.listen_dsn": "postgres://c@db/a", "postgres.pooling": "transaction",
		"passkey.rp_id": "example.com", "passkey.rp_name": "Shop", "passkey.origin": "https://a.example.com,https://b.example.com", "passkey.clones": "warn", "qr_login.base_url": "https://example.com/scan",
		"passkey.related_origins": "https://a.example.org,https://b.example.org", "passkey.user_verification": "required", "passkey.attestation": "direct",
		"repo.driver": "memory", "sqlite.path": ":memory:", "sqlite.synchronous": "NORMAL", "default_project_id": "shop",
		"jwt.audience": "https://api.example.com", "templates_dir": "pages", "default_locale": "de-CH", "brand.name": "Shop: 1",
		"brand.accent": "#1a56db", "admin_api_secret": "hunter2hunter2hunter2hunter2hunter2", "public_email_domains": "a.example,b.example", "profile": "conformance", "registration.mode": "token", "registration.software_statement_issuers_file": "issuers.json", "log.format": "text", "log.level": "debug", "key_encryption_keys": "k2=" + otherKey + ",k1=" + testKey,
		"default_project_auth_domains": "login.example.org,id.example.org",
		"smtp.host":                    "mail.example.com", "smtp.user": "robot", "smtp.pass": "hunter2hunter2", "smtp.from": "Login <login@example.com>", "smtp.tls": "tls",
		"smtp.providers":         `[{"host":"b.example.com","user":"u","pass":"hunter2hunter2"}]`,
		"oauth.google.client_id": "g", "oauth.google.client_secret": "hunter2hunter2", "oauth.microsoft.client_id": "m", "oauth.microsoft.client_secret": "hunter2hunter2",
		"microsoft.tenant_id": "organizations", "oauth.github.client_id": "h", "oauth.github.client_secret": "hunter2hunter2", "oauth.apple.client_id": "a",
		"oauth.apple.team_id": "T", "oauth.apple.key_id": "K", "oauth.apple.private_key": "hunter2hunter2", "oauth.oidc.provider_key": "works",
		"oauth.oidc.issuer": "https://works.example.com", "oauth.oidc.discovery_url": "https://works.example.com/d", "oauth.oidc.client_id": "w",
		"oauth.oidc.client_secret": "hunter2hunter2", "oauth.oidc.scopes": "openid,email",
		"password.breached_file": "breached.list", "password.breached_url": "https://breach.example.com/range",
		"terms.version": "2026-11-01", "terms.url": "https://example.com/terms",
		"sms.provider": "twilio", "sms.url": "https://sms.example.com/", "sms.account": "AC1", "sms.token": "hunter2hunter2", "sms.from": "+15005550006",
	}
	needs := map[string]map[string]string{
		"tls.cert_file": {"tls.key_file": "x.pem"}, "tls.key_file": {"tls.cert_file": "x.pem"},
		"smtp.host": {"smtp.from": "a@example.com"}, "smtp.pass": {"smtp.user": "u"}, "smtp.providers": {"smtp.from": "a@example.com"},
		"terms.url":              {"terms.version": "1"},
		"sms.enabled":            {"sms.url": "https://sms.example.com/"},
		"oauth.google.client_id": {"oauth.google.client_secret": "s"}, "oauth.microsoft.client_id": {"oauth.microsoft.client_secret": "s"},
		"oauth.github.client_id": {"oauth.github.client_secret": "s"},
		"oauth.apple.client_id":  {"oauth.apple.team_id": "T", "oauth.apple.key_id": "K", "oauth.apple.private_key": "s"},
		"oauth.oidc.enabled":     {"oauth.oidc.issuer": "https://works.example.com", "oauth.oidc.client_id": "w"},
	}
	with = needs[s.Key]
	if s.bounded {
		n, _ := strconv.Atoi(s.Default)
		return strconv.Itoa(n + 1 - 2*btoi(int64(n) == s.max)), with
	}
	if s.kind() == "bool" {
		return strconv.FormatBool(s.Default != "true"), with
	}
	value, ok := special[s.Key]
	if !ok {
		t.Fatalf("no other value for %s", s.Key)
	}
	return value, with
}

// secretIn is what a secret setting holds, and secretOf what its text says.
func secretIn(s Setting, c *Config) any {
	switch v := s.of(c).Interface().(type) {
	case KeyEncryptionKeys:
		return v.IDs()
	case MailServers:
		return v[0].Password
	default:
		return v.(Secret).Reveal()
	}
}

func secretOf(value string) any {
	switch value[0] {
	case 'k':
		return []string{"k2", "k1"}
	case '[':
		return "hunter2hunter2"
	}
	return value
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestEverySettingByEveryWay(t *testing.T) {
	for _, s := range Settings() {
		value, with := other(t, s)
		base := Input{Defaults: map[string]string{"issuer": "https://id.example.com", "key_encryption_keys": "k1=" + testKey}}
		for k, v := range with {
			base.Defaults[k] = v
		}
		check := func(way string, source Source, in Input) {
			t.Run(s.Key+"/"+way, func(t *testing.T) {
				c := load(t, in)
				if s.Secret {
					if diff := cmp.Diff(secretOf(value), secretIn(s, c)); diff != "" {
						t.Error(diff)
					}
				} else if got := s.text(c); got != value {
					t.Errorf("got %q, want %q", got, value)
				}
				if got := c.Origin(s.Key).Source; got != source {
					t.Errorf("from %s, want %s", got, source)
				}
			})
		}
		in := base
		in.Environ = []string{s.Env + "=" + value}
		check("environment", SourceEnvironment, in)

		in = base
		in.File = write(t, s.Key+": "+strconv.Quote(value)+"\n")
		check("file", SourceFile, in)
		if s.bounded || s.kind() == "bool" {
			in.File = write(t, nested(s.Key, value))
			check("file-nested-bare", SourceFile, in)
		}
		if s.kind() == "list" && !s.Secret {
			in.File = write(t, s.Key+": ["+strconv.Quote(strings.Split(value, ",")[0])+", "+strconv.Quote(strings.Split(value, ",")[1])+"]\n")
			check("file-list", SourceFile, in)
		}
		fs := pflag.NewFlagSet("", pflag.ContinueOnError)
		Flags(fs)
		if s.Secret {
			if fs.Lookup(strings.NewReplacer(".", "-", "_", "-").Replace(s.Key)) != nil {
				t.Errorf("%s has a flag", s.Key)
			}
			in = base
			in.Defaults = maps.Clone(base.Defaults)
			delete(in.Defaults, s.Key)
			lines := value
			if s.Key == "key_encryption_keys" {
				lines = strings.ReplaceAll(value, ",", "\n")
			}
			path := write(t, lines+"\n")
			in.Environ = []string{s.fileEnv() + "=" + path}
			check("environment-file", SourceEnvironment, in)
			in.Environ, in.File = nil, write(t, s.fileKey()+": "+path+"\n")
			check("file-file", SourceFile, in)
			continue
		}
		if err := fs.Parse([]string{"--" + s.Flag + "=" + value}); err != nil {
			t.Fatal(err)
		}
		in = FromFlags(fs, nil)
		in.Defaults = base.Defaults
		check("flag", SourceFlag, in)
	}
}

func nested(key, value string) string {
	var b strings.Builder
	path := strings.Split(key, ".")
	for i, p := range path {
		b.WriteString(strings.Repeat("  ", i) + p + ":")
		if i == len(path)-1 {
			b.WriteString(" " + value)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// TestNames: the names of a setting follow from one another, and its tags are whole.
func TestNames(t *testing.T) {
	for _, s := range Settings() {
		if s.Env != envOf(s.Key) {
			t.Errorf("%s is called %s in the environment, want %s", s.Key, s.Env, envOf(s.Key))
		}
		if !strings.HasSuffix(s.Doc, ".") || strings.Contains(s.Doc, "|") {
			t.Errorf("%s: doc %q", s.Key, s.Doc)
		}
		if isReserved(s.Env) {
			t.Errorf("%s is reserved and served", s.Env)
		}
		if strings.HasSuffix(s.Key, "_seconds") != (s.kind() == "seconds") {
			t.Errorf("%s: its unit is not in its name", s.Key)
		}
	}
}

func TestDefaults(t *testing.T) {
	c := load(t, Input{Environ: enough()})
	for _, s := range Settings() {
		want := s.Default
		switch s.Key {
		case "issuer":
			want = "https://id.example.com"
		case "listen":
			want = ":80"
		case "key_encryption_keys":
			want = redacted
		}
		if got := s.text(c); got != want {
			t.Errorf("%s is %q, want %q", s.Key, got, want)
		}
	}
	if c.Tokens.AccessExpiry != 15*time.Minute {
		t.Errorf("access tokens live %s", c.Tokens.AccessExpiry)
	}
	if got := c.Storage.KeyEncryptionKeys[0].Key; len(got) != 32 || got[31] != 31 {
		t.Errorf("key of %d bytes", len(got))
	}
}

func TestPrecedence(t *testing.T) {
	in := Input{Environ: enough(), Defaults: map[string]string{"rate_limit.login": "1"}}
	want := func(n int, source Source) {
		t.Helper()
		c := load(t, in)
		if c.RateLimit.Login != n || c.Origin("rate_limit.login").Source != source {
			t.Errorf("got %d from %s, want %d from %s", c.RateLimit.Login, c.Origin("rate_limit.login"), n, source)
		}
		if c.RateLimit.Signup != 10 {
			t.Errorf("its neighbour became %d", c.RateLimit.Signup)
		}
	}
	want(1, SourceDefault)
	path := write(t, "\nrate_limit:\n  login: 2\nbrand:\n")
	in.Environ = enough("GATEWAY_CONFIG_FILE=" + path)
	want(2, SourceFile)
	if line := load(t, in).Origin("rate_limit.login").Line; line != 3 {
		t.Errorf("line %d, want 3", line)
	}
	in.Environ = enough("GATEWAY_CONFIG_FILE="+path, "GATEWAY_RATE_LIMIT_LOGIN=")
	want(2, SourceFile)
	in.Environ = enough("GATEWAY_CONFIG_FILE="+path, "GATEWAY_RATE_LIMIT_LOGIN=3")
	want(3, SourceEnvironment)
	in.File = write(t, "rate_limit.login: 5")
	want(3, SourceEnvironment)
	in.Flags = map[string]string{"rate-limit-login": "4"}
	want(4, SourceFlag)
}

func TestListen(t *testing.T) {
	for _, tt := range []struct {
		name string
		dev  bool
		env  []string
		want string
	}{
		{"port", false, []string{"GATEWAY_CONNECT_PORT=8080"}, ":8080"},
		{"dev", true, []string{"GATEWAY_CONNECT_PORT=8080"}, "127.0.0.1:8080"},
		{"both", false, []string{"GATEWAY_CONNECT_PORT=8080", "GATEWAY_LISTEN=[::1]:9"}, "[::1]:9"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := load(t, Input{Dev: tt.dev, Environ: enough(tt.env...)}).Server.Listen; got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestNoProxies(t *testing.T) {
	if c := load(t, Input{Environ: enough("GATEWAY_TRUSTED_PROXIES=none")}); len(c.Server.TrustedProxies) != 0 {
		t.Errorf("%v are trusted", c.Server.TrustedProxies)
	}
}
