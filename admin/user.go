package admin

import (
	"context"
	"errors"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

// The roles of an account, as they are stored.
const (
	roleAdmin  = "admin"
	roleMember = "member"
	roleGuest  = "guest"
)

// People normalises what finds an account. The error is a sentence.
type People interface {
	Email(typed string) (address, key string, err error)
	Username(typed string) (name, key string, err error)
}

// Passwords makes hashes. An error that is a *PasswordFault is the caller's to mend.
type Passwords interface {
	// Hash judges a new password by the policy of the project, and hashes it.
	Hash(ctx context.Context, p *storage.Project, plain string, personal ...string) (storage.PasswordHash, error)
	// Import takes a hash that another system made.
	Import(encoded string) (storage.PasswordHash, error)
}

// PasswordFault says why a password or a hash is refused.
type PasswordFault struct{ Why string }

func (e *PasswordFault) Error() string { return e.Why }

func (s *Server) userTable() []method {
	return []method{
		rpc(s, "/identity.admin.v1.UserService/CreateUser", s.createUser),
		rpc(s, "/identity.admin.v1.UserService/GetUser", s.getUser),
		rpc(s, "/identity.admin.v1.UserService/ListUsers", s.listUsers),
		rpc(s, "/identity.admin.v1.UserService/UpdateUser", s.updateUser),
		rpc(s, "/identity.admin.v1.UserService/DeleteUser", s.deleteUser),
		rpc(s, "/identity.admin.v1.UserService/SetUserPassword", s.setUserPassword),
		rpc(s, "/identity.admin.v1.UserService/ImportUsers", s.importUsers),
		rpc(s, "/identity.admin.v1.UserService/LookupUsers", s.lookupUsers),
	}
}

func (s *Server) getUser(ctx context.Context, c *call, req *adminv1.GetUserRequest) (*adminv1.GetUserResponse, error) {
	var u *storage.User
	var err error
	var asked string
	switch k := req.GetKey().(type) {
	case *adminv1.GetUserRequest_UserId:
		asked = k.UserId
		u, err = s.Store.Users.Get(ctx, c.scope(), asked)
	case *adminv1.GetUserRequest_Email:
		asked = k.Email
		_, key, bad := s.People.Email(asked)
		if bad != nil {
			return nil, invalid("email", bad.Error())
		}
		u, err = s.Store.Users.ByEmail(ctx, c.scope(), key)
	case *adminv1.GetUserRequest_Username:
		asked = k.Username
		_, key, bad := s.People.Username(asked)
		if bad != nil {
			return nil, invalid("username", bad.Error())
		}
		u, err = s.Store.Users.ByUsername(ctx, c.scope(), key)
	case *adminv1.GetUserRequest_ExternalId:
		asked = k.ExternalId
		u, err = s.Store.UserDirectory.ByExternalID(ctx, c.scope(), asked)
	}
	if errors.Is(err, storage.ErrNotFound) {
		return nil, notFound("user", asked)
	}
	if err != nil {
		return nil, err
	}
	return &adminv1.GetUserResponse{User: userMessage(u)}, nil
}

// user returns an account by its id.
func (s *Server) user(ctx context.Context, c *call, id string) (*storage.User, error) {
	u, err := s.Store.Users.Get(ctx, c.scope(), id)
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrInvalidArgument) {
		return nil, notFound("user", id)
	}
	return u, err
}

func (s *Server) lookupUsers(ctx context.Context, c *call, req *adminv1.LookupUsersRequest) (*adminv1.LookupUsersResponse, error) {
	res := &adminv1.LookupUsersResponse{}
	for _, typed := range req.GetEmails() {
		_, key, err := s.People.Email(typed)
		if err != nil {
			continue // nobody has an address that is none
		}
		u, err := s.Store.Users.ByEmail(ctx, c.scope(), key)
		switch {
		case errors.Is(err, storage.ErrNotFound):
		case err != nil:
			return nil, err
		case u.Status == storage.UserActive:
			res.Users = append(res.Users, &adminv1.FoundUser{Email: typed, UserId: u.ID, Name: u.Name, Picture: u.Picture})
		}
	}
	return res, nil
}

