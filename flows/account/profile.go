package account

import (
	"context"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"

	"github.com/elloloop/identity/flows"
	"github.com/elloloop/identity/storage"
	"github.com/elloloop/identity/templates"
)

// claim is one field of the profile (OIDC Core §5.1).
type claim struct {
	name  string
	of    func(*storage.User) *string
	valid func(string) bool // nil: any line that can be shown
}

// claims are those that people write themselves.
var claims = [...]claim{
	{"name", func(u *storage.User) *string { return &u.Name }, nil},
	{"given_name", func(u *storage.User) *string { return &u.GivenName }, nil},
	{"family_name", func(u *storage.User) *string { return &u.FamilyName }, nil},
	{"nickname", func(u *storage.User) *string { return &u.Nickname }, nil},
	{"picture", func(u *storage.User) *string { return &u.Picture }, webAddress},
	{"website", func(u *storage.User) *string { return &u.Website }, webAddress},
	{"birthdate", func(u *storage.User) *string { return &u.Birthdate }, birthdate},
	{"locale", func(u *storage.User) *string { return &u.Locale }, func(s string) bool { _, err := language.Parse(s); return err == nil }},
	{"zoneinfo", func(u *storage.User) *string { return &u.Zoneinfo }, zone},
}

func webAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil
}

// birthdate is a day, a day without its year, or a year (OIDC Core §5.1).
func birthdate(s string) bool {
	if year, rest, ok := strings.Cut(s, "-"); ok && year == "0000" {
		s = "2000-" + rest // a leap year
	}
	for _, layout := range []string{time.DateOnly, "2006"} {
		if _, err := time.Parse(layout, s); err == nil {
			return true
		}
	}
	return false
}

// zone is a name of the time zone database. What it holds is the system's matter.
func zone(s string) bool {
	area, place, ok := strings.Cut(s, "/")
	return s == "UTC" || ok && area != "" && place != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("/_+-", r)
	})
}

// maxLine is the longest value of a claim, in characters.
const maxLine = 200

func showable(s string) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= maxLine && !strings.ContainsFunc(s, func(c rune) bool {
		return unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c)
	})
}

func (p *pages) profile(ctx context.Context, m *flows.Member) (any, error) {
	v := templates.AccountProfileView{Username: m.User.Username, Email: m.User.Email, EmailVerified: m.User.EmailVerified, Phone: m.User.PhoneNumber}
	var err error
	if v.Signal, err = p.signal(ctx, m); err != nil {
		return nil, err
	}
	if m.Form != nil {
		v.Username = m.Form.Get("username")
	}
	for _, c := range claims {
		value := *c.of(m.User)
		if m.Form != nil {
			value = m.Form.Get(c.name)
		}
		v.Claims = append(v.Claims, templates.AccountClaim{Name: c.name, Value: value})
	}
	return v, nil
}

func (p *pages) setProfile(_ context.Context, m *flows.Member, form url.Values) (flows.Outcome, error) {
	next := *m.User
	var changed []string
	for _, c := range claims {
		if !form.Has(c.name) { // an older page, or a front end that shows fewer
			continue
		}
		value := strings.TrimSpace(form.Get(c.name))
		if !showable(value) || value != "" && c.valid != nil && !c.valid(value) {
			return flows.Outcome{}, &flows.Problem{Message: "problem.claim_invalid." + c.name, Field: c.name}
		}
		if at := c.of(&next); *at != value {
			*at, changed = value, append(changed, c.name)
		}
	}
	if form.Has("username") {
		did, err := p.rename(&next, form.Get("username"))
		if err != nil {
			return flows.Outcome{}, err
		}
		if did {
			changed = append(changed, "username")
		}
	}
	if len(changed) == 0 {
		return flows.Outcome{Done: "saved"}, nil
	}
	next.ProfileUpdatedAt = m.Now
	ev := m.Event("user.profile_changed")
	ev.Details = map[string]string{"fields": strings.Join(changed, " ")}
	return flows.Outcome{
		Changes: []storage.Change{p.Store.Users.Replace(&next)}, Events: []storage.AuditEvent{ev}, Done: "saved",
		Taken: &flows.Problem{Message: "problem.username_taken", Field: "username"},
	}, nil
}

// rename gives the account another username. Its only name is never taken away.
func (p *pages) rename(next *storage.User, typed string) (bool, error) {
	typed = strings.TrimSpace(typed)
	if typed == next.Username {
		return false, nil
	}
	if typed == "" {
		if next.Email == "" {
			return false, &flows.Problem{Message: "problem.username_needed", Field: "username"}
		}
		next.Username, next.UsernameKey = "", ""
		return true, nil
	}
	name, key, err := p.Username(typed)
	if err != nil || strings.Contains(typed, "@") {
		return false, &flows.Problem{Message: "problem.username_invalid", Field: "username"}
	}
	next.Username, next.UsernameKey = name, key
	return true, nil
}
