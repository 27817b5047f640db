package totp

import (
	"encoding/base32"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestVectors: the last six digits of RFC 6238, Appendix B, SHA-1.
func TestVectors(t *testing.T) {
	for at, code := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		step, err := match([]byte("12345678901234567890"), code, time.Unix(at, 0))
		if err != nil || step != at/30 {
			t.Errorf("RFC6238-B/%d: step %d, %v", at, step, err)
		}
	}
}

// FuzzMatch: whatever is typed is a code or none, and no error.
func FuzzMatch(f *testing.F) {
	for _, s := range []string{"287082", " 287 082", "28708", "2870822", "", "-1", "２８７０８２", "\x00", "28708a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		step, err := match([]byte("12345678901234567890"), digits(typed), time.Unix(59, 0))
		if err != nil {
			t.Errorf("%q: %v", typed, err)
		}
		if step == 1 && digits(typed) != "287082" {
			t.Errorf("%q is taken", typed)
		}
	})
}

func TestEnrolment(t *testing.T) {
	key := []byte(strings.Repeat("k", 32))
	e := NewEnrolment(key, "alice", "one", "two")
	v, err := e.View("Tea & Söhne", "alice+work@example.test")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(v.URI)
	if err != nil {
		t.Fatal(err)
	}
	if u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/Tea & Söhne:alice+work@example.test" || u.Query().Get("issuer") != "Tea & Söhne" {
		t.Errorf("uri %s", v.URI)
	}
	seed, err := base32.StdEncoding.DecodeString(u.Query().Get("secret"))
	if err != nil || len(seed) != 20 || string(seed) != string(e.seed) {
		t.Errorf("seed of %d bytes, %v", len(seed), err)
	}
	if strings.ReplaceAll(v.Secret, " ", "") != u.Query().Get("secret") || !regexp.MustCompile(`^([A-Z2-7]{4} ){7}[A-Z2-7]{4}$`).MatchString(v.Secret) {
		t.Errorf("secret %q", v.Secret)
	}
	if !regexp.MustCompile(`^(M\d+ \d+h\d+v1h-\d+z)+$`).MatchString(v.QRPath) || v.QRSize < 29 {
		t.Errorf("picture of %d: %.80s", v.QRSize, v.QRPath)
	}
	for name, other := range map[string]Enrolment{
		"account": NewEnrolment(key, "bob", "one", "two"), "occasion": NewEnrolment(key, "alice", "one", "three"),
		"key": NewEnrolment(key[1:], "alice", "one", "two"), "shifted": NewEnrolment(key, "alice", "onet", "wo"),
	} {
		if string(other.seed) == string(e.seed) {
			t.Errorf("another %s, the same seed", name)
		}
	}
}