func (s *Server) createUser(ctx context.Context, c *call, req *adminv1.CreateUserRequest) (*adminv1.CreateUserResponse, error) {
	once, err := s.once(c, c.scope(), req.GetIdempotencyKey(), req)
	if err != nil {
		return nil, err
	}
	if was, err := once.before(ctx); err != nil || was != nil {
		return s.created(ctx, c, was, err)
	}
	in := req.GetUser()
	if in.GetId() != "" {
		return nil, invalid("user.id", "is set by the server")
	}
	u := &storage.User{ID: storage.NewSubject(), CreatedOrder: c.now.UnixMicro(), ProfileUpdatedAt: c.now}
	if err := s.fillUser(u, in); err != nil {
		return nil, err
	}
	if err := s.mayMake(ctx, c, nil, u); err != nil {
		return nil, err
	}
	hash, err := s.credential(ctx, c, req.GetPassword(), req.GetPasswordHash(), u)
	if err != nil {
		return nil, err
	}
	changes := []storage.Change{s.Store.Users.Add(u), s.event(c, "user.created", u.ID)}
	if hash != "" {
		changes = append(changes, s.Store.PasswordCredentials.Add(&storage.PasswordCredential{UserID: u.ID, Hash: hash, SetAt: c.now}))
	}
	also, err := once.remember(outcome{ID: u.ID})
	if err != nil {
		return nil, err
	}
	if err := s.Store.Commit(ctx, c.scope(), append(changes, also...)...); err != nil {
		if was, err := once.raced(ctx, err); err != nil || was != nil {
			return s.created(ctx, c, was, err)
		}
		return nil, userTaken(err)
	}
	return s.created(ctx, c, &outcome{ID: u.ID}, nil)
}

func (s *Server) created(ctx context.Context, c *call, was *outcome, err error) (*adminv1.CreateUserResponse, error) {
	if err != nil {
		return nil, err
	}
	u, err := s.user(ctx, c, was.ID)
	if err != nil {
		return nil, err
	}
	return &adminv1.CreateUserResponse{User: userMessage(u)}, nil
}

// credential makes the hash of what a request brings, "" when it brings nothing.
func (s *Server) credential(ctx context.Context, c *call, plain, encoded string, u *storage.User) (storage.PasswordHash, error) {
	field, hash, err := "password", storage.PasswordHash(""), error(nil)
	switch {
	case plain != "":
		hash, err = s.Passwords.Hash(ctx, c.project, plain, u.Email, u.Username, u.Name)
	case encoded != "":
		field = "password_hash"
		hash, err = s.Passwords.Import(encoded)
	}
	var bad *PasswordFault
	if errors.As(err, &bad) {
		return "", invalid(field, bad.Why)
	}
	return hash, err
}

// userTaken names the field that another account has already.
func userTaken(err error) error {
	if !errors.Is(err, storage.ErrAlreadyExists) {
		return err
	}
	switch storage.ClashingKey(err) {
	case "email":
		return taken("user.email", "belongs to another account")
	case "username":
		return taken("user.username", "belongs to another account")
	case "external_id":
		return taken("user.external_id", "belongs to another account")
	}
	return taken("user", "exists already")
}

func (s *Server) updateUser(ctx context.Context, c *call, req *adminv1.UpdateUserRequest) (*adminv1.UpdateUserResponse, error) {
	u, err := s.user(ctx, c, req.GetUser().GetId())
	if err != nil {
		return nil, err
	}
	if err := current(req.GetUser().GetEtag(), u.Version); err != nil {
		return nil, err
	}
	before := userMessage(u)
	after := userMessage(u)
	if err := merge(after, req.GetUser(), req.GetUpdateMask(), userOutput...); err != nil {
		return nil, err
	}
	next := *u
	if err := s.fillUser(&next, after); err != nil {
		return nil, err
	}
	next.ProfileUpdatedAt = c.now
	if err := s.mayMake(ctx, c, u, &next); err != nil {
		return nil, err
	}
	e := s.eventOf(c, "user.updated", u.ID)
	e.Details = map[string]string{"fields": changed(before, userMessage(&next))}
	if next.Status != u.Status {
		if e.Details["fields"] != "status" {
			return nil, invalid("update_mask", "names status and other fields: the status is changed alone")
		}
		err = s.moveUser(ctx, c, u, next.Status)
	} else {
		err = userTaken(s.Store.Commit(ctx, c.scope(), s.Store.Users.Replace(&next), s.Store.AuditEvents.Append(e)))
	}
	if err != nil {
		return nil, err
	}
	if u, err = s.user(ctx, c, u.ID); err != nil {
		return nil, err
	}
	return &adminv1.UpdateUserResponse{User: userMessage(u)}, nil
}

