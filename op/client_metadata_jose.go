package op

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/elloloop/identity/storage"
)

// What is encrypted to clients and to us (RFC 7518 §4.1, §5.1). RSA1_5 is not
// among them: it has been a way to read what is encrypted (RFC 8725 §3.2).
var (
	encryptionAlgs = []string{"RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A256KW"}
	encryptionEncs = []string{"A128CBC-HS256", "A128GCM", "A256GCM"}
)

// requestObjectAlgs are the algorithms that clients sign request objects with.
var requestObjectAlgs = []string{"RS256", "PS256", "ES256", "EdDSA"}

const (
	algNone         = "none"
	subjectPairwise = "pairwise"
)

// ValidateClientFor is ValidateClient with the policy of the project that the
// client is registered in.
func ValidateClientFor(p *storage.Project, c *storage.Client) []*Error {
	f := clientFaults(ValidateClient(c))
	for i, t := range c.ResponseTypes {
		if !p.FrontChannel && throughBrowser(t) {
			f.add(fmt.Sprintf("response_types[%d]", i), "brings tokens through the browser, which this project does not allow: use code")
		}
	}
	if !p.InsecureUnsigned {
		for _, m := range []struct{ field, alg string }{
			{"id_token_signed_response_alg", c.IDTokenSignedResponseAlg}, {"request_object_signing_alg", c.RequestObjectSigningAlg},
		} {
			if m.alg == algNone {
				f.add(m.field, "is none, which this project does not allow")
			}
		}
	}
	return f
}

// responseTypes checks response_types against grant_types (OIDC Dynamic Client
// Registration §2, RFC 7591 §2.1).
func (f *clientFaults) responseTypes(c *storage.Client) {
	f.list("response_types", c.ResponseTypes, isPlainText)
	code, front := false, false
	for _, t := range c.ResponseTypes {
		canonical := canonicalResponseType(t)
		if canonical != "code" && !slices.Contains(frontChannelTypes, canonical) {
			f.oneOf("response_types", t, append([]string{"code"}, frontChannelTypes...)...)
			continue
		}
		code = code || returns(canonical, "code")
		front = front || throughBrowser(canonical)
	}
	if slices.Contains(c.GrantTypes, "authorization_code") != code {
		f.add("response_types", "has code if, and only if, grant_types has authorization_code")
	}
	if slices.Contains(c.GrantTypes, grantImplicit) != front {
		f.add("response_types", "has id_token or token if, and only if, grant_types has implicit")
	}
	if (code || front) && len(c.RedirectURIs) == 0 {
		f.add("redirect_uris", "is empty: what the authorization endpoint answers goes to one of them")
	}
	if front && c.ApplicationType == "web" { // OIDC Dynamic Client Registration §2
		for i, uri := range c.RedirectURIs {
			if strings.HasPrefix(uri, "http:") {
				f.add(fmt.Sprintf("redirect_uris[%d]", i), "has the scheme http, and a web client with tokens through the browser needs https")
			}
		}
	}
}

// subject checks how the client is told who somebody is (OIDC Core §8.1).
func (f *clientFaults) subject(c *storage.Client) {
	if c.SubjectType != "" {
		f.oneOf("subject_type", c.SubjectType, "public", subjectPairwise)
	}
	if c.SectorIdentifierURI != "" {
		if why := fetchedURIFault(c.SectorIdentifierURI); why != "" {
			f.add("sector_identifier_uri", why)
		}
	} else if c.SubjectType == subjectPairwise {
		if _, one := redirectHost(c); !one {
			f.add("sector_identifier_uri", "is missing: a pairwise client whose redirect_uris have several hosts, or none, needs it")
		}
	}
}

