package storage

import "time"

// Project is an isolation shard with its own issuer, users, clients, keys and
// policy. It is found for each request, and everything after that takes it as a
// value.
type Project struct {
	ID     string
	Issuer string // OIDC Discovery §3: no query, no fragment, no trailing slash
	Name   string // for people

	AuthorizationCodeTTL    time.Duration // RFC 6749 §4.1.2
	AuthorizationRequestTTL time.Duration // how long a person may take to answer
	AccessTokenTTL          time.Duration
	IDTokenTTL              time.Duration
	RefreshTokenTTL         time.Duration // from the last use
	RefreshGrace            time.Duration // within it a rotated refresh token gets the same successor again
	SessionIdle             time.Duration // a session ends after this time without use
	SessionMax              time.Duration // and after this time whatever happens

	RequirePKCE bool // of confidential clients too (RFC 9700 §2.1.1)
	// AssertionIssuerOnly: the aud of a client assertion has to be the issuer. False:
	// the token endpoint is good too (OIDC Core §9).
	AssertionIssuerOnly bool

	FrontChannel   bool     // clients may register for response types that bring tokens through the browser (RFC 9700 §2.1.2)
	Audience       []string // aud of access tokens where the client has none of its own
	AllowedOrigins []string // CORS origins beside those of the clients

	PasswordEnabled   bool // false: no password signs anybody in
	SignupEnabled     bool
	IdentifierFirst   bool // the password on a page of its own, even where it is the only way in
	PasswordMinLength int  // characters
	LoginMaxFailed    int  // failures for one account before it is locked for strangers' devices
	LoginLockout      time.Duration
	DeletionGrace     time.Duration // how long an account can come back whose owner had it deleted; 0: thirty days

	SignIn   SignInSettings  // which ways in, and how much they have to prove
	Messages MessageSettings // what is sent to people, and how often

	RateLimitWindow     time.Duration
	RateLimitLogin      int // attempts by one address in a window
	RateLimitSignup     int
	RateLimitClientAuth int // failed client authentications for one client and address in a window

	Registration          RegistrationMode // who may register clients (RFC 7591); "": closed
	RegistrationUnusedTTL time.Duration    // a dynamic client that is not used for so long is removed; 0: none is
	RateLimitRegistration int              // registrations by one address in a window

	// InsecureUnsigned: clients may register for ID tokens and request objects
	// with the alg none.
	InsecureUnsigned bool
	Access           AccessPolicy // who may make an account
	Login            LoginPolicy
	Branding         Branding
	Terms            Terms // what people have to accept

	// InsecureDevelopment: http on loopback, seeded accounts, a banner on every page.
	InsecureDevelopment bool
}

// Grace is how long an account can come back whose deletion was asked for.
func (p *Project) Grace() time.Duration {
	if p.DeletionGrace > 0 {
		return p.DeletionGrace
	}
	return 30 * 24 * time.Hour
}

// Scope returns the scope of everything that the project holds.
func (p *Project) Scope() Scope { return In(p.ID) }
