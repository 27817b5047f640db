// Package passkey signs people in with passkeys (WebAuthn L3), and keeps their
// passkeys.
package passkey

import (
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
)

// Config configures the flows. Credentials, Secrets and Users are required.
type Config struct {
	Credentials *storage.PasskeyCredentials
	Secrets     *storage.ProjectSecrets
	Users       *storage.Users
	// Back is the id of the flow for people who want another way in. "": none.
	Back string
	// Help is the id of the flow for people who lost their second factor. "": none.
	Help string
}

// party makes the relying party of a project (WebAuthn L3 §5.4.2).
func party(p *storage.Project) (*webauthn.WebAuthn, error) {
	s := p.SignIn
	origin, err := url.Parse(p.Issuer)
	if err != nil {
		return nil, fmt.Errorf("passkey: issuer: %w", err)
	}
	if !under(origin.Hostname(), s.PasskeyRPID) { // set for another project's host
		s.PasskeyRPID, s.PasskeyRelated = "", nil
	}
	if s.PasskeyRPID == "" {
		s.PasskeyRPID = origin.Hostname()
	}
	c := &webauthn.Config{
		RPID: s.PasskeyRPID, RPDisplayName: s.PasskeyRPName, RPOrigins: within(s.PasskeyOrigins, s.PasskeyRPID),
		AttestationPreference: protocol.ConveyancePreference(s.PasskeyAttest),
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.UserVerificationRequirement(s.PasskeyVerify),
		},
		Timeouts: webauthn.TimeoutsConfig{
			Login:        webauthn.TimeoutConfig{Timeout: life(p), TimeoutUVD: life(p)},
			Registration: webauthn.TimeoutConfig{Timeout: life(p), TimeoutUVD: life(p)},
		},
	}
	if c.RPDisplayName == "" {
		c.RPDisplayName = c.RPID
		if p.Name != "" {
			c.RPDisplayName = p.Name
		}
	}
	if len(c.RPOrigins) == 0 {
		c.RPOrigins = []string{origin.Scheme + "://" + origin.Host}
	}
	c.RPOrigins = append(c.RPOrigins, s.PasskeyRelated...)
	if c.AttestationPreference == "" {
		c.AttestationPreference = protocol.PreferNoAttestation
	}
	if c.AuthenticatorSelection.UserVerification == "" {
		c.AuthenticatorSelection.UserVerification = protocol.VerificationPreferred
	}
	w, err := webauthn.New(c)
	if err != nil {
		return nil, fmt.Errorf("passkey: relying party: %w", err)
	}
	return w, nil
}

// enabled says whether a project has passkeys. Browsers make none for a host that
// is an address.
func enabled(p *storage.Project) bool {
	u, err := url.Parse(p.Issuer)
	return err == nil && p.SignIn.PasskeysEnabled && protocol.ValidateRPID(u.Hostname()) == nil
}

// under says whether a host may use a relying party id: it is the host, or a domain
// above it. "" is the host's own.
func under(host, id string) bool { return id == "" || storage.Under(host, id) }

// within are the origins that may use a relying party id: browsers refuse it in
// the others, which were set for another project's host.
func within(origins []string, id string) []string {
	var ours []string
	for _, o := range origins {
		if u, err := url.Parse(o); err == nil && (u.Hostname() == "" || storage.Under(u.Hostname(), id)) { // an app has an origin without a host
			ours = append(ours, o)
		}
	}
	return ours
}

// life is how long a challenge is good (WebAuthn L3 §13.4.3).
func life(p *storage.Project) time.Duration {
	if p.SignIn.PasskeyChallenge > 0 {
		return p.SignIn.PasskeyChallenge
	}
	return 5 * time.Minute
}

// person is an account as the library sees it.
type person struct {
	id, name, shown string
	credentials     []webauthn.Credential
}

func personOf(u *storage.User, keys []*storage.PasskeyCredential) (*person, error) {
	p := &person{id: u.ID, name: flows.Label(u), shown: u.Name}
	if p.shown == "" {
		p.shown = p.name
	}
	for _, k := range keys {
		c, err := record(k)
		if err != nil {
			return nil, err
		}
		p.credentials = append(p.credentials, *c)
	}
	return p, nil
}

func record(k *storage.PasskeyCredential) (*webauthn.Credential, error) {
	c := new(webauthn.Credential)
	if err := json.Unmarshal(k.Record, c); err != nil {
		return nil, fmt.Errorf("passkey: record %s: %w", k.ID, err)
	}
	return c, nil
}

// WebAuthnID is the user handle: a random id, no name (WebAuthn L3 §14.6.1).
func (p *person) WebAuthnID() []byte                         { return []byte(p.id) }
func (p *person) WebAuthnName() string                       { return p.name }
func (p *person) WebAuthnDisplayName() string                { return p.shown }
func (p *person) WebAuthnCredentials() []webauthn.Credential { return p.credentials }
