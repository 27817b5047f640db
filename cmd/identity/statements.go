package main

import (
	"fmt"
	"os"

	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/op"
)

// softwareStatements reads whose software statements are believed, nil when nobody's.
func softwareStatements(c *config.Config) (op.SoftwareStatements, error) {
	const setting = "GATEWAY_REGISTRATION_SOFTWARE_STATEMENT_ISSUERS_FILE"
	if c.Registration.Statements == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(c.Registration.Statements)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", setting, err)
	}
	trusted, err := op.ReadSoftwareStatements(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", setting, c.Registration.Statements, err)
	}
	return trusted, nil
}
