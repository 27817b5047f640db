package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/elloloop/identity/storage"
)

// makeKey is the command that makes a key-encryption key.
const makeKey = `"k1=$(openssl rand -base64 32)"`

var keyID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// set parses a value in the form of the environment into the field. An error is
// the end of a sentence that begins with the name of the setting; it never shows
// a secret.
func (s Setting) set(c *Config, text string) error {
	field := s.of(c)
	switch s.typ {
	case reflect.TypeFor[KeyEncryptionKeys]():
		keys, err := parseKeys(text)
		field.Set(reflect.ValueOf(keys))
		return err
	case reflect.TypeFor[Secret]():
		field.SetString(text)
		return nil
	case reflect.TypeFor[MailServers]():
		servers, err := parseMailServers(text)
		field.Set(reflect.ValueOf(servers))
		return err
	case reflect.TypeFor[time.Duration]():
		n, err := s.number(text, "seconds")
		field.SetInt(n * int64(time.Second))
		return err
	case reflect.TypeFor[slog.Level]():
		level := slices.Index(levels, text)
		if level < 0 {
			return fmt.Errorf("%s is none of %s", quote(text), strings.Join(levels, ", "))
		}
		field.SetInt(int64(slog.LevelDebug) + int64(level)*int64(slog.LevelInfo-slog.LevelDebug))
		return nil
	case reflect.TypeFor[[]netip.Prefix]():
		list, err := parsePrefixes(text)
		field.Set(reflect.ValueOf(list))
		return err
	case reflect.TypeFor[[]string]():
		field.Set(reflect.ValueOf(split(text)))
		return nil
	}
	switch s.typ.Kind() {
	case reflect.Bool:
		if text != "true" && text != "false" {
			return fmt.Errorf("%s is neither true nor false", quote(text))
		}
		field.SetBool(text == "true")
	case reflect.Uint8, reflect.Uint32:
		n, err := s.number(text, "")
		field.SetUint(uint64(n))
		return err
	case reflect.Int, reflect.Int64:
		n, err := s.number(text, "")
		field.SetInt(n)
		return err
	default:
		if len(s.oneof) > 0 && !slices.Contains(s.oneof, text) {
			return fmt.Errorf("%s is none of %s", quote(text), strings.Join(s.oneof, ", "))
		}
		field.SetString(text)
	}
	return nil
}

var levels = []string{"debug", "info", "warn", "error"}

func (s Setting) number(text, unit string) (int64, error) {
	what := "number"
	if unit != "" {
		what = "number of " + unit
	}
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		return 0, fmt.Errorf("%s is not a whole %s: write digits alone, such as %s", quote(text), what, s.Default)
	case err != nil || n < s.min || n > s.max:
		return 0, fmt.Errorf("%s is out of range: write %d to %d", quote(text), s.min, s.max)
	}
	return n, nil
}

// split takes a list apart, at commas.
func split(text string) []string {
	var out []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

func parsePrefixes(text string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	if text == "none" {
		return nil, nil
	}
	var bad []string
	for _, part := range split(text) {
		if a, err := netip.ParseAddr(part); err == nil && a.Zone() == "" {
			out = append(out, netip.PrefixFrom(a, a.BitLen()))
		} else if p, err := netip.ParsePrefix(part); err == nil {
			out = append(out, p.Masked())
		} else {
			bad = append(bad, quote(part))
		}
	}
	if bad != nil {
		return nil, fmt.Errorf("%s is no address and no range: write such as 10.0.0.0/8, or none", strings.Join(bad, ", "))
	}
	return out, nil
}

// parseKeys reads "id=base64" entries, separated by commas or lines. Its errors
// name an entry by its place: even an id could be half of a key that was cut wrong.
func parseKeys(text string) (KeyEncryptionKeys, error) {
	var keys KeyEncryptionKeys
	seen := map[string]bool{}
	for i, entry := range split(strings.NewReplacer("\r", ",", "\n", ",").Replace(text)) {
		id, encoded, ok := strings.Cut(entry, "=")
		if !ok || !keyID.MatchString(id) {
			return nil, fmt.Errorf("entry %d is not id=base64 with an id of 1 to 64 letters, digits, - or _; make one with %s", i+1, makeKey)
		}
		key, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(encoded, "="))
		if err != nil || len(key) != 32 {
			return nil, fmt.Errorf("entry %d is not the base64 of 32 bytes after its id; make one with %s", i+1, makeKey)
		}
		if seen[id] {
			return nil, fmt.Errorf("entry %d has an id that another has too: every key needs its own", i+1)
		}
		seen[id] = true
		keys = append(keys, storage.KeyEncryptionKey{ID: id, Key: key})
	}
	if keys == nil {
		return nil, fmt.Errorf("there is no key in it; make one with %s", makeKey)
	}
	return keys, nil
}

// value is the value as YAML and JSON hold it: text, number, truth or a list of
// texts. Never call it for a secret.
func (s Setting) value(c *Config) any {
	switch v := s.of(c).Interface().(type) {
	case time.Duration:
		return int64(v / time.Second)
	case slog.Level:
		return strings.ToLower(v.String())
	case []netip.Prefix:
		list := make([]string, 0, len(v))
		for _, p := range v {
			list = append(list, p.String())
		}
		if len(list) == 0 {
			return "none"
		}
		return list
	case KeyEncryptionKeys:
		return v.String()
	case Secret:
		return v.String()
	case MailServers:
		return v.String()
	default:
		return v
	}
}

// text is the value in the form of the environment.
func (s Setting) text(c *Config) string {
	if list, ok := s.value(c).([]string); ok {
		return strings.Join(list, ",")
	}
	return fmt.Sprint(s.value(c))
}
