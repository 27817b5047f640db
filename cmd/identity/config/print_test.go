package config

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// TestReference: the page is what the tags say.
func TestReference(t *testing.T) {
	b, err := os.ReadFile("../../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Reference(), string(b)); diff != "" {
		t.Errorf("docs/configuration.md is not what `identity config --reference` writes (-want +got):\n%s", diff)
	}
}

// TestPrintedIsReadable: what is printed is a file that gives the same again.
func TestPrintedIsReadable(t *testing.T) {
	environ := enough("GATEWAY_BRAND_NAME=Shop: #1 \"ü\"", "GATEWAY_ALLOWED_ORIGINS=https://a.example.com", "GATEWAY_TRUSTED_PROXIES=none", "GATEWAY_LOG_LEVEL=warn")
	want := load(t, Input{Environ: environ})
	for _, o := range []PrintOptions{{}, {Bare: true}, {Changed: true}, {Bare: true, Changed: true}} {
		var b strings.Builder
		if err := Print(&b, want, o); err != nil {
			t.Fatal(err)
		}
		got := load(t, Input{File: write(t, b.String()), Environ: []string{"GATEWAY_KEY_ENCRYPTION_KEYS=k1=" + testKey}})
		if diff := cmp.Diff(want.shown(), got.shown()); diff != "" {
			t.Errorf("%+v (-want +got):\n%s\n%s", o, diff, b.String())
		}
	}
}

func TestPrint(t *testing.T) {
	c := load(t, Input{Environ: enough("GATEWAY_RATE_LIMIT_LOGIN=7"), Flags: map[string]string{"log-format": "text"}})
	var b strings.Builder
	if err := Print(&b, c, PrintOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"  # Attempts to sign in.\n  # GATEWAY_RATE_LIMIT_LOGIN · default 30 · from environment\n  login: 7\n",
		"  # GATEWAY_LOG_FORMAT · default json · from flag\n  format: \"text\"\n",
		"# GATEWAY_KEY_ENCRYPTION_KEYS · default none · from environment\n# key_encryption_keys: \"[hidden]\"\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in\n%s", want, b.String())
		}
	}
	for _, s := range Settings() {
		if !strings.Contains(b.String(), s.Doc) || !strings.Contains(b.String(), s.Env+" ") {
			t.Errorf("%s is missing", s.Key)
		}
	}
}

// TestRedaction looks for the secrets in everything that can be written.
func TestRedaction(t *testing.T) {
	value := "k1=" + testKey + ",k2=" + otherKey
	const password = "correct-horse-battery"
	c := load(t, Input{Environ: []string{
		"GATEWAY_ISSUER=https://id.example.com", "GATEWAY_KEY_ENCRYPTION_KEYS=" + value, "GATEWAY_SMTP_FROM=a@example.com", "GATEWAY_SMTP_USER=u",
		"GATEWAY_SMTP_HOST=mail.example.com", "GATEWAY_SMTP_PASS=" + password, "GATEWAY_SMS_TOKEN=" + password, "GATEWAY_ADMIN_API_SECRET=" + password + password,
		`GATEWAY_SMTP_PROVIDERS=[{"host":"b.example.com","user":"u","pass":"` + password + `"}]`,
	}})
	in := Input{Environ: []string{"GATEWAY_KEY_ENCRYPTION_KEYS=" + value}}
	var out bytes.Buffer
	things := []any{*c, c, c.Storage, &c.Storage, c.Storage.KeyEncryptionKeys, &c.Storage.KeyEncryptionKeys, c.Mail, &c.Mail, c.Mail.Password, c.Mail.Providers, c.Mail.Servers(), c.SMS, c.Admin, &c.Admin, c.Admin.Secret, in, &in, []any{c}, map[string]any{"c": *c}}
	for _, thing := range things {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b", "%c", "%U", "%t"} {
			fmt.Fprintf(&out, verb+"\n", thing)
		}
		for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(h).Info("x", "thing", thing, slog.Group("g", "thing", thing))
		}
		for _, marshal := range []func(any) ([]byte, error){json.Marshal, yaml.Marshal, xml.Marshal} {
			b, _ := marshal(thing) // some can't be marshalled, which is as good
			out.Write(b)
		}
	}
	if err := Print(&out, c, PrintOptions{}); err != nil {
		t.Fatal(err)
	}
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	Flags(fs)
	out.WriteString(fs.FlagUsages())
	for _, environ := range []string{
		"GATEWAY_KEY_ENCRYPTION_KEYS=k1" + testKey, "GATEWAY_KEY_ENCRYPTION_KEYS=" + value + "," + testKey + testKey,
		"GATEWAY_KEY_ENCRYPTION_KEY=" + value, "GATEWAY_ADMIN_API_SECRET=" + testKey[:20], "GATEWAY_KEY_ENCRYPTION_KEYS=k1=" + testKey + "!",
		`GATEWAY_SMTP_PROVIDERS=[{"host":"","pass":"` + password + `"}]`, `GATEWAY_SMTP_PROVIDERS=["` + password + `"]`,
		"GATEWAY_ISSUER=https://u:" + testKey + "@id.example.com", "GATEWAY_ALLOWED_ORIGINS=https://u:" + otherKey + "@id.example.com",
	} {
		_, err := Load(Input{Environ: []string{environ}})
		fmt.Fprintf(&out, "%v %+v %#v\n", err, err, err)
	}
	for _, file := range []string{"key_encryption_keys: [" + testKey, "key_encryption_keys: [[" + testKey + "]]", "key_encryption_keys: " + testKey, testKey, "key_encryption_keys: {a: " + testKey + "}"} {
		_, err := Load(Input{File: write(t, file)})
		fmt.Fprintln(&out, err)
	}
	if !strings.Contains(out.String(), redacted) || !strings.Contains(out.String(), "https://id.example.com") {
		t.Error("nothing was written")
	}
	for _, form := range []string{password, fmt.Sprintf("%x", password), fmt.Sprintf("%X", password)} {
		if i := strings.Index(out.String(), form); i >= 0 {
			t.Errorf("the password is shown: %q", out.String()[max(0, i-100):min(out.Len(), i+50)])
		}
	}
	for _, secret := range []string{testKey, otherKey} {
		raw, err := base64.StdEncoding.DecodeString(secret)
		if err != nil {
			t.Fatal(err)
		}
		for name, form := range map[string]string{
			"base64": secret[:20], "decimal": strings.Trim(fmt.Sprint(raw[4:12]), "[]"), "go": "0xc, 0xd, 0xe", "hex": fmt.Sprintf("%x", raw[:8]), "HEX": fmt.Sprintf("%X", raw[:8]),
			"base64 in hex": fmt.Sprintf("%x", secret[:20]), "raw": string(raw[:8]), "octal": strings.Trim(fmt.Sprintf("%o", raw[4:12]), "[]"),
		} {
			if i := strings.Index(out.String(), form); i >= 0 {
				t.Errorf("the secret is shown as %s: %q", name, out.String()[max(0, i-100):min(out.Len(), i+50)])
			}
		}
	}
}
