package storage

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/elloloop/identity/storage/graph"
)

// SessionClient is a client that is told when a session ends.
type SessionClient struct {
	ClientID     string `json:"client_id"`
	FrontChannel bool   `json:"frontchannel,omitempty"`
	BackChannel  bool   `json:"backchannel,omitempty"`
}

// BackChannelLogout is what one client is told of the end of a session (OIDC
// Back-Channel Logout §2.4). It is the payload of outbox
// messages of the kind OutboxBackchannelLogout, committed with the end of the session.
type BackChannelLogout struct {
	ClientID  string `json:"client_id"`
	SessionID string `json:"sid"`
	UserID    string `json:"user_id"`
}

// Visit returns the change that remembers that a client got an ID token of this
// session and is to be told of its end. When the session has ended already
// nothing is remembered. A commit may have one Visit of a session.
func (s *Sessions) Visit(sid string, c SessionClient) Change {
	return Change{plan: func(ctx context.Context, p *planning) ([]graph.Op, error) {
		v, err := get[Session](ctx, p.repo, p.scope, typeSession, sid)
		if err != nil {
			return nil, unlessGone(err)
		}
		if slices.Contains(v.Clients, c) {
			return nil, nil
		}
		v.Clients = slices.DeleteFunc(v.Clients, func(o SessionClient) bool { return o.ClientID == c.ClientID })
		v.Clients = append(v.Clients, c)
		u := update(typeSession, v, v.Version)
		return []graph.Op{u.op}, u.err
	}}
}

// End returns the changes that end a session and every grant that lives and dies
// with it, and tell its clients. Grants of offline access stay (OIDC Core §11,
// OIDC Back-Channel Logout §2.7). The commit gets ErrNotFound when the session
// has ended before.
func (s *Sessions) End(sid string) []Change {
	return []Change{s.end(sid), removeBy(typeGrant, "session", graph.String(sid))}
}

// EndAll returns the changes that end every session and grant of an account, and
// every code that a grant could still come of, and tell the clients.
func (s *Sessions) EndAll(userID string) []Change {
	user := graph.String(userID)
	return []Change{
		s.endOf(userID), removeBy(typeGrant, "user", user),
		removeBy(typeAuthorizationCode, "user_client", user),
	}
}

// end removes the session as it was read: a client that joins it meanwhile is
// not forgotten.
func (s *Sessions) end(sid string) Change {
	return Change{plan: func(ctx context.Context, p *planning) ([]graph.Op, error) {
		v, err := get[Session](ctx, p.repo, p.scope, typeSession, sid)
		if errors.Is(err, ErrNotFound) {
			return []graph.Op{graph.Delete{Type: typeSession, ID: sid}}, nil
		}
		if err != nil {
			return nil, err
		}
		return s.farewell(p, v)
	}}
}

// endOf removes every session of an account.
func (s *Sessions) endOf(userID string) Change {
	return Change{plan: func(ctx context.Context, p *planning) ([]graph.Op, error) {
		var ops []graph.Op
		page := PageRequest{Limit: graph.MaxLimit}
		for {
			found, err := s.OfUser(ctx, p.scope, userID, page)
			if err != nil {
				return nil, err
			}
			for _, v := range found.Items {
				more, err := s.farewell(p, v)
				if err != nil {
					return nil, err
				}
				ops = append(ops, more...)
			}
			if page.After = found.Next; page.After == "" {
				break
			}
		}
		// One that began since it was listed has no client yet.
		return append(ops, graph.DeleteBy{Type: typeSession, Index: "user", Equal: []graph.Value{graph.String(userID)}}), nil
	}}
}

// farewell removes a session if it is still as it was read, and leaves a message
// for each client that is told behind the browser's back.
func (s *Sessions) farewell(p *planning, v *Session) ([]graph.Op, error) {
	if p.ended[v.ID] {
		return nil, nil
	}
	p.ended[v.ID] = true
	ops := []graph.Op{graph.Delete{Type: typeSession, ID: v.ID, Version: v.Version}}
	for _, c := range v.Clients {
		if !c.BackChannel {
			continue
		}
		payload, err := json.Marshal(BackChannelLogout{ClientID: c.ClientID, SessionID: v.ID, UserID: v.UserID})
		if err != nil {
			return nil, err
		}
		m := s.outbox.Add(p.scope, OutboxBackchannelLogout, payload, v.UpdatedAt) // long ago: due at once
		if m.err != nil {
			return nil, m.err
		}
		ops = append(ops, m.op)
	}
	return ops, nil
}
