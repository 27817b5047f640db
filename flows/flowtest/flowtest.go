// Package flowtest is the contract that every flow keeps: run it for a new one
// before anything else.
package flowtest

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
)

// State is a flow in a situation.
type State struct {
	Flow flows.Flow
	// In is an interaction in which the flow is to be done now.
	In *flows.Interaction
	// Stored returns all that is stored, but counters: to see what changed.
	Stored func() string
	// Commit stores the changes of a proof.
	Commit func(changes ...storage.Change) error
	// Pass is what passes the step here, where it is not the same each time.
	Pass url.Values
}

// LogValue names the flow alone.
func (s State) LogValue() slog.Value { return slog.StringValue(s.Flow.ID()) }

// Case is what the contract has to know of a flow.
type Case struct {
	// New makes the situation, each time anew.
	New func(t *testing.T) State
	// Offered: the flow is not needed in the situation, only offered.
	Offered bool
	// Pass is what passes the step; Refuse, by name, what does not.
	Pass   url.Values
	Refuse map[string]url.Values
	// Secret is what was typed and must never be shown, logged or audited.
	Secret string
}

// LogValue hides the forms.
func (Case) LogValue() slog.Value { return slog.StringValue("[redacted]") }

func (s State) pass(c Case) url.Values {
	if s.Pass != nil {
		return s.Pass
	}
	return c.Pass
}

// Run holds a flow to the contract.
func Run(t *testing.T, c Case) {
	t.Helper()
	t.Run("ID", func(t *testing.T) { c.id(t) })
	t.Run("Needed", func(t *testing.T) { c.needed(t) })
	t.Run("View", func(t *testing.T) { c.view(t) })
	t.Run("Submit", func(t *testing.T) { c.pass(t) })
	for name, form := range c.Refuse {
		t.Run("Refuse/"+name, func(t *testing.T) { c.refuse(t, form) })
	}
	t.Run("Refuse/nothing", func(t *testing.T) { c.refuse(t, url.Values{}) })
	t.Run("Ended", func(t *testing.T) { c.ended(t) })
}

// id: a word that fits a URL and a file name, and does not change.
func (c Case) id(t *testing.T) {
	s := c.New(t)
	if id := s.Flow.ID(); !regexp.MustCompile(`^[a-z]{2,32}$`).MatchString(id) || id != s.Flow.ID() {
		t.Errorf("id %q", id)
	}
}

// needed: from the stored state alone. Asking changes nothing, and what is in the
// form makes no difference.
func (c Case) needed(t *testing.T) {
	s := c.New(t)
	stored, row := s.Stored(), text(t, s.In.Request)
	for _, form := range []url.Values{nil, c.Pass, {}} {
		s.In.Form = form
		needed, err := s.Flow.Needed(t.Context(), s.In)
		if err != nil || needed == c.Offered {
			t.Errorf("needed %v, %v", needed, err)
		}
	}
	if a, ok := s.Flow.(flows.Alternative); ok {
		if offered, err := a.Offered(t.Context(), s.In); err != nil || c.Offered && !offered {
			t.Errorf("offered %v, %v", offered, err)
		}
	} else if c.Offered {
		t.Error("it can't be offered")
	}
	if s.Stored() != stored || text(t, s.In.Request) != row {
		t.Error("asking changed something")
	}
}

// view: the same each time, as JSON too, without what is secret.
func (c Case) view(t *testing.T) {
	s := c.New(t)
	stored := s.Stored()
	forms := []url.Values{nil, {}, c.Pass}
	for _, f := range c.Refuse {
		forms = append(forms, f)
	}
	for _, form := range forms {
		s.In.Form = form
		v, err := s.Flow.View(t.Context(), s.In)
		if err != nil || v == nil {
			t.Fatalf("%v, %v", v, err)
		}
		again, _ := s.Flow.View(t.Context(), s.In)
		if text(t, v) != text(t, again) {
			t.Errorf("two views differ: %s and %s", text(t, v), text(t, again))
		}
		c.silent(t, text(t, v))
	}
	if s.Stored() != stored {
		t.Error("looking changed something")
	}
}

