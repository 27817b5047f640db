package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/postgres/pgtest"
)

// backupEnv are the settings of a database for the tests of backups.
func backupEnv(more ...string) []string {
	return append([]string{
		"GATEWAY_ISSUER=https://id.example.test", "GATEWAY_KEY_ENCRYPTION_KEYS=k1=" + base64.StdEncoding.EncodeToString(make([]byte, 32)),
		"GATEWAY_PASSWORD_ARGON2_MEMORY_KIB=19456", "GATEWAY_PASSWORD_ARGON2_TIME=2",
	}, more...)
}

// says runs a command, and returns what it printed and how it ended.
func says(t *testing.T, environ []string, stdin string, args ...string) (string, int) {
	t.Helper()
	var out bytes.Buffer
	code := run(t.Context(), args, environ, strings.NewReader(stdin), &out, &out)
	return out.String(), code
}

func did(t *testing.T, environ []string, stdin string, args ...string) string {
	t.Helper()
	out, code := says(t, environ, stdin, args...)
	if code != 0 {
		t.Fatalf("identity %v: %d: %s", args, code, out)
	}
	return out
}

func opened(t *testing.T, environ []string) *database {
	t.Helper()
	c, err := config.Load(config.Input{Environ: environ})
	if err != nil {
		t.Fatal(err)
	}
	d, err := openDatabase(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// twins are two accounts of one commit: a copy has both or none.
func twins(ctx context.Context, d *database, i int) error {
	var changes []storage.Change
	for _, side := range []string{"left", "right"} {
		id := fmt.Sprintf("%s-%06d", side, i)
		changes = append(changes, d.store.Users.Add(&storage.User{ID: id, Email: id + "@example.test", EmailKey: id + "@example.test", Status: storage.UserActive, Role: "member"}))
	}
	return d.store.Commit(ctx, d.project.Scope(), changes...)
}

// TestBackupWhileWriting is S6-14: the copy is consistent, and is restored whole.
func TestBackupWhileWriting(t *testing.T) {
	dir := t.TempDir()
	from, to := backupEnv("GATEWAY_SQLITE_PATH="+filepath.Join(dir, "a.db")), backupEnv("GATEWAY_SQLITE_PATH="+filepath.Join(dir, "b.db"))
	d := opened(t, from)
	var done atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		var err error
		for i := 0; ctx.Err() == nil && err == nil; i++ {
			if err = twins(context.WithoutCancel(ctx), d, i); err == nil {
				done.Add(1)
			}
		}
		ended <- err
	}()
	for done.Load() < 50 {
		<-time.After(time.Millisecond)
	}
	before, copied := done.Load(), filepath.Join(dir, "copy.db")
	did(t, from, "", "backup", copied)
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if err := d.close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(copied); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup: %v %v, want mode 0600", info, err)
	}
	if out, code := says(t, from, "", "backup", copied); code != 1 || !strings.Contains(out, "exists") {
		t.Errorf("a file was replaced: %d %s", code, out)
	}
	if out, code := says(t, from, "", "restore", copied); code != 1 || !strings.Contains(out, "stop every process") {
		t.Errorf("a database was replaced: %d %s", code, out)
	}
	did(t, to, "", "restore", copied)
	d = opened(t, to)
	count := map[string]int64{}
	page := storage.PageRequest{Limit: 1000}
	for {
		l, err := d.store.UserDirectory.Search(t.Context(), d.project.Scope(), storage.UserQuery{Order: storage.ByEmail}, page)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range l.Items {
			count[u.ID[:4]]++
		}
		if page.After = l.Next; page.After == "" {
			break
		}
	}
	if count["left"] != count["righ"] || count["left"] < before {
		t.Errorf("%d left and %d right of %d that were there before", count["left"], count["righ"], before)
	}
	if err := d.close(); err != nil {
		t.Fatal(err)
	}
}

