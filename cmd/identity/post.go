package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/cmd/identity/inbox"
	"github.com/elloloop/identity/cmd/identity/mail"
	"github.com/elloloop/identity/cmd/identity/outbox"
	"github.com/elloloop/identity/cmd/identity/sms"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// post writes what the outbox holds, in the person's language, and sends it.
type post struct {
	renderer *templates.Renderer
	look     func(context.Context, *storage.Project) *templates.Look // nil: all as the server's
	letters  letterSender                                            // nil: no mail leaves
	texts    textSender                                              // nil: no short message leaves
	inbox    *inbox.Inbox                                            // of a development server, else nil
	now      func() time.Time
}

type letterSender interface {
	Send(ctx context.Context, to, id string, w templates.Written) error
}

type textSender interface {
	Send(ctx context.Context, to, id, text string) error
}

// newPost makes what the settings say. look is how each project's messages look,
// client sends the short ones.
func newPost(c *config.Config, renderer *templates.Renderer, look func(context.Context, *storage.Project) *templates.Look, client sms.Doer) (*post, error) {
	p := &post{renderer: renderer, look: look, now: time.Now}
	if servers := c.Mail.Servers(); len(servers) > 0 {
		sender, err := mail.New(mail.Config{Servers: servers, From: c.Mail.From})
		if err != nil {
			return nil, err
		}
		p.letters = sender
	}
	if c.SMS.Enabled {
		switch c.SMS.Provider {
		case "log": // of a development server: the configuration refuses it elsewhere
			p.texts = &sms.Printer{Out: os.Stderr}
		case "webhook":
			p.texts = &sms.Webhook{URL: c.SMS.URL, Token: c.SMS.Token.Reveal(), HTTP: client}
		case "twilio":
			url := c.SMS.URL
			if url == "" {
				url = "https://api.twilio.com"
			}
			p.texts = &sms.Twilio{URL: url, Account: c.SMS.Account, Token: c.SMS.Token.Reveal(), From: c.SMS.From, HTTP: client}
		}
	}
	return p, nil
}

// toInbox makes everything land in an inbox, and leave too where a server is
// configured. Call it before anything is sent.
func (p *post) toInbox(box *inbox.Inbox) { p.inbox = box }

// sendsMail and sendsSMS say whether a message would reach anybody: what needs
// one is not offered otherwise.
func (p *post) sendsMail() bool { return p.letters != nil || p.inbox != nil }
func (p *post) sendsSMS() bool  { return p.texts != nil || p.inbox != nil }

// lookOf is how the messages of a project look.
func (p *post) lookOf(ctx context.Context, project *storage.Project) *templates.Look {
	if p.look == nil {
		return nil
	}
	return p.look(ctx, project)
}

// givenUp is the failure that trying again does not mend.
func givenUp(reason string) error { return &outbox.Failure{Reason: reason, Permanent: true} }

// mail sends the letter of an outbox message.
func (p *post) mail(ctx context.Context, project *storage.Project, msg outbox.Message) error {
	var m storage.Mail
	if err := json.Unmarshal(msg.Payload, &m); err != nil {
		return givenUp("payload_unreadable")
	}
	if !m.EndsAt.IsZero() && !p.now().Before(m.EndsAt) {
		return givenUp("too_late") // its link or code would not work any more
	}
	w, err := p.renderer.Letter(m.Locales, templates.Letter{
		Name: m.Name, Link: m.Link, Code: m.Code, Data: m.Data, Client: m.Client, Browser: m.Origin["browser"], IP: m.Origin["ip"], Look: p.lookOf(ctx, project),
	})
	if err != nil {
		return givenUp("letter_" + m.Name)
	}
	if p.inbox != nil {
		p.inbox.Put(inbox.Message{Kind: "mail", To: m.To, At: p.now(), Subject: w.Subject, Text: w.Text, HTML: w.HTML, Code: m.Code, Link: m.Link})
	}
	if p.letters == nil {
		if p.inbox != nil {
			return nil
		}
		return &outbox.Failure{Reason: "no_mail_server"}
	}
	err = p.letters.Send(ctx, m.To, msg.ID, w)
	var refused *mail.Refused
	if errors.As(err, &refused) {
		return givenUp(fmt.Sprintf("refused_%d", refused.Code))
	}
	if err != nil {
		return &outbox.Failure{Reason: "no_server_takes_it", Err: err}
	}
	return nil
}

// text sends the short message of an outbox message.
func (p *post) text(ctx context.Context, project *storage.Project, msg outbox.Message) error {
	var m storage.SMS
	if err := json.Unmarshal(msg.Payload, &m); err != nil {
		return givenUp("payload_unreadable")
	}
	left := m.EndsAt.Sub(p.now())
	if left <= 0 {
		return givenUp("too_late")
	}
	text, err := p.renderer.SMS(p.lookOf(ctx, project), m.Locales, m.Name, m.Code, hostOf(project.Issuer), max(1, int(left.Round(time.Minute)/time.Minute)))
	if err != nil {
		return givenUp("sms_" + m.Name)
	}
	if p.inbox != nil {
		p.inbox.Put(inbox.Message{Kind: "sms", To: m.To, At: p.now(), Text: text, Code: m.Code})
	}
	if p.texts == nil {
		if p.inbox != nil {
			return nil
		}
		return &outbox.Failure{Reason: "no_sms_gateway"}
	}
	err = p.texts.Send(ctx, m.To, msg.ID, text)
	var refused *sms.Refused
	if errors.As(err, &refused) {
		return givenUp(fmt.Sprintf("refused_%d", refused.Status))
	}
	if err != nil {
		return &outbox.Failure{Reason: "gateway_does_not_take_it", Err: err}
	}
	return nil
}

// directClient calls what the operator has configured, and nobody else: no guard
// against private addresses, where gateways may well be.
func directClient() *http.Client { return &http.Client{Timeout: 10 * time.Second} }

// warnWithoutMail says what is missing.
func (p *post) warnWithoutMail(ctx context.Context, log *slog.Logger) {
	if !p.sendsMail() {
		log.WarnContext(ctx, "no mail server is configured: nobody can reset a password or confirm an address; set GATEWAY_SMTP_HOST and GATEWAY_SMTP_FROM")
	}
}
