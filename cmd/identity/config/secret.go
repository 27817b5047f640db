package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"

	"github.com/elloloop/identity/storage"
	"github.com/knadh/koanf/maps"
)

const redacted = "[redacted]"

// KeyEncryptionKeys are the keys of storage.NewKeyring, hidden from every log,
// format and encoding.
type KeyEncryptionKeys []storage.KeyEncryptionKey

// IDs returns the ids, which are no secret, the sealing one first.
func (k KeyEncryptionKeys) IDs() []string {
	ids := make([]string, len(k))
	for i := range k {
		ids[i] = k[i].ID
	}
	return ids
}

func (k KeyEncryptionKeys) String() string {
	if len(k) == 0 {
		return ""
	}
	return redacted
}

// LogValue hides the keys.
func (k KeyEncryptionKeys) LogValue() slog.Value { return slog.StringValue(k.String()) }

// Format hides the keys whatever the verb: %d of a byte is as good as the byte.
func (k KeyEncryptionKeys) Format(w fmt.State, _ rune) { fmt.Fprint(w, k.String()) }

// MarshalText hides the keys from JSON, YAML and XML.
func (k KeyEncryptionKeys) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Secret is a text that is hidden from every log, format and encoding.
type Secret string

// Reveal returns the text itself, for whoever has to use it.
func (s Secret) Reveal() string { return string(s) }

func (s Secret) String() string { return hidden(string(s), redacted) }

// LogValue hides the text.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Format hides the text whatever the verb.
func (s Secret) Format(w fmt.State, _ rune) { fmt.Fprint(w, s.String()) }

// MarshalText hides the text from JSON, YAML and XML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// shown is the configuration by key, as a person may see it.
func (c *Config) shown() map[string]any {
	out := map[string]any{}
	for _, s := range Settings() {
		out[s.Key] = s.value(c)
		if s.Secret {
			out[s.Key] = hidden(s.text(c), redacted)
		}
	}
	return out
}

func hidden(value, word string) string {
	if value == "" {
		return ""
	}
	return word
}

// LogValue is a group of all settings by key, secrets redacted.
func (c Config) LogValue() slog.Value {
	var attrs []slog.Attr
	for _, s := range Settings() {
		if s.Secret {
			attrs = append(attrs, slog.String(s.Key, hidden(s.text(&c), redacted)))
			continue
		}
		attrs = append(attrs, slog.Any(s.Key, s.value(&c)))
	}
	return slog.GroupValue(attrs...)
}

// Format writes the configuration as JSON with secrets redacted, whatever the verb.
func (c Config) Format(w fmt.State, _ rune) {
	b, err := c.MarshalJSON()
	if err != nil {
		fmt.Fprint(w, redacted)
		return
	}
	_, _ = w.Write(b)
}

// MarshalJSON nests the settings as the YAML file does, secrets redacted.
func (c Config) MarshalJSON() ([]byte, error) { return json.Marshal(maps.Unflatten(c.shown(), ".")) }

// MarshalYAML does the same for YAML.
func (c Config) MarshalYAML() (any, error) { return maps.Unflatten(c.shown(), "."), nil }

// LogValue redacts the passwords: they redact themselves in every format.
func (m Mail) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf("%+v", m)) }

// LogValue redacts the token: it redacts itself in every format.
func (s SMS) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf("%+v", s)) }

// LogValue redacts the keys: they redact themselves in every format.
func (s Storage) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf("%+v", s)) }

// LogValue hides the input: its environment has secrets.
func (in Input) LogValue() slog.Value { return slog.StringValue(redacted) }

// Format hides the input whatever the verb.
func (in Input) Format(w fmt.State, _ rune) { fmt.Fprint(w, redacted) }

// MarshalText hides the input from every encoding.
func (in Input) MarshalText() ([]byte, error) { return []byte(redacted), nil }

var userinfo = regexp.MustCompile(`//[^/?#]*@`)

// quote shows a bad value. A URL may hold a password where nobody looks for one.
func quote(value string) string {
	const most = 200
	value = userinfo.ReplaceAllString(value, "//"+redacted+"@")
	if len(value) > most {
		value = value[:most] + "…"
	}
	return fmt.Sprintf("%q", value)
}
