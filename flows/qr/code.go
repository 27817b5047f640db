package qr

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/elloloop/identity/storage"
)

// turn is how long a code is good (S3-12).
const turn = time.Minute

// A code has a part that finds what waits, and one that changes with each turn.
// Neither is stored: both are derived from the row's id, by a key of the project.
const (
	findLength = 6
	turnLength = 4
)

// letters are those of Crockford's base 32: none looks like another.
var letters = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// key derives what belongs to one row.
type key []byte

func (c Config) key(ctx context.Context, scope storage.Scope) (key, error) {
	return c.Secrets.Get(ctx, scope, "qr-login")
}

func (k key) derive(purpose string, parts ...string) []byte {
	h := hmac.New(sha256.New, k)
	for _, part := range append([]string{purpose}, parts...) {
		_, _ = fmt.Fprintf(h, "%d:%s", len(part), part) // a hash never fails
	}
	return h.Sum(nil)
}

func (k key) finder(id string) string {
	return letters.EncodeToString(k.derive("find", id))[:findLength]
}

// digest of a finder is what is stored.
func (k key) digest(finder string) (d storage.Digest) {
	copy(d[:], k.derive("digest", finder))
	return d
}

func (k key) code(q *storage.QRLogin, now time.Time) string {
	n := strconv.FormatInt(int64(now.Sub(q.StartedAt)/turn), 10)
	return k.finder(q.ID) + letters.EncodeToString(k.derive("turn", q.ID, n))[:turnLength]
}

// untilTurn is how many seconds the code has left.
func untilTurn(q *storage.QRLogin, now time.Time) int {
	left := min(turn-now.Sub(q.StartedAt)%turn, q.ExpiresAt.Sub(now))
	return max(1, int((left+time.Second-1)/time.Second))
}

// number is what both devices show, and among the choices of the second one.
func (k key) number(q *storage.QRLogin) (number string, choices []string) {
	for i := 0; len(choices) < 3; i++ {
		n := binary.BigEndian.Uint64(k.derive("number", q.ID, strconv.Itoa(i)))%90 + 10
		if text := strconv.FormatUint(n, 10); !slices.Contains(choices, text) {
			choices = append(choices, text)
		}
	}
	number = choices[0]
	slices.Sort(choices)
	return number, choices
}

// shown is a code in two groups.
func shown(code string) string { return code[:len(code)/2] + "-" + code[len(code)/2:] }

// typed is a code as people type it, in the letters that it has.
func typed(s string) string {
	if len(s) > 64 {
		return ""
	}
	return strings.NewReplacer(" ", "", "-", "", "\u00a0", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(strings.TrimSpace(s)))
}

// ticket lets one browser answer one row, after its code was good: whoever has to
// sign in first takes longer than a code lives.
func (k key) ticket(q *storage.QRLogin, bound storage.Digest) string {
	return q.ID + "." + letters.EncodeToString(k.derive("ticket", q.ID, string(bound[:])))[:26]
}

// opened returns the id of a ticket of this browser, "" when it is none.
func (k key) opened(ticket string, bound storage.Digest) string {
	id, _, ok := strings.Cut(ticket, ".")
	if !ok || !hmac.Equal([]byte(ticket), []byte(k.ticket(&storage.QRLogin{ID: id}, bound))) {
		return ""
	}
	return id
}
