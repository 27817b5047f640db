package main

import (
	"encoding/base64"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the scripts call this test binary as the command.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"identity": func() { os.Exit(command()) },
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("GATEWAY_ISSUER", "https://id.example.test")
			e.Setenv("GATEWAY_KEY_ENCRYPTION_KEYS", "k1="+base64.StdEncoding.EncodeToString(make([]byte, 32)))
			e.Setenv("GATEWAY_SQLITE_PATH", e.WorkDir+"/identity.db")
			e.Setenv("GATEWAY_PASSWORD_ARGON2_MEMORY_KIB", "19456")
			e.Setenv("GATEWAY_PASSWORD_ARGON2_TIME", "2")
			return nil
		},
	})
}
