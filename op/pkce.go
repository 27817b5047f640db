package op

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
)

// challengeS256 says whether s has the form of an S256 challenge: the base64url
// of 32 bytes, without padding (RFC 7636 §4.2).
func challengeS256(s string) bool {
	if len(s) != 43 {
		return false
	}
	_, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil
}

// verifierForm says whether s has the form of a code_verifier (RFC 7636 §4.1).
func verifierForm(s string) bool {
	if len(s) < 43 || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '~':
		default:
			return false
		}
	}
	return true
}

// verifyCodeVerifier compares the verifier with what the authorization request
// bound the code to. A verifier without a challenge is refused too: somebody
// took the challenge out of the request (RFC 9700 §4.8.2).
func verifyCodeVerifier(challenge, verifier string) error {
	switch {
	case challenge == "" && verifier == "":
		return nil
	case challenge == "":
		return ErrInvalidGrant.Say("code_verifier was sent, but the authorization request had no code_challenge")
	case verifier == "":
		return ErrInvalidGrant.Say("code_verifier is missing")
	case !verifierForm(verifier):
		return ErrInvalidGrant.Say("code_verifier must be 43 to 128 characters of A-Z a-z 0-9 - . _ ~")
	}
	sum := sha256.Sum256([]byte(verifier))
	if subtle.ConstantTimeCompare([]byte(challenge), []byte(base64.RawURLEncoding.EncodeToString(sum[:]))) != 1 {
		return ErrInvalidGrant.Say("code_verifier does not match the code_challenge")
	}
	return nil
}
