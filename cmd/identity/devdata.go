package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/elloloop/identity/cmd/identity/config"
)

// The development server's folder, and what is in it beside the database.
const (
	devFolder     = ".identity"
	devKeyFile    = "key-encryption-key"
	devIssuerFile = "issuer"
)

// developmentDefaults are the defaults of a development server, and of the
// commands beside it.
func developmentDefaults(issuer, folder string) map[string]string {
	return map[string]string{
		"issuer": issuer, "sqlite.path": filepath.Join(folder, "identity.db"), "log.format": "text", "log.level": "warn",
		"registration.mode": "open", "insecure.allow_loopback_fetch": "true",
	}
}

// developmentData lets the commands work on the data of a development server in
// this folder, when nothing else is configured: client add just works beside
// identity dev. nil where something is.
func (s *settings) developmentData(cmd *cobra.Command) func(*config.Input) {
	in := config.FromFlags(s.given(cmd), s.terminal.environ)
	said := in.File != "" || len(in.Flags) > 0 || slices.ContainsFunc(s.terminal.environ, func(v string) bool {
		name, value, _ := strings.Cut(v, "=")
		return strings.HasPrefix(name, "GATEWAY_") && value != ""
	})
	key := filepath.Join(devFolder, devKeyFile)
	if _, err := os.Stat(key); said || err != nil {
		return nil
	}
	issuer, err := os.ReadFile(filepath.Join(devFolder, devIssuerFile))
	if err != nil {
		return nil
	}
	return func(in *config.Input) {
		in.Dev = true
		in.Defaults = developmentDefaults(strings.TrimSpace(string(issuer)), devFolder)
		in.Defaults["key_encryption_keys_file"] = key
	}
}
