package op

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/elloloop/identity/storage"
)

// Bounds of what a client may register.
const (
	maxClientURIs  = 100 // of each kind
	maxClientItems = 100 // of every other list
	maxItemLength  = 255
	maxNameLength  = 200 // characters
)

// clientFaults collects every mistake of a registration.
type clientFaults []*Error

func (f *clientFaults) add(field, why string) {
	e := ErrInvalidClientMetadata
	if strings.HasPrefix(field, "redirect_uris") { // RFC 7591 §3.2.2
		e = ErrInvalidRedirectURI
	}
	*f = append(*f, e.Say(field+" "+why))
}

func (f *clientFaults) oneOf(field, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		f.add(field, fmt.Sprintf("is %q, and may be one of %s", value, strings.Join(allowed, ", ")))
	}
}

// ValidateClient lists every mistake of a client that is about to be stored, each
// with the name of its field (RFC 7591 §2, OIDC Dynamic Client Registration §2);
// nil when there is none. Whatever stores a client asks it first.
func ValidateClient(c *storage.Client) []*Error {
	var f clientFaults
	f.identity(c)
	f.uris("redirect_uris", c.RedirectURIs, func(uri string) string { return redirectURIFault(c, uri) })
	f.uris("post_logout_redirect_uris", c.PostLogoutRedirectURIs, func(uri string) string { return redirectURIFault(c, uri) })
	f.logout(c)
	f.uris("web_origins", c.WebOrigins, webOriginFault)
	f.grants(c)
	f.authentication(c)
	f.tokens(c)
	f.subject(c)
	f.requestObjects(c)
	f.encryptedAnswers(c)
	return f
}

func (f *clientFaults) identity(c *storage.Client) {
	if c.ID == "" || len(c.ID) > maxClientIDLength || strings.ContainsFunc(c.ID, func(r rune) bool { return r <= ' ' || r > '~' }) {
		f.add("client_id", "needs 1 to 256 visible ASCII characters (RFC 6749 appendix A.1)")
	}
	switch {
	case strings.TrimSpace(c.Name) == "":
		f.add("client_name", "is empty: it is what people see")
	case !isPlainText(c.Name) || utf8.RuneCountInString(c.Name) > maxNameLength:
		f.add("client_name", "needs at most 200 characters, without control characters")
	}
	f.oneOf("application_type", c.ApplicationType, "web", "native")
	for _, m := range []struct{ field, uri string }{
		{"client_uri", c.URI}, {"logo_uri", c.LogoURI}, {"policy_uri", c.PolicyURI}, {"tos_uri", c.TOSURI},
	} {
		if m.uri == "" {
			continue
		}
		if why := webURIFault(m.uri); why != "" {
			f.add(m.field, why)
		}
	}
	f.list("contacts", c.Contacts, isPlainText)
	if c.InitiateLoginURI != "" { // OIDC Core §4, OIDC Dynamic Client Registration §2
		if why := fetchedURIFault(c.InitiateLoginURI); why != "" {
			f.add("initiate_login_uri", strings.TrimSuffix(why, ": it is fetched from there"))
		}
	}
	for _, m := range []struct{ field, value string }{{"software_id", c.SoftwareID}, {"software_version", c.SoftwareVersion}} {
		if len(m.value) > maxItemLength || !isPlainText(m.value) {
			f.add(m.field, "is longer than 255 bytes, or has characters that are not allowed")
		}
	}
}

// isPlainText refuses what would let a name show as something else: control
// characters and the marks that turn the direction of writing.
func isPlainText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x2028 || r == 0x2029
	})
}

func (f *clientFaults) list(field string, values []string, fits func(string) bool) {
	if len(values) > maxClientItems {
		f.add(field, fmt.Sprintf("has %d entries, more than %d", len(values), maxClientItems))
		return
	}
	for i, v := range values {
		if v == "" || len(v) > maxItemLength || !fits(v) {
			f.add(fmt.Sprintf("%s[%d]", field, i), "is empty, longer than 255 bytes, or has characters that are not allowed")
		}
		if slices.Contains(values[:i], v) {
			f.add(fmt.Sprintf("%s[%d]", field, i), "is there twice")
		}
	}
}

func (f *clientFaults) uris(field string, uris []string, fault func(string) string) {
	if len(uris) > maxClientURIs {
		f.add(field, fmt.Sprintf("has %d entries, more than %d", len(uris), maxClientURIs))
		return
	}
	for i, uri := range uris {
		if why := fault(uri); why != "" {
			f.add(fmt.Sprintf("%s[%d]", field, i), why)
		}
		if slices.Contains(uris[:i], uri) {
			f.add(fmt.Sprintf("%s[%d]", field, i), "is there twice")
		}
	}
}

// redirectURIFault says why a URI can't be registered, "" if it can.
func redirectURIFault(c *storage.Client, uri string) string {
	if why := forbiddenRedirectURI(uri); why != "" {
		return why
	}
	scheme, _, _ := strings.Cut(uri, ":")
	switch scheme = strings.ToLower(scheme); {
	case scheme == "https":
		return ""
	case scheme == "http":
		if loopbackHost(uri) == "" {
			return "has the scheme http, which is for http://127.0.0.1, http://[::1] and http://localhost alone: use https"
		}
		return ""
	case !strings.Contains(scheme, "."): // RFC 8252 §7.1, §8.4
		return "has a scheme of its own without a dot: use the reverse of a domain that is yours, such as com.example.app:/callback"
	case c.ApplicationType != "native":
		return "has a scheme of its own, which is for clients with application_type native"
	}
	return ""
}

