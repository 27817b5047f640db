package storage

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// Sealing re-seals what was sealed with an older key-encryption key, so that the
// old one can be taken away. Both keys are configured meanwhile, the new one
// first; nothing stops.
type Sealing struct {
	repo graph.Repository
	keys *Keyring
}

// ResealReport is what one step of re-sealing did.
type ResealReport struct {
	Resealed   int         // values that the first key seals now
	Waiting    int         // rows that were changed meanwhile or are being sent: they need another pass
	Unreadable []SealedRow // their key is missing, or they were altered
	Next       string      // to go on from; "" when the pass is over
}

// SealedRow names a row.
type SealedRow struct{ Type, ID string }

// Reseal looks at up to limit rows of a project, or of ControlScope, from where an
// earlier step ended. A pass over every project that leaves nothing Waiting and
// nothing Unreadable means that the older keys are not needed any more. It may be
// repeated, and done by several at once.
func (s *Sealing) Reseal(ctx context.Context, scope Scope, from string, now time.Time, limit int) (ResealReport, error) {
	var report ResealReport
	types := slices.DeleteFunc(Schema().Types, func(t graph.Type) bool { return !slices.Contains(t.Secret, "sealed") })
	number, after, _ := strings.Cut(from, ".")
	at, err := strconv.Atoi(number)
	if from != "" && (err != nil || at < 0 || at >= len(types)) {
		return report, fmt.Errorf("%w: not a place in a pass", ErrInvalidArgument)
	}
	page, err := s.repo.List(ctx, scope, graph.Query{Type: types[at].ID, Limit: min(limit, graph.MaxLimit), After: after})
	if err != nil {
		return report, err
	}
	for _, n := range page.Nodes {
		if err := s.row(ctx, scope, types[at], n, now, &report); err != nil {
			return report, err
		}
	}
	switch {
	case page.Next != "":
		report.Next = strconv.Itoa(at) + "." + page.Next
	case at+1 < len(types):
		report.Next = strconv.Itoa(at+1) + "."
	}
	return report, nil
}

// row re-seals every value of a row that an older key sealed.
func (s *Sealing) row(ctx context.Context, scope Scope, t graph.Type, n graph.Node, now time.Time, report *ResealReport) error {
	var data any
	if json.Unmarshal(n.Data, &data) != nil {
		report.Unreadable = append(report.Unreadable, SealedRow{t.Name, n.ID})
		return nil
	}
	next, done := n.Data, 0
	for _, text := range sealedIn(data, nil) {
		envelope, err := base64.StdEncoding.DecodeString(text)
		if err == nil && s.keys.sealedWithFirst(envelope) {
			continue
		}
		plain, place, ok := s.open(scope, t, n, envelope)
		if err != nil || !ok {
			report.Unreadable = append(report.Unreadable, SealedRow{t.Name, n.ID})
			return nil
		}
		fresh := base64.StdEncoding.EncodeToString(s.keys.Seal(plain, place...))
		next = bytes.ReplaceAll(next, []byte(`"`+text+`"`), []byte(`"`+fresh+`"`))
		done++
	}
	if done == 0 {
		return nil
	}
	if t.ID == typeOutboxMessage { // its sender has read the version that tells how it went
		if m, err := decode[OutboxMessage](n); err == nil && m.Status == OutboxPending && m.Due.After(now) {
			report.Waiting++
			return nil
		}
	}
	n.Data = next
	switch _, err := s.repo.Commit(ctx, scope, graph.Update{Node: n}); {
	case err == nil:
		report.Resealed += done
	case errors.Is(err, ErrConflict):
		report.Waiting++
	case !errors.Is(err, ErrNotFound): // else it is gone
		return err
	}
	return nil
}

// open opens an envelope for the place that rows are sealed for: the project, the
// name of the type, and the row's id, or that of whom it belongs to.
func (s *Sealing) open(scope Scope, t graph.Type, n graph.Node, envelope []byte) (plain []byte, place []string, ok bool) {
	owners := []string{n.ID}
	for _, v := range n.Columns {
		if v.Kind() == graph.Text {
			owners = append(owners, v.Text())
		}
	}
	for _, owner := range owners {
		place = []string{scope.Project(), t.Name, owner}
		if plain, err := s.keys.Open(envelope, place...); err == nil {
			return plain, place, true
		}
	}
	return nil, nil, false
}

// sealedIn returns the values of all members called "sealed", however deep.
func sealedIn(data any, found []string) []string {
	switch data := data.(type) {
	case map[string]any:
		for name, v := range data {
			if text, ok := v.(string); ok && name == "sealed" && text != "" {
				found = append(found, text)
			} else {
				found = sealedIn(v, found)
			}
		}
	case []any:
		for _, v := range data {
			found = sealedIn(v, found)
		}
	}
	return found
}

// sealedWithFirst says whether the key that seals now has sealed an envelope.
func (r *Keyring) sealedWithFirst(envelope []byte) bool {
	id := r.ids[0]
	return len(envelope) > len(id) && int(envelope[0]) == len(id) && string(envelope[1:1+len(id)]) == id
}