// redirectHost returns the host of the client's redirect URIs, and whether there
// is exactly one. What follows a scheme of an application's own is no host: anybody
// could write another client's there, and learn who people are to it.
func redirectHost(c *storage.Client) (string, bool) {
	host := ""
	for _, uri := range c.RedirectURIs {
		u, err := url.Parse(uri)
		if err != nil || browserOrigin(uri) == "" || u.Hostname() == "" || host != "" && u.Hostname() != host {
			return "", false
		}
		host = u.Hostname()
	}
	return host, host != ""
}

// fetchedURIFault says why a URI of the client can't be fetched by us.
func fetchedURIFault(uri string) string {
	if why := forbiddenRedirectURI(uri); why != "" {
		return why
	}
	if !strings.HasPrefix(uri, "https://") {
		return "needs the scheme https: it is fetched from there"
	}
	return ""
}

// requestObjects checks how the client sends its requests (OIDC Core §6).
func (f *clientFaults) requestObjects(c *storage.Client) {
	f.uris("request_uris", c.RequestURIs, func(uri string) string {
		plain, _, _ := strings.Cut(uri, "#") // OIDC Core §6.2: the hash of what is there
		return fetchedURIFault(plain)
	})
	if alg := c.RequestObjectSigningAlg; alg != "" {
		f.oneOf("request_object_signing_alg", alg, append([]string{algNone}, requestObjectAlgs...)...)
		if alg != algNone && !hasKeys(c) {
			f.add("request_object_signing_alg", "needs jwks or jwks_uri, which the signature is checked with")
		}
	}
	f.encryption("request_object_encryption", c.RequestObjectEncryptionAlg, c.RequestObjectEncryptionEnc)
}

func hasKeys(c *storage.Client) bool { return len(c.JWKS) > 0 || c.JWKSURI != "" }

// encryption checks a pair of alg and enc.
func (f *clientFaults) encryption(field, alg, enc string) {
	if alg == "" {
		if enc != "" {
			f.add(field+"_enc", "is there without "+field+"_alg")
		}
		return
	}
	f.oneOf(field+"_alg", alg, encryptionAlgs...)
	if enc != "" {
		f.oneOf(field+"_enc", enc, encryptionEncs...)
	}
}

// encryptedAnswers checks how the client wants what it is sent (OIDC Dynamic
// Client Registration §2).
func (f *clientFaults) encryptedAnswers(c *storage.Client) {
	for _, m := range []struct{ field, alg, enc string }{
		{"id_token_encrypted_response", c.IDTokenEncryptedResponseAlg, c.IDTokenEncryptedResponseEnc},
		{"userinfo_encrypted_response", c.UserinfoEncryptedResponseAlg, c.UserinfoEncryptedResponseEnc},
	} {
		f.encryption(m.field, m.alg, m.enc)
		if m.alg == "" || c.JWKSURI != "" {
			continue
		}
		keys, faults := readJWKS(c.JWKS)
		if len(faults) == 0 && encryptionKey(keys, m.alg) == nil || len(c.JWKS) == 0 {
			f.add(m.field+"_alg", "needs jwks with a key that "+m.alg+" can encrypt to, or jwks_uri")
		}
	}
	if c.IDTokenSignedResponseAlg == algNone && slices.ContainsFunc(c.ResponseTypes, func(t string) bool { return returns(t, "id_token") }) {
		f.add("id_token_signed_response_alg", "is none, which is for response types without id_token alone")
	}
}

// encryptionKey returns the first key of a client that alg can encrypt to.
func encryptionKey(keys []jose.JSONWebKey, alg string) *jose.JSONWebKey {
	for i, k := range keys {
		if k.Use != "" && k.Use != "enc" || k.Algorithm != "" && k.Algorithm != alg {
			continue
		}
		switch k.Key.(type) {
		case *rsa.PublicKey:
			if alg == "RSA-OAEP-256" {
				return &keys[i]
			}
		case *ecdsa.PublicKey:
			if strings.HasPrefix(alg, "ECDH-ES") {
				return &keys[i]
			}
		}
	}
	return nil
}
