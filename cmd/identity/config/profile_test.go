package config

import "testing"

func TestProfile(t *testing.T) {
	required := []string{"GATEWAY_ISSUER=https://id.example.com", "GATEWAY_KEY_ENCRYPTION_KEYS=a=" + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}
	load := func(more ...string) *Config {
		t.Helper()
		c, err := Load(Input{Environ: append(more, required...)})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if c := load(); c.Registration.Mode != "closed" || c.Tokens.FrontChannel || !c.Tokens.PKCERequired || c.Insecure != (Insecure{}) {
		t.Errorf("standard: %+v %+v %+v", c.Registration, c.Tokens, c.Insecure)
	}
	if c := load("GATEWAY_PROFILE=conformance"); c.Registration.Mode != "open" || !c.Tokens.FrontChannel || c.Tokens.PKCERequired || c.Insecure != (Insecure{Unsigned: true, LoopbackFetch: true}) {
		t.Errorf("conformance: %+v %+v %+v", c.Registration, c.Tokens, c.Insecure)
	}
	if c := load("GATEWAY_PROFILE=conformance", "GATEWAY_PKCE_REQUIRED=true", "GATEWAY_REGISTRATION_MODE=token"); !c.Tokens.PKCERequired || c.Registration.Mode != "token" {
		t.Errorf("what is set by itself: %+v %+v", c.Registration, c.Tokens)
	}
	for key := range conformance {
		found := false
		for _, s := range Settings() {
			found = found || s.Key == key
		}
		if !found {
			t.Errorf("the profile sets %s, which is no setting", key)
		}
	}
}
