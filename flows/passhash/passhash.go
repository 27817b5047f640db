// Package passhash hashes passwords with Argon2id and checks hashes of other
// makers, in PHC string format and in the modular crypt format.
//
// One hash takes tens of MiB and a tenth of a second by design. A Hasher
// therefore lets only so many be at work at once, and makes the others wait no
// longer than a deadline: a flood of sign-ins costs its senders time and the
// server neither its memory nor its other work (S3-04).
//
// Passwords come in as they shall be hashed: normalising them is the caller's.
package passhash

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"time"
)

// MaxLength is the longest password that is hashed, in bytes: 1024 characters of
// four bytes (S3-04).
const MaxLength = 4096

// The parameters of Argon2id where Config has none.
const (
	DefaultMemory       = 64 * 1024 // KiB
	DefaultTime         = 3
	DefaultParallelism  = 1
	DefaultQueueTimeout = 5 * time.Second
)

// The least parameters of Argon2id that OWASP's password storage cheat sheet
// recommends. It has equivalent ones with other numbers of passes: see minimum.
const (
	MinMemory = 19456 // KiB
	MinTime   = 2
)

// minimum are the least memories of the cheat sheet in KiB, for one pass, two, three,
// four, and five or more, which it holds to be of equal strength.
var minimum = [...]uint32{47104, MinMemory, 12288, 9216, 7168}

const (
	saltLength = 16 // bytes, as RFC 9106 recommends
	sumLength  = 32 // bytes
)

var (
	// ErrMalformed says that a hash is in no form that is known, or broken.
	ErrMalformed = errors.New("passhash: not a password hash")
	// ErrUnsupported says that a hash is made by an algorithm that is not read here.
	ErrUnsupported = errors.New("passhash: this kind of password hash is not supported")
	// ErrCost says that checking a hash would take more time or memory than is allowed.
	ErrCost = errors.New("passhash: the password hash costs too much to check")
	// ErrTooLong says that a password is longer than MaxLength.
	ErrTooLong = errors.New("passhash: the password is too long")
	// ErrBusy says that no worker was free within the deadline. The error that is
	// returned also says when to try again: it has RetryAfter() time.Duration.
	ErrBusy = errors.New("passhash: too many passwords are being hashed")
)

// Config configures a Hasher. A zero field means its default.
type Config struct {
	Memory       uint32        // KiB of one Argon2id hash
	Time         uint32        // passes of Argon2id over the memory
	Parallelism  uint8         // lanes of Argon2id
	Workers      int           // hashes at work at once; by default one per processor
	QueueTimeout time.Duration // how long a caller waits for a worker
}

// Hasher makes and checks password hashes. It is safe for concurrent use.
type Hasher struct {
	memory, time uint32
	parallelism  uint8
	timeout      time.Duration
	slots        chan struct{} // holds one element for each hash that is at work
	unknown      string        // well-formed, with today's parameters, of no password
	atWork       func() func() // nil, but in tests: called where work begins; what it returns, where it ends
}

// New makes a Hasher. It refuses parameters below OWASP's minimum for Argon2id,
// and those above what Verify accepts.
func New(c Config) (*Hasher, error) {
	if c.Memory == 0 {
		c.Memory = DefaultMemory
	}
	if c.Time == 0 {
		c.Time = DefaultTime
	}
	if c.Parallelism == 0 {
		c.Parallelism = DefaultParallelism
	}
	if c.QueueTimeout == 0 {
		c.QueueTimeout = DefaultQueueTimeout
	}
	if c.Workers == 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if least := minimum[min(c.Time, uint32(len(minimum)))-1]; c.Memory < least {
		return nil, fmt.Errorf("passhash: Argon2id with %d KiB and %d passes is below the minimum of %d KiB", c.Memory, c.Time, least)
	}
	if c.Workers < 0 || c.QueueTimeout < 0 {
		return nil, errors.New("passhash: neither workers nor the time in the queue can be negative")
	}
	if err := argon2Cost(uint64(c.Memory), uint64(c.Time), uint64(c.Parallelism)); err != nil {
		return nil, fmt.Errorf("%w: at most %d KiB, %d lanes, and %d KiB times passes", err, maxMemory, maxLanes, maxArgon2Work)
	}
	h := &Hasher{
		memory: c.Memory, time: c.Time, parallelism: c.Parallelism,
		timeout: c.QueueTimeout, slots: make(chan struct{}, c.Workers),
	}
	unknown := h.today()
	unknown.sum = make([]byte, sumLength)
	_, _ = rand.Read(unknown.sum) // never fails, see crypto/rand.Read
	h.unknown = unknown.phc()
	return h, nil
}

