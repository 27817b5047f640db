package storage

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// AuditSeal covers events of the audit log: by their ids and digests, and by the
// hash of the seal before it. Its hash needs a key that is sealed, so who can only
// write to the database can't make another chain.
type AuditSeal struct {
	ID   string `json:"-"`
	Meta `json:"-"`

	Sequence int64         `json:"sequence"` // 1, 2, 3, … in the project
	At       time.Time     `json:"at"`
	Through  time.Time     `json:"through"`  // the log was read as far as this
	Previous string        `json:"previous"` // Hash of the seal before, "" for the first
	Events   []SealedEvent `json:"events"`
	Hash     string        `json:"hash"`
}

// SealedEvent is an event as it was when it was sealed.
type SealedEvent struct {
	ID     string `json:"id"`
	Digest string `json:"digest"`
}

func (a *AuditSeal) keys() (string, []graph.Value, time.Time) {
	return a.ID, []graph.Value{graph.Int64(a.Sequence)}, time.Time{}
}

func (a *AuditSeal) restore(n graph.Node) { a.ID, a.Meta = n.ID, meta(n) }

// Bounds of a seal.
const (
	sealEvents = 500
	// sealOverlap is how much later than its time an event may be committed and
	// still be sealed. What comes later Verify counts as not sealed.
	sealOverlap = 10 * time.Minute
)

// AuditSeals makes the audit log of a project a chain, after the events are
// committed: making it with them would put all commits of a project in one row.
type AuditSeals struct {
	repo    graph.Repository
	events  *AuditEvents
	secrets *ProjectSecrets
}

// auditKeyName is the project secret that the chain is made with.
const auditKeyName = "audit_chain"

// Seal seals up to 500 events and says how many, and whether there are more. Two
// that seal at once do no harm: one gets ErrConflict.
func (s *AuditSeals) Seal(ctx context.Context, scope Scope, now time.Time) (sealed int, more bool, err error) {
	key, err := s.secrets.Get(ctx, scope, auditKeyName)
	if err != nil {
		return 0, false, err
	}
	last, covered, err := s.recent(ctx, scope)
	if err != nil {
		return 0, false, err
	}
	next := &AuditSeal{ID: NewID(), Sequence: last.Sequence + 1, At: now.UTC(), Through: last.Through, Previous: last.Hash}
	filter, page := AuditFilter{}, PageRequest{Limit: sealEvents}
	if !last.Through.IsZero() {
		filter.From = last.Through.Add(-sealOverlap)
	}
	for {
		found, err := s.events.List(ctx, scope, filter, page)
		if err != nil {
			return 0, false, err
		}
		for _, e := range found.Items {
			if covered[e.ID] {
				continue
			}
			if len(next.Events) == sealEvents {
				more = true
				break
			}
			next.Events = append(next.Events, SealedEvent{e.ID, e.digest()})
			if e.At.After(next.Through) && !e.At.After(now) { // one from the future does not hide those until then
				next.Through = e.At
			}
		}
		if page.After = found.Next; more || page.After == "" {
			break
		}
	}
	if len(next.Events) == 0 {
		return 0, false, nil
	}
	next.Hash = next.hash(key, scope)
	_, err = commit(ctx, s.repo, scope, []Change{create(typeAuditSeal, next)})
	if errors.Is(err, ErrAlreadyExists) {
		err = ErrConflict
	}
	if err != nil {
		return 0, false, err
	}
	return len(next.Events), more, nil
}

// recent returns the last seal, and the ids of all events that can be met again.
func (s *AuditSeals) recent(ctx context.Context, scope Scope) (*AuditSeal, map[string]bool, error) {
	last, covered := &AuditSeal{}, map[string]bool{}
	page := PageRequest{Limit: 20, Reverse: true}
	for {
		found, err := s.List(ctx, scope, page)
		if err != nil {
			return nil, nil, err
		}
		for _, a := range found.Items {
			if last.Sequence == 0 {
				last = a
			}
			if a.Through.Before(last.Through.Add(-sealOverlap)) {
				return last, covered, nil
			}
			for _, e := range a.Events {
				covered[e.ID] = true
			}
		}
		if page.After = found.Next; page.After == "" {
			return last, covered, nil
		}
	}
}

// List returns the seals in their order.
func (s *AuditSeals) List(ctx context.Context, scope Scope, p PageRequest) (List[AuditSeal], error) {
	return list[AuditSeal](ctx, s.repo, scope, graph.Query{Type: typeAuditSeal, Index: "sequence", Limit: p.Limit, After: p.After, Reverse: p.Reverse})
}

