package storage_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/elloloop/identity/storage"
)

func key(id string, fill byte) storage.KeyEncryptionKey {
	return storage.KeyEncryptionKey{ID: id, Key: bytes.Repeat([]byte{fill}, 32)}
}

func ring(t testing.TB, keys ...storage.KeyEncryptionKey) *storage.Keyring {
	t.Helper()
	r, err := storage.NewKeyring(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestKeyring(t *testing.T) {
	old, both, other := ring(t, key("old", 1)), ring(t, key("new", 2), key("old", 1)), ring(t, key("new", 2))
	sealed := old.Seal([]byte("seed"), "project", "type", "row")

	t.Run("S5-08/old-and-new-at-once", func(t *testing.T) {
		plain, err := both.Open(sealed, "project", "type", "row")
		if err != nil || string(plain) != "seed" {
			t.Fatalf("got %q %v", plain, err)
		}
		if _, err := old.Open(both.Seal([]byte("x"), "row"), "row"); !errors.Is(err, storage.ErrSealed) {
			t.Fatalf("the first key does not seal: %v", err)
		}
	})
	t.Run("S5-08/names-the-missing-key", func(t *testing.T) {
		_, err := other.Open(sealed, "project", "type", "row")
		if !errors.Is(err, storage.ErrSealed) || !strings.Contains(err.Error(), `"old"`) {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("S5-07/moved-to-another-row", func(t *testing.T) {
		for _, place := range [][]string{{"project", "type", "row2"}, {"project2", "type", "row"}, {"project", "typerow"}, {"project", "type", "row", ""}, nil} {
			if _, err := old.Open(sealed, place...); !errors.Is(err, storage.ErrSealed) {
				t.Errorf("%q: opened: %v", place, err)
			}
		}
	})
	t.Run("S5-07/altered", func(t *testing.T) {
		for i := range sealed {
			bad := bytes.Clone(sealed)
			bad[i] ^= 1
			if _, err := old.Open(bad, "project", "type", "row"); err == nil {
				t.Fatalf("byte %d can be changed", i)
			}
			if _, err := old.Open(sealed[:i], "project", "type", "row"); err == nil {
				t.Fatalf("can be cut at %d", i)
			}
		}
	})
	t.Run("S5-07/never-the-same-twice", func(t *testing.T) {
		if bytes.Equal(sealed, old.Seal([]byte("seed"), "project", "type", "row")) || bytes.Contains(sealed, []byte("seed")) {
			t.Fatal("not sealed")
		}
	})
}

func TestNewKeyringRefuses(t *testing.T) {
	for name, keys := range map[string][]storage.KeyEncryptionKey{
		"none": {}, "short": {{ID: "a", Key: make([]byte, 31)}}, "no id": {{Key: make([]byte, 32)}},
		"id with space": {{ID: "a b", Key: make([]byte, 32)}}, "twice": {key("a", 1), key("a", 2)},
	} {
		if _, err := storage.NewKeyring(keys...); !errors.Is(err, storage.ErrInvalidArgument) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSecretsAreHidden(t *testing.T) {
	k := key("id", 'K')
	d := storage.DigestOf("x")
	for _, v := range []any{k, &k, d, storage.PasswordHash("$argon2id$hash")} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
			out := fmt.Sprintf(format, v)
			if strings.Contains(out, "KKKK") || strings.Contains(out, "argon2") || strings.Contains(out, "0x") || !strings.Contains(out, "redacted") {
				t.Errorf("S5-06: %T %s prints %q", v, format, out)
			}
		}
	}
}
