package upstream

import (
	"log/slog"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/elloloop/identity/storage"
)

// Fault is a field of a provider that is wrong, and why.
type Fault struct{ Field, Why string }

// Proposal is a provider that is about to be stored.
type Proposal struct {
	*storage.Provider
	Was    *storage.Provider // what is stored of it; nil for a new one
	Secret string            // a new one; "" leaves what is sealed
	// InsecureAllowLoopback lets its URLs lead to this machine, without TLS and on
	// any port.
	InsecureAllowLoopback bool
}

// LogValue hides the secret.
func (p Proposal) LogValue() slog.Value { return p.Provider.LogValue() }

// own are the fields that only some kinds have, and who can't do without.
var own = []struct {
	field       string
	of          func(*storage.Provider) string
	kinds, need []storage.ProviderKind
	url         bool
	fetched     bool // from here, and not only by browsers
}{
	{"issuer", func(p *storage.Provider) string { return p.Issuer }, generic, generic[:1], true, true},
	{"discovery_url", func(p *storage.Provider) string { return p.DiscoveryURL }, generic[:1], nil, true, true},
	{"authorization_endpoint", func(p *storage.Provider) string { return p.AuthorizationEndpoint }, generic, generic[1:], true, false},
	{"token_endpoint", func(p *storage.Provider) string { return p.TokenEndpoint }, generic, generic[1:], true, true},
	{"userinfo_endpoint", func(p *storage.Provider) string { return p.UserinfoEndpoint }, generic[1:], generic[1:], true, true},
	{"subject_claim", func(p *storage.Provider) string { return p.SubjectClaim }, generic[1:], nil, false, false},
	{"tenant", func(p *storage.Provider) string { return p.Tenant }, []storage.ProviderKind{storage.ProviderMicrosoft}, nil, false, false},
	{"team_id", func(p *storage.Provider) string { return p.TeamID }, apples, apples, false, false},
	{"key_id", func(p *storage.Provider) string { return p.KeyID }, apples, apples, false, false},
}

var (
	generic = []storage.ProviderKind{storage.ProviderOIDC, storage.ProviderOAuth}
	apples  = []storage.ProviderKind{storage.ProviderApple}

	appleID     = regexp.MustCompile(`^[A-Z0-9]{10}$`)
	tenantID    = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`) // it stands in a path
	authMethods = []string{"", "none", "client_secret_basic", "client_secret_post"}
)

// Check lists every mistake of a provider: what could not be used later is refused
// when it is stored.
func Check(p Proposal) []Fault {
	var faults []Fault
	wrong := func(bad bool, field, why string) {
		if bad {
			faults = append(faults, Fault{field, why})
		}
	}
	if storage.CheckProviderID(p.ID) != nil {
		wrong(true, "id", "has to be 1 to 63 of a-z, 0-9 and -, not beginning with -")
	}
	if !slices.Contains(Kinds(), string(p.Kind)) {
		wrong(true, "kind", "has to be one of "+strings.Join(Kinds(), ", "))
		return faults
	}
	wrong(shown(p.Name) != p.Name, "name", "has characters that can't be shown")
	wrong(p.ClientID == "", "client_id", "is missing")
	wrong(!visible(p.ClientID), "client_id", "has other characters than visible ASCII (RFC 6749 Appendix A.1)")
	wrong(!slices.Contains(authMethods, p.AuthMethod), "auth_method", "has to be client_secret_basic, client_secret_post or none")
	wrong(slices.ContainsFunc(p.Scopes, func(s string) bool { return s == "" || !visible(s) || strings.ContainsAny(s, ` "\`) }), "scopes", "has an item that is no scope (RFC 6749 §3.3)")
	wrong(openid(p.Provider) && p.Kind != storage.ProviderApple && len(p.Scopes) > 0 && !slices.Contains(p.Scopes, "openid"), "scopes", "has to have openid in it (OIDC Core §3.1.2.1)")
	for _, o := range own {
		switch v := o.of(p.Provider); {
		case v == "":
			wrong(slices.Contains(o.need, p.Kind), o.field, "is missing: the kind "+string(p.Kind)+" needs it")
		case !slices.Contains(o.kinds, p.Kind):
			wrong(true, o.field, "is nothing that the kind "+string(p.Kind)+" has")
		case o.url:
			why := p.unreachable(v, o.fetched && !(o.field == "issuer" && p.Kind == storage.ProviderOAuth), o.field == "issuer")
			wrong(why != "", o.field, why)
		case o.field == "tenant":
			wrong(!tenantID.MatchString(v), o.field, "has to be a tenant's id or domain, common, organizations or consumers")
		case o.field != "subject_claim":
			wrong(!appleID.MatchString(v), o.field, "has to be 10 capital letters and digits, as Apple shows it")
		}
	}
	return slices.Concat(faults, p.secretFaults(), p.renamed())
}

