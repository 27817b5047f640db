package admin

import (
	"context"
	"errors"
	"strings"

	"connectrpc.com/connect"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

// badPage blames the page token for what a list does not understand: everything
// else was validated (S5-10).
func badPage(err error) error {
	if errors.Is(err, storage.ErrInvalidArgument) {
		return invalid("page_token", "is not the token of a page of this list")
	}
	return err
}

func (s *Server) listUsers(ctx context.Context, c *call, req *adminv1.ListUsersRequest) (*adminv1.ListUsersResponse, error) {
	page, by := pageRequest(req.GetPageSize(), req.GetPageToken(), req.GetOrderBy())
	q := storage.UserQuery{Status: statusOf(req.GetStatus()), Role: roleOf(req.GetRole()), Prefix: strings.TrimSpace(req.GetSearch())}
	if by != "created_at" {
		q.Order = storage.UserOrder(by)
	}
	switch q.Order {
	case "", storage.ByCreated:
		if q.Prefix != "" {
			return nil, invalid("order_by", "has to be email, username or name with search")
		}
	case storage.ByEmail, storage.ByUsername:
		q.Prefix = strings.ToLower(q.Prefix) // as addresses and usernames are normalised
	}
	l, err := s.Store.UserDirectory.Search(ctx, c.scope(), q, page)
	if err != nil {
		return nil, badPage(err)
	}
	res := &adminv1.ListUsersResponse{NextPageToken: l.Next}
	for _, u := range l.Items {
		res.Users = append(res.Users, userMessage(u))
	}
	return res, nil
}

// importUsers makes accounts row by row: a bad row hurts no other.
func (s *Server) importUsers(ctx context.Context, c *call, req *adminv1.ImportUsersRequest) (*adminv1.ImportUsersResponse, error) {
	res := &adminv1.ImportUsersResponse{}
	for i, row := range req.GetUsers() {
		result := &adminv1.ImportResult{Index: int32(i)} //nolint:gosec // at most 500
		res.Results = append(res.Results, result)
		id, err := s.importUser(ctx, c, row, req.GetDryRun())
		if err == nil {
			result.UserId = id
			if id != "" {
				res.Created++
			}
			continue
		}
		var known *connect.Error
		if !errors.As(err, &known) { // the database, not the row
			return nil, err
		}
		res.Failed++
		result.Error, result.ErrorField = known.Message(), fieldOf(known)
	}
	return res, nil
}

func (s *Server) importUser(ctx context.Context, c *call, row *adminv1.ImportedUser, dry bool) (string, error) {
	if err := validate(row); err != nil {
		return "", err
	}
	if row.GetUser().GetId() != "" {
		return "", invalid("user.id", "is set by the server")
	}
	u := &storage.User{ID: storage.NewSubject(), CreatedOrder: c.now.UnixMicro(), ProfileUpdatedAt: c.now}
	if err := s.fillUser(u, row.GetUser()); err != nil {
		return "", err
	}
	if err := s.mayMake(ctx, c, nil, u); err != nil {
		return "", err
	}
	hash, err := s.credential(ctx, c, "", row.GetPasswordHash(), u)
	if err != nil {
		return "", err
	}
	if dry {
		return "", s.free(ctx, c, u)
	}
	changes := []storage.Change{s.Store.Users.Add(u), s.event(c, "user.imported", u.ID)}
	if hash != "" {
		changes = append(changes, s.Store.PasswordCredentials.Add(&storage.PasswordCredential{UserID: u.ID, Hash: hash, SetAt: c.now}))
	}
	if err := s.Store.Commit(ctx, c.scope(), changes...); err != nil {
		return "", userTaken(err)
	}
	return u.ID, nil
}

// free says whether the keys of an account that is not made belong to nobody.
func (s *Server) free(ctx context.Context, c *call, u *storage.User) error {
	for _, k := range []struct {
		field, key string
		find       func(context.Context, storage.Scope, string) (*storage.User, error)
	}{
		{"user.email", u.EmailKey, s.Store.Users.ByEmail},
		{"user.username", u.UsernameKey, s.Store.Users.ByUsername},
		{"user.external_id", u.ExternalID, s.Store.UserDirectory.ByExternalID},
	} {
		if k.key == "" {
			continue
		}
		_, err := k.find(ctx, c.scope(), k.key)
		switch {
		case err == nil:
			return taken(k.field, "belongs to another account")
		case !errors.Is(err, storage.ErrNotFound):
			return err
		}
	}
	return nil
}
