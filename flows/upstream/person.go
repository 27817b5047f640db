package upstream

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/elloloop/identity/storage"
)

// person is who a provider says it is.
type person struct {
	issuer, subject                      string
	email                                string
	verified                             bool // the provider says that the address is this person's
	name, given, family, picture, locale string
	mfa                                  bool   // the provider says that more than one factor was used
	kept                                 []byte // its tokens, where they are to be kept
}

// LogValue hides the tokens.
func (p *person) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// said is a claim that some send as true and others as "true".
type said bool

// UnmarshalJSON takes both.
func (s *said) UnmarshalJSON(b []byte) error {
	word := strings.Trim(string(b), `"`)
	*s = said(word == "true" || word == "1")
	return nil
}

// claims are those that are read (OIDC Core §5.1), and the ones of Google and
// Microsoft that say what an address is worth.
type claims struct {
	Subject  string   `json:"sub"`
	Email    string   `json:"email"`
	Verified said     `json:"email_verified"`
	Name     string   `json:"name"`
	Given    string   `json:"given_name"`
	Family   string   `json:"family_name"`
	Picture  string   `json:"picture"`
	Locale   string   `json:"locale"`
	AMR      []string `json:"amr"`
	Party    string   `json:"azp"`
	Domain   string   `json:"hd"`
	TenantID string   `json:"tid"`
	EDOV     said     `json:"xms_edov"`
}

// tenantPlace is where a tenant's id belongs in the issuer of Microsoft's
// discovery document for several tenants.
const tenantPlace = "{tenantid}"

// consumers is the tenant of personal accounts.
const consumers = "9188040d-6c67-4c5b-b112-36a304b66dad"

// fromIDToken checks the ID token (OIDC Core §3.1.3.7).
func (f *Flow) fromIDToken(ctx context.Context, p *storage.Provider, token *oauth2.Token, nonce string) (*person, error) {
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return nil, refusedAnswer("no_id_token")
	}
	d, err := f.discover(ctx, p)
	if err != nil {
		return nil, err
	}
	c, issuer, err := f.verify(ctx, p, d, raw, nonce)
	if err != nil {
		return nil, err
	}
	if c.Email == "" && d.UserinfoEndpoint != "" && token.AccessToken != "" { // scope claims may be there alone (§5.4)
		var more claims
		if err := f.getJSON(ctx, d.UserinfoEndpoint, token.AccessToken, &more); err != nil {
			return nil, err
		}
		if more.Subject != c.Subject { // OIDC Core §5.3.2
			return nil, refusedAnswer("userinfo_of_another")
		}
		c.Email, c.Verified = more.Email, more.Verified
		c.Name, c.Given, c.Family = more.Name, more.Given, more.Family
		c.Picture, c.Locale = more.Picture, more.Locale
	}
	return c.person(p, issuer)
}

// verify checks a raw ID token: signature, iss, aud, azp, times, nonce.
func (f *Flow) verify(ctx context.Context, p *storage.Provider, d *discovery, raw, nonce string) (claims, string, error) {
	var c claims
	config := &oidc.Config{ClientID: p.ClientID, Now: f.config.Now, SupportedSigningAlgs: algs(d.SigningAlgs)}
	config.SkipIssuerCheck = strings.Contains(d.Issuer, tenantPlace) // ofTenant checks it
	t, err := oidc.NewVerifier(d.Issuer, d.keys, config).Verify(oidc.ClientContext(ctx, f.http), raw)
	if err != nil {
		var expired *oidc.TokenExpiredError
		switch {
		case errors.Is(err, errTooLarge), errors.Is(err, context.DeadlineExceeded):
			return c, "", err
		case errors.As(err, &expired):
			return c, "", refusedAnswer("id_token_expired")
		}
		return c, "", refusedAnswer("id_token_invalid")
	}
	if err := t.Claims(&c); err != nil {
		return c, "", refusedAnswer("id_token_invalid")
	}
	switch {
	case t.Nonce != nonce:
		return c, "", refusedAnswer("wrong_nonce")
	case len(t.Audience) > 1 && c.Party != p.ClientID, c.Party != "" && c.Party != p.ClientID:
		return c, "", refusedAnswer("wrong_azp")
	case p.Kind == storage.ProviderMicrosoft && !(ofTenant(p, d, t.Issuer) && strings.HasSuffix(t.Issuer, "/"+c.TenantID+"/v2.0")):
		return c, "", refusedAnswer("wrong_tenant")
	}
	return c, t.Issuer, nil
}

// ofTenant says whether an issuer is a tenant's that this provider takes. An ID
// token of any other tenant is signed by the same keys.
func ofTenant(p *storage.Provider, d *discovery, issuer string) bool {
	if p.Kind != storage.ProviderMicrosoft {
		return false
	}
	before, after, several := strings.Cut(d.Issuer, tenantPlace)
	if !several {
		return issuer == d.Issuer
	}
	rest, ok := strings.CutPrefix(issuer, before)
	tenant, ends := strings.CutSuffix(rest, after)
	switch {
	case !ok || !ends || tenant == "" || strings.ContainsAny(tenant, "/?# "):
		return false
	case p.Tenant == "consumers":
		return tenant == consumers
	case p.Tenant == "organizations":
		return tenant != consumers
	}
	return p.Tenant == "common" || p.Tenant == tenant
}

