package flows

import (
	"context"
	"slices"
	"strings"

	"github.com/elloloop/identity/storage"
)

// next returns the first flow that is needed, nil when none is. This loop is the
// only order that there is.
func (e *Engine) next(ctx context.Context, in *Interaction) (Flow, error) {
	if err := in.govern(ctx); err != nil {
		return nil, err
	}
	for _, f := range e.Flows {
		needed, err := f.Needed(ctx, in)
		if err != nil {
			return nil, err
		}
		if needed {
			return f, nil
		}
	}
	return nil, nil
}

// offer sets the flows that the person may go to besides.
func (e *Engine) offer(ctx context.Context, in *Interaction) error {
	in.offered = nil
	if err := in.govern(ctx); err != nil {
		return err
	}
	for _, f := range e.Flows {
		a, ok := f.(Alternative)
		if !ok {
			continue
		}
		offered, err := a.Offered(ctx, in)
		if err != nil {
			return err
		}
		if offered {
			in.offered = append(in.offered, f.ID())
		}
	}
	return nil
}

// choose answers from a session of this browser, if the client takes it and the
// person was not asked yet. It says whether it did.
func (v *visit) choose() bool {
	in := v.in
	req := &in.Request
	if req.Subject != "" || req.Identifier != "" || len(req.Proven) > 0 || req.Denied != "" {
		return false
	}
	// OIDC Core §3.1.2.1; prompt=create: Initiating User Registration §4. No session is
	// fresh under prompt=login.
	for _, p := range []string{"select_account", "create"} {
		if in.Prompts(p) {
			return false
		}
	}
	candidates := slices.Clone(in.Accounts)
	if hint := v.Accounts.Key(req.LoginHint); hint != "" { // prefers, no more
		slices.SortStableFunc(candidates, func(a, b Account) int {
			return named(b, hint) - named(a, hint)
		})
	}
	for _, a := range candidates {
		if v.answers(a) {
			adopt(req, a)
			return true
		}
	}
	return false
}

func named(a Account, key string) int {
	if a.User.EmailKey == key || a.User.UsernameKey == key {
		return 1
	}
	return 0
}

// answers says whether the client takes this session as it is. With an
// id_token_hint it wants this person and nobody else (OIDC Core §3.1.2.1).
func (v *visit) answers(a Account) bool {
	hinted := v.in.Request.HintedSubject
	return (hinted == "" || hinted == a.User.ID) && v.in.Fresh(a)
}

// adopt makes the session the one that answers the request.
func adopt(req *storage.AuthorizationRequest, a Account) {
	req.Subject, req.SessionID = a.User.ID, a.Session.ID
	req.AuthTime, req.AMR = a.Session.AuthTime, slices.Clone(a.Session.AMR)
	req.Methods = a.Session.Methods
	req.ACR = acr(a.Session.AMR, req)
}

// required is what a request that may not show a page lacks.
func required(f Flow) string {
	if s, ok := f.(Silencer); ok {
		return s.Requires()
	}
	return "interaction"
}

// location is where the person goes on with a request.
func (v *visit) location(req *storage.AuthorizationRequest) string {
	switch {
	case req.ReturnTo != "" && req.Denied != "":
		return base(v.project) + AccountPath
	case req.ReturnTo != "" && req.Done:
		return base(v.project) + local(req.ReturnTo)
	case req.Done || req.Denied != "":
		return resumeURL(base(v.project)+v.ResumeURL, req.ID)
	}
	return v.stepURL(req.ID)
}

func (v *visit) stepURL(id string) string {
	return strings.TrimSuffix((&Interaction{base: base(v.project), Request: storage.AuthorizationRequest{ID: id}}).URL(""), "/")
}
