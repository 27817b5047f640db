package main

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/flows/passhash"
	"github.com/elloloop/identity/flows/password"
	"github.com/elloloop/identity/flows/register"
	"github.com/elloloop/identity/storage"
)

var (
	_ password.Hasher = (*hashing)(nil)
	_ register.Hasher = (*hashing)(nil)
	_ register.Policy = judge
)

// cheapHashing is the least that is allowed.
func cheapHashing(t *testing.T) *hashing {
	t.Helper()
	c := &config.Config{}
	c.Password.Argon2Memory, c.Password.Argon2Time, c.Password.Argon2Parallelism = passhash.MinMemory, passhash.MinTime, 1
	c.Password.MinLength = 8
	h, err := newHashing(c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestHashing(t *testing.T) {
	h := cheapHashing(t)
	composed, apart := "Jürgens Öfchen", "Ju\u0308rgens O\u0308fchen"
	made, err := h.Hash(t.Context(), apart)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := h.hasher.Hash(t.Context(), apart) // as another system hashes it
	if err != nil {
		t.Fatal(err)
	}
	tab, err := h.hasher.Hash(t.Context(), "with\ta tab")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, hash, plain string
		ok, outdated      bool
	}{
		{"S3-05/composed", string(made), composed, true, false},
		{"S3-05/marks-apart", string(made), apart, true, false},
		{"wrong", string(made), "Jürgens Ofchen", false, false},
		{"case", string(made), strings.ToLower(composed), false, false},
		{"as-it-was-typed-elsewhere", foreign, apart, true, true},
		{"as-it-was-not-typed-elsewhere", foreign, composed, false, false},
		{"refused-today", tab, "with\ta tab", true, false},
		{"too-long", string(made), strings.Repeat("x", passhash.MaxLength+1), false, false},
		{"empty", string(made), "", false, false},
		{"S3-01/nobody", "", composed, false, false},
		{"S3-01/nobody-and-nothing", "", "", false, false},
		{"S3-01/nobody-and-too-long", "", strings.Repeat("x", passhash.MaxLength+1), false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ok, outdated, err := h.Verify(t.Context(), storage.PasswordHash(tt.hash), tt.plain)
			if ok != tt.ok || outdated != tt.outdated || err != nil {
				t.Errorf("%v, outdated %v, %v", ok, outdated, err)
			}
		})
	}
}

// TestHashingNobody holds S3-01: nobody's password is worked for as somebody's is. A
// context that has ended shows whether there is work.
func TestHashingNobody(t *testing.T) {
	h := cheapHashing(t)
	hash, err := h.Hash(t.Context(), "kvh7Rzq!")
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, plain := range map[string]string{
		"usual": "kvh7Rzq!", "marks-apart": "u\u0308", "refused": "a\x00b", "empty": "",
		"long": strings.Repeat("x", passhash.MaxLength), "too-long": strings.Repeat("x", passhash.MaxLength+1),
	} {
		_, _, somebody := h.Verify(ended, hash, plain)
		_, _, nobody := h.Verify(ended, "", plain)
		want := context.Canceled
		if name == "too-long" {
			want = nil
		}
		if !errors.Is(somebody, want) || !errors.Is(nobody, want) {
			t.Errorf("S3-01/%s: somebody %v, nobody %v", name, somebody, nobody)
		}
	}
}

// countingHasher counts the work of one of today's hashes.
type countingHasher struct {
	hasher
	unknown int
}

func (c *countingHasher) VerifyUnknown(ctx context.Context, password string) error {
	c.unknown++
	return c.hasher.VerifyUnknown(ctx, password)
}

// TestHashingImported holds S3-01: a wrong password for a hash of another kind or
// cost is worked for as nobody's is, besides.
func TestHashingImported(t *testing.T) {
	h := cheapHashing(t)
	made, err := h.Hash(t.Context(), "kvh7Rzq!")
	if err != nil {
		t.Fatal(err)
	}
	costlier, err := passhash.New(passhash.Config{Memory: 2 * passhash.MinMemory, Time: passhash.MinTime})
	if err != nil {
		t.Fatal(err)
	}
	other, err := costlier.Hash(t.Context(), "kvh7Rzq!")
	if err != nil {
		t.Fatal(err)
	}
	const bcrypt = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW" // of U*U
	for _, tt := range []struct {
		name  string
		hash  storage.PasswordHash
		plain string
		want  int
	}{
		{"S3-01/nobody", "", "wrong", 1},
		{"S3-01/imported-cheap", bcrypt, "wrong", 1},
		{"S3-01/imported-right", bcrypt, "U*U", 0},
		{"S3-01/costlier", storage.PasswordHash(other), "wrong", 1},
		{"S3-01/today's", made, "wrong", 0},
		{"S3-01/nobody-two-forms", "", "u\u0308", 2},
		{"S3-01/imported-two-forms", bcrypt, "u\u0308", 2},
	} {
		c := &countingHasher{hasher: h.hasher}
		ok, _, err := (&hashing{c, 8}).Verify(t.Context(), tt.hash, tt.plain)
		if err != nil || c.unknown != tt.want || ok != (tt.plain == "U*U") {
			t.Errorf("%s: worked %d times, want %d; %v, %v", tt.name, c.unknown, tt.want, ok, err)
		}
	}
}

