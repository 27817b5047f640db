package flows

import (
	"net/http"
	"slices"
	"strings"

	"github.com/elloloop/identity/storage"
)

// account returns the account of a session of this browser, the zero Account
// when it is none of them.
func (v *visit) account(sid string) Account {
	for _, a := range v.live {
		if a.Session.ID == sid {
			return a
		}
	}
	return Account{}
}

// current makes a session the first one of the browser.
func (v *visit) current(a Account) {
	v.live = slices.Insert(slices.DeleteFunc(v.live, func(b Account) bool { return b.User.ID == a.User.ID }), 0, a)
}

// signIn begins a session, or renews the one that this account has here. The
// browser gets a new secret either way: one that was planted or copied before is
// worth nothing after (S3-13). The sid of a renewed session stays, so that what
// other clients hold under it stays signed in (OIDC Core §2, sid of OIDC
// Front-Channel Logout §3).
func (v *visit) signIn(u *storage.User, row *storage.AuthorizationRequest) []storage.Change {
	s := &storage.Session{ID: storage.NewID(), UserID: u.ID, CreatedOrder: v.now.UnixMicro()}
	action := "session.started"
	for _, a := range v.live {
		if a.User.ID == u.ID {
			renewed := *a.Session
			s, action = &renewed, "session.renewed"
		}
	}
	secret := storage.NewSecret()
	s.SecretHash = storage.DigestOf(secret)
	s.AuthTime, s.LastSeen, s.AMR, s.ACR = row.AuthTime, v.now, row.AMR, reached(row.AMR, nil)
	s.Methods = row.Methods
	s.EndsAt = v.now.Add(v.project.SessionMax)
	s.ExpiresAt = earlier(v.now.Add(v.project.SessionIdle), s.EndsAt)
	s.IP, s.UserAgent = v.origin.IP, v.origin.UserAgent

	var changes []storage.Change
	if action == "session.started" {
		changes = append(changes, v.store.Sessions.Start(s)...)
	} else {
		changes = append(changes, v.store.Sessions.Renew(s))
	}
	changes = append(changes, v.audit(func(ev *storage.AuditEvent) {
		ev.Action, ev.Actor, ev.Target, ev.SessionID = action, u.ID, s.ID, s.ID
	}))
	v.secrets[s.ID] = secret
	v.current(Account{Session: s, User: u})
	row.Subject, row.SessionID = u.ID, s.ID
	for len(v.live) > maxAccounts { // the one that was current longest ago makes room
		last := v.live[len(v.live)-1]
		v.live = v.live[:len(v.live)-1]
		changes = append(changes, v.end(last, "displaced")...)
	}
	return changes
}

// end returns the changes that end a session of this browser.
func (v *visit) end(a Account, reason string) []storage.Change {
	return append(v.store.Sessions.End(a.Session.ID), v.audit(func(ev *storage.AuditEvent) {
		ev.Action, ev.Actor, ev.Target, ev.SessionID = "session.ended", a.User.ID, a.Session.ID, a.Session.ID
		ev.Reason = reason
	}))
}

// keep sends the cookies that say who is signed in now.
func (v *visit) keep(w http.ResponseWriter) {
	secrets := make([]string, 0, len(v.live))
	for _, a := range v.live {
		secrets = append(secrets, v.secrets[a.Session.ID])
	}
	v.jar.set(w, sessionCookie, strings.Join(secrets, "."), 0)
	v.jar.set(w, stateCookie, v.browserState(), 0)
}

// signOut ends these sessions of this browser, with their grants and cookies.
// One that has ended already is no error.
func (v *visit) signOut(w http.ResponseWriter, r *http.Request, sids []string) error {
	var stay []Account
	for _, a := range v.live {
		if !slices.Contains(sids, a.Session.ID) {
			stay = append(stay, a)
			continue
		}
		// One commit each: a session that ended meanwhile must not keep another.
		err := v.store.Commit(r.Context(), v.project.Scope(), v.end(a, "signed_out")...)
		if err != nil && !gone(err) {
			return err
		}
	}
	v.live = stay
	v.keep(w)
	return nil
}

// audit returns the change that appends an event of this visit.
func (v *visit) audit(fill func(*storage.AuditEvent)) storage.Change {
	ev := v.in.Event("")
	fill(&ev)
	return v.store.AuditEvents.Append(ev)
}

// Event begins an audit event of this interaction: its time, its client, where it
// came from. It tells of a success.
func (in *Interaction) Event(action string) storage.AuditEvent {
	return storage.AuditEvent{
		At: in.Now, Action: action, Outcome: "success", ClientID: in.Request.ClientID, Origin: in.Origin,
	}
}

// Failure begins an audit event that tells of a failure.
func (in *Interaction) Failure(action, reason string) storage.AuditEvent {
	ev := in.Event(action)
	ev.Outcome, ev.Reason = "failure", reason
	return ev
}
