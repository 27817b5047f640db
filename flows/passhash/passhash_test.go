package passhash

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func hasher(t testing.TB, c Config) *Hasher {
	t.Helper()
	h, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func least(workers int, timeout time.Duration) Config {
	return Config{Memory: MinMemory, Time: MinTime, Workers: workers, QueueTimeout: timeout}
}

func TestHash(t *testing.T) {
	h := hasher(t, least(2, 0))
	a, err := h.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	b, err := h.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(a, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Error("not a PHC string with the parameters that were asked for")
	}
	if a == b {
		t.Error("one salt twice")
	}
	if ok, rehash, err := h.Verify(t.Context(), a, "correct horse"); !ok || rehash || err != nil {
		t.Errorf("the right password: %v, rehash %v, %v", ok, rehash, err)
	}
	if ok, rehash, err := h.Verify(t.Context(), a, "correct house"); ok || rehash || err != nil {
		t.Errorf("a wrong password: %v, rehash %v, %v", ok, rehash, err)
	}
	for name, c := range map[string]Config{
		"memory": {Memory: MinMemory + 1024, Time: 2}, "time": {Memory: MinMemory, Time: 3}, "parallelism": {Memory: MinMemory, Time: 2, Parallelism: 2},
	} {
		if ok, rehash, err := hasher(t, c).Verify(t.Context(), a, "correct horse"); !ok || !rehash || err != nil {
			t.Errorf("another %s: %v, rehash %v, %v", name, ok, rehash, err)
		}
	}
}

// TestParameters holds S3-04: never below OWASP's minimum.
func TestParameters(t *testing.T) {
	for _, tt := range []struct {
		name string
		c    Config
		ok   bool
	}{
		{"default", Config{}, true},
		{"least", Config{Memory: 19456, Time: 2}, true},
		{"S3-04/memory-below", Config{Memory: 19455, Time: 2}, false},
		{"one-pass", Config{Memory: 47104, Time: 1}, true},
		{"S3-04/one-pass-below", Config{Memory: 47103, Time: 1}, false},
		{"three-passes", Config{Memory: 12288, Time: 3}, true},
		{"S3-04/three-passes-below", Config{Memory: 12287, Time: 3}, false},
		{"four-passes", Config{Memory: 9216, Time: 4}, true},
		{"S3-04/four-passes-below", Config{Memory: 9215, Time: 4}, false},
		{"five-passes", Config{Memory: 7168, Time: 5}, true},
		{"S3-04/hundred-passes-below", Config{Memory: 7167, Time: 100}, false},
		{"memory-above", Config{Memory: 256*1024 + 1, Time: 2}, false},
		{"work-above", Config{Memory: 256 * 1024, Time: 5}, false},
		{"lanes-above", Config{Parallelism: 17}, false},
		{"workers", Config{Workers: -1}, false},
		{"queue", Config{QueueTimeout: -1}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, err := New(tt.c)
			if (err == nil) != tt.ok {
				t.Fatal(err)
			}
			if err == nil && (h.Workers() < 1 || CheckImport(h.unknown) != nil) {
				t.Errorf("%d workers, %v", h.Workers(), CheckImport(h.unknown))
			}
		})
	}
	if h := hasher(t, Config{}); h.Workers() != runtime.GOMAXPROCS(0) {
		t.Errorf("%d workers", h.Workers())
	}
}

// counted makes a Hasher say how many hashes were at work at once, and in all.
func counted(h *Hasher) (most, all *atomic.Int64) {
	var now atomic.Int64
	most, all = new(atomic.Int64), new(atomic.Int64)
	h.atWork = func() func() {
		n := now.Add(1)
		all.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		return func() { now.Add(-1) }
	}
	return most, all
}