// TestHashingBusy holds S3-04: the flows learn when to try again.
func TestHashingBusy(t *testing.T) {
	hasher, err := passhash.New(passhash.Config{Workers: 1, QueueTimeout: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	h := &hashing{hasher, 8}
	ctx, cancel := context.WithCancel(t.Context())
	var others sync.WaitGroup
	for range 2 {
		others.Go(func() {
			for ctx.Err() == nil {
				_, _ = h.Hash(ctx, "kvh7Rzq!")
			}
		})
	}
	defer others.Wait()
	defer cancel()
	for err == nil {
		_, _, err = h.Verify(ctx, "", "kvh7Rzq!")
	}
	var a password.Busy
	if !errors.As(err, &a) || a.RetryAfter() <= 0 || !errors.Is(err, passhash.ErrBusy) {
		t.Errorf("S3-04/sign-in: %v", err)
	}
	for err = nil; err == nil; {
		_, err = h.Hash(ctx, "kvh7Rzq!")
	}
	var b register.Busy
	if !errors.As(err, &b) || b.RetryAfter() <= 0 {
		t.Errorf("S3-04/registration: %v", err)
	}
}

func TestNewHashing(t *testing.T) {
	c := &config.Config{}
	c.Password.Argon2Memory, c.Password.Argon2Time = passhash.MinMemory-1, passhash.MinTime
	if _, err := newHashing(c); err == nil {
		t.Error("S3-04: parameters below the minimum of OWASP")
	}
}

func TestJudge(t *testing.T) {
	problem := func(message string) *flows.Problem { return &flows.Problem{Message: message, Field: "password"} }
	short := func(least int) *flows.Problem {
		p := problem("problem.password_short")
		p.Data = map[string]any{"Min": least}
		return p
	}
	for _, tt := range []struct {
		name, plain string
		least       int
		want        *flows.Problem
	}{
		{"good", "kvh7Rzq!", 8, nil},
		{"empty", "", 8, problem("problem.password_missing")},
		{"short", "kvh7Rzq", 8, short(8)},
		{"short-for-the-project", "kvh7Rzq!kv", 12, short(12)},
		{"short-where-the-project-asks-for-less", "kvh7Rzq", 4, short(8)},
		{"long", strings.Repeat("kvh7Rzq!", 128) + "x", 8, problem("problem.password_long")},
		{"S3-04/very-long", strings.Repeat("x", 1<<20), 8, problem("problem.password_long")},
		{"common", "Password1", 8, problem("problem.password_common")},
		{"address", "jane.roe@example.com", 8, problem("problem.password_contains_identifier")},
		{"name", "Roesler12", 8, problem("problem.password_contains_identifier")},
		{"S3-05/zero-width", "kvh7\u200bRzq!", 8, problem("problem.password_invalid")},
		{"control", "kvh7\x00Rzq!", 8, problem("problem.password_invalid")},
		{"not-utf8", "kvh7\xffRzq!", 8, problem("problem.password_invalid")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := judge(tt.plain, tt.least, "jane.roe@example.com", "Jane Roesler")
			if d := cmp.Diff(tt.want, got, cmpopts.IgnoreUnexported(flows.Problem{})); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestNewPassword(t *testing.T) {
	s := &settings{hasher: cheapHashing(t)}
	hash, err := s.newPassword(t.Context(), "kvh7Rzq!", "jane.roe@example.com", "", "Jane Roesler")
	if err != nil {
		t.Fatal(err)
	}
	if ok, outdated, err := s.hasher.Verify(t.Context(), hash, "kvh7Rzq!"); !ok || outdated || err != nil {
		t.Errorf("%v, outdated %v, %v", ok, outdated, err)
	}
	for plain, want := range map[string]string{
		"":                              "at least 8 characters",
		"kvh7Rzq":                       "at least 8 characters",
		strings.Repeat("kvh7Rzq!", 129): "1024 characters at most",
		"Password1":                     "one of the most used",
		"jane.roe@example.com":          "made of the account's",
		"kvh7\tRzq!":                    "characters that can't be used",
	} {
		hash, err := s.newPassword(t.Context(), plain, "jane.roe@example.com", "", "Jane Roesler")
		var usage usageError
		if hash != "" || !errors.As(err, &usage) || !strings.Contains(err.Error(), want) {
			t.Errorf("%d characters: %v, want %q", len(plain), err, want)
		}
		if err != nil && plain != "" && strings.Contains(err.Error(), plain) {
			t.Errorf("the error holds the password")
		}
	}
}

func TestImportHash(t *testing.T) {
	h := cheapHashing(t)
	const good = "$2b$12$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
	if hash, err := h.importHash(good); err != nil || hash != good {
		t.Error(err)
	}
	for encoded, want := range map[string]string{
		"$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW": "too much memory or time",
		"$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO":           "a kind that is not read",
		"correct horse battery staple":                                 "the password hash is broken",
	} {
		hash, err := h.importHash(encoded)
		var usage usageError
		if hash != "" || !errors.As(err, &usage) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), encoded[6:]) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
