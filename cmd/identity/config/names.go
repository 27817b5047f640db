package config

import (
	"slices"
	"strings"
)

// reserved are names that have a meaning, which this version does not serve. To
// ignore one would be to promise what does not happen. "*" stands for the rest.
var reserved = []string{
	"AGEGATE_*", "ANONYMOUS_*", "APP_BASE_URL", "CAPTCHA_*",
	"COOKIE_DOMAIN", "DEFAULT_EMAIL_DOMAIN", "DEFAULT_TENANT_ID", "EMAIL_BRAND_*",
	"IDV_*", "JWT_KEYS_FILE", "JWT_KMS_KEYS", "JWT_SIGNER",
	"LOGIN_CHALLENGE_EXPIRY_SECONDS", "METRICS_PORT", "OAUTH_ALLOWED_RETURN_URLS", "OTEL_*",
	"REVOCATION_MODE", "SAML_*",
	"SCIM_*", "SESSION_CACHE_TTL_SECONDS", "SIGNUP_EMAIL_COOLDOWN_SECONDS", "SWEEP_GRACE_SECONDS",
	"TOTP_ENCRYPTION_KEY", "TOTP_RECOVERY_PEPPER", "WEBHOOKS_*",
}

func isReserved(env string) bool {
	name := strings.TrimPrefix(env, prefix)
	return slices.ContainsFunc(reserved, func(r string) bool {
		if start, open := strings.CutSuffix(r, "*"); open {
			return strings.HasPrefix(name, start)
		}
		return name == r || name == r+"_FILE"
	})
}

// envOf is the environment name that a key would have.
func envOf(key string) string {
	return prefix + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(key))
}

// unknownEnv is the mistake of an environment name that is no setting.
func unknownEnv(name string, known []string) string {
	short := strings.TrimPrefix(name, prefix)
	switch {
	case isReserved(name):
		return name + ": this version does not support this setting yet: remove it"
	case strings.HasPrefix(short, "SERVICE_HOST") || strings.HasPrefix(short, "SERVICE_PORT") || short == "PORT" || strings.HasPrefix(short, "PORT_"):
		return name + `: there is no such setting; Kubernetes sets it for a Service called "gateway": set enableServiceLinks: false`
	}
	return name + ": there is no such setting" + didYouMean(name, known)
}

// unknownKey is the mistake of a key in the file that is no setting.
func unknownKey(key string, known []string) string {
	if isReserved(envOf(key)) {
		return "this version does not support this setting yet: remove it"
	}
	return "there is no such setting" + didYouMean(key, known)
}

// didYouMean names the nearest known name, if there is a near one.
func didYouMean(name string, known []string) string {
	best, least := "", max(2, len(strings.TrimPrefix(name, prefix))/4)+1
	for _, k := range known {
		if d := distance(name, k); d < least {
			best, least = k, d
		}
	}
	if best == "" {
		return "; docs/configuration.md lists all"
	}
	return "; did you mean " + best + "?"
}

// distance counts the letters to insert, delete or change (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
