package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/elloloop/identity/cmd/identity/outbox"
	"github.com/elloloop/identity/cmd/identity/projects"
	"github.com/elloloop/identity/op"
	"github.com/elloloop/identity/storage"
)

// newSender makes what sends the messages that were committed. A kind is a line
// here; messages of a kind that nobody sends stay where they are.
func (p *provider) newSender(log *slog.Logger) (*outbox.Runner, error) {
	return outbox.New(outbox.Config{
		Store: p.store, Projects: &outboxProjects{p}, Now: time.Now, Log: log,
		Kinds: map[string]outbox.Kind{
			storage.OutboxBackchannelLogout: {Send: p.tellLogout, Destination: loggedOutClient},
			storage.OutboxMail:              {Send: p.post.mail, PerDestination: postAtOnce, Attempts: postAttempts},
			storage.OutboxSMS:               {Send: p.post.text, PerDestination: postAtOnce, Attempts: postAttempts},
		},
	})
}

// postAtOnce bounds the connections to the one mail server, and the one gateway.
// postAttempts is about a day of them: a server that is down loses no letter, and
// one whose code or link has ended meanwhile is given up at once.
const (
	postAtOnce   = 8
	postAttempts = 300
)

// tellLogout sends one logout token.
func (p *provider) tellLogout(ctx context.Context, pr *storage.Project, m outbox.Message) error {
	err := p.op.PostLogoutToken(ctx, pr, m.Payload, p.outbound.HTTP().Do)
	var d *op.DeliveryError
	if errors.As(err, &d) {
		return &outbox.Failure{Reason: d.Reason, Permanent: d.Permanent, RetryAfter: d.RetryAfter, Err: err}
	}
	return err
}

// loggedOutClient is whose server is told.
func loggedOutClient(payload []byte) string {
	var n storage.BackChannelLogout
	if err := json.Unmarshal(payload, &n); err != nil {
		return "" // it is given up by the handler
	}
	return n.ClientID
}

// outboxProjects are the projects whose messages are sent.
type outboxProjects struct{ *provider }

// Project returns a project by its id.
func (o *outboxProjects) Project(ctx context.Context, id string) (*storage.Project, error) {
	p, err := o.finder.ByID(ctx, id)
	if errors.Is(err, projects.ErrDisabled) { // its messages wait
		err = storage.ErrNotFound
	}
	return p, err
}

// IDs returns the id of every project that is served.
func (o *outboxProjects) IDs(ctx context.Context) ([]string, error) {
	var ids []string
	err := o.eachProject(ctx, storage.ProjectActive, func(rec *storage.ProjectRecord) error {
		ids = append(ids, rec.ID)
		return nil
	})
	return ids, err
}
