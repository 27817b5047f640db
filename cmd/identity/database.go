package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/op"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/storage/graph"
	"github.com/elloloop/identity/storage/memory"
	"github.com/elloloop/identity/storage/postgres"
	"github.com/elloloop/identity/storage/sqlite"
)

// database is what every subcommand works on.
type database struct {
	repo    graph.Repository
	store   *storage.Store
	keys    *op.Keys
	project *storage.Project
	ring    *storage.Keyring
	check   func(context.Context) error // can it write?

	assumeDomains bool // hosts of projects need no proof
}

// drivers are the ways to store, by the word of GATEWAY_REPO_DRIVER. A build with
// another driver is a build with another line here.
var drivers = map[string]func(context.Context, *config.Config, *slog.Logger) (graph.Repository, func(context.Context) error, error){
	"sqlite":   openSQLite,
	"postgres": openPostgres,
	"memory":   openMemory,
}

func openSQLite(ctx context.Context, c *config.Config, log *slog.Logger) (graph.Repository, func(context.Context) error, error) {
	settings := sqliteConfig(c)
	settings.Now, settings.Log, settings.AutoMigrate = time.Now, log, true
	r, err := sqlite.Open(ctx, storage.Schema(), settings)
	if err != nil {
		return nil, nil, err
	}
	return r, r.Check, nil
}

func openPostgres(ctx context.Context, c *config.Config, log *slog.Logger) (graph.Repository, func(context.Context) error, error) {
	settings := postgresConfig(c)
	settings.Now, settings.Log = time.Now, log
	r, err := postgres.Open(ctx, storage.Schema(), settings)
	if err != nil {
		return nil, nil, err
	}
	return r, r.Check, nil
}

func openMemory(context.Context, *config.Config, *slog.Logger) (graph.Repository, func(context.Context) error, error) {
	r := memory.Open(storage.Schema(), memory.Config{Now: time.Now})
	return r, func(context.Context) error { return nil }, nil
}

func openDatabase(ctx context.Context, c *config.Config, log *slog.Logger) (*database, error) {
	open, ok := drivers[c.Storage.Driver]
	if !ok {
		return nil, fmt.Errorf("no storage driver is called %q in this build", c.Storage.Driver)
	}
	ring, err := storage.NewKeyring(c.Storage.KeyEncryptionKeys...)
	if err != nil {
		return nil, err
	}
	repo, check, err := open(ctx, c, log)
	if err != nil {
		return nil, err
	}
	store := storage.New(repo, ring)
	return &database{
		repo: repo, store: store, check: check, project: projectOf(c), ring: ring,
		keys: op.NewKeys(store, time.Now, log), assumeDomains: !c.Server.RequireVerifiedAuthDomain,
	}, nil
}

func (d *database) close() error { return d.repo.Close() }
