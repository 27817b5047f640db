// Package selectaccount lets a person choose among the accounts that are signed
// in on their browser.
package selectaccount

import (
	"context"
	"net/url"
	"slices"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/templates"
)

// Flow is the account chooser (OIDC Core §3.1.2.1, prompt=select_account).
type Flow struct{}

var (
	_ flows.Flow        = Flow{}
	_ flows.Alternative = Flow{}
	_ flows.Silencer    = Flow{}
)

// New makes the flow.
func New() Flow { return Flow{} }

// ID implements flows.Flow.
func (Flow) ID() string { return "selectaccount" }

// Requires implements flows.Silencer.
func (Flow) Requires() string { return "select_account" }

// Needed implements flows.Flow.
func (f Flow) Needed(ctx context.Context, in *flows.Interaction) (bool, error) {
	offered, err := f.Offered(ctx, in)
	return offered && in.Prompts("select_account") && in.Request.Identifier == "" &&
		!slices.Contains(in.Request.Proven, f.ID()), err
}

// Offered implements flows.Alternative.
func (Flow) Offered(_ context.Context, in *flows.Interaction) (bool, error) {
	return in.Request.Subject == "" && len(in.Accounts) > 0, nil
}

// View implements flows.Flow. The values are session ids, which clients know as
// sid: no secrets, and good on this browser alone.
func (Flow) View(_ context.Context, in *flows.Interaction) (any, error) {
	v := templates.SelectAccountView{}
	for i, a := range in.Accounts {
		v.Accounts = append(v.Accounts, templates.AccountChoice{
			Value: a.Session.ID, Name: a.User.Name, Email: flows.Label(a.User), Current: i == 0,
		})
	}
	return v, nil
}

// Submit implements flows.Flow.
func (Flow) Submit(_ context.Context, in *flows.Interaction, form url.Values) (flows.Proof, error) {
	chosen := form.Get("account")
	if chosen == "other" {
		return flows.Proof{}, nil
	}
	for _, a := range in.Accounts {
		if a.Session.ID == chosen {
			return flows.Proof{SessionID: chosen}, nil
		}
	}
	return flows.Proof{}, &flows.Problem{Message: "problem.choose_account"}
}
