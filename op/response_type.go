package op

import (
	"slices"
	"strings"

	"github.com/elloloop/identity/storage"
)

// frontChannelTypes are the response types that bring tokens through the browser
// (OIDC Core §3.2, §3.3), with their words sorted.
var frontChannelTypes = []string{"id_token", "id_token token", "code id_token", "code token", "code id_token token"}

// canonicalResponseType sorts the words of a response type: their order means
// nothing (OAuth 2.0 Multiple Response Types §3).
func canonicalResponseType(sent string) string {
	words := strings.Fields(sent)
	slices.Sort(words)
	return strings.Join(words, " ")
}

// returns says whether a response type has a word: code, id_token or token.
func returns(responseType, word string) bool {
	for w := range strings.FieldsSeq(responseType) {
		if w == word {
			return true
		}
	}
	return false
}

// throughBrowser says whether a response type brings tokens through the browser.
func throughBrowser(responseType string) bool {
	return returns(responseType, "token") || returns(responseType, "id_token")
}

// registeredFor says whether the client may use a response type, which is in its
// canonical form, with the grant types that it needs (RFC 7591 §2.1).
func registeredFor(c *storage.Client, responseType string) bool {
	return slices.ContainsFunc(c.ResponseTypes, func(t string) bool { return canonicalResponseType(t) == responseType }) &&
		(!returns(responseType, "code") || slices.Contains(c.GrantTypes, "authorization_code")) &&
		(!throughBrowser(responseType) || slices.Contains(c.GrantTypes, grantImplicit))
}

// grantImplicit is the grant of what the authorization endpoint issues itself
// (RFC 6749 §4.2). The token endpoint does not know it.
const grantImplicit = "implicit"

// supportedResponseTypes is response_types_supported of a project.
func supportedResponseTypes(p *storage.Project) []string {
	types := []string{"code"}
	if p.FrontChannel {
		types = append(types, frontChannelTypes...)
	}
	return types
}
