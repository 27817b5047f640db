package admin

import (
	"net/url"
	"slices"
	"strconv"

	"connectrpc.com/connect"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

// signInMessage puts into a message how people sign in to a project.
func signInMessage(m *adminv1.Project, settings *storage.ProjectSettings) {
	s := &settings.SignIn
	m.FirstFactors, m.SecondFactors, m.SecondFactor = s.First, s.Second, s.SecondFactor
	m.RememberDevice, m.StepUp, m.TotpIssuer = duration(s.RememberDevice), duration(s.StepUp), s.TOTPIssuer
	m.PasskeysEnabled, m.PasskeySignupEnabled = s.PasskeysEnabled, s.PasskeySignup
	m.PasskeyRpId, m.PasskeyRpName, m.PasskeyOrigins, m.PasskeyRelatedOrigins = s.PasskeyRPID, s.PasskeyRPName, s.PasskeyOrigins, s.PasskeyRelated
	m.PasskeyUserVerification, m.PasskeyAttestation, m.PasskeyClones = s.PasskeyVerify, s.PasskeyAttest, s.PasskeyClones
	m.PasskeyChallengeTtl = duration(s.PasskeyChallenge)
	m.QrLoginEnabled, m.QrLoginTtl, m.QrLoginSameNetwork = s.QREnabled, duration(s.QRLife), s.QRSameNetwork
	m.EmailCodeEnabled, m.MagicLinkEnabled, m.PhoneCodeEnabled = s.EmailCode, s.MagicLink, s.PhoneCode
	m.PasswordResetEnabled, m.RequireVerifiedEmail = s.ResetEnabled, s.RequireVerified
	if t := settings.Terms; t != nil {
		m.Terms = &adminv1.Terms{Version: t.Version, Url: t.URL}
	}
}

// signInOf is the way back.
func signInOf(settings *storage.ProjectSettings, m *adminv1.Project) {
	settings.SignIn = storage.SignInOverrides{
		First: m.GetFirstFactors(), Second: m.GetSecondFactors(), SecondFactor: m.GetSecondFactor(),
		RememberDevice: durationOf(m.GetRememberDevice()), StepUp: durationOf(m.GetStepUp()), TOTPIssuer: m.GetTotpIssuer(),
		PasskeysEnabled: m.PasskeysEnabled, PasskeySignup: m.PasskeySignupEnabled,
		PasskeyRPID: m.GetPasskeyRpId(), PasskeyRPName: m.GetPasskeyRpName(), PasskeyOrigins: m.GetPasskeyOrigins(), PasskeyRelated: m.GetPasskeyRelatedOrigins(),
		PasskeyVerify: m.GetPasskeyUserVerification(), PasskeyAttest: m.GetPasskeyAttestation(), PasskeyClones: m.GetPasskeyClones(),
		PasskeyChallenge: durationOf(m.GetPasskeyChallengeTtl()),
		QREnabled:        m.QrLoginEnabled, QRLife: durationOf(m.GetQrLoginTtl()), QRSameNetwork: m.QrLoginSameNetwork,
		EmailCode: m.EmailCodeEnabled, MagicLink: m.MagicLinkEnabled, PhoneCode: m.PhoneCodeEnabled,
		ResetEnabled: m.PasswordResetEnabled, RequireVerified: m.RequireVerifiedEmail,
	}
	settings.Terms = nil
	if t := m.GetTerms(); t != nil {
		settings.Terms = &storage.Terms{Version: t.GetVersion(), URL: t.GetUrl()}
	}
}

// checkSignIn lists every mistake in how people sign in to a project that is about
// to be stored. What does not change is not looked at: the issuer may have changed
// since, and then the project's own host is what counts.
func (s *Server) checkSignIn(rec *storage.ProjectRecord, was *storage.ProjectSettings) error {
	set := &rec.Settings.SignIn
	var faults []fault
	if !slices.Equal(set.First, was.SignIn.First) {
		faults = append(faults, s.unknownWays("project.first_factors", set.First)...)
	}
	if !slices.Equal(set.Second, was.SignIn.Second) {
		faults = append(faults, s.unknownWays("project.second_factors", set.Second)...)
	}
	if t := rec.Settings.Terms; t != nil && (t.Version == "") != (t.URL == "") {
		faults = append(faults, fault{"project.terms", "want a version and a url, or neither for no terms"})
	}
	if set.PasskeyRPID != was.SignIn.PasskeyRPID || !slices.Equal(set.PasskeyOrigins, was.SignIn.PasskeyOrigins) || !slices.Equal(set.PasskeyRelated, was.SignIn.PasskeyRelated) {
		faults = append(faults, s.relyingPartyFaults(rec)...)
	}
	if len(faults) > 0 {
		return invalidAll(connect.CodeInvalidArgument, faults...)
	}
	return nil
}

// relyingPartyFaults holds a project's passkeys to the host of its issuer: another
// site must not be asked for them (S5-12).
func (s *Server) relyingPartyFaults(rec *storage.ProjectRecord) []fault {
	set, p := &rec.Settings.SignIn, s.Projects.Resolve(rec)
	issuer, err := url.Parse(p.Issuer)
	if err != nil {
		return []fault{{"project.passkey_rp_id", "can't be held against the issuer"}}
	}
	id := set.PasskeyRPID
	if id != "" {
		if err := storage.RelyingParty(issuer.Hostname(), id); err != nil {
			return []fault{{"project.passkey_rp_id", err.Error()}}
		}
	} else if id = p.SignIn.PasskeyRPID; !storage.Under(issuer.Hostname(), id) { // that of the process, where it fits
		id = issuer.Hostname()
	}
	var faults []fault
	own := len(set.PasskeyOrigins) == 0
	for i, origin := range set.PasskeyOrigins {
		field := "project.passkey_origins[" + strconv.Itoa(i) + "]"
		host, ok := storage.WebOrigin(origin)
		switch {
		case !ok:
			faults = append(faults, fault{field, "is no origin: want https://host or https://host:port; http is for localhost alone"})
		case !storage.Under(host, id):
			faults = append(faults, fault{field, "is not below the relying party id " + id})
		}
		own = own || origin == issuer.Scheme+"://"+issuer.Host
	}
	if !own {
		faults = append(faults, fault{"project.passkey_origins", "lacks that of the issuer, where people sign in"})
	}
	if len(set.PasskeyRelated) > 0 && set.PasskeyRPID == "" {
		faults = append(faults, fault{"project.passkey_related_origins", "need passkey_rp_id: what they may use is bound to it"})
	}
	for i, origin := range set.PasskeyRelated {
		if host, ok := storage.WebOrigin(origin); !ok || host == "localhost" {
			faults = append(faults, fault{"project.passkey_related_origins[" + strconv.Itoa(i) + "]", "is no origin: want https://host or https://host:port"})
		}
	}
	return faults
}

// unknownWays are the ids that no way in has: who names one would lock people out.
func (s *Server) unknownWays(field string, ids []string) []fault {
	var faults []fault
	for i, id := range ids {
		if s.Ways != nil && !slices.Contains(s.Ways, id) {
			faults = append(faults, fault{field + "[" + strconv.Itoa(i) + "]", "is " + strconv.Quote(id) + ", which is no way to sign in here"})
		}
	}
	return faults
}
