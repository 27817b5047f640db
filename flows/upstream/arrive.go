package upstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
)

// Arrive implements flows.Detour. The journey ends before anything else: whatever
// comes of it, this state is not taken again (S3-16).
func (f *Flow) Arrive(ctx context.Context, in *flows.Interaction, st *storage.ProviderState, answer url.Values) (flows.Proof, error) {
	if err := f.config.States.End(ctx, in.Project.Scope(), st.ID); err != nil {
		return flows.Proof{}, err
	}
	p, err := f.provider(ctx, in.Project, st.Provider)
	if err != nil {
		return flows.Proof{}, err
	}
	code, err := f.code(ctx, in, p, answer)
	if err != nil {
		return flows.Proof{}, err
	}
	who, err := f.exchange(ctx, in.Project, p, st, code)
	if err != nil {
		return flows.Proof{}, f.down(in, p, err)
	}
	if who.name == "" {
		who.name = st.Name
	}
	if st.UserID != "" {
		return f.attach(ctx, in, p, st.UserID, who)
	}
	return f.signIn(ctx, in, p, who)
}

// code returns the authorization code of an answer that is this provider's.
func (f *Flow) code(ctx context.Context, in *flows.Interaction, p *storage.Provider, answer url.Values) (string, error) {
	for _, name := range []string{"code", "iss", "error"} {
		if len(answer[name]) > 1 { // RFC 6749 §3.1
			return "", f.down(in, p, refusedAnswer("repeated_"+name))
		}
	}
	if err := f.checkIss(ctx, p, answer); err != nil {
		return "", f.down(in, p, err)
	}
	switch code := answer.Get("error"); {
	case code == "access_denied", code == "user_cancelled_authorize", code == "user_cancelled_login":
		return "", &flows.Problem{Message: "problem.upstream_cancelled", Data: map[string]any{"Name": p.Name}}
	case code != "":
		return "", f.down(in, p, refusedAnswer("error_answer")) // its words are a stranger's: anybody can write this URL
	case answer.Get("code") == "":
		return "", f.down(in, p, refusedAnswer("no_code"))
	}
	return answer.Get("code"), nil
}

// checkIss keeps the answer of one provider from being taken for another's
// (RFC 9207 §2.4): where there is an iss it is this provider's, and where the
// provider says that there is one there is.
func (f *Flow) checkIss(ctx context.Context, p *storage.Provider, answer url.Values) error {
	iss, sent := answer["iss"]
	if !openid(p) {
		if sent && iss[0] != p.Issuer {
			return refusedAnswer("wrong_iss")
		}
		return nil
	}
	d, err := f.discover(ctx, p)
	switch {
	case err != nil:
		return err
	case !sent && d.IssParameter:
		return refusedAnswer("no_iss")
	case sent && iss[0] != d.Issuer && !ofTenant(p, d, iss[0]):
		return refusedAnswer("wrong_iss")
	}
	return nil
}

// exchange sends the code to the provider and returns who it says it is.
func (f *Flow) exchange(ctx context.Context, pr *storage.Project, p *storage.Provider, st *storage.ProviderState, code string) (*person, error) {
	endpoint, err := f.endpoints(ctx, p)
	if err != nil {
		return nil, err
	}
	secret, err := f.secret(pr, p)
	if err != nil {
		return nil, err
	}
	j, err := f.config.States.Journey(pr.Scope(), st)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, f.http), patience)
	defer cancel()
	token, err := f.client(pr, p, endpoint, secret).Exchange(ctx, code, oauth2.VerifierOption(j.CodeVerifier))
	if err != nil {
		return nil, withoutWords(err)
	}
	var who *person
	if openid(p) {
		who, err = f.fromIDToken(ctx, p, token, j.Nonce)
	} else {
		who, err = f.fromUserinfo(ctx, p, token.AccessToken)
	}
	if err != nil {
		return nil, err
	}
	if p.KeepTokens {
		who.kept, err = json.Marshal(token)
	}
	return who, err
}

// withoutWords keeps what the provider wrote out of our log: it may be the code.
func withoutWords(err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		status := 0
		if refused.Response != nil {
			status = refused.Response.StatusCode
		}
		return fmt.Errorf("%w: status %d", refusedAnswer("code_refused"), status)
	}
	return err
}

// refusedAnswer is an answer that is not believed, with the word for it in the
// audit log.
type refusedAnswer string

func (r refusedAnswer) Error() string { return "upstream: refused: " + string(r) }

// down is what the person sees when the provider does not answer as it should:
// they can try again, or take another way. The reason is for the log.
func (f *Flow) down(in *flows.Interaction, p *storage.Provider, err error) error {
	reason, status := "unreachable", http.StatusBadGateway
	var refused refusedAnswer
	switch {
	case errors.As(err, &refused):
		reason, status = string(refused), http.StatusForbidden
	case errors.Is(err, storage.ErrSealed), errors.Is(err, errNoSecret):
		reason = "no_secret"
	case errors.Is(err, errTooLarge):
		reason = "answer_too_large"
	}
	ev := in.Failure("user.sign_in_failed", "upstream_"+reason)
	ev.Details = map[string]string{"provider": p.ID}
	message := "problem.upstream_down"
	if status == http.StatusForbidden {
		message = "problem.upstream_refused"
	}
	return &flows.Problem{Message: message, Data: map[string]any{"Name": p.Name}, Status: status, Events: []storage.AuditEvent{ev}}
}
