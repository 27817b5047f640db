package op

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/elloloop/identity/storage"
)

// scopeClaims are the claims that each scope asks for (OIDC Core §5.4).
var scopeClaims = map[string][]string{
	scopeProfile: {
		"name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile",
		"picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at",
	},
	scopeEmail:   {"email", "email_verified"},
	scopeAddress: {"address"},
	scopePhone:   {"phone_number", "phone_number_verified"},
	scopeGroups:  {"groups"},
	scopeRoles:   {"roles"},
}

// claimsRequest is the claims parameter (OIDC Core §5.5).
type claimsRequest struct {
	UserInfo map[string]*claimRequest `json:"userinfo"`
	IDToken  map[string]*claimRequest `json:"id_token"`
}

// claimRequest is one requested claim (OIDC Core §5.5.1). nil: just wanted.
type claimRequest struct {
	Essential bool              `json:"essential"`
	Value     json.RawMessage   `json:"value"`
	Values    []json.RawMessage `json:"values"`
}

func parseClaimsRequest(raw []byte) (claimsRequest, error) {
	var c claimsRequest
	if len(raw) == 0 {
		return c, nil
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return c, ErrInvalidRequest.Say("claims must be a JSON object with the members userinfo and id_token").Because(err)
	}
	return c, nil
}

// claimScope is the scope that a claim belongs to, "" for one that is nobody's.
func claimScope(name string) string {
	for scope, names := range scopeClaims {
		if slices.Contains(names, name) {
			return scope
		}
	}
	return ""
}

// scopes returns the scopes of the claims that are asked for by name: what the
// person allows must cover them too.
func (c claimsRequest) scopes() []string {
	var out []string
	for _, requested := range []map[string]*claimRequest{c.UserInfo, c.IDToken} {
		for name := range requested {
			if s := claimScope(name); s != "" && !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	slices.Sort(out)
	return out
}

// within leaves out the claims whose scope is none of these.
func within(requested map[string]*claimRequest, scopes []string) map[string]*claimRequest {
	out := make(map[string]*claimRequest, len(requested))
	for name, req := range requested {
		if slices.Contains(scopes, claimScope(name)) {
			out[name] = req
		}
	}
	return out
}

// texts returns the strings that a claim is requested to be.
func (c *claimRequest) texts() []string {
	if c == nil {
		return nil
	}
	var out []string
	for _, raw := range append([]json.RawMessage{c.Value}, c.Values...) {
		var s string
		if len(raw) > 0 && json.Unmarshal(raw, &s) == nil {
			out = append(out, s)
		}
	}
	return out
}

// wants says whether the request for a claim is one that this value answers. A
// requested value that the person does not have is left out, never an error
// (OIDC Core §5.5.1).
func (c *claimRequest) wants(value any) bool {
	if c == nil || len(c.Value) == 0 && len(c.Values) == 0 {
		return true
	}
	have, err := json.Marshal(value)
	if err != nil {
		return false
	}
	return len(c.Value) > 0 && bytes.Equal(have, c.Value) ||
		slices.ContainsFunc(c.Values, func(v json.RawMessage) bool { return bytes.Equal(have, v) })
}

// userClaims returns the claims of a person that the scopes and the requested
// claims ask for, as far as there is a value (OIDC Core §5.3.2: a claim without
// one is left out, never null or empty).
func userClaims(u *storage.User, sub string, scope []string, requested map[string]*claimRequest) map[string]any {
	out := map[string]any{}
	for _, s := range scope {
		for _, name := range scopeClaims[s] {
			if v := userClaim(u, name); v != nil {
				out[name] = v
			}
		}
	}
	for name, req := range requested {
		if v := userClaim(u, name); v != nil && req.wants(v) {
			out[name] = v
		}
	}
	if _, asked := out["preferred_username"]; asked {
		_, email := out["email"]
		out["preferred_username"] = displayName(u, sub, email)
	}
	return out
}

// displayName is the name of an account as applications show and keep it: there
// always is one. The mail address serves only where it is known anyway, and the
// last resort is what the client knows already (OIDC Core §8).
func displayName(u *storage.User, sub string, email bool) string {
	switch {
	case u.Username != "":
		return u.Username
	case email && u.Email != "":
		return u.Email
	}
	return sub
}

// userClaim returns one standard claim (OIDC Core §5.1), nil without a value.
func userClaim(u *storage.User, name string) any {
	var s string
	switch name {
	case "name":
		s = u.Name
	case "given_name":
		s = u.GivenName
	case "family_name":
		s = u.FamilyName
	case "middle_name":
		s = u.MiddleName
	case "nickname":
		s = u.Nickname
	case "preferred_username":
		s = displayName(u, u.ID, false)
	case "profile":
		s = u.Profile
	case "picture":
		s = u.Picture
	case "website":
		s = u.Website
	case "gender":
		s = u.Gender
	case "birthdate":
		s = u.Birthdate
	case "zoneinfo":
		s = u.Zoneinfo
	case "locale":
		s = u.Locale
	case "updated_at":
		if !u.ProfileUpdatedAt.IsZero() {
			return u.ProfileUpdatedAt.Unix()
		}
	case "email":
		s = u.Email
	case "email_verified":
		if u.Email != "" {
			return u.EmailVerified // a JSON boolean: clients break on strings
		}
	case "phone_number":
		s = u.PhoneNumber
	case "phone_number_verified":
		if u.PhoneNumber != "" {
			return u.PhoneNumberVerified
		}
	case "roles":
		if u.Role != "" {
			return []string{u.Role}
		}
	case "address":
		if u.Address != nil {
			return u.Address
		}
	}
	if s == "" {
		return nil
	}
	return s
}

// supportedClaims is claims_supported.
func supportedClaims() []string {
	names := []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash", "c_hash", "s_hash"}
	for _, s := range []string{scopeProfile, scopeEmail, scopeAddress, scopePhone, scopeGroups, scopeRoles} {
		names = append(names, scopeClaims[s]...)
	}
	return names
}

// audience is aud: a string where there is one, an array where there are more
// (RFC 7519 §4.1.3). Some clients choke on an array of one.
type audience []string

// MarshalJSON writes one audience as a string.
func (a audience) MarshalJSON() ([]byte, error) {
	if len(a) == 1 {
		return json.Marshal(a[0])
	}
	return json.Marshal([]string(a))
}

// UnmarshalJSON reads both forms.
func (a *audience) UnmarshalJSON(b []byte) error {
	if strings.HasPrefix(string(bytes.TrimSpace(b)), "[") {
		return json.Unmarshal(b, (*[]string)(a))
	}
	var one string
	if err := json.Unmarshal(b, &one); err != nil {
		return err
	}
	*a = audience{one}
	return nil
}
