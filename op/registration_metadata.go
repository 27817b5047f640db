package op

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"

	"github.com/elloloop/identity/storage"
)

// registrable are the members of a registration that a client may set (RFC 7591
// §2, OIDC Dynamic Client Registration §2). Their names are those of
// storage.Client. What is not here is ignored, whatever it is: nobody makes
// himself the operator's own client.
var registrable = []string{
	"application_type", "backchannel_logout_session_required", "backchannel_logout_uri", "client_name", "client_uri", "contacts",
	"default_acr_values", "default_max_age", "frontchannel_logout_session_required", "frontchannel_logout_uri", "grant_types",
	"id_token_encrypted_response_alg", "id_token_encrypted_response_enc", "id_token_signed_response_alg", "initiate_login_uri",
	"jwks", "jwks_uri", "logo_uri", "policy_uri", "post_logout_redirect_uris", "redirect_uris", "request_object_encryption_alg",
	"request_object_encryption_enc", "request_object_signing_alg", "request_uris", "require_auth_time", "response_types", "scope",
	"sector_identifier_uri", "software_id", "software_version", "subject_type", "token_endpoint_auth_method", "tos_uri",
	"userinfo_encrypted_response_alg", "userinfo_encrypted_response_enc", "userinfo_signed_response_alg",
}

// registration is a registration document: its members, and what is read of them.
type registration struct {
	members map[string]json.RawMessage
	client  storage.Client
}

// LogValue hides the document: an update may have the secret in it.
func (r registration) LogValue() slog.Value { return slog.StringValue(r.client.ID) }

// readRegistration reads a document. Members that are null were not sent.
func (op *Provider) readRegistration(body []byte) (*registration, error) {
	r := &registration{}
	if err := json.Unmarshal(body, &r.members); err != nil || r.members == nil {
		return nil, ErrInvalidClientMetadata.Say("the body is not a JSON object")
	}
	if err := op.useStatement(r.members); err != nil {
		return nil, err
	}
	kept := make(map[string]json.RawMessage, len(r.members))
	for name, v := range r.members {
		switch {
		case bytes.Equal(bytes.TrimSpace(v), []byte("null")):
			delete(r.members, name)
		case slices.Contains(registrable, name):
			kept[name] = v
		}
	}
	if raw, there := kept["scope"]; there { // a string here, a list where it is stored
		var scope string
		if json.Unmarshal(raw, &scope) != nil {
			return nil, ErrInvalidClientMetadata.Say("scope is not a string of scopes with spaces between them")
		}
		delete(kept, "scope")
		r.client.Scope = grantableScopes(strings.Fields(scope))
	}
	// One by one, so that a fault has the name of its member.
	for name, raw := range kept {
		one, err := json.Marshal(map[string]json.RawMessage{name: raw})
		if err == nil {
			err = json.Unmarshal(one, &r.client)
		}
		if err != nil {
			return nil, typeFault(name, err)
		}
	}
	if raw, there := r.members["software_statement"]; there { // proven, and returned as it is (RFC 7591 §3.2.1)
		if err := json.Unmarshal(raw, &r.client.SoftwareStatement); err != nil {
			return nil, badStatement("is not a string")
		}
	}
	r.fillIn()
	return r, nil
}

func typeFault(name string, err error) *Error {
	e := ErrInvalidClientMetadata
	if name == "redirect_uris" {
		e = ErrInvalidRedirectURI
	}
	var t *json.UnmarshalTypeError
	if errors.As(err, &t) {
		return e.Say(fmt.Sprintf("%s has the wrong type: %s where %s is expected", name, t.Value, kindOf(t.Type.Kind().String())))
	}
	return e.Say(name + " cannot be read")
}

func kindOf(kind string) string {
	switch kind {
	case "slice":
		return "an array of strings"
	case "bool":
		return "true or false"
	case "string":
		return "a string"
	}
	return "a number"
}

// grantableScopes keeps the scopes that a stranger's client may ask for.
func grantableScopes(asked []string) []string {
	scopes := []string{}
	for _, s := range asked {
		if slices.Contains(supportedScopes, s) && !slices.Contains(scopes, s) {
			scopes = append(scopes, s)
		}
	}
	if len(scopes) == 0 {
		return slices.Clone(supportedScopes)
	}
	return scopes
}

