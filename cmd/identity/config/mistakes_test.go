package config

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func mistakes(t *testing.T, in Input) []string {
	t.Helper()
	c, err := Load(in)
	var m Mistakes
	if err != nil && !errors.As(err, &m) {
		t.Fatalf("%T: %v", err, err)
	}
	if (c == nil) != (err != nil) {
		t.Fatalf("config %v with error %v", c, err)
	}
	return m
}

// TestMistake: one mistake makes one sentence.
func TestMistake(t *testing.T) {
	for _, tt := range []struct{ name, env, want string }{
		{"number", "GATEWAY_SQLITE_MAX_CONNS=four", `GATEWAY_SQLITE_MAX_CONNS: "four" is not a whole number: write digits alone, such as 4`},
		{"duration", "GATEWAY_JWT_EXPIRY_SECONDS=15m", `GATEWAY_JWT_EXPIRY_SECONDS: "15m" is not a whole number of seconds: write digits alone, such as 900`},
		{"over", "GATEWAY_JWT_EXPIRY_SECONDS=901", `GATEWAY_JWT_EXPIRY_SECONDS: "901" is out of range: write 30 to 900`},
		{"code", "GATEWAY_AUTHORIZATION_CODE_EXPIRY_SECONDS=601", `write 1 to 600`},
		{"huge", "GATEWAY_SWEEP_BATCH=99999999999999999999", `out of range: write 1 to 100000`},
		{"negative", "GATEWAY_RATE_LIMIT_LOGIN=-1", `out of range`},
		{"bool", "GATEWAY_PKCE_REQUIRED=yes", `GATEWAY_PKCE_REQUIRED: "yes" is neither true nor false`},
		{"word", "GATEWAY_LOG_FORMAT=xml", `GATEWAY_LOG_FORMAT: "xml" is none of json, text`},
		{"level", "GATEWAY_LOG_LEVEL=loud", `"loud" is none of debug, info, warn, error`},
		{"driver", "GATEWAY_REPO_DRIVER=postgres", `GATEWAY_POSTGRES_DSN: it is required for GATEWAY_REPO_DRIVER=postgres`},
		{"proxies", "GATEWAY_TRUSTED_PROXIES=10.0.0.0/8,proxy", `"proxy" is no address and no range`},
		{"origin-star", "GATEWAY_ALLOWED_ORIGINS=*", `"*" is no origin`},
		{"origin-path", "GATEWAY_ALLOWED_ORIGINS=https://a.example.com/", `is no origin`},
		{"origin-http", "GATEWAY_ALLOWED_ORIGINS=http://a.example.com", `is no origin`},
		{"listen", "GATEWAY_LISTEN=8080", `GATEWAY_LISTEN: "8080" is not host:port`},
		{"listen-port", "GATEWAY_LISTEN=:http", `is not host:port`},
		{"project", "GATEWAY_DEFAULT_PROJECT_ID=a b", `"a b" is no id`},
		{"auth-domain", "GATEWAY_DEFAULT_PROJECT_AUTH_DOMAINS=https://id.example.com", `"https://id.example.com" is no host`},
		{"auth-domain-word", "GATEWAY_DEFAULT_PROJECT_AUTH_DOMAINS=localhost", `"localhost" is no host`},
		{"rotation", "GATEWAY_KEY_ROTATION_INTERVAL_SECONDS=3600", `3600 is less than a day: write 86400 or more, or 0 for never`},
		{"locale", "GATEWAY_DEFAULT_LOCALE=english!", `is no language`},
		{"accent", "GATEWAY_BRAND_ACCENT=red", `"red" is no colour`},
		{"tls-cert", "GATEWAY_TLS_CERT_FILE=a", `GATEWAY_TLS_CERT_FILE: it needs GATEWAY_TLS_KEY_FILE too`},
		{"tls-key", "GATEWAY_TLS_KEY_FILE=a", `GATEWAY_TLS_KEY_FILE: it needs GATEWAY_TLS_CERT_FILE too`},
		{"session", "GATEWAY_SESSION_MAX_SECONDS=600", `GATEWAY_SESSION_IDLE_SECONDS: it is longer than GATEWAY_SESSION_MAX_SECONDS`},
		{"argon2", "GATEWAY_PASSWORD_ARGON2_MEMORY_KIB=8192", `below the minimum of OWASP for GATEWAY_PASSWORD_ARGON2_TIME=3: write 12288 or more`},
		{"issuer-http", "GATEWAY_ISSUER=http://id.example.com", `"http://id.example.com" must be https: write https://id.example.com`},
		{"issuer-slash", "GATEWAY_ISSUER=https://id.example.com/", `must not end with a slash: write https://id.example.com`},
		{"issuer-query", "GATEWAY_ISSUER=https://id.example.com?b#c", `must not have a query, and must not have a fragment: write https://id.example.com`},
		{"S1-17/issuer-path", "GATEWAY_ISSUER=https://id.example.com/tenant", `"https://id.example.com/tenant" must not have a path, for this version serves at the root of a host: write https://id.example.com`},
		{"issuer-case", "GATEWAY_ISSUER=https://ID.example.com", `plain spelling: write https://id.example.com`},
		{"issuer-local", "GATEWAY_ISSUER=http://localhost:8080", `must be https`},
		{"issuer-word", "GATEWAY_ISSUER=id.example.com", `is no URL`},
		{"upstream-secret", "GATEWAY_OAUTH_GITHUB_CLIENT_ID=g", `GATEWAY_OAUTH_GITHUB_CLIENT_ID: it needs GATEWAY_OAUTH_GITHUB_CLIENT_SECRET too`},
		{"reserved", "GATEWAY_SAML_HOST=mail", `GATEWAY_SAML_HOST: this version does not support this setting yet: remove it`},
		{"admin-secret", "GATEWAY_ADMIN_API_SECRET=letmein", `GATEWAY_ADMIN_API_SECRET: it has 7 characters`},
		{"reserved-file", "GATEWAY_WEBHOOKS_KEY_FILE=x", `does not support this setting yet`},
		{"near", "GATEWAY_ISUER=x", `GATEWAY_ISUER: there is no such setting; did you mean GATEWAY_ISSUER?`},
		{"far", "GATEWAY_QWERTZUIOP=x", `GATEWAY_QWERTZUIOP: there is no such setting; docs/configuration.md lists all`},
		{"kubernetes", "GATEWAY_PORT_80_TCP=x", `enableServiceLinks`},
		{"keys-short", "GATEWAY_KEY_ENCRYPTION_KEYS=k1=c2hvcnQ=", `entry 1 is not the base64 of 32 bytes`},
		{"keys-form", "GATEWAY_KEY_ENCRYPTION_KEYS=" + strings.TrimRight(otherKey, "="), `entry 1 is not id=base64`},
		{"keys-twice", "GATEWAY_KEY_ENCRYPTION_KEYS=k1=" + testKey + ",k1=" + otherKey, `entry 2 has an id that another has too`},
		{"keys-none", "GATEWAY_KEY_ENCRYPTION_KEYS=,", `there is no key in it`},
		{"keys-both", "GATEWAY_KEY_ENCRYPTION_KEYS_FILE=x", `GATEWAY_KEY_ENCRYPTION_KEYS: it is set, and so is GATEWAY_KEY_ENCRYPTION_KEYS_FILE`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := mistakes(t, Input{Environ: enough(tt.env)})
			if len(got) != 1 || !strings.Contains(got[0], tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestMistakesOfTheFile(t *testing.T) {
	for _, tt := range []struct{ name, yaml, want string }{
		{"unknown", "sqlite:\n  pth: x", `sqlite.pth (FILE:2): there is no such setting; did you mean sqlite.path?`},
		{"reserved", "saml:\n  host: x", `saml.host (FILE:2): this version does not support this setting yet`},
		{"group-as-value", "sqlite: x", `sqlite (FILE:1): there is no such setting`},
		{"value-as-group", "issuer:\n  a: b", `issuer.a (FILE:2): there is no such setting`},
		{"value", "\njwt:\n  expiry_seconds: 15m", `jwt.expiry_seconds (FILE:3): "15m" is not a whole number`},
		{"float", "sweep.batch: 1.5", `sweep.batch (FILE:1): "1.5" is not a whole number`},
		{"list", "allowed_origins: [[a]]", `allowed_origins (FILE:1): the list may hold texts alone`},
		{"twice", "log:\n  level: info\n  level: debug", `see line 3: mapping key "level" already defined at line 2`},
		{"syntax", "a: [", `is not YAML as it should be`},
		{"scalar", "hunter2hunter2", `is not YAML as it should be`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := write(t, tt.yaml)
			got := mistakes(t, Input{Environ: enough(), File: path})
			want := strings.ReplaceAll(tt.want, "FILE", path)
			if len(got) != 1 || !strings.Contains(got[0], want) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
			if strings.Contains(strings.Join(got, ""), "hunter2") {
				t.Error("the text of the file is shown")
			}
		})
	}
}

func TestMissingFiles(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none")
	got := mistakes(t, Input{Environ: []string{"GATEWAY_ISSUER=https://id.example.com", "GATEWAY_CONFIG_FILE=" + missing, "GATEWAY_KEY_ENCRYPTION_KEYS_FILE=" + missing}})
	if len(got) != 2 || !strings.HasPrefix(got[0], "GATEWAY_CONFIG_FILE: the file") || !strings.HasPrefix(got[1], "GATEWAY_KEY_ENCRYPTION_KEYS_FILE: the file") {
		t.Errorf("%q", got)
	}
	got = mistakes(t, Input{Environ: []string{"GATEWAY_ISSUER=https://id.example.com", "GATEWAY_KEY_ENCRYPTION_KEYS_FILE=" + write(t, "\n")}})
	if len(got) != 1 || !strings.HasSuffix(got[0], "is empty") {
		t.Errorf("%q", got)
	}
}

func TestRequired(t *testing.T) {
	got := mistakes(t, Input{})
	if len(got) != 2 || !strings.Contains(got[0], "GATEWAY_ISSUER: it is required") || !strings.Contains(got[1], "openssl rand -base64 32") {
		t.Errorf("%q", got)
	}
	if got := mistakes(t, Input{Dev: true}); got != nil {
		t.Errorf("dev: %q", got)
	}
}

func TestIssuerInDev(t *testing.T) {
	for issuer, good := range map[string]bool{
		"http://localhost:8080": true, "http://127.0.0.1:8080": true, "http://[::1]": true, "http://a.localhost": true, "https://id.example.com": true,
		"http://id.example.com": false, "http://localhost.example.com": false, "http://localhost/": false,
	} {
		if got := mistakes(t, Input{Dev: true, Environ: []string{"GATEWAY_ISSUER=" + issuer}}); (got == nil) != good {
			t.Errorf("%s: %q", issuer, got)
		}
	}
}

// TestTrustedProxies: where identity ends TLS itself nobody's word is taken for a
// caller's address, but by name.
func TestTrustedProxies(t *testing.T) {
	tls := []string{"GATEWAY_TLS_CERT_FILE=cert.pem", "GATEWAY_TLS_KEY_FILE=key.pem"}
	for _, tt := range []struct {
		name string
		env  []string
		want int
	}{
		{"S1-17/proxy-in-front", nil, 6},
		{"S1-17/own-tls", tls, 0},
		{"S1-17/own-tls-and-a-proxy", append(tls, "GATEWAY_TRUSTED_PROXIES=192.0.2.7"), 1},
	} {
		if got := load(t, Input{Environ: enough(tt.env...)}).Server.TrustedProxies; len(got) != tt.want {
			t.Errorf("%s: %v are believed, want %d", tt.name, got, tt.want)
		}
	}
}

// TestAllMistakesAtOnce: one run mends the configuration.
func TestAllMistakesAtOnce(t *testing.T) {
	_, err := Load(Input{
		File:    write(t, "colour: red\nlog:\n  level: loud"),
		Environ: []string{"GATEWAY_ISSUER=http://x.example.com/", "GATEWAY_TYPO=1", "GATEWAY_OTEL_ENDPOINT=x", "GATEWAY_PKCE_REQUIRED=maybe"},
		Flags:   map[string]string{"listen": "x", "lissten": "y"},
	})
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	for _, want := range []string{"colour (", "log.level (", "GATEWAY_ISSUER:", "GATEWAY_TYPO:", "GATEWAY_OTEL_ENDPOINT:", "GATEWAY_PKCE_REQUIRED:", "--listen:", "--lissten: there is no such flag; did you mean listen?", "GATEWAY_KEY_ENCRYPTION_KEYS:"} {
		n := 0
		for _, l := range lines {
			if strings.HasPrefix(l, want) {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d lines begin with %q:\n%v", n, want, err)
		}
	}
	if len(lines) != 9 {
		t.Errorf("%d lines:\n%v", len(lines), err)
	}
}
