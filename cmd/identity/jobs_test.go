package main

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/storage"
)

// TestJobsAreShared: of two replicas one does a job in an interval; where it
// fails, the other may.
func TestJobsAreShared(t *testing.T) {
	h := newHouses(t)
	replicas := []*provider{h.p, {database: h.p.database, log: h.p.log}}
	runs := 0
	round := func(j job) {
		for _, p := range replicas {
			if err := p.share(t.Context(), j); err != nil && !errors.Is(err, errTried) {
				t.Error(err)
			}
		}
	}
	round(job{"once", time.Minute, func(context.Context) error { runs++; return nil }})
	if runs != 1 {
		t.Errorf("the job was done %d times in an interval", runs)
	}
	runs = 0
	round(job{"failing", time.Minute, func(context.Context) error { runs++; return errTried }})
	if runs != 2 {
		t.Errorf("the job that failed was tried %d times, want once by each", runs)
	}
}

var errTried = errors.New("tried")

// TestJobs: each of them does its work in every project.
func TestJobs(t *testing.T) {
	h := newHouses(t)
	ctx := t.Context()
	for _, j := range h.p.jobs(h.config) {
		if err := j.do(ctx); err != nil {
			t.Errorf("%s: %v", j.name, err)
		}
	}
	for _, id := range []string{"default", "shop", "bank"} {
		report, err := h.p.store.AuditSeals.Verify(ctx, storage.In(id))
		if err != nil || report.Sealed == 0 {
			t.Errorf("S5-05: the audit log of %s: %+v, %v", id, report, err)
		}
	}
	kids := h.kids(t)
	if err := h.p.rotate(ctx, time.Hour); err != nil || cmp.Diff(kids, h.kids(t)) != "" {
		t.Errorf("keys that are not due were rotated, %v", err)
	}
	if err := h.p.rotate(ctx, 0); err != nil || cmp.Diff(kids, h.kids(t)) != "" { // younger than a JWKS may be kept
		t.Errorf("keys that clients can't know were rotated, %v", err)
	}
}

// kids are those of the keys that sign, by project and alg.
func (h *houses) kids(t *testing.T) map[string]string {
	t.Helper()
	kids := map[string]string{}
	for id, p := range h.projects {
		infos, err := h.p.keys.List(t.Context(), p)
		h.must(err)
		for _, i := range infos {
			if i.Status == storage.KeyActive {
				kids[id+" "+i.Alg] = i.KID
			}
		}
	}
	return kids
}

// TestKeyEncryptionKeyRotation: with the old and the new key everything goes on,
// and after key reseal the old one may go.
func TestKeyEncryptionKeyRotation(t *testing.T) {
	file := filepath.Join(t.TempDir(), "identity.db")
	one := "k1=" + base64.StdEncoding.EncodeToString(make([]byte, 32))
	two := "k2=" + base64.StdEncoding.EncodeToString([]byte("a key of exactly thirty-two bytes"[:32]))
	open := func(keys string) (*houses, error) {
		c, err := config.Load(config.Input{
			Defaults: map[string]string{"issuer": "https://id.example.com", "sqlite.path": file},
			Environ:  []string{"GATEWAY_KEY_ENCRYPTION_KEYS=" + keys},
		})
		if err != nil {
			t.Fatal(err)
		}
		h := &houses{t: t, projects: map[string]*storage.Project{}}
		if h.p, err = assemble(t.Context(), c, slog.New(slog.DiscardHandler)); err != nil {
			return nil, err
		}
		for _, id := range []string{"default", "shop"} {
			if h.projects[id], err = h.p.finder.ByID(t.Context(), id); err != nil && !errors.Is(err, storage.ErrNotFound) {
				return nil, errors.Join(err, h.p.close())
			}
			if err == nil {
				if err := h.p.keys.Ready(t.Context(), h.projects[id]); err != nil {
					return nil, errors.Join(err, h.p.close())
				}
			} else {
				delete(h.projects, id)
			}
		}
		return h, nil
	}
	h, err := open(one)
	if err != nil {
		t.Fatal(err)
	}
	h.must(h.p.store.Projects.Create(t.Context(), &storage.ProjectRecord{ID: "shop", Status: storage.ProjectActive}))
	h.must(h.p.close())
	if h, err = open(two + "," + one); err != nil {
		t.Fatal(err)
	}
	before := h.kids(t) // of keys of which some were sealed by the old key, some by the new one
	h.must(h.p.close())
	if _, err = open(two); !errors.Is(err, storage.ErrSealed) {
		t.Fatalf("S5-08: without the old key, and before it is let go: %v, want ErrSealed", err)
	}
	if h, err = open(two + "," + one); err != nil {
		t.Fatal(err)
	}
	done, err := h.p.reseal(t.Context())
	if err != nil || done.Resealed == 0 || unfinished(done) != nil {
		t.Fatalf("reseal: %+v, %v", done, err)
	}
	if again, err := h.p.reseal(t.Context()); err != nil || again.Resealed != 0 {
		t.Errorf("reseal again: %+v, %v", again, err)
	}
	h.must(h.p.close())
	if h, err = open(two); err != nil {
		t.Fatalf("S5-08: with the new key alone: %v", err)
	}
	// Four that sign and two that others encrypt to, in each of two projects.
	if diff := cmp.Diff(before, h.kids(t)); diff != "" || len(before) != 12 {
		t.Errorf("%d keys, and they changed (-want +got):\n%s", len(before), diff)
	}
	h.must(h.p.close())
}