// TestWorkers holds S3-04: a flood of sign-ins never has more than the workers.
func TestWorkers(t *testing.T) {
	const workers, callers = 3, 24
	h := hasher(t, least(workers, time.Minute))
	most, all := counted(h)
	// The first few wait for each other inside, so that the bound is reached for sure.
	together := make(chan struct{})
	var inside atomic.Int64
	count := h.atWork
	h.atWork = func() func() {
		done := count()
		if inside.Add(1) == workers {
			close(together)
		}
		<-together
		return done
	}
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			var err error
			switch i % 3 {
			case 0:
				_, _, err = h.Verify(t.Context(), h.unknown, "guess")
			case 1:
				err = h.VerifyUnknown(t.Context(), "guess")
			default:
				_, err = h.Hash(t.Context(), "guess")
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most.Load() != workers || all.Load() != callers {
		t.Errorf("S3-04: %d at once of %d workers; %d in all", most.Load(), workers, all.Load())
	}
}

// occupied is a Hasher without a free worker.
func occupied(t *testing.T, timeout time.Duration) *Hasher {
	t.Helper()
	h := hasher(t, least(1, timeout))
	h.slots <- struct{}{}
	return h
}

func TestQueueDeadline(t *testing.T) {
	h := occupied(t, time.Millisecond)
	_, all := counted(h)
	_, hashErr := h.Hash(t.Context(), "password")
	_, _, verifyErr := h.Verify(t.Context(), h.unknown, "password")
	for name, err := range map[string]error{"Hash": hashErr, "Verify": verifyErr, "VerifyUnknown": h.VerifyUnknown(t.Context(), "password")} {
		var again interface{ RetryAfter() time.Duration }
		if !errors.Is(err, ErrBusy) || !errors.As(err, &again) || again.RetryAfter() != time.Millisecond {
			t.Errorf("S3-04/%s: %v", name, err)
		}
	}
	if all.Load() != 0 {
		t.Errorf("S3-04: %d hashes made without a worker", all.Load())
	}
	<-h.slots
	if err := h.VerifyUnknown(t.Context(), "password"); err != nil {
		t.Errorf("a worker is free again: %v", err)
	}
	if len(h.slots) != 0 {
		t.Error("a worker was not given back")
	}
}

func TestContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := occupied(t, time.Hour)
		_, all := counted(h)
		ctx, cancel := context.WithCancel(t.Context())
		got := make(chan error)
		go func() { got <- h.VerifyUnknown(ctx, "password") }()
		synctest.Wait() // until it stands in the queue
		cancel()
		if err := <-got; !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled while it waits: %v", err)
		}
		<-h.slots
		if err := h.VerifyUnknown(ctx, "password"); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled before: %v", err)
		}
		if all.Load() != 0 || len(h.slots) != 0 {
			t.Errorf("%d hashes made, %d workers held", all.Load(), len(h.slots))
		}
	})
}

// TestQueueOrder: who waits is let in when a worker is free, and for no longer than
// the deadline.
func TestQueueOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := occupied(t, 5*time.Second)
		start := time.Now()
		go func() { <-time.After(4 * time.Second); <-h.slots }()
		if err := h.VerifyUnknown(t.Context(), "password"); err != nil || time.Since(start) != 4*time.Second {
			t.Errorf("S3-04: %v after %v", err, time.Since(start))
		}
		h.slots <- struct{}{}
		start = time.Now()
		if err := h.VerifyUnknown(t.Context(), "password"); !errors.Is(err, ErrBusy) || time.Since(start) != 5*time.Second {
			t.Errorf("S3-04: %v after %v", err, time.Since(start))
		}
	})
}

