package flows

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"math"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/elloloop/identity/storage"
)

// limits counts the attempts of one visit, in the database, for all replicas.
type limits struct {
	v  *visit
	in *Interaction
}

// accountFactor is how many more failures an account may have over all of its
// devices than on one of them.
const accountFactor = 10

// Login counts by address first, so that a flood from one place is stopped before
// it reaches an account (S3-02), and then for strangers by account: by its id, so
// that all of its names have one counter, or by what was typed where there is
// none. Whether it exists makes no difference (S3-01).
//
// Each device that signed in before has a counter of its own, and neither
// strangers nor their address lock the owner out (S3-03). All devices of an
// account have one more together.
func (l *limits) Login(ctx context.Context, identifier, userID string, setAt time.Time) ([]storage.Change, error) {
	p, counters := l.v.project, l.v.store.Counters
	locked := l.in.Failure("user.sign_in_failed", "locked")
	if l.in.KnownDevice(userID, setAt) {
		one, all := "login:device:"+fingerprint(l.v.device.id+"\x00"+userID), "login:devices:"+userID
		err := l.count(ctx, one, p.LoginMaxFailed, p.LoginLockout, locked, userID)
		if err == nil {
			err = l.count(ctx, all, accountFactor*p.LoginMaxFailed, p.LoginLockout, locked, userID)
		}
		if err != nil {
			return nil, err
		}
		return []storage.Change{counters.Clear(one), counters.Clear(all)}, nil
	}
	if err := l.count(ctx, "login:address:"+network(l.v.origin.IP), p.RateLimitLogin, p.RateLimitWindow, l.in.Failure("user.sign_in_failed", "rate_limited"), userID); err != nil {
		return nil, err
	}
	name := "login:account:" + userID
	if userID == "" {
		name = "login:name:" + fingerprint(identifier)
	}
	day := "login:day:" + strings.TrimPrefix(name, "login:")
	if err := l.lock(ctx, name, day, locked, userID); err != nil {
		return nil, err
	}
	return []storage.Change{counters.Clear(name), counters.Clear(day)}, nil
}

// lock is count, with fewer tries in each window the more there were in a day: a
// guess takes longer and longer, and each lock still ends by itself (S3-02, S3-03).
func (l *limits) lock(ctx context.Context, name, day string, told storage.AuditEvent, userID string) error {
	p := l.v.project
	if p.LoginMaxFailed <= 0 || p.LoginLockout <= 0 {
		return nil
	}
	scope, counters := p.Scope(), l.v.store.Counters
	window, err := counters.Add(ctx, scope, p.LoginLockout, name)
	if err != nil || window[0].N == 1 { // the first one is always free
		return err
	}
	today, err := counters.Add(ctx, scope, 24*time.Hour, day)
	if err != nil {
		return err
	}
	tries := allowance(p.LoginMaxFailed, today[0].N)
	if window[0].N <= tries {
		return nil
	}
	first := window[0].N-1 <= allowance(p.LoginMaxFailed, today[0].N-1)
	return l.refuse(ctx, window[0], first, told, userID)
}

// allowance is how many tries a window has after so many more than one in a day.
func allowance(limit int, today int64) int64 {
	steps := today / int64(2*limit)
	return max(1, int64(limit)>>min(steps, 16))
}

// letterEvery is how often an owner is told of a lock: a stranger who makes one
// after another sends them no letter each time. All of them are in the log.
const letterEvery = 24 * time.Hour

// refuse says when the window ends. The first one in it is audited, and told to
// the owner: a flood must not flood the log, or their mail.
func (l *limits) refuse(ctx context.Context, c storage.Count, first bool, told storage.AuditEvent, userID string) error {
	wait := max(time.Second, c.ResetAt.Sub(l.v.now))
	problem := &Problem{
		Message: "problem.too_many_attempts", Data: map[string]any{"Minutes": minutes(wait)},
		Status: http.StatusTooManyRequests, RetryAfter: wait,
	}
	if !first {
		return problem
	}
	told.Target = userID
	problem.Events = append(problem.Events, told)
	if told.Reason != "locked" {
		return problem
	}
	// Nobody is looked for as somebody is: which of both it was is no secret to tell.
	letters, err := l.v.store.Counters.Add(ctx, l.v.project.Scope(), letterEvery, "letter:"+told.Action+":"+cmp.Or(userID, "nobody"))
	if err != nil {
		return err
	}
	if letters[0].N > 1 {
		return problem
	}
	u, err := l.v.store.Users.Get(ctx, l.v.project.Scope(), cmp.Or(userID, "nobody"))
	if gone(err) {
		return problem
	}
	if err != nil {
		return err
	}
	problem.changes = l.v.letter(u, storage.Mail{Name: "locked", Data: map[string]any{"Minutes": minutes(wait)}})
	return problem
}

