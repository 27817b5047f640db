package flows

import "slices"

// The authentication context classes (acr, OIDC Core §2), weakest first.
const (
	ACRPassword    = "pwd" // one factor
	ACRMultiFactor = "mfa" // factors of two kinds
)

// ACRValues returns acr_values_supported (OIDC Discovery §3).
func ACRValues() []string { return []string{ACRPassword, ACRMultiFactor} }

// kinds says what sort of factor a method of RFC 8176 §2 is.
var kinds = map[string]string{
	"pwd": "knowledge", "pin": "knowledge", "kba": "knowledge",
	"otp": "possession", "sms": "possession", "swk": "possession", "hwk": "possession", "sc": "possession",
	"face": "inherence", "fpt": "inherence", "iris": "inherence", "retina": "inherence", "vbm": "inherence",
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
