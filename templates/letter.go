package templates

import (
	"bytes"
	"fmt"
	htmltemplate "html/template"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"text/template"

	"golang.org/x/text/language"
)

// Letter is a mail to be written: which one, and what stands in it.
type Letter struct {
	Name   string         // one of Letters
	Link   string         // absolute http or https URL, "" for none
	Code   string         // to be typed in, "" for none
	Data   map[string]any // values that its sentences name
	Client string         // name of the application that it is about, "" for none
	// What was seen of who asked. "": not shown.
	Browser, IP string
	Look        *Look // of the project that sends it, nil for the server's
}

// letter says which parts a letter has beside subject, lead and note.
type letter struct {
	link, code bool
	data       []string // values that its sentences name
}

// letters are the mails that there are. Their sentences are mail.<name>.subject,
// .lead, .note and, with a link, .button.
var letters = map[string]letter{
	"code":            {code: true, data: []string{"Minutes"}},
	"magic_link":      {link: true, code: true, data: []string{"Minutes"}},
	"verify":          {link: true, data: []string{"Hours"}},
	"welcome":         {link: true, data: nil},
	"account_exists":  {link: true, data: nil},
	"reset":           {link: true, data: []string{"Minutes"}},
	"no_account":      {data: nil},
	"changed":         {data: []string{"What"}},
	"email_change":    {link: true, data: []string{"Hours"}},
	"email_changing":  {link: true, data: []string{"Email"}},
	"invitation":      {link: true, data: []string{"Days"}},
	"tenant":          {link: true, data: []string{"Tenant", "Days"}},
	"new_device":      {link: true, data: nil},
	"locked":          {link: true, data: []string{"Minutes"}},
	"recovery_used":   {link: true, data: []string{"Count"}},
	"deletion":        {link: true, data: []string{"Days"}},
	"help_resolved":   {data: []string{"Answer"}},
	"help_requested":  {data: []string{"Email", "Message"}},
	"phone_confirmed": {data: nil},
}

