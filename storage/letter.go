package storage

import (
	"encoding/json"
	"log/slog"
	"time"
)

// Mail is a letter to a person, to be written in their language when it is
// sent. It may hold what signs in: it is kept sealed, and never logged.
type Mail struct {
	To      string            `json:"to"`                // one address
	Locales []string          `json:"locales,omitempty"` // BCP 47, most wanted first
	Name    string            `json:"name"`              // of the letter: "reset", "magic_link", "code", …
	Link    string            `json:"link,omitempty"`    // absolute
	Code    string            `json:"code,omitempty"`
	Data    map[string]any    `json:"data,omitempty"`   // values that its sentences name
	Origin  map[string]string `json:"origin,omitempty"` // what was seen of who asked: "browser", "ip"
	EndsAt  time.Time         `json:"ends_at,omitzero"` // after it, the letter is not worth sending
	Client  string            `json:"client,omitempty"` // name of the application, for people
}

// LogValue shows which letter it is, and no more.
func (m Mail) LogValue() slog.Value { return slog.StringValue("mail " + m.Name) }

// Mail returns the change that leaves a letter to be sent.
func (s *Outbox) Mail(scope Scope, m Mail, due time.Time) Change {
	payload, err := json.Marshal(m)
	if err != nil {
		return Change{err: err}
	}
	return s.Add(scope, OutboxMail, payload, due)
}

// SMS is a short message to a telephone: a code, in the person's language.
type SMS struct {
	To      string    `json:"to"` // E.164
	Locales []string  `json:"locales,omitempty"`
	Name    string    `json:"name"` // of the sentence: "code"
	Code    string    `json:"code"`
	EndsAt  time.Time `json:"ends_at,omitzero"`
}

// LogValue shows that there is one, and no more.
func (m SMS) LogValue() slog.Value { return slog.StringValue("sms " + m.Name) }

// SMS returns the change that leaves a short message to be sent.
func (s *Outbox) SMS(scope Scope, m SMS, due time.Time) Change {
	payload, err := json.Marshal(m)
	if err != nil {
		return Change{err: err}
	}
	return s.Add(scope, OutboxSMS, payload, due)
}
