// Package logout asks a person whether they want to sign out.
package logout

import (
	"context"
	"net/url"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/templates"
)

// Flow is the sign-out page (OIDC RP-Initiated Logout §2). It belongs to no
// authorization request.
type Flow struct{}

var _ flows.Flow = Flow{}

// New makes the flow.
func New() Flow { return Flow{} }

// ID implements flows.Flow.
func (Flow) ID() string { return "logout" }

// Needed implements flows.Flow: never for an authorization request.
func (Flow) Needed(context.Context, *flows.Interaction) (bool, error) { return false, nil }

// View implements flows.Flow.
func (Flow) View(_ context.Context, in *flows.Interaction) (any, error) {
	v := templates.LogoutView{}
	if len(in.Accounts) > 0 {
		v.Account = flows.Label(in.Accounts[0].User)
	}
	return v, nil
}

// Submit implements flows.Flow. Without a choice of one session, all that the
// browser holds end.
func (Flow) Submit(_ context.Context, in *flows.Interaction, form url.Values) (flows.Proof, error) {
	switch form.Get("decision") {
	case "stay":
		return flows.Proof{Denied: "stay"}, nil
	case "logout":
		only := form.Get("session")
		proof := flows.Proof{}
		for _, a := range in.Accounts {
			if only == "" || only == a.Session.ID {
				proof.SignOut = append(proof.SignOut, a.Session.ID)
			}
		}
		return proof, nil
	}
	return flows.Proof{}, &flows.Problem{Message: "problem.logout_decision_missing"}
}
