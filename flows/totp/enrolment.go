package totp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// seedLength is 160 bits (RFC 4226 §4).
const seedLength = 20

// Enrolment is a seed that is offered and not stored yet. It is derived, not
// kept: looking at the page changes nothing, and the same page shows it again.
type Enrolment struct{ seed []byte }

// LogValue hides the seed.
func (Enrolment) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// NewEnrolment derives the seed of one offer. key is a secret of the project;
// occasion names the offer and holds something that no outsider can guess and
// that nobody keeps, such as the digest of the cookie that it is bound to.
func NewEnrolment(key []byte, userID string, occasion ...string) Enrolment {
	h := hmac.New(sha256.New, key)
	for _, part := range append([]string{"totp enrolment", userID}, occasion...) {
		_, _ = fmt.Fprintf(h, "%d:%s", len(part), part) // a hash never fails
	}
	return Enrolment{h.Sum(nil)[:seedLength]}
}

// Match returns the time step of a code of the offered seed, 0 when it is none's.
func (e Enrolment) Match(code string, now time.Time) (int64, error) {
	return match(e.seed, digits(code), now)
}

// Store returns the changes that make it the account's authenticator app, in
// place of one that it had.
func (e Enrolment) Store(s *storage.TOTPCredentials, scope storage.Scope, userID string, step int64, now time.Time) []storage.Change {
	return s.Set(scope, userID, e.seed, step, now)
}

func (e Enrolment) text() string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(e.seed)
}

// View is what a page shows of it: a picture, a link for the same device, and
// the text.
func (e Enrolment) View(issuer, account string) (templates.TOTPEnrolment, error) {
	// The key URI format that authenticator apps share: the issuer stands twice.
	label := strings.ReplaceAll(url.PathEscape(issuer)+":"+url.PathEscape(account), "+", "%2B")
	uri := "otpauth://totp/" + label + "?secret=" + e.text() + "&issuer=" + strings.ReplaceAll(url.QueryEscape(issuer), "+", "%20")
	path, size, err := templates.QRCode(uri)
	if err != nil {
		return templates.TOTPEnrolment{}, err
	}
	return templates.TOTPEnrolment{
		Secret: grouped(e.text()), URI: uri, QRPath: path, QRSize: size,
	}, nil
}

// grouped puts a space after each four characters, for who types it.
func grouped(s string) string {
	var b strings.Builder
	for i, c := range s {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(c)
	}
	return b.String()
}
