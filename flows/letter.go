package flows

import (
	"context"

	"github.com/elloloop/identity/storage"
)

// letter returns the change that tells an account's owner what happened, none
// where no mail leaves or there is no address.
func (v *visit) letter(u *storage.User, m storage.Mail) []storage.Change {
	if v.SendsMail == nil || !v.SendsMail() || u.Email == "" || m.Name == "" {
		return nil
	}
	m.To, m.Locales = u.Email, v.in.Request.UILocales
	if u.Locale != "" {
		m.Locales = append([]string{u.Locale}, m.Locales...)
	}
	m.Link = v.project.Issuer + "/account"
	m.Origin = map[string]string{"ip": v.origin.IP, "browser": BrowserName(v.origin.UserAgent)}
	return []storage.Change{v.store.Outbox.Mail(v.project.Scope(), m, v.now)}
}

// changed returns the letter about what changed in an account, by the id of its
// sentence.
func (v *visit) changed(u *storage.User, id string) []storage.Change {
	what := v.Pages.Sentence(append([]string{u.Locale}, v.locales...), id, nil)
	return v.letter(u, storage.Mail{Name: "changed", Data: map[string]any{"What": what}})
}

// newcomer returns the letter about a device that an account signs in on for the
// first time, while it is signed in elsewhere: the first device of all is no news.
func (v *visit) newcomer(ctx context.Context, u *storage.User, row *storage.AuthorizationRequest) ([]storage.Change, error) {
	if v.SendsMail == nil || !v.SendsMail() || v.device.knows(u.ID, row.SetAt) {
		return nil, nil
	}
	others, err := v.store.Sessions.OfUser(ctx, v.project.Scope(), u.ID, storage.PageRequest{Limit: 1})
	if err != nil || len(others.Items) == 0 {
		return nil, err
	}
	return v.letter(u, storage.Mail{Name: "new_device", Client: row.Client.Name}), nil
}
