package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/elloloop/identity/flows/identifier"
	"github.com/elloloop/identity/storage"
)

func newUserCommand(t *terminal) *cobra.Command {
	cmd := &cobra.Command{Use: "user", Short: "Make and manage accounts"}
	cmd.AddCommand(newUserAdd(t), newUserList(t), newUserSetPassword(t), newUserDelete(t))
	return cmd
}

// passwordFlags are the ways to give a password.
type passwordFlags struct {
	file  string
	stdin bool
}

func (p *passwordFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.file, "password-file", "", "read the password from a file")
	cmd.Flags().BoolVar(&p.stdin, "password-stdin", false, "read the password from standard input")
}

type userFlags struct {
	email, username, name, givenName, familyName, locale, externalID, role, claimsFile string
	emailVerified, hashStdin, noPassword, json                                         bool
	password                                                                           passwordFlags
}

func newUserAdd(t *terminal) *cobra.Command {
	f, s := &userFlags{}, newSettings(t)
	cmd := &cobra.Command{
		Use: "add", Short: "Make an account",
		Example: `  identity user add --email jane@example.com --name "Jane Doe" --password-stdin < password.txt`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.onDatabase(cmd, func(d *database) error { return addUser(cmd.Context(), t, d, s, f) })
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.email, "email", "", "mail address, unique in the project (required)")
	fl.StringVar(&f.username, "username", "", "username, unique in the project")
	fl.StringVar(&f.name, "name", "", "full name")
	fl.StringVar(&f.givenName, "given-name", "", "given name")
	fl.StringVar(&f.familyName, "family-name", "", "family name")
	fl.StringVar(&f.locale, "locale", "", "preferred language, such as de or en-GB")
	fl.StringVar(&f.claimsFile, "claims-file", "", "file with a JSON object of standard claims, such as birthdate, for what no flag says")
	fl.StringVar(&f.externalID, "external-id", "", "id in another system, unique in the project")
	fl.StringVar(&f.role, "role", "member", "admin, member or guest")
	fl.BoolVar(&f.emailVerified, "email-verified", false, "the address is known to be theirs")
	fl.BoolVar(&f.hashStdin, "password-hash-stdin", false, "read a password hash from standard input: PHC or modular crypt format of argon2, bcrypt, scrypt or PBKDF2")
	fl.BoolVar(&f.noPassword, "no-password", false, "make the account without a password")
	fl.BoolVar(&f.json, "json", false, "print JSON")
	f.password.add(cmd)
	s.flags(cmd)
	return cmd
}

func addUser(ctx context.Context, t *terminal, d *database, s *settings, f *userFlags) error {
	u, err := f.user(time.Now().UTC())
	if err != nil {
		return err
	}
	changes := []storage.Change{d.store.Users.Add(u), d.audit("user.created", "operator", u.ID)}
	if !f.noPassword {
		hash, err := f.hash(ctx, t, s, u)
		if err != nil {
			return err
		}
		changes = append(changes, d.store.PasswordCredentials.Add(&storage.PasswordCredential{UserID: u.ID, Hash: hash, SetAt: time.Now().UTC()}))
	}
	err = d.store.Commit(ctx, d.project.Scope(), changes...)
	if errors.Is(err, storage.ErrAlreadyExists) {
		return errors.New("there is an account with this mail address, username or external id already")
	}
	if err != nil {
		return err
	}
	if f.json {
		return t.printJSON(map[string]any{"sub": u.ID, "email": u.Email})
	}
	_, err = fmt.Fprintf(t.stdout, "sub    %s\nemail  %s\n", u.ID, u.Email)
	return err
}

func (f *userFlags) user(now time.Time) (*storage.User, error) {
	address, key, err := identifier.Email(f.email)
	if err != nil {
		return nil, usageError{fmt.Errorf("--email %q: %w", f.email, err)}
	}
	u := &storage.User{
		ID: storage.NewSubject(), Email: address, EmailKey: key, EmailVerified: f.emailVerified, Status: storage.UserActive,
		Role: f.role, Name: f.name, GivenName: f.givenName, FamilyName: f.familyName, Locale: f.locale, ExternalID: f.externalID,
		ProfileUpdatedAt: now, CreatedOrder: now.UnixMicro(),
	}
	if f.claimsFile != "" {
		claims, err := readClaims(f.claimsFile)
		if err != nil {
			return nil, err
		}
		claims.fill(u)
		if f.username == "" {
			f.username = claims.PreferredUsername
		}
	}
	if f.username != "" {
		if u.Username, u.UsernameKey, err = identifier.Username(f.username); err != nil {
			return nil, usageError{fmt.Errorf("--username %q: %w", f.username, err)}
		}
	}
	switch f.role {
	case "admin", "member", "guest":
	default:
		return nil, usageError{fmt.Errorf("--role %q: want admin, member or guest", f.role)}
	}
	return u, nil
}

func (f *userFlags) hash(ctx context.Context, t *terminal, s *settings, u *storage.User) (storage.PasswordHash, error) {
	if f.hashStdin {
		encoded, err := t.readSecret("password hash", "", true)
		if err != nil {
			return "", err
		}
		return s.hasher.importHash(encoded)
	}
	plain, err := t.readSecret("password", f.password.file, f.password.stdin)
	if err != nil {
		return "", err
	}
	return s.newPassword(ctx, plain, u.Email, u.Username, u.Name)
}

// findUser finds an account by its subject identifier, mail address or username.
func (d *database) findUser(ctx context.Context, who string) (*storage.User, error) {
	u, err := d.store.Users.Get(ctx, d.project.Scope(), who)
	if !errors.Is(err, storage.ErrNotFound) {
		return u, err
	}
	if strings.Contains(who, "@") {
		if _, key, err := identifier.Email(who); err == nil {
			u, err = d.store.Users.ByEmail(ctx, d.project.Scope(), key)
			return u, named(err, "user", who)
		}
	} else if _, key, err := identifier.Username(who); err == nil {
		u, err = d.store.Users.ByUsername(ctx, d.project.Scope(), key)
		return u, named(err, "user", who)
	}
	return nil, named(storage.ErrNotFound, "user", who)
}