// secondTries is how many wrong second factors an account has in a window (S3-09),
// and secondWindow the shortest one, whatever a project allows for passwords.
const (
	secondTries  = 5
	secondWindow = 15 * time.Minute
)

// Second counts by account alone: whoever gets here has its first factor, and the
// codes are short.
func (l *limits) Second(ctx context.Context, userID string) ([]storage.Change, error) {
	name := "second:account:" + userID
	locked := l.in.Failure("user.second_factor_failed", "locked")
	if err := l.count(ctx, name, secondTries, max(l.v.project.LoginLockout, secondWindow), locked, userID); err != nil {
		return nil, err
	}
	return []storage.Change{l.v.store.Counters.Clear(name)}, nil
}

// Signup counts by address.
func (l *limits) Signup(ctx context.Context) error {
	p := l.v.project
	return l.count(ctx, "signup:address:"+network(l.v.origin.IP), p.RateLimitSignup, p.RateLimitWindow, l.in.Failure("user.registration_failed", "rate_limited"), "")
}

// sendsInHour is how many messages one address gets in an hour, whoever asks.
const sendsInHour = 20

// Send counts by network, then by network and destination, then by destination
// and range. The pause holds for one network: a stranger who asks for letters
// to somebody must not keep them from asking (S3-03, S3-08).
func (l *limits) Send(ctx context.Context, m Message) error {
	p, where, to := l.v.project, network(l.v.origin.IP), fingerprint(m.To)
	told := l.in.Failure("message.refused", "rate_limited")
	told.Details = map[string]string{"kind": m.Kind}
	for _, c := range []struct {
		name    string
		limit   int
		window  time.Duration
		message string
	}{
		{"send:" + m.Kind + ":address:" + where, m.Limit, p.RateLimitWindow, ""},
		{"send:" + m.Kind + ":pause:" + where + ":" + to, 1, m.Cooldown, "problem.sent_lately"},
		{"send:to:" + to, sendsInHour, time.Hour, ""},
		{"send:" + m.Kind + ":range:" + m.Range, m.RangeMax, time.Hour, ""},
	} {
		err := l.count(ctx, c.name, c.limit, c.window, told, "")
		var problem *Problem
		if errors.As(err, &problem) && c.message != "" {
			problem.Message, problem.Data = c.message, map[string]any{"Seconds": int(math.Ceil(problem.RetryAfter.Seconds()))}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// guessesInDay is how many times more than at one code somebody may guess at the
// codes of one destination in a day: a million are possible. Links stay good, and
// so does a new password by mail (S3-03).
const guessesInDay = 10

// Guess counts by the code, and by its destination: who has new ones sent guesses
// at the same account (S3-08).
func (l *limits) Guess(ctx context.Context, id, to string, tries int, life time.Duration) ([]storage.Change, error) {
	one, all := "guess:"+id, "guesses:"+fingerprint(to)
	err := l.count(ctx, one, tries, life, l.in.Failure("user.sign_in_failed", "code_spent"), "")
	var problem *Problem
	if errors.As(err, &problem) {
		problem.Message, problem.Data, problem.Field = "problem.code_spent", nil, "code"
	}
	if err == nil {
		err = l.count(ctx, all, guessesInDay*tries, 24*time.Hour, l.in.Failure("user.sign_in_failed", "codes_spent"), "")
	}
	if err != nil {
		return nil, err
	}
	return []storage.Change{l.v.store.Counters.Clear(one), l.v.store.Counters.Clear(all)}, nil
}

// count adds one and judges what that made. A limit of 0 is none. The lock ends
// with the counter's window, by itself.
func (l *limits) count(ctx context.Context, name string, limit int, window time.Duration, told storage.AuditEvent, userID string) error {
	if limit <= 0 || window <= 0 {
		return nil
	}
	counts, err := l.v.store.Counters.Add(ctx, l.v.project.Scope(), window, name)
	if err != nil {
		return err
	}
	c := counts[0]
	if c.N <= int64(limit) {
		return nil
	}
	return l.refuse(ctx, c, c.N == int64(limit)+1, told, userID)
}

// network is the part of an address that one person holds: a /24 of IPv4, a /56
// of IPv6.
func network(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return "unknown"
	}
	a = a.Unmap().WithZone("")
	bits := 56
	if a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return "unknown"
	}
	return p.String()
}

// fingerprint keeps what people type out of the names of counters: some type
// their password where the name belongs.
func fingerprint(s string) string {
	d := storage.DigestOf(s)
	return hex.EncodeToString(d[:16])
}