// TestRestoreRefuses: what is damaged, strange or cut off is not restored.
func TestRestoreRefuses(t *testing.T) {
	dir := t.TempDir()
	from, to := backupEnv("GATEWAY_SQLITE_PATH="+filepath.Join(dir, "a.db")), backupEnv("GATEWAY_SQLITE_PATH="+filepath.Join(dir, "b.db"))
	did(t, from, "long enough to be taken\n", "user", "add", "--email", "ann@example.test", "--password-stdin")
	did(t, from, "", "backup", filepath.Join(dir, "whole.db"))
	did(t, from, "", "backup", "--format", "jsonl", filepath.Join(dir, "whole.jsonl"))
	file, err := os.ReadFile(filepath.Join(dir, "whole.db"))
	if err != nil {
		t.Fatal(err)
	}
	lines, err := os.ReadFile(filepath.Join(dir, "whole.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Clone(file)
	for i := 4096 * 3; i < 4096*12; i++ {
		damaged[i] ^= 0x5a
	}
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"damaged":       {damaged, "no whole database"},
		"cut off":       {file[:len(file)/2], "is damaged or not a database"},
		"no database":   {[]byte("hello, this is not a database at all\n"), "no backup of identity"},
		"lines cut off": {lines[:len(lines)-100], "no backup of identity"},
		"line changed":  {bytes.Replace(lines, []byte("ann@example.test"), []byte("eve@example.test"), 1), "its sum is another"},
	} {
		t.Run(name, func(t *testing.T) {
			bad := filepath.Join(t.TempDir(), "bad")
			if err := os.WriteFile(bad, c.content, 0o600); err != nil {
				t.Fatal(err)
			}
			if out, code := says(t, to, "", "restore", bad); code != 1 || !strings.Contains(out, c.want) {
				t.Errorf("%d %s, want: %s", code, out, c.want)
			}
			if left, err := filepath.Glob(filepath.Join(dir, "b.db*")); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
			if left, err := filepath.Glob(filepath.Join(dir, ".restoring*")); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
		})
	}
}

// TestBackupToAnotherDriver is S6-14: SQLite to Postgres and back, with the same
// counts and sum, and what is sealed can still be opened.
func TestBackupToAnotherDriver(t *testing.T) {
	db, dir := pgtest.On(t, postgresServer(t)), t.TempDir()
	from := backupEnv("GATEWAY_SQLITE_PATH=" + filepath.Join(dir, "a.db"))
	over := backupEnv("GATEWAY_POSTGRES_DSN="+db.App, "GATEWAY_POSTGRES_MIGRATE_DSN="+db.Owner)
	back := backupEnv("GATEWAY_SQLITE_PATH=" + filepath.Join(dir, "b.db"))
	did(t, from, "long enough to be taken\n", "user", "add", "--email", "ann@example.test", "--password-stdin")
	did(t, from, "", "client", "add", "--id", "app", "--name", "App", "--preset", "web", "--redirect-uri", "https://app.example.test/cb")
	d := opened(t, from)
	if err := d.keys.Ensure(t.Context(), d.project); err != nil {
		t.Fatal(err)
	}
	if err := twins(t.Context(), d, 1); err != nil {
		t.Fatal(err)
	}
	group := &storage.WorkingGroup{ID: storage.NewID(), Name: "Staff"}
	if err := d.store.WorkingGroups.Create(t.Context(), d.project.Scope(), group); err != nil {
		t.Fatal(err)
	}
	if err := d.store.GroupMembers.Add(t.Context(), d.project.Scope(), group.ID, "left-000001"); err != nil {
		t.Fatal(err)
	}
	if err := d.close(); err != nil {
		t.Fatal(err)
	}
	var sums []string
	for _, step := range []struct{ of, into []string }{{from, over}, {over, back}, {back, nil}} {
		file := filepath.Join(dir, fmt.Sprint(len(sums), ".jsonl"))
		out := did(t, step.of, "", "backup", "--format", "jsonl", file)
		sums = append(sums, out[strings.Index(out, " holds "):])
		if step.into != nil {
			did(t, step.into, "", "restore", file)
		}
	}
	if sums[0] != sums[1] || sums[1] != sums[2] {
		t.Errorf("another sum or count on the way: %q", sums)
	}
	if out, code := says(t, over, "", "restore", filepath.Join(dir, "0.jsonl")); code != 1 || !strings.Contains(out, "in use") {
		t.Errorf("restored over what was there: %d %s", code, out)
	}
	if out, code := says(t, over, "", "key", "reseal"); code != 0 || !strings.Contains(out, "0 values") {
		t.Errorf("what is sealed can't be opened: %d %s", code, out)
	}
}

// TestDevRefusesPostgres: demo accounts do not come into somebody's real data.
func TestDevRefusesPostgres(t *testing.T) {
	environ := []string{"GATEWAY_POSTGRES_DSN=postgres://nobody@127.0.0.1:1/none"}
	if out, code := says(t, environ, "", "dev", "--ephemeral", "--port=0"); code != 2 || !strings.Contains(out, "postgres.dsn") {
		t.Errorf("%d %s", code, out)
	}
}