// secretFaults holds the secret against how the client authenticates with it.
func (p Proposal) secretFaults() []Fault {
	const field = "client_secret"
	switch {
	case p.AuthMethod == "none" && p.Kind == storage.ProviderApple:
		return []Fault{{"auth_method", "can't be none: Apple wants a secret, which its key signs"}}
	case p.AuthMethod == "none" && p.Secret != "":
		return []Fault{{field, "is of no use with the auth_method none"}}
	case p.AuthMethod == "none":
		return nil
	case p.Secret == "" && len(p.Sealed) == 0:
		return []Fault{{field, "is missing: it is needed with every auth_method but none"}}
	case p.Secret == "":
		return nil
	case p.Kind == storage.ProviderApple:
		if _, err := appleKey(p.Secret); err != nil {
			return []Fault{{field, "is not the private key as PEM that Apple gave (PKCS #8, P-256)"}}
		}
	case !visible(p.Secret):
		return []Fault{{field, "has other characters than visible ASCII, such as a line break (RFC 6749 Appendix A.2)"}}
	}
	return nil
}

// renamed refuses to change by what people are known: who is linked would be
// nobody then, or, worse, somebody else.
func (p Proposal) renamed() []Fault {
	if p.Was == nil {
		return nil
	}
	const why = "is set once, for people are known by it: add another provider instead"
	var faults []Fault
	for _, f := range []struct{ field, now, was string }{
		{"kind", string(p.Kind), string(p.Was.Kind)}, {"issuer", p.Issuer, p.Was.Issuer}, {"subject_claim", p.SubjectClaim, p.Was.SubjectClaim},
	} {
		if f.now != f.was {
			faults = append(faults, Fault{f.field, why})
		}
	}
	if p.Kind == storage.ProviderOAuth && p.Issuer == "" && originOf(p.UserinfoEndpoint) != originOf(p.Was.UserinfoEndpoint) {
		faults = append(faults, Fault{"userinfo_endpoint", "keeps its host, for people are known by it where there is no issuer: add another provider instead"})
	}
	return faults
}

// unreachable says why a URL is none that can be asked, "" for one that can.
// fetched ones are asked from here, where the outbound client reaches port 443
// alone.
func (p Proposal) unreachable(raw string, fetched, issuer bool) string {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.Opaque != "" {
		return "has to be an https URL"
	}
	local := isLoopback(u.Hostname())
	switch here := local && p.InsecureAllowLoopback; {
	case u.Scheme != "https" && !(u.Scheme == "http" && here):
		return "has to be an https URL"
	case u.User != nil:
		return "has credentials in it"
	case strings.Contains(raw, "#"):
		return "has a fragment"
	case issuer && strings.Contains(raw, "?"):
		return "has a query, which no issuer has (OIDC Discovery §3)"
	case local && !here:
		return "leads to this machine"
	case fetched && !here && u.Port() != "" && u.Port() != "443":
		return "has a port: providers are reached on 443 alone"
	}
	return ""
}

func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && a.Unmap().IsLoopback()
}

// visible says whether a text has nothing but the characters of a client id and a
// client secret (RFC 6749 Appendix A.1, Appendix A.2).
func visible(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// Kinds are the words for the kinds there are.
func Kinds() []string {
	var out []string
	for k := range Presets() {
		out = append(out, string(k))
	}
	slices.Sort(out)
	return out
}