// moveUser changes the status of an account, as far as the statuses allow.
func (s *Server) moveUser(ctx context.Context, c *call, u *storage.User, to storage.UserStatus) error {
	moves, from := s.Store.UserStatuses, u.Status
	e := s.eventOf(c, "user.status_changed", u.ID)
	e.Details = map[string]string{"from": string(from), "to": string(to)}
	event := s.Store.AuditEvents.Append(e)
	var err error
	switch {
	case to == storage.UserDeactivated:
		err = moves.Deactivate(ctx, c.scope(), u, event)
	case to == storage.UserSuspended:
		err = moves.Suspend(ctx, c.scope(), u, event)
	case to == storage.UserPendingDeletion:
		err = moves.RequestDeletion(ctx, c.scope(), u, c.now.Add(c.project.Grace()), event)
	case from == storage.UserPendingDeletion && (u.Deletion == nil || u.Deletion.Before == to):
		err = moves.CancelDeletion(ctx, c.scope(), u, event)
	case to == storage.UserActive && from == storage.UserInvited:
		err = moves.Activate(ctx, c.scope(), u, event)
	case to == storage.UserActive && from != storage.UserPendingDeletion:
		err = moves.Reactivate(ctx, c.scope(), u, event)
	default:
		err = storage.ErrInvalidArgument
	}
	if errors.Is(err, storage.ErrInvalidArgument) {
		return forbidden("user.status", "can't become "+string(to)+" from "+string(from))
	}
	return err
}

func (s *Server) deleteUser(ctx context.Context, c *call, req *adminv1.DeleteUserRequest) (*adminv1.DeleteUserResponse, error) {
	u, err := s.user(ctx, c, req.GetUserId())
	if err != nil {
		return nil, err
	}
	if err := current(req.GetEtag(), u.Version); err != nil {
		return nil, err
	}
	if err := s.mayMake(ctx, c, u, u); err != nil {
		return nil, err
	}
	err = s.Store.Users.Delete(ctx, c.scope(), u.ID, s.event(c, "user.deleted", u.ID))
	return &adminv1.DeleteUserResponse{}, err
}

func (s *Server) setUserPassword(ctx context.Context, c *call, req *adminv1.SetUserPasswordRequest) (*adminv1.SetUserPasswordResponse, error) {
	u, err := s.user(ctx, c, req.GetUserId())
	if err != nil {
		return nil, err
	}
	if err := s.mayMake(ctx, c, u, u); err != nil {
		return nil, err
	}
	hash, err := s.credential(ctx, c, req.GetPassword(), req.GetPasswordHash(), u)
	if err != nil {
		return nil, err
	}
	err = s.Store.PasswordCredentials.Set(ctx, c.scope(), &storage.PasswordCredential{UserID: u.ID, Hash: hash, SetAt: c.now},
		s.event(c, "user.password_set", u.ID))
	return &adminv1.SetUserPasswordResponse{}, err
}

// mayMake refuses a rise of privilege (S5-03): who may write accounts may not for
// that make administrators, nor become one by the password or the address of one.
func (s *Server) mayMake(ctx context.Context, c *call, before, after *storage.User) error {
	touches := func(is func(*storage.User) bool) bool { return before != nil && is(before) || is(after) }
	if touches(isPlatformAdmin) {
		if !c.caller.Control || !c.caller.has(scopeAdmin) {
			s.remember(ctx, c, after.ID, "platform_admin")
			return insufficient(scopeControl)
		}
		if c.project.ID != s.ControlProject {
			return invalid("user.platform_admin", "is for accounts of the project "+s.ControlProject)
		}
	}
	if touches(func(u *storage.User) bool { return u.Role == roleAdmin }) && !c.caller.has(scopeAdmin) {
		s.remember(ctx, c, after.ID, "role_admin")
		return insufficient(scopeAdmin)
	}
	return nil
}