// algs are those of the provider that are taken: signatures with a public key.
func algs(supported []string) []string {
	var out []string
	for _, a := range []string{oidc.RS256, oidc.ES256, oidc.PS256, oidc.EdDSA, oidc.RS384, oidc.RS512, oidc.ES384, oidc.ES512, oidc.PS384, oidc.PS512} {
		if slices.Contains(supported, a) {
			out = append(out, a)
		}
	}
	if out == nil {
		return []string{oidc.RS256} // OIDC Core §15.1
	}
	return out
}

func (c claims) person(p *storage.Provider, issuer string) (*person, error) {
	who := &person{
		issuer: issuer, subject: c.Subject, email: c.Email, verified: bool(c.Verified),
		name: shown(c.Name), given: shown(c.Given), family: shown(c.Family), locale: shown(c.Locale),
		picture: picture(c.Picture), mfa: slices.Contains(c.AMR, "mfa"),
	}
	switch p.Kind {
	case storage.ProviderGoogle:
		// Google speaks for its own mail and that of its customers' domains. An address
		// elsewhere was verified once and may be somebody else's by now.
		_, domain, _ := strings.Cut(strings.ToLower(c.Email), "@")
		who.verified = who.verified && (domain == "gmail.com" || c.Domain != "")
	case storage.ProviderMicrosoft:
		who.verified = bool(c.EDOV) // the domain's owner was verified; without it an address proves nothing
	}
	return who, who.check()
}

// check refuses a subject that can't be one (OIDC Core §2: at most 255 ASCII).
func (p *person) check() error {
	if p.subject == "" || len(p.subject) > 255 || strings.ContainsFunc(p.subject, unicode.IsControl) || !utf8.ValidString(p.subject) {
		return refusedAnswer("no_subject")
	}
	return nil
}

// fromUserinfo asks an OAuth 2.0 service who it is: such a service has no ID
// token, so all there is comes from the endpoint itself over TLS.
func (f *Flow) fromUserinfo(ctx context.Context, p *storage.Provider, accessToken string) (*person, error) {
	var raw map[string]any
	if err := f.getJSON(ctx, p.UserinfoEndpoint, accessToken, &raw); err != nil {
		return nil, err
	}
	issuer := p.Issuer
	if issuer == "" {
		issuer = originOf(p.UserinfoEndpoint)
	}
	text := func(name string) string { s, _ := raw[name].(string); return s }
	who := &person{
		issuer: issuer, subject: subject(raw, p.SubjectClaim), email: text("email"), name: shown(text("name")),
		given: shown(text("given_name")), family: shown(text("family_name")), picture: picture(text("picture")),
	}
	who.verified = raw["email_verified"] == true || raw["email_verified"] == "true"
	if p.Kind == storage.ProviderGitHub {
		who.picture = picture(text("avatar_url"))
		var err error
		if who.email, err = f.githubEmail(ctx, p, accessToken); err != nil {
			return nil, err
		}
		who.verified = who.email != ""
	}
	return who, who.check()
}

// originOf stands for the issuer of a service that has none.
func originOf(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// subject is the id that never goes to somebody else. GitHub's is a number: its
// login names do.
func subject(raw map[string]any, claim string) string {
	names := []string{"sub", "id"}
	if claim != "" {
		names = []string{claim}
	}
	for _, name := range names {
		switch v := raw[name].(type) {
		case string:
			if v != "" {
				return v
			}
		case float64:
			if v == float64(int64(v)) {
				return strconv.FormatInt(int64(v), 10)
			}
		}
	}
	return ""
}

// githubEmail is the primary address, if it is verified. The one in the profile is
// what its owner wrote there.
func (f *Flow) githubEmail(ctx context.Context, p *storage.Provider, accessToken string) (string, error) {
	var all []struct {
		Email    string `json:"email"`
		Primary  bool   `json:"primary"`
		Verified bool   `json:"verified"`
	}
	if err := f.getJSON(ctx, p.EmailsEndpoint, accessToken, &all); err != nil {
		return "", err
	}
	for _, e := range all {
		if e.Primary && e.Verified {
			return e.Email, nil
		}
	}
	return "", nil
}

// maxShown is the longest name that is taken, in bytes.
const maxShown = 800

// shown returns s, or "" if it holds what can't be shown: control characters and
// the marks that turn the direction of writing around.
func shown(s string) string {
	if len(s) > maxShown || !utf8.ValidString(s) || strings.ContainsFunc(s, func(c rune) bool {
		return unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c)
	}) {
		return ""
	}
	return s
}

// picture returns the URL of a picture, "" if it is none that a page may show.
func picture(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || len(s) > 2048 {
		return ""
	}
	return s
}
