package main

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/elloloop/identity/cmd/identity/inbox"
	"github.com/elloloop/identity/cmd/identity/mail"
	"github.com/elloloop/identity/cmd/identity/outbox"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// letterBox takes letters, or says why not.
type letterBox struct {
	err  error
	sent []templates.Written
	ids  []string
}

func (l *letterBox) Send(_ context.Context, _, id string, w templates.Written) error {
	l.ids = append(l.ids, id)
	if l.err == nil {
		l.sent = append(l.sent, w)
	}
	return l.err
}

func TestPost(t *testing.T) {
	renderer, err := templates.New(templates.Config{})
	must(t, err)
	now := time.Now()
	letter := storage.Mail{To: "jane@example.test", Locales: []string{"de"}, Name: "code", Code: "381942", Data: map[string]any{"Minutes": 5}, EndsAt: now.Add(time.Minute)}
	message := func(m any) outbox.Message {
		b, err := json.Marshal(m)
		must(t, err)
		return outbox.Message{ID: "0192", Payload: b}
	}
	late, unknown := letter, letter
	late.EndsAt = now
	unknown.Name = "nothing"
	for _, row := range []struct {
		name      string
		message   outbox.Message
		box       *letterBox
		reason    string
		permanent bool
	}{
		{"sent", message(letter), &letterBox{}, "", false},
		{"server-down", message(letter), &letterBox{err: &mail.Unreachable{}}, "no_server_takes_it", false},
		{"nobody-there", message(letter), &letterBox{err: &mail.Refused{Code: 550}}, "refused_550", true},
		{"too-late", message(late), &letterBox{}, "too_late", true},
		{"no-such-letter", message(unknown), &letterBox{}, "letter_nothing", true},
		{"unreadable", outbox.Message{Payload: []byte("{")}, &letterBox{}, "payload_unreadable", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := &post{renderer: renderer, letters: row.box, now: func() time.Time { return now }}
			err := p.mail(t.Context(), nil, row.message)
			var f *outbox.Failure
			if errors.As(err, &f) != (row.reason != "") || f != nil && (f.Reason != row.reason || f.Permanent != row.permanent) {
				t.Errorf("got %v", err)
			}
			if row.reason == "" && (len(row.box.sent) != 1 || row.box.sent[0].Lang != "de" || row.box.ids[0] != "0192") {
				t.Errorf("sent %v", row.box)
			}
		})
	}
	t.Run("inbox", func(t *testing.T) {
		p, box := &post{renderer: renderer, now: time.Now}, inbox.New(renderer)
		if p.sendsMail() || p.sendsSMS() {
			t.Error("nothing leaves, and it is said that it does")
		}
		p.toInbox(box)
		must(t, p.mail(t.Context(), nil, message(letter)))
		text := storage.SMS{To: "+15005550006", Name: "code", Code: "123456", EndsAt: time.Now().Add(5 * time.Minute)}
		must(t, p.text(t.Context(), &storage.Project{Issuer: "https://id.example.com"}, message(text)))
		all := box.Messages()
		if len(all) != 2 || all[0].Kind != "sms" || all[0].Code != "123456" || all[1].Code != "381942" || !p.sendsMail() || !p.sendsSMS() {
			t.Errorf("%+v", all)
		}
		text.EndsAt = time.Now()
		var f *outbox.Failure
		if err := p.text(t.Context(), &storage.Project{}, message(text)); !errors.As(err, &f) || !f.Permanent {
			t.Errorf("got %v", err)
		}
	})
}
