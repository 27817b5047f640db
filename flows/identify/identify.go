// Package identify asks a person who they are.
package identify

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/templates"
)

// Config configures the flow. Its zero value asks for the identifier alone.
type Config struct {
	// With is the flow that is asked on the same page, such as the password's,
	// unless the project wants the identifier first. nil: none.
	With flows.Flow
	// Passkey returns what the page asks the browser for, nil for nothing. nil: no
	// passkeys.
	Passkey func(ctx context.Context, in *flows.Interaction) (*templates.Passkey, error)
	// Providers lists the services that people may sign in with instead. nil: none.
	Providers func(context.Context, *flows.Interaction) ([]templates.ProviderButton, error)
	// Register and Choose are the ids of the flows that the page links to, when
	// they are offered. "": none.
	Register, Choose string
	// Others are more of them, for people who sign in without the password of the
	// same page.
	Others []string
	// Device is the id of the flow that signs in with another device. "": none.
	Device string
}

// Flow is the first page: who is it?
type Flow struct{ config Config }

var (
	_ flows.Flow        = (*Flow)(nil)
	_ flows.Alternative = (*Flow)(nil)
	_ flows.Silencer    = (*Flow)(nil)
)

// New makes the flow.
func New(c Config) *Flow { return &Flow{c} }

// ID implements flows.Flow.
func (*Flow) ID() string { return "identify" }

// Requires implements flows.Silencer.
func (*Flow) Requires() string { return "login" }

// Needed implements flows.Flow.
func (*Flow) Needed(_ context.Context, in *flows.Interaction) (bool, error) {
	return in.Request.Subject == "" && in.Request.Identifier == "", nil
}

// Offered implements flows.Alternative: back to the identifier, until somebody
// has proven who they are.
func (*Flow) Offered(_ context.Context, in *flows.Interaction) (bool, error) {
	return in.Request.Subject == "", nil
}

// View implements flows.Flow.
func (f *Flow) View(ctx context.Context, in *flows.Interaction) (any, error) {
	v := templates.IdentifyView{
		Identifier:     in.Request.Identifier,
		WithPassword:   f.with(in),
		Reauthenticate: in.Reauthenticates(),
		RegisterURL:    in.Offered(f.config.Register),
		ChooseURL:      in.Offered(f.config.Choose),
		DeviceURL:      in.Offered(f.config.Device),
	}
	if v.WithPassword {
		v.Others = in.Others(f.config.Others)
	}
	if f.config.Providers != nil {
		var err error
		if v.Providers, err = f.config.Providers(ctx, in); err != nil {
			return nil, err
		}
	}
	if v.Reauthenticate { // somebody who is signed in has an account
		v.RegisterURL = ""
	}
	if f.config.Passkey != nil {
		var err error
		if v.Passkey, err = f.config.Passkey(ctx, in); err != nil {
			return nil, err
		}
	}
	switch {
	case in.Form != nil:
		v.Identifier = clean(in.Form.Get("identifier"))
	case v.Identifier != "":
	case in.Request.LoginHint != "": // OIDC Core §3.1.2.1
		v.Identifier = clean(in.Request.LoginHint)
	case v.Reauthenticate:
		v.Identifier = flows.Label(in.Accounts[0].User)
	}
	return v, nil
}

// Submit implements flows.Flow. It says nothing about whether the account exists
// (S3-01): any identifier goes on to the next step.
func (f *Flow) Submit(ctx context.Context, in *flows.Interaction, form url.Values) (flows.Proof, error) {
	typed := strings.TrimSpace(form.Get("identifier"))
	switch {
	case typed == "":
		return flows.Proof{}, &flows.Problem{Message: "problem.identifier_missing", Field: "identifier"}
	case clean(typed) != typed:
		return flows.Proof{}, &flows.Problem{Message: "problem.identifier_invalid", Field: "identifier"}
	}
	with := f.with(in)
	if with { // the organisation of the address may want another way
		var err error
		if with, err = in.FirstFor(ctx, f.config.With.ID(), typed); err != nil {
			return flows.Proof{}, err
		}
	}
	if !with {
		return flows.Proof{Identifier: typed}, nil
	}
	together := *in
	together.Request.Identifier = typed
	proof, err := f.config.With.Submit(ctx, &together, form)
	if err != nil {
		return flows.Proof{}, err
	}
	if proof.Subject == "" {
		return flows.Proof{}, errors.New("identify: the flow on the same page proved nobody")
	}
	proof.Identifier, proof.By = typed, []string{f.config.With.ID()}
	return proof, nil
}

func (f *Flow) with(in *flows.Interaction) bool {
	return f.config.With != nil && !in.Project.IdentifierFirst && in.Project.PasswordEnabled && in.First(f.config.With.ID())
}

// clean returns s, or "" if it can't be an identifier.
func clean(s string) string {
	if len(s) > flows.MaxIdentifier || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return ""
	}
	return s
}
