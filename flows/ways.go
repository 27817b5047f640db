package flows

import (
	"context"
	"errors"
	"time"

	"github.com/elloloop/identity/storage"
)

// Ways are the ways into one account, as they were read.
type Ways struct {
	Password bool
	Passkeys int
	Upstream int // other providers that it is linked to
	TOTP     bool

	unchanged []storage.Change
}

// Count is how many ways say who somebody is. The last one is never taken away
// (S3-15): a second factor alone lets nobody in.
func (w Ways) Count() int {
	n := w.Passkeys + w.Upstream
	if w.Password {
		n++
	}
	return n
}

// Unchanged are changes that hold what Count counted against races: two of them
// that would each leave one way can't both be committed.
func (w Ways) Unchanged() []storage.Change { return w.unchanged }

// WaysOf reads the ways into an account.
func WaysOf(ctx context.Context, s *storage.Store, scope storage.Scope, u *storage.User) (Ways, error) {
	var w Ways
	_, err := s.PasswordCredentials.Get(ctx, scope, u.ID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return w, err
	}
	w.Password = err == nil
	keys, err := s.PasskeyCredentials.OfUser(ctx, scope, u.ID)
	if err != nil {
		return w, err
	}
	w.Passkeys = len(keys)
	links, err := s.OAuthIdentities.OfUser(ctx, scope, u.ID)
	if err != nil {
		return w, err
	}
	w.Upstream = len(links)
	w.TOTP, err = s.TOTPCredentials.Has(ctx, scope, u.ID)
	// The account's own row serialises them.
	w.unchanged = []storage.Change{s.Users.Replace(u)}
	return w, err
}

// Recent says whether a session's sign-in is fresh and strong enough to change how
// the account is signed in to (S3-14): not older than the project allows, and of
// two factors where the account has two or a passkey.
func Recent(p *storage.Project, s *storage.Session, w Ways, now time.Time) bool {
	age := p.SignIn.StepUp
	if age == 0 {
		age = 5 * time.Minute
	}
	if now.Sub(s.AuthTime) > age {
		return false
	}
	return !(w.TOTP || w.Passkeys > 0 && !w.Password) || reached(s.AMR, nil) == ACRMultiFactor
}

// TooWeak says that it is not its age that keeps a session from being Recent: who
// has nothing but passkeys, or another provider besides, was let in by one factor.
// To sign in again the same way changes nothing.
func TooWeak(p *storage.Project, s *storage.Session, w Ways, now time.Time) bool {
	alone := Ways{}
	return !w.TOTP && w.Passkeys > 0 && !w.Password && Recent(p, s, alone, now) && !Recent(p, s, w, now)
}

// StepUpRequest is what a page of the account sends to the authorization endpoint
// where Recent says no: prompt=login, and acr_values=mfa where the account has two.
func StepUpRequest(w Ways) (prompt, acrValues string) {
	if w.TOTP {
		return "login", ACRMultiFactor
	}
	return "login", ""
}
