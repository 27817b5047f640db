package recoverycode

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strconv"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// Codes is how many codes an account gets.
const Codes = 10

// alphabet has no character that looks like another one of it: 32 of them, so
// that a byte makes one without favour.
const alphabet = "ABCDEFGHJKLMNOPQRSTUVWXYZ2345678"

// codeLength is 60 bits: too many to be guessed, even from a stolen database
// whose pepper is not lost with it.
const codeLength = 12

// Set are ten codes that are offered and not stored yet. They are derived, not
// kept: looking at the page changes nothing, and the same page shows them again.
type Set struct{ codes []string }

// LogValue hides the codes.
func (Set) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// NewSet derives the codes of one offer. key is a secret of the project; occasion
// names the offer and holds something that no outsider can guess and that nobody
// keeps, such as the digest of the cookie that it is bound to.
func NewSet(key []byte, userID string, occasion ...string) Set {
	var s Set
	for i := range Codes {
		h := hmac.New(sha256.New, key)
		for _, part := range append([]string{"recovery code", strconv.Itoa(i), userID}, occasion...) {
			_, _ = fmt.Fprintf(h, "%d:%s", len(part), part) // a hash never fails
		}
		code := h.Sum(nil)[:codeLength]
		for j, b := range code {
			code[j] = alphabet[b%32]
		}
		s.codes = append(s.codes, string(code))
	}
	return s
}

// Shown are the codes as people write them down.
func (s Set) Shown() []string {
	out := make([]string, len(s.codes))
	for i, c := range s.codes {
		out[i] = c[:4] + "-" + c[4:8] + "-" + c[8:]
	}
	return out
}

// Store returns the changes that give an account these codes and no others.
func (c Config) Store(ctx context.Context, scope storage.Scope, userID string, s Set) ([]storage.Change, error) {
	pepper, err := c.pepper(ctx, scope)
	if err != nil {
		return nil, err
	}
	stored := make([]string, len(s.codes))
	for i, code := range s.codes {
		stored[i] = normal(code)
	}
	return c.Codes.Replace(userID, pepper, stored), nil
}

// IssueSecret is the name of the project secret that NewSet takes.
const IssueSecret = "recovery-codes"

// Issue shows somebody who has a second factor their codes, once.
type Issue struct {
	config Config
	after  []string
}

var _ flows.Flow = (*Issue)(nil)

// NewIssue makes the flow, for those who just passed one of these flows.
func NewIssue(c Config, after ...string) *Issue { return &Issue{c, after} }

// ID implements flows.Flow.
func (*Issue) ID() string { return "recoverycodes" }

// Needed implements flows.Flow: for those who proved two factors, now and here,
// and never had codes.
func (f *Issue) Needed(ctx context.Context, in *flows.Interaction) (bool, error) {
	id := in.Request.Subject
	passed := func(flow string) bool { return slices.Contains(in.Request.Proven, flow) }
	if id == "" || !in.MultiFactor() || !slices.ContainsFunc(f.after, passed) || passed(f.ID()) {
		return false, nil
	}
	if to := in.Request.ReturnTo; to != "" && to == f.config.Page {
		return false, nil
	}
	has, err := f.config.Codes.Has(ctx, in.Project.Scope(), id)
	return !has, err
}

func (f *Issue) offer(ctx context.Context, in *flows.Interaction) (Set, error) {
	key, err := f.config.Secrets.Get(ctx, in.Project.Scope(), IssueSecret)
	if err != nil {
		return Set{}, err
	}
	bound := in.Request.BrowserHash // gone with the request
	return NewSet(key, in.Request.Subject, in.Request.ID, string(bound[:])), nil
}

// View implements flows.Flow.
func (f *Issue) View(ctx context.Context, in *flows.Interaction) (any, error) {
	s, err := f.offer(ctx, in)
	if err != nil {
		return nil, err
	}
	return templates.RecoveryCodesView{Codes: s.Shown()}, nil
}

// Submit implements flows.Flow.
func (f *Issue) Submit(ctx context.Context, in *flows.Interaction, form url.Values) (flows.Proof, error) {
	if form.Get("saved") == "" {
		return flows.Proof{}, &flows.Problem{Message: "problem.codes_not_saved", Field: "saved"}
	}
	s, err := f.offer(ctx, in)
	if err != nil {
		return flows.Proof{}, err
	}
	changes, err := f.config.Store(ctx, in.Project.Scope(), in.Request.Subject, s)
	if err != nil {
		return flows.Proof{}, err
	}
	ev := in.Event("recovery_codes.issued")
	ev.Actor, ev.Target = in.Request.Subject, in.Request.Subject
	return flows.Proof{Changes: changes, Events: []storage.AuditEvent{ev}}, nil
}

func count(n int) string { return strconv.Itoa(max(0, n)) }
