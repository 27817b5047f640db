package upstream

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/oauth2"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
)

// journeyLife is how long a person may take at the provider.
const journeyLife = 15 * time.Minute

// Depart implements flows.Detour.
func (f *Flow) Depart(ctx context.Context, in *flows.Interaction, choice string) (string, error) {
	p, err := f.provider(ctx, in.Project, choice)
	if err != nil {
		return "", err
	}
	again := in.Reauthenticates() || in.Prompts("login")
	return f.depart(ctx, in, p, &storage.ProviderState{RequestID: in.Request.ID}, again)
}

// depart stores a journey and returns the authorization request that begins it.
func (f *Flow) depart(ctx context.Context, in *flows.Interaction, p *storage.Provider, st *storage.ProviderState, again bool) (string, error) {
	endpoint, err := f.endpoints(ctx, p)
	if err != nil {
		return "", f.down(in, p, err)
	}
	state, j := storage.NewSecret(), storage.Journey{Nonce: storage.NewSecret(), CodeVerifier: oauth2.GenerateVerifier()}
	st.ID, st.StateHash, st.Provider = storage.NewID(), storage.DigestOf(state), p.ID
	st.ExpiresAt = in.Now.Add(journeyLife)
	if err := f.config.States.Begin(ctx, in.Project.Scope(), st, j); err != nil {
		return "", err
	}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(j.CodeVerifier)} // RFC 7636 §4.3
	if openid(p) {
		options = append(options, oauth2.SetAuthURLParam("nonce", j.Nonce)) // OIDC Core §3.1.2.1
	}
	preset := f.config.Presets[p.Kind]
	for name := range preset.Query {
		options = append(options, oauth2.SetAuthURLParam(name, preset.Query.Get(name)))
	}
	if again && preset.Prompt != "" {
		options = append(options, oauth2.SetAuthURLParam("prompt", preset.Prompt))
		if preset.Prompt == "login" {
			options = append(options, oauth2.SetAuthURLParam("max_age", strconv.Itoa(0)))
		}
	}
	return f.client(in.Project, p, endpoint, "").AuthCodeURL(state, options...), nil
}

// client is what we are to a provider.
func (f *Flow) client(pr *storage.Project, p *storage.Provider, e oauth2.Endpoint, secret string) *oauth2.Config {
	e.AuthStyle = authStyle(p)
	return &oauth2.Config{
		ClientID: p.ClientID, ClientSecret: secret, Endpoint: e, Scopes: p.Scopes,
		RedirectURL: flows.ArrivalURL(pr, f.ID(), p.ID),
	}
}

// endpoints are those of the settings, else those that discovery tells.
func (f *Flow) endpoints(ctx context.Context, p *storage.Provider) (oauth2.Endpoint, error) {
	e := oauth2.Endpoint{AuthURL: p.AuthorizationEndpoint, TokenURL: p.TokenEndpoint}
	if !openid(p) {
		return e, nil
	}
	d, err := f.discover(ctx, p)
	if err != nil {
		return e, err
	}
	if e.AuthURL == "" {
		e.AuthURL = d.AuthorizationEndpoint
	}
	if e.TokenURL == "" {
		e.TokenURL = d.TokenEndpoint
	}
	return e, nil
}

// Await implements flows.Detour. An answer at another provider's URL is none's
// (RFC 9700 §4.4.2).
func (f *Flow) Await(ctx context.Context, p *storage.Project, choice string, answer url.Values) (*storage.ProviderState, error) {
	state := answer["state"]
	if len(state) != 1 || len(state[0]) != 43 {
		return nil, storage.ErrNotFound
	}
	st, err := f.config.States.Find(ctx, p.Scope(), storage.DigestOf(state[0]))
	if err != nil {
		return nil, err
	}
	if st.Provider != choice {
		return nil, storage.ErrNotFound
	}
	return st, nil
}

// Forward implements flows.Detour: of what Apple posts, the name stays here.
func (f *Flow) Forward(ctx context.Context, p *storage.Project, choice string, answer url.Values) (url.Values, error) {
	st, err := f.Await(ctx, p, choice, answer)
	if err != nil {
		return nil, err
	}
	if name := appleName(answer.Get("user")); name != "" && st.Name == "" {
		if err := f.config.States.Name(ctx, p.Scope(), st, name); err != nil {
			return nil, err
		}
	}
	query := url.Values{}
	for _, name := range []string{"state", "code", "iss", "error"} {
		if v, ok := answer[name]; ok {
			query[name] = v
		}
	}
	return query, nil
}
