package config

import (
	"net/url"
	"time"

	"github.com/elloloop/identity/storage"
)

// SignIn is which ways in there are, and how much they have to prove.
type SignIn struct {
	First            []string      `key:"login.first_factors" env:"GATEWAY_LOGIN_FIRST_FACTORS" doc:"Flows that may say who somebody is, such as password,passkey. Empty: all."`
	Second           []string      `key:"login.second_factors" env:"GATEWAY_LOGIN_SECOND_FACTORS" doc:"Flows that may be the second factor, such as totp,recoverycode. Empty: all."`
	SecondFactor     string        `key:"second_factor.policy" env:"GATEWAY_SECOND_FACTOR_POLICY" default:"optional" oneof:"optional required off" doc:"Who is asked for a second factor. optional: who has one. required: everybody, and who has none sets one up. off: nobody, unless the application asks for acr mfa."`
	Remember         time.Duration `key:"second_factor.remember_seconds" env:"GATEWAY_SECOND_FACTOR_REMEMBER_SECONDS" default:"0" min:"0" max:"31536000" doc:"How long a second factor is not asked again on a device where the person wished so. 0: it is always asked."`
	StepUp           time.Duration `key:"step_up_seconds" env:"GATEWAY_STEP_UP_SECONDS" default:"300" min:"30" max:"3600" doc:"How old a sign-in may be for changing how the account is signed in to."`
	DeletionGrace    time.Duration `key:"account.deletion_grace_seconds" env:"GATEWAY_ACCOUNT_DELETION_GRACE_SECONDS" default:"2592000" min:"86400" max:"31536000" doc:"How long an account whose deletion was asked for can come back: signing in cancels the deletion."`
	Passkeys         bool          `key:"passkey.enabled" env:"GATEWAY_PASSKEY_ENABLED" default:"true" doc:"Whether people may sign in with passkeys."`
	PasskeySignup    bool          `key:"passkey.signup_enabled" env:"GATEWAY_PASSKEY_SIGNUP_ENABLED" default:"true" doc:"Whether people may make an account with a passkey and without a password, where mail is sent."`
	PasskeyRPID      string        `key:"passkey.rp_id" env:"GATEWAY_PASSKEY_RP_ID" doc:"Relying party id of passkeys: the host of the issuer or a domain above it. Passkeys are bound to it for ever. Empty: the host of the issuer."`
	PasskeyRPName    string        `key:"passkey.rp_name" env:"GATEWAY_PASSKEY_RP_NAME" doc:"Name that browsers show with a passkey. Empty: the name of the product, or the relying party id."`
	PasskeyOrigins   []string      `key:"passkey.origin" env:"GATEWAY_PASSKEY_ORIGIN" doc:"Origins whose pages may ask for passkeys. Empty: that of the issuer."`
	PasskeyRelated   []string      `key:"passkey.related_origins" env:"GATEWAY_PASSKEY_RELATED_ORIGINS" doc:"Origins under other domains that may use the same passkeys; they are told at /.well-known/webauthn."`
	PasskeyChallenge time.Duration `key:"passkey.challenge_expiry_seconds" env:"GATEWAY_PASSKEY_CHALLENGE_EXPIRY_SECONDS" default:"300" min:"30" max:"3600" doc:"How long a person may take to confirm with a passkey."`
	PasskeyVerify    string        `key:"passkey.user_verification" env:"GATEWAY_PASSKEY_USER_VERIFICATION" default:"preferred" oneof:"required preferred discouraged" doc:"Whether the device must verify its owner. A passkey without it is one factor."`
	PasskeyAttest    string        `key:"passkey.attestation" env:"GATEWAY_PASSKEY_ATTESTATION" default:"none" oneof:"none indirect direct enterprise" doc:"What browsers are asked to tell of the maker of an authenticator."`
	PasskeyClones    string        `key:"passkey.clones" env:"GATEWAY_PASSKEY_CLONES" default:"refuse" oneof:"refuse warn" doc:"What happens when the sign count of a passkey goes back, as that of a copy does. Both are audited."`
	TOTPIssuer       string        `key:"totp.issuer" env:"GATEWAY_TOTP_ISSUER" doc:"Name that authenticator apps show. Empty: the name of the product, or the host of the issuer."`
	QR               bool          `key:"qr_login.enabled" env:"GATEWAY_QR_LOGIN_ENABLED" default:"true" doc:"Whether people may sign in on one device by scanning a code with another, where they are signed in."`
	QRBaseURL        string        `key:"qr_login.base_url" env:"GATEWAY_QR_LOGIN_BASE_URL" doc:"Page of your own that the scanned code opens, with code and iss in its query: it sends the browser on to /qr?code= below that issuer. Empty: /qr itself."`
	QRLife           time.Duration `key:"qr_login.expiry_seconds" env:"GATEWAY_QR_LOGIN_EXPIRY_SECONDS" default:"300" min:"60" max:"900" doc:"How long a device waits to be let in. Each code that it shows meanwhile is good for one minute."`
	QRSameNetwork    bool          `key:"qr_login.same_network" env:"GATEWAY_QR_LOGIN_SAME_NETWORK" default:"false" doc:"Whether both devices have to be in one network: a /24 of IPv4, a /56 of IPv6."`
}

// checkQR wants a page that browsers open, whose query is free.
func (l *loader) checkQR(c *Config, report func(key, format string, args ...any)) {
	if c.SignIn.QRBaseURL == "" {
		return
	}
	u, err := url.Parse(c.SignIn.QRBaseURL)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		report("qr_login.base_url", "want an https URL without a query, a fragment or a user")
	}
}

// checkPasskeys holds the relying party id to WebAuthn: the host of the pages that
// ask, or a domain above it.
func (l *loader) checkPasskeys(c *Config, report func(key, format string, args ...any)) {
	id := c.SignIn.PasskeyRPID
	u, err := url.Parse(c.Server.Issuer)
	if id == "" || err != nil || u.Hostname() == "" {
		return
	}
	if err := storage.RelyingParty(u.Hostname(), id); err != nil {
		report("passkey.rp_id", "%s %v: browsers would refuse every passkey", quote(id), err)
	}
}
