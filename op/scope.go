package op

import (
	"slices"
	"strings"

	"github.com/elloloop/identity/storage"
)

// The scopes of OIDC Core §5.4 and §11.
const (
	scopeOpenID        = "openid"
	scopeProfile       = "profile"
	scopeEmail         = "email"
	scopeAddress       = "address"
	scopePhone         = "phone"
	scopeOfflineAccess = "offline_access"
)

// The scopes of what a person belongs to and may do, with a claim each.
const (
	scopeGroups = "groups"
	scopeRoles  = "roles"
)

var supportedScopes = []string{scopeOpenID, scopeProfile, scopeEmail, scopeAddress, scopePhone, scopeOfflineAccess, scopeGroups, scopeRoles}

// scopeToken says whether s is a scope-token (RFC 6749 §3.3).
func scopeToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= 0x20 || c == '"' || c == '\\' || c > 0x7e {
			return false
		}
	}
	return s != ""
}

// allowedScope returns what a client may have of the scopes it asks for, each
// once, in its order. A client with a list of its own may have scopes that mean
// something to its resource servers alone; one without may have the standard ones.
func allowedScope(c *storage.Client, asked []string) []string {
	may := c.Scope
	if len(may) == 0 {
		may = supportedScopes
	}
	allowed := make([]string, 0, len(asked))
	for _, s := range asked {
		if slices.Contains(may, s) && !slices.Contains(allowed, s) {
			allowed = append(allowed, s)
		}
	}
	return allowed
}

// claimScopes are the scopes whose claims a token may show by name: what the
// client may have at all, and of a token that was narrowed at refresh no more
// than its own (RFC 6749 §6).
func claimScopes(c *storage.Client, g *storage.Grant, token []string) []string {
	if len(token) < len(g.Scope) {
		return token
	}
	return allowedScope(c, supportedScopes)
}

func joinScope(scope []string) string { return strings.Join(scope, " ") }