// Workers is how many hashes may be at work at once.
func (h *Hasher) Workers() int { return cap(h.slots) }

// Hash makes an Argon2id hash of a password in PHC string format, with a random
// salt. It returns ErrTooLong, ErrBusy or the context's error.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if len(password) > MaxLength {
		return "", ErrTooLong
	}
	p := h.today()
	err := h.work(ctx, func() (err error) {
		p.sum, err = p.derive(password)
		return err
	})
	if err != nil {
		return "", err
	}
	return p.phc(), nil
}

// Verify says whether a hash was made of this password, and if so whether it
// should be made anew with today's parameters. A password longer than MaxLength
// is nobody's, which is no error. One of which bcrypt has looked at the first 72
// bytes is right, but rehash is false: nobody has proven the rest. It returns ErrMalformed, ErrUnsupported or
// ErrCost about the hash, ErrBusy, or the context's error.
func (h *Hasher) Verify(ctx context.Context, encoded, password string) (ok, rehash bool, err error) {
	p, err := parse(encoded)
	if err != nil {
		return false, false, err
	}
	if len(password) > MaxLength {
		return false, false, nil
	}
	err = h.work(ctx, func() (err error) {
		ok, err = p.matches(password)
		return err
	})
	if err != nil {
		return false, false, err
	}
	return ok, ok && !h.current(p) && !p.partly(password), nil
}

// VerifyUnknown does the work of a Verify that fails, against a hash with today's
// parameters: for an account that does not exist, so that time does not tell
// (S3-01). A hash of another cost takes another time, until it is made anew at
// its owner's next sign-in: where Current says no, do this work besides. It returns ErrBusy or the context's error.
func (h *Hasher) VerifyUnknown(ctx context.Context, password string) error {
	_, _, err := h.Verify(ctx, h.unknown, password)
	return err
}

// Current says whether a hash is of the kind and the cost that Hash makes today.
func (h *Hasher) Current(encoded string) bool {
	p, err := parse(encoded)
	return err == nil && h.current(p)
}

// CheckImport says whether Verify can check a hash that another system made:
// nil, ErrMalformed, ErrUnsupported, or ErrCost. It does none of the work.
func CheckImport(encoded string) error {
	_, err := parse(encoded)
	return err
}

// today is a hash to be made: with today's parameters and a salt of its own.
func (h *Hasher) today() parsed {
	salt := make([]byte, saltLength)
	_, _ = rand.Read(salt) // never fails, see crypto/rand.Read
	return parsed{kind: argon2id, memory: h.memory, time: h.time, lanes: h.parallelism, salt: salt}
}

func (h *Hasher) current(p parsed) bool {
	return p.kind == argon2id && p.memory == h.memory && p.time == h.time && p.lanes == h.parallelism &&
		len(p.salt) == saltLength && len(p.sum) == sumLength
}

// work waits for a worker and calls f.
func (h *Hasher) work(ctx context.Context, f func() error) error {
	if err := h.enter(ctx); err != nil {
		return err
	}
	defer func() { <-h.slots }()
	if err := ctx.Err(); err != nil { // nobody waits for the answer any more
		return err
	}
	if h.atWork != nil {
		defer h.atWork()()
	}
	return f()
}

func (h *Hasher) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case h.slots <- struct{}{}:
		return nil
	default:
	}
	deadline := time.NewTimer(h.timeout)
	defer deadline.Stop()
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-deadline.C:
		return busy{h.timeout}
	}
}

// busy is ErrBusy with a time.
type busy struct{ after time.Duration }

func (busy) Error() string { return ErrBusy.Error() }

func (busy) Is(target error) bool { return target == ErrBusy }

// RetryAfter is when to try again: those who wait now are done or gone by then.
func (b busy) RetryAfter() time.Duration { return b.after }
