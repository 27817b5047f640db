package passkey

import (
	"context"
	"encoding/json"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
)

// Newcomer makes the first passkey of an account that is not there yet.
type Newcomer struct{ config Config }

// NewNewcomer makes it.
func NewNewcomer(c Config) *Newcomer { return &Newcomer{c} }

// Open says whether an account may begin with a passkey.
func (*Newcomer) Open(in *flows.Interaction) bool {
	return enabled(in.Project) && in.Project.SignIn.PasskeySignup && in.First("passkey")
}

func (n *Newcomer) registration(in *flows.Interaction, u *storage.User) (*Registration, error) {
	who, err := personOf(u, nil)
	if err != nil {
		return nil, err
	}
	bound := in.Request.BrowserHash
	return n.config.registration(in.Project, who, in.Now, in.Request.ID, string(bound[:])), nil
}

// Offer returns the options of the browser's call.
func (n *Newcomer) Offer(ctx context.Context, in *flows.Interaction, u *storage.User) (json.RawMessage, error) {
	r, err := n.registration(in, u)
	if err != nil {
		return nil, err
	}
	return r.Options(ctx)
}

// Add adds to a proof what the browser's answer to the offer proves of the new
// account. A *flows.Problem says that it proves nothing.
func (n *Newcomer) Add(ctx context.Context, in *flows.Interaction, u *storage.User, credential string, proof *flows.Proof) error {
	if credential == "" {
		return &flows.Problem{Message: "problem.passkey_missing"}
	}
	r, err := n.registration(in, u)
	if err != nil {
		return err
	}
	key, changes, reason, err := r.Finish(ctx, credential)
	if err != nil {
		return err
	}
	if reason != "" {
		return refuse(in, "user.registration_failed", u.ID, reason)
	}
	made, err := record(key)
	if err != nil {
		return err
	}
	proof.By = []string{"passkey"}
	proof.AMR = methods(made.Flags.BackupEligible, made.Flags.UserVerified)
	proof.Changes = append(proof.Changes, changes...)
	proof.Events = append(proof.Events, Added(in.Event("passkey.added"), key))
	return nil
}
