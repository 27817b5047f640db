package storage

import (
	"context"
	"slices"
	"time"

	"github.com/elloloop/identity/storage/graph"
)

// UserStatus says what an account may do.
type UserStatus string

// The statuses of an account. Only an active one signs in; signing in while
// deletion is pending cancels the deletion.
const (
	UserActive          UserStatus = "active"
	UserInvited         UserStatus = "invited"
	UserDeactivated     UserStatus = "deactivated"
	UserSuspended       UserStatus = "suspended"
	UserPendingDeletion UserStatus = "pending_deletion"
)

// User is a person's account. The claims are those of OIDC Core §5.1.
type User struct {
	ID   string `json:"-"` // the subject identifier; never used again
	Meta `json:"-"`

	Email       string     `json:"email,omitempty"`        // as typed
	EmailKey    string     `json:"email_key,omitempty"`    // normalised, unique in the project
	Username    string     `json:"username,omitempty"`     // as typed
	UsernameKey string     `json:"username_key,omitempty"` // normalised, unique in the project
	ExternalID  string     `json:"external_id,omitempty"`  // unique in the project when set
	Status      UserStatus `json:"status"`
	Role        string     `json:"role,omitempty"` // admin, member or guest
	// PlatformAdmin: an account of the default project that administers every one.
	PlatformAdmin bool `json:"platform_admin,omitempty"`

	EmailVerified       bool     `json:"email_verified,omitempty"`
	Name                string   `json:"name,omitempty"`
	NameKey             string   `json:"name_key,omitempty"` // Name folded for search: lower case, NFKC
	GivenName           string   `json:"given_name,omitempty"`
	FamilyName          string   `json:"family_name,omitempty"`
	MiddleName          string   `json:"middle_name,omitempty"`
	Nickname            string   `json:"nickname,omitempty"`
	Profile             string   `json:"profile,omitempty"`
	Picture             string   `json:"picture,omitempty"`
	Website             string   `json:"website,omitempty"`
	Gender              string   `json:"gender,omitempty"`
	Birthdate           string   `json:"birthdate,omitempty"` // YYYY-MM-DD, 0000-MM-DD or YYYY
	Zoneinfo            string   `json:"zoneinfo,omitempty"`
	Locale              string   `json:"locale,omitempty"`
	PhoneNumber         string   `json:"phone_number,omitempty"` // E.164
	PhoneNumberVerified bool     `json:"phone_number_verified,omitempty"`
	Address             *Address `json:"address,omitempty"`

	RecoveryEmail string           `json:"recovery_email,omitempty"`
	Quota         map[string]int64 `json:"quota,omitempty"`    // what the account may use at most, by the words of the applications
	Deletion      *PendingDeletion `json:"deletion,omitempty"` // with UserPendingDeletion
	Terms         *TermsAccepted   `json:"terms,omitempty"`
	// GovernedBy is the tenant whose member the account was when its address left the
	// tenant's domains: its login policy holds for as long as they are a member.
	GovernedBy string `json:"governed_by,omitempty"`

	// ProfileUpdatedAt is the updated_at claim.
	ProfileUpdatedAt time.Time `json:"profile_updated_at"`
	CreatedOrder     int64     `json:"created"` // microseconds since 1970; orders lists
}

// PendingDeletion says when an account will be deleted, and what it was before.
type PendingDeletion struct {
	At     time.Time  `json:"at"`
	Before UserStatus `json:"before"`
}

// Address is the address claim (OIDC Core §5.1.1).
type Address struct {
	Formatted     string `json:"formatted,omitempty"`
	StreetAddress string `json:"street_address,omitempty"`
	Locality      string `json:"locality,omitempty"`
	Region        string `json:"region,omitempty"`
	PostalCode    string `json:"postal_code,omitempty"`
	Country       string `json:"country,omitempty"`
}

func (u *User) keys() (string, []graph.Value, time.Time) {
	return u.ID, []graph.Value{
		graph.StringOrNull(u.EmailKey), graph.StringOrNull(u.UsernameKey), graph.StringOrNull(u.ExternalID),
		graph.String(string(u.Status)), graph.Int64(u.CreatedOrder), graph.StringOrNull(u.NameKey), graph.StringOrNull(u.Role),
		graph.StringOrNull(u.phoneKey()),
	}, time.Time{}
}

// phoneKey is the number that finds the account: one that its owner has proven.
func (u *User) phoneKey() string {
	if !u.PhoneNumberVerified {
		return ""
	}
	return u.PhoneNumber
}

func (u *User) restore(n graph.Node) { u.ID, u.Meta = n.ID, meta(n) }

// Users keeps accounts.
type Users struct {
	repo     graph.Repository
	sessions *Sessions
}

// Add returns the change that stores a new account. The commit gets
// ErrAlreadyExists when the mail address, the username or the external id is
// taken in the project.
func (s *Users) Add(u *User) Change {
	u.NameKey = FoldName(u.Name)
	return create(typeUser, u)
}

// Get returns the account with this subject identifier.
func (s *Users) Get(ctx context.Context, scope Scope, id string) (*User, error) {
	return get[User](ctx, s.repo, scope, typeUser, id)
}

// ByEmail returns the account with this normalised mail address.
func (s *Users) ByEmail(ctx context.Context, scope Scope, key string) (*User, error) {
	return lookup[User](ctx, s.repo, scope, typeUser, "email", graph.String(key))
}

// ByUsername returns the account with this normalised username.
func (s *Users) ByUsername(ctx context.Context, scope Scope, key string) (*User, error) {
	return lookup[User](ctx, s.repo, scope, typeUser, "username", graph.String(key))
}

// ByPhone returns up to two accounts whose owners have proven this number (E.164):
// no more are needed to know that it is not one person's alone.
func (s *Users) ByPhone(ctx context.Context, scope Scope, number string) ([]*User, error) {
	l, err := list[User](ctx, s.repo, scope, graph.Query{Type: typeUser, Index: "phone", Equal: []graph.Value{graph.String(number)}, Limit: 2})
	return l.Items, err
}

// Replace returns the change that stores a changed account. The commit gets
// ErrConflict when somebody changed it since it was read.
func (s *Users) Replace(u *User) Change {
	u.NameKey = FoldName(u.Name)
	return update(typeUser, u, u.Version)
}

// Delete removes the account and everything that hangs on it: its credentials,
// sessions, grants (and so its tokens), consents and memberships. Its id is never
// used again. What is committed also comes first: a Replace there holds that nobody
// changed the account since it was read.
func (s *Users) Delete(ctx context.Context, scope Scope, id string, also ...Change) error {
	changes := []Change{remove(typeUser, id), s.sessions.endOf(id)}
	for _, t := range Schema().Types { // so that a new type can't be forgotten
		i := slices.IndexFunc(t.Indexes, func(x graph.Index) bool { return x.Columns[0] == "user_id" })
		if i >= 0 {
			changes = append(changes, removeBy(t.ID, t.Indexes[i].Name, graph.String(id)))
		}
	}
	_, err := commit(ctx, s.repo, scope, slices.Concat(also, changes))
	return err
}

// List returns accounts in the order they were made.
func (s *Users) List(ctx context.Context, scope Scope, p PageRequest) (List[User], error) {
	return list[User](ctx, s.repo, scope, graph.Query{
		Type: typeUser, Index: "created", Limit: p.Limit, After: p.After, Reverse: p.Reverse,
	})
}
