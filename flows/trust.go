package flows

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// trust is a browser on which people wished that their second factor is not asked
// again for some time: an end and a MAC for each. Nothing of it is stored, and a
// new second factor makes it worthless, as a new password does.
type trust struct {
	entries []string
	key     []byte
	place   string
}

// LogValue hides the MACs.
func (trust) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// String hides the MACs.
func (trust) String() string { return "[redacted]" }

// GoString hides the MACs.
func (trust) GoString() string { return "[redacted]" }

const endLength = 8 // of the end, in hexadecimal seconds since 1970

// parseTrust reads the cookie "<end><mac>.<end><mac>…". Anything else is none.
func parseTrust(value string) []string {
	if value == "" || len(value) > maxAccounts*(endLength+macLength+1) || !base64url(strings.ReplaceAll(value, ".", "")) {
		return nil
	}
	entries := strings.Split(value, ".")
	for _, e := range entries {
		if len(e) != endLength+macLength {
			return nil
		}
	}
	return entries
}

// entry covers when the password was set, too: who recovered the account with a new
// one trusts no device that was trusted before.
func (t trust) entry(userID string, setAt, passwordAt time.Time, end string) string {
	h := hmac.New(sha256.New, t.key)
	for _, part := range []string{"second factor", t.place, userID, strconv.FormatInt(setAt.UnixMicro(), 10), strconv.FormatInt(passwordAt.UnixMicro(), 10), end} {
		// Ids hold no NUL, so no two lists are alike.
		_, _ = h.Write(append([]byte(part), 0)) // a hash never fails
	}
	return end + base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16])
}

func (t trust) live(e string, now time.Time) bool {
	end, err := strconv.ParseInt(e[:endLength], 16, 64)
	return err == nil && now.Unix() < end
}

// knows takes no entry that would last longer than the project lets one now.
func (t trust) knows(userID string, setAt, passwordAt, now time.Time, life time.Duration) bool {
	for _, e := range t.entries {
		if t.live(e, now) && !t.live(e, now.Add(life+time.Second)) && hmac.Equal([]byte(e), []byte(t.entry(userID, setAt, passwordAt, e[:endLength]))) {
			return true
		}
	}
	return false
}

// remember returns the cookie that knows this account too, until then. What has
// ended leaves, and the oldest makes room.
func (t trust) remember(userID string, setAt, passwordAt, now, until time.Time) string {
	end := strconv.FormatInt(until.Unix(), 16)
	entries := []string{t.entry(userID, setAt, passwordAt, strings.Repeat("0", max(0, endLength-len(end)))+end)}
	for _, e := range t.entries {
		if t.live(e, now) && len(entries) < maxAccounts {
			entries = append(entries, e)
		}
	}
	return strings.Join(entries, ".")
}
