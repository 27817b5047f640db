package op

import (
	"errors"
	"net/http"

	"github.com/elloloop/identity/storage"
)

// FrontChannelPage tells clients in frames that a session has ended, and goes on.
type FrontChannelPage struct {
	Frames    []string // addresses, each with iss and sid
	Location  string   // where to go after, "" to stay
	UILocales []string
}

// maxFrames bounds the frames of one page: a browser would load more for long.
const maxFrames = 50

// leave ends a sign-out in the browser: the clients of the ended sessions are
// told in frames (OIDC Front-Channel Logout §3), then the person goes on.
func (op *Provider) leave(w http.ResponseWriter, r *http.Request, p *storage.Project, end ending, ended []*storage.Session) error {
	frames, err := op.logoutFrames(r, p, ended)
	switch {
	case err != nil:
		return err
	case len(frames) > 0:
		op.pages.FrontChannelLogout(w, r, p, FrontChannelPage{Frames: frames, Location: end.location, UILocales: end.uiLocales})
	case end.location != "":
		redirect(w, end.location)
	default:
		op.pages.LoggedOut(w, r, p, end.uiLocales)
	}
	return nil
}

func (op *Provider) logoutFrames(r *http.Request, p *storage.Project, ended []*storage.Session) ([]string, error) {
	var frames []string
	for _, s := range ended {
		for _, sc := range s.Clients {
			if !sc.FrontChannel || len(frames) == maxFrames {
				continue
			}
			c, err := op.activeClient(r.Context(), p, sc.ClientID)
			if errors.Is(err, storage.ErrNotFound) || err == nil && c.FrontChannelLogoutURI == "" {
				continue
			}
			if err != nil {
				return nil, err
			}
			// Sent to those who do not demand them too (OIDC Front-Channel Logout §2).
			frames = append(frames, withQuery(c.FrontChannelLogoutURI, []Field{{"iss", p.Issuer}, {"sid", s.ID}}))
		}
	}
	return frames, nil
}
