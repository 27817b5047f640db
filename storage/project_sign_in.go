package storage

import (
	"fmt"
	"slices"
	"time"
)

// SignInOverrides are the overrides of a project in how people sign in. What is nil
// or empty is as the process is configured.
type SignInOverrides struct {
	First        []string `json:"first,omitempty"`  // ids of the flows that may say who somebody is
	Second       []string `json:"second,omitempty"` // and of those that may be the second factor
	SecondFactor string   `json:"second_factor,omitempty"`

	RememberDevice *time.Duration `json:"remember_device,omitempty"`
	StepUp         *time.Duration `json:"step_up,omitempty"`
	TOTPIssuer     string         `json:"totp_issuer,omitempty"`

	PasskeysEnabled *bool  `json:"passkeys_enabled,omitempty"`
	PasskeySignup   *bool  `json:"passkey_signup,omitempty"`
	PasskeyRPName   string `json:"passkey_rp_name,omitempty"`
	// A project with a relying party id of its own has origins of its own: those of
	// the process belong to another one.
	PasskeyRPID      string         `json:"passkey_rp_id,omitempty"`
	PasskeyOrigins   []string       `json:"passkey_origins,omitempty"`
	PasskeyRelated   []string       `json:"passkey_related,omitempty"` // only with PasskeyRPID
	PasskeyChallenge *time.Duration `json:"passkey_challenge,omitempty"`
	PasskeyVerify    string         `json:"passkey_verify,omitempty"`
	PasskeyAttest    string         `json:"passkey_attest,omitempty"`
	PasskeyClones    string         `json:"passkey_clones,omitempty"`

	QREnabled     *bool          `json:"qr_enabled,omitempty"`
	QRLife        *time.Duration `json:"qr_life,omitempty"`
	QRSameNetwork *bool          `json:"qr_same_network,omitempty"`

	// Ways in by mail and by short message. None is there where the process sends no
	// such message.
	EmailCode *bool `json:"email_code,omitempty"`
	MagicLink *bool `json:"magic_link,omitempty"`
	PhoneCode *bool `json:"phone_code,omitempty"`

	ResetEnabled    *bool `json:"reset_enabled,omitempty"`
	RequireVerified *bool `json:"require_verified,omitempty"`
}

func (s *SignInOverrides) check() error {
	for _, w := range []struct {
		name, value string
		words       []string
	}{
		{"second_factor", s.SecondFactor, []string{SecondFactorOptional, SecondFactorRequired, SecondFactorOff}},
		{"passkey_verify", s.PasskeyVerify, []string{"required", "preferred", "discouraged"}},
		{"passkey_attest", s.PasskeyAttest, []string{"none", "indirect", "direct", "enterprise"}},
		{"passkey_clones", s.PasskeyClones, []string{"refuse", "warn"}},
	} {
		if w.value != "" && !slices.Contains(w.words, w.value) {
			return fmt.Errorf("%w: %s %q: want one of %q", ErrInvalidArgument, w.name, w.value, w.words)
		}
	}
	for name, d := range map[string]*time.Duration{"step_up": s.StepUp, "passkey_challenge": s.PasskeyChallenge, "qr_life": s.QRLife} {
		if d != nil && *d <= 0 {
			return fmt.Errorf("%w: %s: it must be positive", ErrInvalidArgument, name)
		}
	}
	for name, l := range map[string][]string{"first": s.First, "second": s.Second, "passkey_origins": s.PasskeyOrigins, "passkey_related": s.PasskeyRelated} {
		if len(l) > maxSettingsList {
			return fmt.Errorf("%w: %s: at most %d", ErrInvalidArgument, name, maxSettingsList)
		}
	}
	switch {
	case s.RememberDevice != nil && *s.RememberDevice < 0:
		return fmt.Errorf("%w: remember_device: it must not be negative", ErrInvalidArgument)
	case len(s.PasskeyRelated) > 0 && s.PasskeyRPID == "":
		return fmt.Errorf("%w: passkey_related: it needs passkey_rp_id", ErrInvalidArgument)
	}
	return nil
}

// resolve puts the overrides over the settings of the process.
func (s *SignInOverrides) resolve(out *SignInSettings, messages *MessageSettings) {
	out.Policy = SignInPolicy{First: slices.Clone(s.First), Second: slices.Clone(s.Second), SecondFactor: s.SecondFactor}.Over(out.Policy)
	override(&out.RememberDevice, s.RememberDevice)
	override(&out.StepUp, s.StepUp)
	overrideText(&out.TOTPIssuer, s.TOTPIssuer)
	override(&out.PasskeysEnabled, s.PasskeysEnabled)
	override(&out.PasskeySignup, s.PasskeySignup)
	overrideText(&out.PasskeyRPName, s.PasskeyRPName)
	if s.PasskeyRPID != "" {
		out.PasskeyRPID, out.PasskeyOrigins, out.PasskeyRelated = s.PasskeyRPID, nil, slices.Clone(s.PasskeyRelated)
	}
	if len(s.PasskeyOrigins) > 0 {
		out.PasskeyOrigins = slices.Clone(s.PasskeyOrigins)
	}
	override(&out.PasskeyChallenge, s.PasskeyChallenge)
	overrideText(&out.PasskeyVerify, s.PasskeyVerify)
	overrideText(&out.PasskeyAttest, s.PasskeyAttest)
	overrideText(&out.PasskeyClones, s.PasskeyClones)
	override(&out.QREnabled, s.QREnabled)
	override(&out.QRLife, s.QRLife)
	override(&out.QRSameNetwork, s.QRSameNetwork)
	out.Closed = slices.Clone(out.Closed)
	for _, way := range []struct {
		flow string
		open *bool
	}{{"emailcode", s.EmailCode}, {"magiclink", s.MagicLink}, {"phonecode", s.PhoneCode}} {
		if way.open != nil && !*way.open {
			out.Closed = append(out.Closed, way.flow)
		}
	}
	override(&messages.ResetEnabled, s.ResetEnabled)
	override(&messages.RequireVerified, s.RequireVerified)
}

func overrideText(to *string, from string) {
	if from != "" {
		*to = from
	}
}
