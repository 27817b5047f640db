package flows

import (
	"slices"

	"github.com/elloloop/identity/storage"
)

// The authentication context classes (acr, OIDC Core §2), weakest first.
const (
	ACRPassword    = "pwd" // one factor
	ACRMultiFactor = "mfa" // factors of two kinds
)

// AMRUpstream is the method of signing in with another provider. RFC 8176 has
// none for it.
const AMRUpstream = "fed"

// ACRValues returns acr_values_supported (OIDC Discovery §3).
func ACRValues() []string { return []string{ACRPassword, ACRMultiFactor} }

// kinds says what sort of factor a method of RFC 8176 §2 is.
var kinds = map[string]string{
	// What another provider asked for is not known: it counts as the weakest.
	AMRUpstream: "knowledge",
	"pwd":       "knowledge", "pin": "knowledge", "kba": "knowledge",
	"otp": "possession", "sms": "possession", "swk": "possession", "hwk": "possession", "sc": "possession",
	AMRMail: "mailbox",
	"face":  "inherence", "fpt": "inherence", "iris": "inherence", "retina": "inherence", "vbm": "inherence",
}

// acr is the class that a request is answered with: of those that the methods
// reach, one that the client insists on, then one that it prefers.
func acr(amr []string, req *storage.AuthorizationRequest) string {
	return reached(amr, slices.Concat(req.EssentialACR, req.ACRValues))
}

// unmet is the error of a request whose essential acr was not reached (OpenID
// Connect Core Error Code unmet_authentication_requirements §2).
const unmet = "unmet_authentication_requirements"

// met says whether the class that was reached is one that the client insists on
// (OIDC Core §5.5.1.1): if not, the request must not be answered.
func met(req *storage.AuthorizationRequest) bool {
	return len(req.EssentialACR) == 0 || slices.Contains(req.EssentialACR, req.ACR)
}

// reached returns the class that the methods reach. Of the classes that the
// client prefers (acr_values, a voluntary claim: OIDC Core §3.1.2.1) the first
// one that is reached is the answer; without one it is the highest.
func reached(amr, wanted []string) string {
	level := ACRPassword
	seen := map[string]bool{}
	for _, m := range amr {
		if k := kinds[m]; k != "" {
			seen[k] = true
		}
	}
	if len(seen) > 1 || slices.Contains(amr, "mfa") {
		level = ACRMultiFactor
	}
	for _, w := range wanted {
		if w == level || w == ACRPassword {
			return w
		}
	}
	return level
}
