package main

import (
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/storage"
)

// madeKeys are the keys of projects by their ids, made once: with the race detector
// RSA keys take most of the time of a test. Every test has the same key-encryption
// key.
var madeKeys struct {
	sync.Mutex
	of map[string][]*storage.SigningKey
}

// keysOf are the keys of the project of this id, sealed for it.
func keysOf(t *testing.T, c *config.Config, id string) []*storage.SigningKey {
	t.Helper()
	madeKeys.Lock()
	defer madeKeys.Unlock()
	if madeKeys.of == nil {
		madeKeys.of = map[string][]*storage.SigningKey{}
	}
	if madeKeys.of[id] == nil {
		inMemory := *c // in a file of the test's they would be there before it puts them there
		inMemory.Storage.Driver = "memory"
		d, err := openDatabase(t.Context(), &inMemory, slog.New(slog.DiscardHandler))
		must(t, err)
		project := *d.project
		project.ID = id
		must(t, d.keys.Ensure(t.Context(), &project))
		madeKeys.of[id], err = d.store.SigningKeys.List(t.Context(), project.Scope())
		must(t, err)
		must(t, d.close())
	}
	return madeKeys.of[id]
}

// assembled is assemble, in memory, where these projects have keys already.
func assembled(t *testing.T, c *config.Config, log *slog.Logger, projects ...string) *provider {
	t.Helper()
	d, err := openDatabase(t.Context(), c, log)
	must(t, err)
	for _, id := range projects {
		var told []storage.Change
		keys := keysOf(t, c, id)
		for _, k := range keys {
			told = append(told, d.store.AuditEvents.Append(storage.AuditEvent{At: time.Now().UTC(), Action: "signing_key.created", Outcome: "success", Target: k.ID}))
		}
		must(t, d.store.SigningKeys.Rotate(t.Context(), storage.In(id), keys, nil, told...))
	}
	p := &provider{database: d, log: log}
	must(t, p.wire(t.Context(), c, log))
	return p
}
