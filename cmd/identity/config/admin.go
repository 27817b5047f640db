package config

import (
	"fmt"
	"log/slog"
)

// Admin is how the administration is reached before there is an administrator.
type Admin struct {
	Secret            Secret   `key:"admin_api_secret" env:"GATEWAY_ADMIN_API_SECRET" secret:"true" doc:"Bearer token that may do everything over the administration's RPCs, of 32 characters or more: for the first steps, and for provisioning. Empty: there is none."`
	PublicMailDomains []string `key:"public_email_domains" env:"GATEWAY_PUBLIC_EMAIL_DOMAINS" doc:"More mail domains, beside the built-in list, that everybody can have an address of, and that never become a tenant."`
}

// LogValue redacts the secret: it redacts itself in every format.
func (a Admin) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf("%+v", a)) }

// leastAdminSecret is how long a token has to be that nobody guesses, in characters.
const leastAdminSecret = 32

func (l *loader) checkAdmin(c *Config, report func(key, format string, args ...any)) {
	if n := len(c.Admin.Secret.Reveal()); n > 0 && n < leastAdminSecret {
		report("admin_api_secret", "it has %d characters: whoever guesses it owns every account; make one of %d or more with openssl rand -base64 32", n, leastAdminSecret)
	}
}
