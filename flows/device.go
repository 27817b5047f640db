package flows

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/elloloop/identity/storage"
)

// device is a browser that remembers which accounts signed in on it: a random id
// and one MAC for each account. Nothing of it is stored. An account that is
// locked for strangers is not locked for its owner's devices (S3-03).
type device struct {
	id   string
	macs []string
	key  []byte
	// place keeps a MAC to the project that it was made in.
	place string
}

// LogValue hides the MACs.
func (device) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// String hides the MACs.
func (device) String() string { return "[redacted]" }

// GoString hides the MACs.
func (device) GoString() string { return "[redacted]" }

const (
	deviceIDLength = 22 // 128 bits in base64url
	macLength      = 22 // HMAC-SHA-256 cut to 128 bits (RFC 2104 §5)
)

// parseDevice reads the cookie "<id>.<mac>.<mac>…". Anything else is a device
// that was never seen.
func parseDevice(value string) (id string, macs []string) {
	if len(value) > deviceIDLength+maxAccounts*(macLength+1) || !base64url(strings.ReplaceAll(value, ".", "")) {
		return "", nil
	}
	parts := strings.Split(value, ".")
	for i, p := range parts {
		if i == 0 && len(p) != deviceIDLength || i > 0 && len(p) != macLength {
			return "", nil
		}
	}
	return parts[0], parts[1:]
}

func (e *Engine) device(ctx context.Context, p *storage.Project, cookie string) (device, error) {
	key, err := e.deviceKey(ctx, p)
	if err != nil {
		return device{}, err
	}
	d := device{key: key, place: p.ID}
	d.id, d.macs = parseDevice(cookie)
	return d, nil
}

// deviceKey is the project's key for MACs; it never changes once made.
func (e *Engine) deviceKey(ctx context.Context, p *storage.Project) ([]byte, error) {
	if k, ok := e.deviceKeys.Load(p.ID); ok {
		return k.([]byte), nil
	}
	k, err := e.store.ProjectSecrets.Get(ctx, p.Scope(), "device")
	if err != nil {
		return nil, err
	}
	e.deviceKeys.Store(p.ID, k)
	return k, nil
}

// mac covers when the account's password was set: a new one makes every device a
// stranger's again.
func (d device) mac(userID string, setAt time.Time) string {
	h := hmac.New(sha256.New, d.key)
	for _, part := range []string{d.place, d.id, userID, strconv.FormatInt(setAt.UnixMicro(), 10)} {
		// Ids hold no NUL, so no two lists are alike.
		_, _ = h.Write(append([]byte(part), 0)) // a hash never fails
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16])
}

// knows says whether this account signed in here before, with the password that
// was set then.
func (d device) knows(userID string, setAt time.Time) bool {
	if d.id == "" || userID == "" {
		return false
	}
	want := []byte(d.mac(userID, setAt))
	found := false
	for _, m := range d.macs {
		if hmac.Equal([]byte(m), want) {
			found = true
		}
	}
	return found
}

// remember returns the cookie that knows this account too. The one that signed
// in longest ago makes room.
func (d device) remember(userID string, setAt time.Time) string {
	if d.id == "" {
		d.id, d.macs = storage.NewSecret()[:deviceIDLength], nil
	}
	mine := d.mac(userID, setAt)
	macs := []string{mine}
	for _, m := range d.macs {
		if m != mine && len(macs) < maxAccounts {
			macs = append(macs, m)
		}
	}
	return strings.Join(slices.Concat([]string{d.id}, macs), ".")
}
