package op

import (
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/elloloop/identity/storage"
)

// answerDone answers a request that needs nothing any more. What else has to be
// committed with the answer comes in also.
func (op *Provider) answerDone(w http.ResponseWriter, r *http.Request, p *storage.Project, ar *storage.AuthorizationRequest, also ...storage.Change) {
	fields, err := op.issueAnswer(r, p, ar, also)
	switch {
	case errors.Is(err, storage.ErrNotFound): // the session ended meanwhile
		err = ErrLoginRequired.Say("the session has ended: sign in again").Because(err)
	case errors.Is(err, storage.ErrConsumed): // the same request, answered by a faster click
		op.showExpired(w, r, p, ar.UILocales)
		return
	}
	if err != nil {
		op.answerError(w, r, p, ar, err)
		return
	}
	op.answer(w, r, p, ar, fields)
}

func (op *Provider) issueAnswer(r *http.Request, p *storage.Project, ar *storage.AuthorizationRequest, also []storage.Change) ([]Field, error) {
	if err := op.isHinted(r.Context(), p, ar); err != nil {
		return nil, err
	}
	if throughBrowser(ar.ResponseType) {
		return op.issueThroughBrowser(r, p, ar, also)
	}
	code, row := op.newCode(p, ar)
	err := op.store.AuthorizationCodes.Issue(r.Context(), p.Scope(), row, also...)
	return []Field{{"code", code}}, err
}

func (op *Provider) newCode(p *storage.Project, ar *storage.AuthorizationRequest) (string, *storage.AuthorizationCode) {
	code := storage.NewSecret() // 256 bits; RFC 6749 §10.10 wants at least 128
	return code, &storage.AuthorizationCode{
		ID: storage.NewID(), CodeHash: storage.DigestOf(code), GrantID: storage.NewID(),
		ClientID: ar.ClientID, RedirectURI: ar.RedirectURI, CodeChallenge: ar.CodeChallenge,
		UserID: ar.Subject, SessionID: ar.SessionID, Scope: ar.Scope, Nonce: ar.Nonce, Claims: ar.Claims,
		AuthTime: ar.AuthTime, AMR: ar.AMR, ACR: ar.ACR,
		ExpiresAt: op.now().Add(p.AuthorizationCodeTTL),
	}
}

// issueThroughBrowser makes the tokens of the implicit and hybrid flows (OIDC Core
// §3.2, §3.3). They hang under a grant like all others: it ends them with the
// session, and tells at logout which clients know of it. A code that comes with
// them leads to the same grant.
func (op *Provider) issueThroughBrowser(r *http.Request, p *storage.Project, ar *storage.AuthorizationRequest, also []storage.Change) ([]Field, error) {
	ctx, now := r.Context(), op.now()
	client, err := op.activeClient(ctx, p, ar.ClientID)
	if err != nil {
		return nil, err
	}
	user, err := op.activeUser(ctx, p, ar.Subject)
	if err != nil {
		return nil, err
	}
	code, row := op.newCode(p, ar)
	g := &storage.Grant{
		ID: row.GrantID, UserID: ar.Subject, ClientID: ar.ClientID, SessionID: ar.SessionID,
		Offline: slices.Contains(ar.Scope, scopeOfflineAccess), Scope: ar.Scope, Claims: ar.Claims,
		AuthTime: ar.AuthTime, AMR: ar.AMR, ACR: ar.ACR,
		ExpiresAt: now.Add(max(p.AccessTokenTTL, p.IDTokenTTL, p.AuthorizationCodeTTL)),
	}
	if err := op.nameSubject(ctx, p, client, g); err != nil {
		return nil, err
	}
	front := &frontChannel{responseType: ar.ResponseType, state: ar.State}
	var fields []Field
	if returns(ar.ResponseType, "code") {
		front.code, row.Granted = code, true
		fields = append(fields, Field{"code", code})
		also = append(also, op.store.AuthorizationCodes.Add(row))
	}
	out, err := op.issue(ctx, p, issuance{client: client, grant: g, user: user, scope: ar.Scope, nonce: ar.Nonce, front: front})
	if err != nil {
		return nil, err
	}
	also = append(also, op.grantCreated(r, g))
	if c, wants := sessionClient(client); wants && out.response.IDToken != "" {
		also = append(also, op.store.Sessions.Visit(g.SessionID, c))
	}
	if err := op.store.Grants.Start(ctx, p.Scope(), g, append(also, out.changes...)...); err != nil {
		return nil, err
	}
	op.keepClient(ctx, p, client)
	return append(fields, out.response.fields(ar.ScopeNarrowed)...), nil
}

// fields are the parameters of a response through the browser (RFC 6749 §4.2.2,
// OIDC Core §3.2.2.5). The scope is told where it is not the one that was asked for.
func (t TokenResponse) fields(withScope bool) []Field {
	var fields []Field
	if t.AccessToken != "" {
		fields = []Field{{"access_token", t.AccessToken}, {"token_type", t.TokenType}, {"expires_in", strconv.FormatUint(t.ExpiresIn, 10)}}
		if withScope {
			fields = append(fields, Field{"scope", joinScope(t.Scope)})
		}
	}
	if t.IDToken != "" {
		fields = append(fields, Field{"id_token", t.IDToken})
	}
	return fields
}

// grantCreated is the event of a new grant.
func (op *Provider) grantCreated(r *http.Request, g *storage.Grant) storage.Change {
	return op.store.AuditEvents.Append(storage.AuditEvent{
		At: op.now(), Action: "grant.created", Outcome: "success", Actor: "client:" + g.ClientID, Target: g.ID,
		ClientID: g.ClientID, SessionID: g.SessionID, Details: map[string]string{"user_id": g.UserID, "scope": joinScope(g.Scope)},
		Origin: OriginOf(r),
	})
}
