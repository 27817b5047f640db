package main

import (
	"strings"
	"testing"

	"github.com/elloloop/identity/storage"
)

// TestProjectSignInSettings: how people sign in to a project is set field by field,
// shown, emptied, and told in the audit; every mistake is named by its field.
func TestProjectSignInSettings(t *testing.T) {
	a := administer(t)
	a.credential("secret-of-alpha", "alpha", storage.CredentialSecret)
	update := func(fields, mask string) answer {
		return a.call("secret-of-alpha", "ProjectService/UpdateProject", []byte(`{"project":`+fields+`,"update_mask":"`+mask+`"}`))
	}
	got := update(`{"second_factor":"required","remember_device":"3600s","passkeys_enabled":false,"passkey_rp_id":"example.test",
		"passkey_related_origins":["https://shop.example"],"terms":{"version":"1","url":"https://shop.example/terms"}}`,
		"secondFactor,rememberDevice,passkeysEnabled,passkeyRpId,passkeyRelatedOrigins,terms")
	if got.Code != "" {
		t.Fatal(got.body)
	}
	p := a.project("alpha")
	if p.SignIn.Policy.SecondFactor != "required" || p.SignIn.RememberDevice.Hours() != 1 || p.SignIn.PasskeysEnabled || p.SignIn.PasskeyRPID != "example.test" || p.Terms.Version != "1" {
		t.Errorf("got %+v %+v", p.SignIn, p.Terms)
	}
	if other := a.project("beta"); other.SignIn.Policy.SecondFactor != "optional" || !other.SignIn.PasskeysEnabled || other.SignIn.PasskeyRPID != "" || other.Terms.Version != "" {
		t.Errorf("another project: %+v %+v", other.SignIn, other.Terms)
	}
	if got := update(`{}`, "secondFactor,terms"); got.Code != "" || !strings.Contains(got.body, `"passkeyRpId":"example.test"`) || strings.Contains(got.body, "secondFactor") {
		t.Errorf("two fields are emptied: %s", got.body)
	}
	for _, tt := range []struct{ name, fields, mask, field string }{
		{"rp-id-public-suffix", `{"passkey_rp_id":"test"}`, "passkeyRpId", "project.passkey_rp_id"},
		{"rp-id-elsewhere", `{"passkey_rp_id":"bank.example"}`, "passkeyRpId", "project.passkey_rp_id"},
		{"rp-id-below", `{"passkey_rp_id":"www.login.example.test"}`, "passkeyRpId", "project.passkey_rp_id"},
		{"rp-id-suffix-of-name", `{"passkey_rp_id":"ample.test"}`, "passkeyRpId", "project.passkey_rp_id"},
		{"rp-id-url", `{"passkey_rp_id":"https://example.test"}`, "passkeyRpId", "project.passkey_rp_id"},
		{"related-without-rp-id", `{"passkey_related_origins":["https://shop.example"]}`, "passkeyRpId,passkeyRelatedOrigins", "project.passkey_related_origins"},
		{"related-http", `{"passkey_related_origins":["http://shop.example"]}`, "passkeyRelatedOrigins", "project.passkey_related_origins[0]"},
		{"origin-elsewhere", `{"passkey_origins":["` + adminIssuer + `","https://evil.example"]}`, "passkeyOrigins", "project.passkey_origins[1]"},
		{"origin-http", `{"passkey_origins":["` + adminIssuer + `","http://a.example.test"]}`, "passkeyOrigins", "project.passkey_origins[1]"},
		{"origin-path", `{"passkey_origins":["` + adminIssuer + `/"]}`, "passkeyOrigins", "project.passkey_origins[0]"},
		{"origins-without-the-issuer", `{"passkey_origins":["https://a.example.test"]}`, "passkeyOrigins", "project.passkey_origins"},
		{"factor-unknown", `{"first_factors":["password","passkeys"]}`, "firstFactors", "project.first_factors[1]"},
		{"second-unknown", `{"second_factors":["otp"]}`, "secondFactors", "project.second_factors[0]"},
		{"second-factor-word", `{"second_factor":"sometimes"}`, "secondFactor", "project.second_factor"},
		{"remember-for-ever", `{"remember_device":"31536001s"}`, "rememberDevice", "project.remember_device"},
		{"step-up-short", `{"step_up":"29s"}`, "stepUp", "project.step_up"},
		{"step-up-long", `{"step_up":"3601s"}`, "stepUp", "project.step_up"},
		{"verification-word", `{"passkey_user_verification":"no"}`, "passkeyUserVerification", "project.passkey_user_verification"},
		{"attestation-word", `{"passkey_attestation":"yes"}`, "passkeyAttestation", "project.passkey_attestation"},
		{"clones-word", `{"passkey_clones":"ignore"}`, "passkeyClones", "project.passkey_clones"},
		{"challenge-long", `{"passkey_challenge_ttl":"3601s"}`, "passkeyChallengeTtl", "project.passkey_challenge_ttl"},
		{"qr-long", `{"qr_login_ttl":"901s"}`, "qrLoginTtl", "project.qr_login_ttl"},
		{"totp-issuer", `{"totp_issuer":"a:b"}`, "totpIssuer", "project.totp_issuer"},
		{"terms-without-url", `{"terms":{"version":"1"}}`, "terms", "project.terms"},
		{"terms-url", `{"terms":{"version":"1","url":"javascript:alert(1)"}}`, "terms", "project.terms.url"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := update(tt.fields, tt.mask); got.Code != "invalid_argument" || !strings.Contains(got.body, `"`+tt.field+`"`) {
				t.Errorf("want %s refused, got %s", tt.field, got.body)
			}
		})
	}
	if got := a.project("alpha"); got.SignIn.PasskeyRPID != "example.test" || len(got.SignIn.PasskeyRelated) != 1 {
		t.Errorf("what was refused was stored: %+v", got.SignIn)
	}
	// The issuer moves away: the rest can be changed still, and passkeys are the own host's.
	rec, err := a.p.store.Projects.Get(t.Context(), "alpha")
	must(t, err)
	rec.PrimaryHost = "id.alpha.example"
	must(t, a.p.store.Projects.Update(t.Context(), rec))
	if got := update(`{"name":"Alpha"}`, "name"); got.Code != "" {
		t.Error(got.body)
	}
	if got := update(`{"passkey_rp_id":"login.example.test"}`, "passkeyRpId"); got.Code != "invalid_argument" {
		t.Errorf("the host of another project: %s", got.body)
	}
}

// TestClientWays: a client's policy names ways that are there.
func TestClientWays(t *testing.T) {
	a := administer(t)
	a.credential("secret-of-alpha", "alpha", storage.CredentialSecret)
	create := func(policy string) answer {
		return a.call("secret-of-alpha", "ClientService/CreateClient", []byte(`{"client":{"id":"app","client_name":"App","redirect_uris":["https://app.example/cb"],"sign_in":`+policy+`}}`))
	}
	if got := create(`{"first":["password","pass key"]}`); got.Code != "invalid_argument" || !strings.Contains(got.body, `"client.sign_in.first[1]"`) {
		t.Error(got.body)
	}
	if got := create(`{"session_max_seconds":-1}`); got.Code != "invalid_argument" || !strings.Contains(got.body, "session_max_seconds") {
		t.Error(got.body)
	}
	if got := create(`{"first":["passkey"],"session_max_seconds":900}`); got.Code != "" {
		t.Fatal(got.body)
	}
	c, err := a.p.store.Clients.Get(t.Context(), storage.In("alpha"), "app")
	must(t, err)
	if c.SignIn.SessionMax != 900 {
		t.Errorf("got %+v", c.SignIn)
	}
}
