package op

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/elloloop/identity/storage"
)

// maxOwnJWT is the size of the largest JWT of our own that is looked at.
const maxOwnJWT = 16 << 10

// tokenHeader is the JOSE header of a JWT of our own.
type tokenHeader struct {
	Alg string
	KID string
	Typ string
}

// verify returns the payload of a JWT that this project signed with a key that
// it still publishes, if its typ is one of typs. Whether the payload is expired,
// and for whom it is, is the caller's to check. Any fault of the token is
// ErrInvalidToken, with the reason as its cause; other errors are ours.
func (k *Keys) verify(ctx context.Context, p *storage.Project, token string, typs []string) ([]byte, tokenHeader, error) {
	return k.verifyBy(ctx, p, token, typs, (*signingKey).publishedAt)
}

// verifyHint is verify for a token that comes back as a hint: it lets nobody in,
// so that a key which is not published any more is good enough. A key that was
// revoked is not.
func (k *Keys) verifyHint(ctx context.Context, p *storage.Project, token string, typs []string) ([]byte, error) {
	payload, _, err := k.verifyBy(ctx, p, token, typs, func(*signingKey, time.Time) bool { return true })
	return payload, err
}

func (k *Keys) verifyBy(ctx context.Context, p *storage.Project, token string, typs []string, believed func(*signingKey, time.Time) bool) ([]byte, tokenHeader, error) {
	h, err := ownHeader(token)
	if err != nil {
		return nil, tokenHeader{}, refuseToken(err)
	}
	// RFC 8725 §3.11: a JWT of one kind is never taken as another.
	if !slices.Contains(typs, h.Typ) {
		return nil, tokenHeader{}, refuseToken(fmt.Errorf("typ %q is not one of %q", h.Typ, typs))
	}
	set, err := k.holding(ctx, p, h.KID)
	if err != nil {
		return nil, tokenHeader{}, err
	}
	key := set.byKID[h.KID]
	if key == nil || !believed(key, k.now()) {
		return nil, tokenHeader{}, refuseToken(errors.New("its kid is not a published key"))
	}
	// RFC 8725 §3.1: the key says which alg it is for; the token has to agree.
	if h.Alg != key.alg {
		return nil, tokenHeader{}, refuseToken(fmt.Errorf("alg %q with a key for %s", h.Alg, key.alg))
	}
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(key.alg)})
	if err != nil {
		return nil, tokenHeader{}, refuseToken(err)
	}
	payload, err := jws.Verify(key.public)
	if err != nil {
		return nil, tokenHeader{}, refuseToken(err)
	}
	return payload, h, nil
}

func refuseToken(cause error) error {
	return ErrInvalidToken.Say("the token is not one of this issuer, or not of this kind").Because(cause)
}

// ownHeader reads the header of a compact JWS. We write alg, kid and typ alone:
// whatever brings jwk, jku, x5c, x5u, crit or zip is not ours (RFC 8725 §3.10).
func ownHeader(token string) (tokenHeader, error) {
	if len(token) > maxOwnJWT {
		return tokenHeader{}, fmt.Errorf("it has %d bytes, more than %d", len(token), maxOwnJWT)
	}
	if !isCompactJWS(token) {
		return tokenHeader{}, errors.New("it is no JWS in compact form")
	}
	encoded, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return tokenHeader{}, errors.New("its header is not base64url")
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return tokenHeader{}, errors.New("its header is not a JSON object")
	}
	var h tokenHeader
	for name, value := range members {
		var into *string
		switch name {
		case "alg":
			into = &h.Alg
		case "kid":
			into = &h.KID
		case "typ":
			into = &h.Typ
		default:
			return tokenHeader{}, fmt.Errorf("its header has the member %q", name)
		}
		if err := json.Unmarshal(value, into); err != nil {
			return tokenHeader{}, fmt.Errorf("its header's %s is not a string", name)
		}
	}
	if !isSigningAlg(h.Alg) { // exact: "nOnE" is no better than "none"
		return tokenHeader{}, fmt.Errorf("alg %q is not one of ours", h.Alg)
	}
	return h, nil
}

// isCompactJWS says whether s is three parts of base64url (RFC 7515 §7.1). A JWE
// has five. Line breaks, which decoders forgive, would give one token many forms.
func isCompactJWS(s string) bool {
	dots := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.':
			dots++
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return dots == 2
}