// hash is the HMAC of everything that the seal says, each part with its length.
func (a *AuditSeal) hash(key []byte, scope Scope) string {
	mac := hmac.New(sha256.New, key)
	parts := []string{scope.Project(), fmt.Sprint(a.Sequence), a.At.UTC().Format(time.RFC3339Nano), a.Through.UTC().Format(time.RFC3339Nano), a.Previous}
	for _, e := range a.Events {
		parts = append(parts, e.ID, e.Digest)
	}
	mac.Write(associated(parts)) // a hash never fails to be written
	return hex.EncodeToString(mac.Sum(nil))
}

// digest is of the event's whole data, and of its id.
func (e *AuditEvent) digest() string {
	data, err := json.Marshal(e)
	if err != nil { // strings and a time
		data = []byte(err.Error())
	}
	sum := sha256.Sum256(associated([]string{e.ID, string(data)}))
	return hex.EncodeToString(sum[:])
}

// AuditReport is what Verify found.
type AuditReport struct {
	Seals    int64
	Sealed   int64       // events that a seal covers
	Unsealed int64       // events that none covers: the newest, or made up
	Head     string      // hash of the last seal: compare it with one kept elsewhere, to see that the end was not cut
	Fault    *AuditFault // the first one, in the order of the chain; nil: none
}

// AuditFault is a row that is not as it was.
type AuditFault struct {
	Sequence int64  // of the seal
	EventID  string // "" when it is the seal itself
	Problem  string // machine-readable
}

// The problems of a log.
const (
	AuditSealMissing  = "seal_missing"  // the sequence has a gap
	AuditSealAltered  = "seal_altered"  // its hash is not that of its content
	AuditSealUnlinked = "seal_unlinked" // it does not follow the seal before it
	AuditEventMissing = "event_missing"
	AuditEventAltered = "event_altered"
)

// Verify reads the whole log of a project and says what is wrong with it.
func (s *AuditSeals) Verify(ctx context.Context, scope Scope) (AuditReport, error) {
	var report AuditReport
	key, err := s.secrets.Get(ctx, scope, auditKeyName)
	if err != nil {
		return report, err
	}
	covered := map[[16]byte]bool{} // of the ids, short: a log may have millions
	page := PageRequest{Limit: 20}
	fault := func(f AuditFault) {
		if report.Fault == nil {
			report.Fault = &f
		}
	}
	for {
		found, err := s.List(ctx, scope, page)
		if err != nil {
			return report, err
		}
		for _, a := range found.Items {
			if want := report.Seals + 1; a.Sequence != want {
				fault(AuditFault{want, "", AuditSealMissing})
			} else if a.Previous != report.Head {
				fault(AuditFault{a.Sequence, "", AuditSealUnlinked})
			}
			if !hmac.Equal([]byte(a.Hash), []byte(a.hash(key, scope))) {
				fault(AuditFault{a.Sequence, "", AuditSealAltered})
			}
			report.Seals, report.Head = a.Sequence, a.Hash
			for _, e := range a.Events {
				covered[short(e.ID)] = true
				problem, err := s.check(ctx, scope, e)
				if err != nil {
					return report, err
				}
				if problem != "" {
					fault(AuditFault{a.Sequence, e.ID, problem})
				}
			}
		}
		if page.After = found.Next; page.After == "" {
			break
		}
	}
	report.Sealed = int64(len(covered))
	err = s.unsealed(ctx, scope, covered, &report)
	return report, err
}

// check compares an event with what was sealed of it. Its columns, by which it is
// found, have to say the same as its data.
func (s *AuditSeals) check(ctx context.Context, scope Scope, sealed SealedEvent) (string, error) {
	n, err := s.repo.Get(ctx, scope, typeAuditEvent, sealed.ID)
	if errors.Is(err, ErrNotFound) {
		return AuditEventMissing, nil
	}
	if err != nil {
		return "", err
	}
	e, err := decode[AuditEvent](n)
	if err != nil {
		return AuditEventAltered, nil
	}
	if _, columns, _ := e.keys(); e.digest() != sealed.Digest || !slices.Equal(columns, n.Columns) {
		return AuditEventAltered, nil
	}
	return "", nil
}

func (s *AuditSeals) unsealed(ctx context.Context, scope Scope, covered map[[16]byte]bool, report *AuditReport) error {
	q := graph.Query{Type: typeAuditEvent, Limit: graph.MaxLimit}
	for {
		page, err := s.repo.List(ctx, scope, q)
		if err != nil {
			return err
		}
		for _, n := range page.Nodes {
			if !covered[short(n.ID)] {
				report.Unsealed++
			}
		}
		if q.After = page.Next; q.After == "" {
			return nil
		}
	}
}

func short(id string) (s [16]byte) {
	sum := sha256.Sum256([]byte(id))
	copy(s[:], sum[:])
	return s
}