// webURIFault says why a page or picture of the client can't be shown. Anything
// but http and https could run script on our pages.
func webURIFault(uri string) string {
	if why := forbiddenRedirectURI(strings.ReplaceAll(uri, "#", "")); why != "" { // here a fragment may stand
		return why
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return "needs the scheme https or http"
	}
	return ""
}

func webOriginFault(origin string) string {
	switch {
	case !isWebOrigin(origin):
		return "is no origin: scheme://host or scheme://host:port in lower case, with nothing after it and without the scheme's own port"
	case strings.HasPrefix(origin, "http://") && loopbackHost(origin) == "":
		return "has the scheme http, which is for 127.0.0.1, [::1] and localhost alone: use https"
	}
	return ""
}

func (f *clientFaults) grants(c *storage.Client) {
	if len(c.GrantTypes) == 0 {
		f.add("grant_types", "is empty: the client could get no token")
	}
	f.list("grant_types", c.GrantTypes, isPlainText)
	for _, g := range c.GrantTypes {
		if _, known := grants[g]; !known && g != grantImplicit {
			f.oneOf("grant_types", g, append(slices.Sorted(maps.Keys(grants)), grantImplicit)...)
		}
	}
	f.responseTypes(c)
	if slices.Contains(c.GrantTypes, "refresh_token") && !slices.Contains(c.GrantTypes, "authorization_code") {
		f.add("grant_types", "has refresh_token without authorization_code, which alone gives refresh tokens")
	}
	if slices.Contains(c.GrantTypes, "client_credentials") && c.TokenEndpointAuthMethod == authNone { // RFC 6749 §4.4
		f.add("grant_types", "has client_credentials, which a public client can't use")
	}
	f.list("scope", c.Scope, scopeToken)
}

func (f *clientFaults) authentication(c *storage.Client) {
	if c.TokenEndpointAuthMethod != "" {
		f.oneOf("token_endpoint_auth_method", c.TokenEndpointAuthMethod, authBasic, authPost, authNone, authPrivateKeyJWT, authSecretJWT)
	}
	if len(c.Secrets) > 2 {
		f.add("secrets", fmt.Sprintf("has %d entries, and two are enough to change from one to the other", len(c.Secrets)))
	}
	switch c.TokenEndpointAuthMethod {
	case authNone:
		if len(c.Secrets) > 0 {
			f.add("secrets", "belongs to a public client, which can't keep one (RFC 6749 §2.1)")
		}
		if c.RequirePKCE != nil && !*c.RequirePKCE { // RFC 9700 §2.1.1
			f.add("require_pkce", "is false for a public client, which always needs PKCE")
		}
		if c.KeepRefreshToken { // RFC 9700 §2.2.2
			f.add("keep_refresh_token", "is true for a public client, whose refresh tokens have to be rotated")
		}
	case authPrivateKeyJWT:
		if !hasKeys(c) {
			f.add("jwks", "is missing: private_key_jwt is checked with it")
		}
	case authSecretJWT:
		if !slices.ContainsFunc(c.Secrets, func(s storage.ClientSecret) bool { return len(s.Sealed) > 0 }) {
			f.add("secrets", "has none that is sealed: client_secret_jwt can't be checked with a digest")
		}
	default:
		if len(c.Secrets) == 0 {
			f.add("secrets", "is empty: the client could not authenticate")
		}
	}
	f.jwks(c.JWKS)
	if c.JWKSURI != "" {
		if why := fetchedURIFault(c.JWKSURI); why != "" {
			f.add("jwks_uri", why)
		}
		if len(c.JWKS) > 0 { // RFC 7591 §2
			f.add("jwks", "is there beside jwks_uri: one of them says which keys the client has")
		}
	}
}

func (f *clientFaults) jwks(raw json.RawMessage) {
	if len(raw) == 0 {
		return
	}
	_, faults := readJWKS(raw)
	for _, why := range faults {
		f.add("jwks", why)
	}
}

func (f *clientFaults) tokens(c *storage.Client) {
	for _, m := range []struct{ field, alg string }{
		{"id_token_signed_response_alg", c.IDTokenSignedResponseAlg},
		{"userinfo_signed_response_alg", c.UserinfoSignedResponseAlg},
		{"access_token_signed_response_alg", c.AccessTokenSignedAlg},
	} {
		if m.alg != "" && (m.alg != algNone || m.field != "id_token_signed_response_alg") {
			f.oneOf(m.field, m.alg, signingAlgs[:]...)
		}
	}
	if c.AccessTokenFormat != "" {
		f.oneOf("access_token_format", c.AccessTokenFormat, "jwt", "opaque")
	}
	if c.AccessTokenType != "" {
		f.oneOf("access_token_typ", c.AccessTokenType, typAccessToken, typJWT)
	}
	f.list("audience", c.Audience, isPlainText)
	f.list("default_acr_values", c.DefaultACRValues, isPlainText)
	if c.DefaultMaxAge != nil && (*c.DefaultMaxAge < 0 || *c.DefaultMaxAge > math.MaxInt32) {
		f.add("default_max_age", "is negative, or longer than a lifetime")
	}
}
