package passkey

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
)

// refuse says one sentence whatever was wrong; the audit alone tells what (S3-11).
func refuse(in *flows.Interaction, action, userID, reason string) *flows.Problem {
	ev := in.Failure(action, reason)
	ev.Target, ev.Details = userID, map[string]string{"flow": "passkey"}
	return &flows.Problem{Message: message(reason), Events: []storage.AuditEvent{ev}}
}

func message(reason string) string {
	switch reason {
	case "challenge_expired":
		return "problem.passkey_expired"
	case "unknown_credential":
		return "problem.passkey_unknown"
	case "duplicate_credential":
		return "problem.passkey_known"
	}
	return "problem.passkey_failed"
}

// seen is what both kinds of answer hold of the checks of WebAuthn L3 §7.1 and
// §7.2.
type seen struct {
	client protocol.CollectedClientData
	data   protocol.AuthenticatorData
}

// why names the check that an answer failed, in the order of the standard. The
// library decides; this only tells the audit what it decided.
func why(err error, s seen, kind protocol.CeremonyType, w *webauthn.WebAuthn, verify bool) string {
	rp := sha256.Sum256([]byte(w.Config.RPID))
	flags := s.data.Flags
	var known *protocol.Error
	if !errors.As(err, &known) {
		known = &protocol.Error{}
	}
	switch {
	case s.client.Type != kind:
		return "type"
	case !slices.Contains(w.Config.RPOrigins, s.client.Origin):
		return "origin"
	case s.client.CrossOrigin || s.client.TopOrigin != "":
		return "cross_origin"
	case !bytes.Equal(s.data.RPIDHash, rp[:]):
		return "rp_id"
	case !flags.HasUserPresent():
		return "user_presence"
	case verify && !flags.HasUserVerified():
		return "user_verification"
	case !flags.HasBackupEligible() && flags.HasBackupState():
		return "backup_state"
	case known.Type == protocol.ErrAssertionSignature.Type:
		return "signature"
	case known.Type == protocol.ErrAttestation.Type, known.Type == protocol.ErrInvalidAttestation.Type,
		known.Type == protocol.ErrAttestationFormat.Type, known.Type == protocol.ErrAttestationCertificate.Type:
		return "attestation"
	case known.Type == protocol.ErrUnsupportedAlgorithm.Type, known.Type == protocol.ErrUnsupportedKey.Type:
		return "algorithm"
	}
	return "malformed"
}
