// Package help lets people who can't get in ask the administrators for help.
package help

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// Config configures the flow. All but Back is required.
type Config struct {
	Mailbox   *flows.Mailbox
	Requests  *storage.HelpRequests
	Directory *storage.UserDirectory
	// Back is the id of the flow for people who want in by themselves after all. "": none.
	Back string
}

// Flow takes an address and a message, whoever has the address, and says the same
// to everybody (S3-01). Nothing of it is proven: who answers makes sure of who it
// is.
type Flow struct{ config Config }

var (
	_ flows.Flow        = (*Flow)(nil)
	_ flows.Alternative = (*Flow)(nil)
)

// New makes the flow.
func New(c Config) *Flow { return &Flow{c} }

// ID implements flows.Flow.
func (*Flow) ID() string { return "help" }

// Needed implements flows.Flow: never, the person asks for it.
func (*Flow) Needed(context.Context, *flows.Interaction) (bool, error) { return false, nil }

// Offered implements flows.Alternative: between two factors, too. Who has lost the
// second one has nobody else to ask.
func (*Flow) Offered(_ context.Context, in *flows.Interaction) (bool, error) {
	return in.Request.SessionID == "" && in.Project.SendsMail() && in.Project.Messages.HelpEnabled, nil
}

// View implements flows.Flow.
func (f *Flow) View(_ context.Context, in *flows.Interaction) (any, error) {
	v := templates.HelpView{BackURL: in.Offered(f.config.Back), SentTo: in.SentTo(f.ID()), Email: flows.Clean(in.Request.Identifier), MaxLength: maxMessage}
	if in.Form != nil {
		v.Email, v.Message, v.SentTo = flows.Clean(in.Form.Get("email")), showable(in.Form.Get("message")), ""
	}
	return v, nil
}

// maxMessage is the longest message, in characters.
const maxMessage = 1000

// showable returns the lines of a message without what can't be shown.
func showable(s string) string {
	if !utf8.ValidString(s) || utf8.RuneCountInString(s) > maxMessage {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' || unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, strings.TrimSpace(s))
}

// Submit implements flows.Flow.
func (f *Flow) Submit(ctx context.Context, in *flows.Interaction, form url.Values) (flows.Proof, error) {
	address, key, err := f.config.Mailbox.Address(form.Get("email"))
	if err != nil {
		return flows.Proof{}, err
	}
	message := showable(form.Get("message"))
	if message == "" {
		return flows.Proof{}, &flows.Problem{Message: "problem.help_message", Field: "message", Data: map[string]any{"Max": maxMessage}}
	}
	settings, scope := &in.Project.Messages, in.Project.Scope()
	// What is asked for an address is no letter to it: its owner's are not fewer (S3-03).
	err = in.Limits.Send(ctx, flows.Message{Kind: "help", To: "help " + key, Limit: settings.RateLimitReset, Cooldown: settings.Cooldown})
	if err != nil {
		return flows.Proof{}, err
	}
	r := &storage.HelpRequest{Email: address, Message: message, Origin: in.Origin, CreatedOrder: in.Now.UnixMicro()}
	u, err := f.config.Mailbox.Users.ByEmail(ctx, scope, key)
	switch {
	case err == nil:
		r.UserID = u.ID
	case !errors.Is(err, storage.ErrNotFound):
		return flows.Proof{}, err
	}
	asked := in.Event("help.asked")
	asked.Target = r.UserID
	proof := flows.Proof{Sent: address, Changes: []storage.Change{f.config.Requests.Ask(r)}, Events: []storage.AuditEvent{asked}}
	admins, err := f.config.Directory.Search(ctx, scope, storage.UserQuery{Role: "admin"}, storage.PageRequest{Limit: maxTold})
	if err != nil {
		return flows.Proof{}, err
	}
	for _, a := range admins.Items {
		if a.Email == "" || !a.EmailVerified || a.Status != storage.UserActive {
			continue
		}
		told, err := f.mayTell(ctx, in, a)
		if err != nil {
			return flows.Proof{}, err
		}
		if !told {
			continue
		}
		letter := storage.Mail{To: a.Email, Name: "help_requested", Data: map[string]any{"Email": address, "Message": message}}
		if a.Locale != "" {
			letter.Locales = []string{a.Locale}
		}
		proof.Changes = append(proof.Changes, f.config.Mailbox.Outbox.Mail(scope, letter, in.Now))
	}
	return proof, nil
}

// mayTell counts the letters to an administrator, apart from those that they ask
// for themselves: of a flood they see the requests, and get few letters (S3-08).
func (f *Flow) mayTell(ctx context.Context, in *flows.Interaction, admin *storage.User) (bool, error) {
	err := in.Limits.Send(ctx, flows.Message{Kind: "help", To: "help told " + admin.EmailKey})
	var full *flows.Problem
	if errors.As(err, &full) {
		return false, nil
	}
	return err == nil, err
}

// maxTold is how many administrators get a letter. All of them see the request.
const maxTold = 5