// TestLength holds S3-04: no work is done for what is too long.
func TestLength(t *testing.T) {
	h := hasher(t, least(1, 0))
	encoded, err := h.Hash(t.Context(), strings.Repeat("ü", MaxLength/2))
	if err != nil {
		t.Fatal(err)
	}
	if ok, _, err := h.Verify(t.Context(), encoded, strings.Repeat("ü", MaxLength/2)); !ok || err != nil {
		t.Errorf("%d bytes: %v, %v", MaxLength, ok, err)
	}
	_, all := counted(h)
	long := strings.Repeat("ü", MaxLength/2) + "x"
	if _, err := h.Hash(t.Context(), long); !errors.Is(err, ErrTooLong) {
		t.Errorf("Hash: %v", err)
	}
	if ok, _, err := h.Verify(t.Context(), encoded, long); ok || err != nil {
		t.Errorf("Verify: %v, %v", ok, err)
	}
	if err := h.VerifyUnknown(t.Context(), long); err != nil {
		t.Errorf("VerifyUnknown: %v", err)
	}
	if all.Load() != 0 {
		t.Errorf("%d hashes made", all.Load())
	}
}

// TestUnknown holds S3-01: the work for nobody is that for somebody, whose
// password is wrong.
func TestUnknown(t *testing.T) {
	h := hasher(t, least(1, 0))
	_, all := counted(h)
	p, err := parse(h.unknown)
	if err != nil || !h.current(p) {
		t.Errorf("the hash of nobody has other parameters: %v", err)
	}
	if err := h.VerifyUnknown(t.Context(), "password"); err != nil || all.Load() != 1 {
		t.Errorf("%v, %d hashes made", err, all.Load())
	}
	if other := hasher(t, least(1, 0)); other.unknown == h.unknown {
		t.Error("the hash of nobody is known")
	}
}

func TestVerifyBroken(t *testing.T) {
	h := hasher(t, least(1, 0))
	for encoded, want := range map[string]error{"": ErrMalformed, "plain": ErrMalformed, "$1$salt$sum": ErrUnsupported, "$2b$20$" + strings.Repeat("a", 53): ErrCost} {
		if ok, _, err := h.Verify(t.Context(), encoded, encoded); ok || !errors.Is(err, want) {
			t.Errorf("%q: %v, %v", encoded, ok, err)
		}
	}
}

func TestRedacted(t *testing.T) {
	h := hasher(t, least(1, 0))
	p, err := parse(h.unknown)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Info("", "hash", p)
	fmt.Fprintf(&b, "%v %+v %#v", p, p, &p)
	if s := b.String(); strings.Contains(s, fmt.Sprint(p.sum)) || strings.Count(s, "[redacted]") != 4 {
		t.Error(s)
	}
}

func FuzzParse(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.Encoded)
	}
	f.Add("$scrypt$ln=1,r=4294967295,p=4294967295$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parse(s)
		if err != nil {
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrUnsupported) && !errors.Is(err, ErrCost) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		// What was accepted is within the bounds, and the library accepts it.
		if uint64(p.memory)*uint64(p.time) > maxArgon2Work || p.n*p.r*p.p > maxScryptWork || p.n > maxPBKDF2Iterations && p.kind >= pbkdf2SHA1 {
			t.Fatal("over the bounds")
		}
		if p.kind == argon2id {
			if again, err := parse(p.phc()); err != nil || again.phc() != p.phc() {
				t.Fatalf("not the same again: %v", err)
			}
		}
		cheap := p.memory <= 1024 && p.time <= 4 && p.n*max(1, p.r)*max(1, p.p) <= 1<<13 && !(p.kind == bcrypted && p.bcrypt[4:6] > "04")
		if cheap {
			if _, err := p.matches("password"); err != nil && !errors.Is(err, ErrMalformed) {
				t.Fatal(err)
			}
		}
	})
}

func BenchmarkHash(b *testing.B) {
	for name, c := range map[string]Config{"default": {}, "least": {Memory: MinMemory, Time: MinTime}} {
		b.Run(name, func(b *testing.B) {
			h := hasher(b, c)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := h.Hash(b.Context(), "correct horse battery staple"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	h := hasher(b, Config{})
	b.ReportAllocs()
	for b.Loop() {
		if err := h.VerifyUnknown(b.Context(), "correct horse battery staple"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	h := hasher(b, Config{})
	b.ReportAllocs()
	for b.Loop() {
		if err := CheckImport(h.unknown); err != nil {
			b.Fatal(err)
		}
	}
}