// Letters returns the names of the mails, in order.
func Letters() []string {
	names := make([]string, 0, len(letters))
	for name := range letters {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Written is a letter in a language, ready to be sent.
type Written struct {
	Subject string // one line
	HTML    string
	Text    string
	Lang    string // BCP 47
}

// page of a letter: what its templates see.
type shownLetter struct {
	Lang, Dir, Brand, Accent        string
	Subject, Note, Button, LinkHint string
	Paragraphs, Details             []string
	Code                            string
	Link                            htmltemplate.URL
}

// mails are the two forms of every letter.
type mails struct {
	html *htmltemplate.Template
	text *template.Template
}

func parseMails(fsys fs.FS) (*mails, error) {
	read := func(file string) (string, error) {
		b, err := fs.ReadFile(fsys, file)
		if err != nil {
			return "", fmt.Errorf("templates: %s: %w", file, err)
		}
		return string(b), nil
	}
	m := &mails{}
	source, err := read("mail/letter.html")
	if err != nil {
		return nil, err
	}
	if m.html, err = htmltemplate.New("mail/letter.html").Option("missingkey=error").Parse(source); err != nil {
		return nil, fmt.Errorf("templates: mail/letter.html: %w", err)
	}
	if source, err = read("mail/letter.txt"); err != nil {
		return nil, err
	}
	if m.text, err = template.New("mail/letter.txt").Option("missingkey=error").Parse(source); err != nil {
		return nil, fmt.Errorf("templates: mail/letter.txt: %w", err)
	}
	return m, nil
}

// Letter writes a mail in the best of these languages.
func (r *Renderer) Letter(preferences []string, l Letter) (Written, error) {
	t, err := r.theme()
	if err != nil {
		return Written{}, err
	}
	dressed := t.dressed(l.Look)
	w, err := dressed.write(dressed.messages.match(preferences), l)
	if err != nil && l.Look.hasFiles() { // a letter of the project's own is no reason to send none
		r.log.Warn("a project's own letter could not be written: the server's is sent", slog.String("letter", l.Name), slog.Any("error", err))
		dressed = t.dressed(NewLook(l.Look.brand, nil))
		w, err = dressed.write(dressed.messages.match(preferences), l)
	}
	return w, err
}

func (t *theme) write(tag language.Tag, l Letter) (Written, error) {
	kind, ok := letters[l.Name]
	switch {
	case !ok:
		return Written{}, fmt.Errorf("templates: there is no letter %q", l.Name)
	case kind.link && safeLink(l.Link) == "":
		return Written{}, fmt.Errorf("templates: letter %s: no link that can be shown", l.Name)
	case kind.code && l.Code == "":
		return Written{}, fmt.Errorf("templates: letter %s: no code", l.Name)
	}
	data := map[string]any{"Brand": t.brand.Name, "Client": plain(l.Client)}
	for _, name := range kind.data {
		v, ok := l.Data[name]
		if !ok {
			return Written{}, fmt.Errorf("templates: letter %s: no value for %s", l.Name, name)
		}
		if s, text := v.(string); text {
			v = plainText(s)
		}
		data[name] = v
	}
	say := func(part string) string { return t.messages.say(tag, "mail."+l.Name+"."+part, data) }
	s := shownLetter{
		Lang: tag.String(), Dir: direction(tag), Brand: t.brand.Name, Accent: t.brand.Accent,
		Subject: oneLine(say("subject")), Note: say("note"), Paragraphs: []string{say("lead")}, Code: l.Code,
	}
	if l.Client != "" {
		s.Details = append(s.Details, t.messages.say(tag, "mail.for_client", data))
	}
	for _, seen := range [...]struct{ id, value string }{{"mail.from_browser", l.Browser}, {"mail.from_ip", l.IP}} {
		if v := plain(seen.value); v != "" {
			s.Details = append(s.Details, t.messages.say(tag, seen.id, map[string]any{"Value": v}))
		}
	}
	if kind.link {
		s.Link = htmltemplate.URL(safeLink(l.Link)) //nolint:gosec // http or https alone: safeLink
		s.Button, s.LinkHint = say("button"), t.messages.say(tag, "mail.link_hint", nil)
	}
	var html, text bytes.Buffer
	within := func(w io.Writer) io.Writer {
		if t.limit > 0 {
			return &limited{w, t.limit}
		}
		return w
	}
	if err := t.mails.html.ExecuteTemplate(within(&html), "letter", s); err != nil {
		return Written{}, fmt.Errorf("templates: mail/letter.html: %w", err)
	}
	if err := t.mails.text.ExecuteTemplate(within(&text), "letter", s); err != nil {
		return Written{}, fmt.Errorf("templates: mail/letter.txt: %w", err)
	}
	return Written{Subject: s.Subject, HTML: html.String(), Text: text.String(), Lang: s.Lang}, nil
}

// maxText is the longest text of another person that a letter shows, in runes.
const maxText = 1000

// plainText is plain for longer texts.
func plainText(s string) string {
	var b strings.Builder
	for n, r := range []rune(s) {
		if n == maxText {
			b.WriteString("…")
			break
		}
		b.WriteString(plain(string(r)))
		if r == ' ' || r == '\n' {
			b.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// oneLine makes a subject: nothing in it may begin another header (RFC 5322 §2.2).
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// SMS is a short message in the best of these languages. Its last line binds the
// code to our host, for browsers that fill it in (WebOTP). look is the project's.
func (r *Renderer) SMS(look *Look, preferences []string, name, code, host string, minutes int) (string, error) {
	t, err := r.theme()
	if err != nil {
		return "", err
	}
	t = t.dressed(look)
	tag := t.messages.match(preferences)
	text, ok := t.messages.text(tag, "sms."+name, map[string]any{"Brand": t.brand.Name, "Code": code, "Minutes": minutes})
	if !ok {
		return "", fmt.Errorf("templates: there is no short message %q", name)
	}
	return text + "\n\n@" + host + " #" + code, nil
}

// SampleLetters returns every letter with made-up content.
func SampleLetters() []Letter {
	out := make([]Letter, 0, len(letters))
	values := map[string]any{
		"Minutes": 15, "Hours": 24, "Days": 7, "Count": 9, "What": "the password", "Email": "new@example.test", "Tenant": "Harbour Works",
		"Answer": "We have reset your second factor.", "Message": "I lost my phone.",
	}
	for _, name := range Letters() {
		l := Letter{Name: name, Client: "Harbour Notes", Browser: "Firefox on Linux", IP: "192.0.2.7", Data: map[string]any{}}
		if letters[name].link {
			l.Link = "https://id.example.com/account/confirm?token=SplxlOBeZQQYbYS6WxSbIA"
		}
		if letters[name].code {
			l.Code = "381942"
		}
		for _, v := range letters[name].data {
			l.Data[v] = values[v]
		}
		out = append(out, l)
	}
	return out
}
