// Command dex runs the server of Dex with what a test tells it: everything in
// memory, one client, accounts with passwords. The command of Dex itself is the same
// with more databases, one of them in C.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"

	gosundheit "github.com/AppsFlyer/go-sundheit"
	"github.com/dexidp/dex/server"
	"github.com/dexidp/dex/storage"
	"github.com/dexidp/dex/storage/memory"
)

// config is what is told on standard input.
type config struct {
	Issuer      string           `json:"issuer"`
	Listen      string           `json:"listen"`
	CertFile    string           `json:"cert_file"`
	KeyFile     string           `json:"key_file"`
	ClientID    string           `json:"client_id"`
	Secret      string           `json:"client_secret"`
	RedirectURI string           `json:"redirect_uri"`
	Accounts    []map[string]any `json:"accounts"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "dex:", err)
		os.Exit(1)
	}
}

func run() error {
	var c config
	if err := json.NewDecoder(os.Stdin).Decode(&c); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	var passwords []storage.Password
	for _, a := range c.Accounts {
		text := func(name string) string { s, _ := a[name].(string); return s }
		passwords = append(passwords, storage.Password{Email: text("email"), Hash: []byte(text("hash")), Username: text("name"), UserID: text("id")})
	}
	store := memory.New(log)
	store = storage.WithStaticPasswords(store, passwords, log)
	store = storage.WithStaticClients(store, []storage.Client{{ID: c.ClientID, Secret: c.Secret, Name: c.ClientID, RedirectURIs: []string{c.RedirectURI}}})
	store = storage.WithStaticConnectors(store, []storage.Connector{{ID: server.LocalConnector, Type: server.LocalConnector, Name: "Email"}})
	s, err := server.NewServer(context.Background(), server.Config{Issuer: c.Issuer, Storage: store, Logger: log, HealthChecker: gosundheit.New()})
	if err != nil {
		return err
	}
	return http.ListenAndServeTLS(c.Listen, c.CertFile, c.KeyFile, s)
}
