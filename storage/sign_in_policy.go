package storage

import "time"

// The words of SignInPolicy.SecondFactor.
const (
	SecondFactorOptional = "optional" // asked of those who have one; the same as ""
	SecondFactorRequired = "required" // who has none sets one up before going on
	SecondFactorOff      = "off"      // asked only where the client insists on the multi-factor acr
)

// SignInPolicy says which ways to sign in are open, and how much they have to
// prove. A client's own takes the place of the project's, field by field.
type SignInPolicy struct {
	First        []string `json:"first,omitempty"`         // ids of the flows that may say who somebody is; empty: all
	Second       []string `json:"second,omitempty"`        // ids of those that may be the second factor; empty: all
	SecondFactor string   `json:"second_factor,omitempty"` // optional, required or off
	// SessionMax is how old a sign-in may be that answers the client, in seconds,
	// whatever the client asks for. 0: as old as the session. A client's own alone.
	SessionMax int64 `json:"session_max_seconds,omitempty"`
}

// Ended says whether a sign-in at this time is too old for the client.
func (p SignInPolicy) Ended(authTime, now time.Time) bool {
	return p.SessionMax > 0 && now.Sub(authTime) > time.Duration(p.SessionMax)*time.Second
}

// Over returns the policy p with the fields of the policy below where p is silent.
func (p SignInPolicy) Over(below SignInPolicy) SignInPolicy {
	if len(p.First) == 0 {
		p.First = below.First
	}
	if len(p.Second) == 0 {
		p.Second = below.Second
	}
	if p.SecondFactor == "" {
		p.SecondFactor = below.SecondFactor
	}
	return p
}

// SignInSettings are the policy of a project, and what belongs to it alone.
type SignInSettings struct {
	Policy SignInPolicy
	Closed []string // ids of flows that say who nobody is, whatever a policy names
	// RememberDevice is how long a second factor is not asked again on a device
	// where the person wished so. 0: never.
	RememberDevice time.Duration
	// StepUp is how old a sign-in may be that changes how the account is signed in
	// to. 0: five minutes.
	StepUp time.Duration

	TOTPIssuer string // name in authenticator apps; "": the project's

	PasskeysEnabled  bool
	PasskeySignup    bool
	PasskeyRPID      string   // WebAuthn; "": the issuer's host
	PasskeyRPName    string   // "": the project's name
	PasskeyOrigins   []string // where ceremonies may happen; empty: the issuer
	PasskeyRelated   []string // WebAuthn: other origins that may use the RP id
	PasskeyChallenge time.Duration
	PasskeyVerify    string // userVerification: required, preferred or discouraged
	PasskeyAttest    string // attestation conveyance: none, indirect, direct or enterprise
	// PasskeyClones is what happens when a sign count goes back: refuse or warn.
	PasskeyClones string

	QREnabled     bool          // another device, where the person is signed in, may let this one in
	QRBaseURL     string        // what the picture leads to; "": the page below the issuer
	QRLife        time.Duration // how long one page may wait; 0: five minutes
	QRSameNetwork bool          // both devices have to be in one network
}
