package flows

import (
	"context"
	"slices"
	"time"

	"github.com/elloloop/identity/storage"
)

// SecondFactor is a Flow that proves more of somebody who has proven who they
// are. While one is needed nobody is signed in.
type SecondFactor interface {
	Flow
	// Second says whether it is that now: some flows are a first factor as well.
	Second(in *Interaction) bool
}

// MultiFactor is a Flow that reaches the multi-factor class, alone or after
// another one, where a project has it.
type MultiFactor interface {
	ReachesMultiFactor(p *storage.Project) bool
}

// Policy is the sign-in policy of the request: its client's, over its project's.
// No client takes back that its project, or the tenant at hand, requires a second
// factor.
func (in *Interaction) Policy() storage.SignInPolicy {
	p := in.Request.SignIn.Over(in.Project.SignIn.Policy)
	if in.Login().SecondFactorRequired {
		p.SecondFactor = storage.SecondFactorRequired
	}
	return p
}

// sso is the id of the flow that alone says who somebody is where a project or a
// tenant requires single sign-on.
const sso = "upstream"

// First says whether a flow may say who somebody is. The methods of a project or a
// tenant name these alone: a second factor that is left out there is asked all the
// same.
func (in *Interaction) First(flow string) bool {
	p := in.Policy().First
	return (len(p) == 0 || slices.Contains(p, flow)) && !slices.Contains(in.Project.SignIn.Closed, flow) && allows(in.Login(), flow)
}

// MaySecond says whether a flow may be the second factor.
func (in *Interaction) MaySecond(flow string) bool {
	p := in.Policy().Second
	return len(p) == 0 || slices.Contains(p, flow)
}

// MultiFactor says whether what was proven is of two kinds.
func (in *Interaction) MultiFactor() bool { return reached(in.Request.AMR, nil) == ACRMultiFactor }

// PassedSecond says whether a code of an app, or one that stands in for it, was
// proven: it is not asked for again, also where it is of the same kind as what came
// before it, such as a telephone, and both together are one factor still.
func (in *Interaction) PassedSecond() bool { return slices.Contains(in.Request.AMR, "otp") }

// WantsSecond says whether the person must prove more if they can: they have said
// who they are by one factor, and the policy or the client wants two.
// A second factor that was set at setAt is not asked on a device that remembers
// it, unless the client wants it, or an identity waits to be linked: that is a new
// way into the account, and takes all that the account has (S3-14).
func (in *Interaction) WantsSecond(setAt time.Time) bool {
	if in.Request.Subject == "" || in.MultiFactor() {
		return false
	}
	if in.ClientWantsSecond() || in.Request.Link != nil {
		return true
	}
	return in.Policy().SecondFactor != storage.SecondFactorOff && !in.remembers(setAt)
}

// ClientWantsSecond says whether the request asks for the multi-factor class
// before the other one, or takes nothing less (OIDC Core §3.1.2.1, §5.5.1.1).
func (in *Interaction) ClientWantsSecond() bool {
	req := &in.Request
	return in.InsistsOnSecond() || len(req.ACRValues) > 0 && req.ACRValues[0] == ACRMultiFactor
}

// InsistsOnSecond says whether the client takes nothing less than two factors.
func (in *Interaction) InsistsOnSecond() bool {
	e := in.Request.EssentialACR
	return slices.Contains(e, ACRMultiFactor) && !slices.Contains(e, ACRPassword)
}

// NeedsSetup says whether somebody who has no second factor must set one up.
func (in *Interaction) NeedsSetup() bool {
	return in.Request.Subject != "" && !in.MultiFactor() &&
		(in.Policy().SecondFactor == storage.SecondFactorRequired || in.InsistsOnSecond())
}

// remembers says whether the person wished, on this device and not too long ago,
// that this second factor is not asked again.
func (in *Interaction) remembers(setAt time.Time) bool {
	return in.Project.SignIn.RememberDevice > 0 && in.trust.knows(in.Request.Subject, setAt, in.Request.SetAt, in.Now, in.Project.SignIn.RememberDevice)
}

// MayRemember is for how many days this device may go without a second factor, 0
// when it may not.
func (in *Interaction) MayRemember() int {
	if in.ClientWantsSecond() {
		return 0
	}
	return int(in.Project.SignIn.RememberDevice / (24 * time.Hour))
}

// pending says whether the flow that comes next, nil for none, is a second
// factor: then nobody is signed in yet.
func pending(f Flow, in *Interaction) bool {
	s, ok := f.(SecondFactor)
	return ok && s.Second(in)
}

// FactorsReach returns acr_values_supported (OIDC Discovery §3): the classes that
// these flows reach in a project.
func FactorsReach(all []Flow, project *storage.Project) []string {
	p := project.SignIn.Policy
	for _, f := range all {
		m, ok := f.(MultiFactor)
		may := len(p.Second) == 0 || slices.Contains(p.Second, f.ID()) || slices.Contains(p.First, f.ID())
		if ok && may && m.ReachesMultiFactor(project) {
			return ACRValues()
		}
	}
	return []string{ACRPassword}
}

// methods are the methods that were used, with "mfa" where they are of two kinds
// (RFC 8176 §2).
func methods(amr []string) []string {
	if reached(amr, nil) == ACRMultiFactor && !slices.Contains(amr, "mfa") {
		return append(slices.Clone(amr), "mfa")
	}
	return amr
}

// proves says whether the account that proved itself can still go on: it has not
// ended, neither its password nor anything else of it was changed, and a second
// factor is due. Who has proven its mail address since, or taken a way in away,
// is its owner; what was proven before may be another's doing (S3-06).
func (v *visit) proves(ctx context.Context, req *storage.AuthorizationRequest) (bool, error) {
	u, err := v.store.Users.Get(ctx, v.project.Scope(), req.Subject)
	if gone(err) {
		return false, nil
	}
	if err != nil || !MaySignIn(u) || u.Version != req.ProvenAs {
		return false, err
	}
	setAt, err := v.passwordSetAt(ctx, u.ID)
	if err != nil || !setAt.Equal(req.SetAt) {
		return false, err
	}
	// Where the second factor is gone meanwhile, they begin again.
	f, err := v.next(ctx, v.in)
	return err == nil && pending(f, v.in), err
}

// passwordSetAt is when an account's password was set, zero when it has none.
func (v *visit) passwordSetAt(ctx context.Context, userID string) (time.Time, error) {
	c, err := v.store.PasswordCredentials.Get(ctx, v.project.Scope(), userID)
	switch {
	case gone(err):
		return time.Time{}, nil
	case err != nil:
		return time.Time{}, err
	}
	return c.SetAt, nil
}