// pass: Submit itself stores nothing; what it proved is in the proof, and after
// it the flow is not needed any more.
func (c Case) pass(t *testing.T) {
	s := c.New(t)
	stored := s.Stored()
	proof, err := s.Flow.Submit(t.Context(), s.In, s.pass(c))
	if err != nil {
		t.Fatal(err)
	}
	if s.Stored() != stored {
		t.Error("Submit stored something itself")
	}
	c.events(t, proof.Events, "success")
	if proof.Subject != "" && len(proof.AMR) == 0 {
		t.Error("a subject without the methods that proved it (RFC 8176)")
	}
	if proof.NewUser != nil && (proof.NewUser.ID != proof.Subject || proof.Taken == nil) {
		t.Error("a new account that is not the subject, or without an answer where it clashes")
	}
	if proof.NewUser == nil {
		if err := s.Commit(proof.Changes...); err != nil {
			t.Fatalf("its changes: %v", err)
		}
	}
	if proof.Sent != "" { // the step goes on, with what was sent
		return
	}
	req := &s.In.Request
	req.Proven = append(slices.Clone(req.Proven), s.Flow.ID())
	if proof.Identifier != "" {
		req.Identifier = proof.Identifier
	}
	if proof.Subject != "" {
		req.Subject = proof.Subject
	}
	for _, a := range s.In.Accounts {
		if a.Session.ID == proof.SessionID {
			req.Subject = a.User.ID
		}
	}
	req.AMR = append(slices.Clone(req.AMR), proof.AMR...)
	req.ConsentGiven = req.ConsentGiven || proof.Consent
	if needed, err := s.Flow.Needed(t.Context(), s.In); err != nil || needed {
		t.Errorf("still needed after it was passed: %v, %v", needed, err)
	}
}

// refuse: what the person can mend is a problem with a sentence; nothing is
// stored.
func (c Case) refuse(t *testing.T, form url.Values) {
	s := c.New(t)
	stored, row := s.Stored(), text(t, s.In.Request)
	proof, err := s.Flow.Submit(t.Context(), s.In, form)
	var problem *flows.Problem
	if !errors.As(err, &problem) {
		t.Fatalf("%+v, %v: want a Problem", proof, err)
	}
	if !strings.HasPrefix(problem.Message, "problem.") || problem.Status != 0 && problem.Status < 400 {
		t.Errorf("message %q, status %d", problem.Message, problem.Status)
	}
	c.events(t, problem.Events, "failure")
	c.silent(t, text(t, problem.Data)+err.Error())
	if s.Stored() != stored || text(t, s.In.Request) != row {
		t.Error("a refused step changed something")
	}
}

// ended: when the person's browser has gone away nothing is proven.
func (c Case) ended(t *testing.T) {
	s := c.New(t)
	stored := s.Stored()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if proof, err := s.Flow.Submit(ctx, s.In, s.pass(c)); err == nil && len(proof.Changes) > 0 {
		if err := s.Commit(proof.Changes...); err != nil {
			t.Logf("its changes: %v", err)
		}
		return // what needs no database may be proven
	}
	if s.Stored() != stored {
		t.Error("an ended step changed something")
	}
}

func (c Case) events(t *testing.T, events []storage.AuditEvent, outcome string) {
	t.Helper()
	for _, e := range events {
		if e.Action == "" || e.At.IsZero() || outcome == "failure" && (e.Outcome != "failure" || e.Reason == "") {
			t.Errorf("event %+v", e)
		}
		c.silent(t, text(t, e))
	}
}

func (c Case) silent(t *testing.T, shown string) {
	t.Helper()
	if c.Secret != "" && strings.Contains(shown, c.Secret) {
		t.Errorf("the secret is shown: %s", shown)
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// NoLimits lets every attempt pass.
type NoLimits struct{}

// Login implements flows.Limits.
func (NoLimits) Login(context.Context, string, string, time.Time) ([]storage.Change, error) {
	return nil, nil
}

// Second implements flows.Limits.
func (NoLimits) Second(context.Context, string) ([]storage.Change, error) { return nil, nil }

// Signup implements flows.Limits.
func (NoLimits) Signup(context.Context) error { return nil }

// Send implements flows.Limits.
func (NoLimits) Send(context.Context, flows.Message) error { return nil }

// Guess implements flows.Limits.
func (NoLimits) Guess(context.Context, string, string, int, time.Duration) ([]storage.Change, error) {
	return nil, nil
}
