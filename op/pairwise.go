package op

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"

	"github.com/elloloop/identity/storage"
)

// pairwiseSecret is the name of the project's key that pairwise subject
// identifiers are made with. It is never rotated: people would become strangers.
const pairwiseSecret = "pairwise_subject"

// subject is who a client is told that an account is (OIDC Core §8). Clients of
// one sector know a person by the same pairwise identifier, others by another;
// without the project's sealed key nobody can tell which belong together.
func (op *Provider) subject(ctx context.Context, p *storage.Project, c *storage.Client, userID string) (string, error) {
	if c.SubjectType != subjectPairwise {
		return userID, nil
	}
	sector, err := sectorOf(c)
	if err != nil {
		return "", err
	}
	key, err := op.rotation.get(ctx, p, pairwiseSecret)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s\x00%s", sector, userID) // a host has no NUL
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), nil
}

// nameSubject puts into a new grant who the client is told that the person is:
// every token under it says the same, whatever becomes of the registration.
func (op *Provider) nameSubject(ctx context.Context, p *storage.Project, c *storage.Client, g *storage.Grant) error {
	sub, err := op.subject(ctx, p, c, g.UserID)
	if err == nil && sub != g.UserID {
		g.Subject = sub
	}
	return err
}

// sectorOf is the sector identifier of a client (OIDC Core §8.1).
func sectorOf(c *storage.Client) (string, error) {
	if c.SectorIdentifierURI != "" {
		if u, err := url.Parse(c.SectorIdentifierURI); err == nil && u.Hostname() != "" {
			return u.Hostname(), nil
		}
	}
	if host, one := redirectHost(c); one {
		return host, nil
	}
	return "", ErrServerError.Because(fmt.Errorf("client %s is pairwise, and has no sector identifier", c.ID))
}

// hintedSubject finds whose account a client means by a subject identifier that
// it was told. A pairwise one can't be turned back: it is compared with those of
// the people who are signed in here, and else with whoever signs in.
func (op *Provider) hintedSubject(a *authorization, sub string) error {
	if a.client.SubjectType != subjectPairwise {
		a.request.HintedSubject = sub
		return nil
	}
	sessions, err := op.interactions.Sessions(a.http, a.project)
	if err != nil {
		return err
	}
	for _, s := range sessions {
		known, err := op.subject(a.ctx, a.project, a.client, s.UserID)
		if err != nil {
			return err
		}
		if known == sub {
			a.request.HintedSubject = s.UserID
			return nil
		}
	}
	a.request.HintedSector = sub
	return nil
}

// isHinted says whether the person who signed in is the one that a pairwise
// client asked for.
func (op *Provider) isHinted(ctx context.Context, p *storage.Project, ar *storage.AuthorizationRequest) error {
	if ar.HintedSector == "" {
		return nil
	}
	c, err := op.activeClient(ctx, p, ar.ClientID)
	if err != nil {
		return err
	}
	sub, err := op.subject(ctx, p, c, ar.Subject)
	if err == nil && sub != ar.HintedSector {
		return deniedError(ErrLoginRequired.Code)
	}
	return err
}