// fillIn sets the defaults of RFC 7591 §2 and OIDC Dynamic Client Registration
// §2. Of grant and response types one says what the other is (RFC 7591 §2.1).
func (r *registration) fillIn() {
	c := &r.client
	sent := func(name string) bool { _, there := r.members[name]; return there }
	if !sent("token_endpoint_auth_method") {
		c.TokenEndpointAuthMethod = authBasic
	}
	if !sent("application_type") {
		c.ApplicationType = "web"
	}
	if !sent("response_types") && (!sent("grant_types") || slices.Contains(c.GrantTypes, "authorization_code")) {
		c.ResponseTypes = []string{"code"}
	}
	if !sent("grant_types") {
		c.GrantTypes = nil
		for _, t := range c.ResponseTypes {
			if returns(t, "code") && !slices.Contains(c.GrantTypes, "authorization_code") {
				c.GrantTypes = append(c.GrantTypes, "authorization_code")
			}
			if throughBrowser(t) && !slices.Contains(c.GrantTypes, grantImplicit) {
				c.GrantTypes = append(c.GrantTypes, grantImplicit)
			}
		}
		if len(c.GrantTypes) == 0 {
			c.GrantTypes = []string{"authorization_code"}
		}
	}
	if c.Scope == nil {
		c.Scope = slices.Clone(supportedScopes)
	}
	if c.IDTokenSignedResponseAlg == "" {
		c.IDTokenSignedResponseAlg = "RS256"
	}
	if c.SubjectType == "" {
		c.SubjectType = "public"
	}
	for _, pair := range []struct {
		alg string
		enc *string
	}{
		{c.IDTokenEncryptedResponseAlg, &c.IDTokenEncryptedResponseEnc}, {c.UserinfoEncryptedResponseAlg, &c.UserinfoEncryptedResponseEnc},
		{c.RequestObjectEncryptionAlg, &c.RequestObjectEncryptionEnc},
	} {
		if pair.alg != "" && *pair.enc == "" {
			*pair.enc = "A128CBC-HS256"
		}
	}
	if strings.TrimSpace(c.Name) == "" {
		c.Name = "An application"
		for _, uri := range c.RedirectURIs {
			if u, err := url.Parse(uri); err == nil && u.Hostname() != "" {
				c.Name = u.Hostname()
				break
			}
		}
	}
}

// metadataMembers returns what is registered of a client, as it was sent and with
// what was filled in (RFC 7591 §3.2.1).
func metadataMembers(c *storage.Client) (map[string]any, error) {
	body, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, err
	}
	out := map[string]any{}
	for _, name := range registrable {
		if v, there := all[name]; there {
			out[name] = v
		}
	}
	if c.SoftwareStatement != "" {
		out["software_statement"] = c.SoftwareStatement
	}
	out["scope"] = strings.Join(c.Scope, " ")
	out["client_id"] = c.ID
	return out, nil
}

// maxSector bounds the document of a sector_identifier_uri.
const maxSector = 64 << 10

// checkSector fetches sector_identifier_uri, which must list every redirect URI
// (OIDC Core §8.1, OIDC Dynamic Client Registration §5).
func (op *Provider) checkSector(ctx context.Context, c *storage.Client) error {
	if c.SectorIdentifierURI == "" {
		return nil
	}
	body, err := op.fetch.Fetch(ctx, c.SectorIdentifierURI, maxSector)
	if err != nil { // what it met is for the log alone: it tells of our network
		return ErrInvalidClientMetadata.Say("sector_identifier_uri cannot be fetched: it has to answer an https request from the internet within 5 s").Because(err)
	}
	var uris []string
	if json.Unmarshal(body, &uris) != nil {
		return ErrInvalidClientMetadata.Say("sector_identifier_uri does not hold a JSON array of redirect URIs")
	}
	for i, uri := range c.RedirectURIs {
		if !slices.Contains(uris, uri) {
			return ErrInvalidClientMetadata.Say(fmt.Sprintf("sector_identifier_uri does not list redirect_uris[%d]", i))
		}
	}
	return nil
}
