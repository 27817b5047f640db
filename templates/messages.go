package templates

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// messages are the sentences of every language.
type messages struct {
	tags       []language.Tag // the default first
	matcher    language.Matcher
	localizers map[language.Tag]*i18n.Localizer
	fixed      map[language.Tag]map[string]string // those without values, ready to show
	plural     map[string]bool                    // those that depend on a number
}

// unknownMessage is shown where a message id has no sentence: never the id.
const unknownMessage = "error.server"

// countNames are the values that a plural message may depend on; a message
// names one of them.
var countNames = [...]string{"Count", "Minutes", "Min", "Max", "Hours", "Days"}

func loadMessages(fsys overlay, def language.Tag) (*messages, error) {
	if def == language.Und {
		def = language.English
	}
	// English is complete: what a language of the operator lacks is said in it.
	bundle := i18n.NewBundle(language.English)
	bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	m := &messages{
		localizers: map[language.Tag]*i18n.Localizer{},
		fixed:      map[language.Tag]map[string]string{},
		plural:     map[string]bool{},
	}
	for _, layer := range fsys {
		names, err := fs.Glob(layer, "locales/*.json")
		if err != nil {
			return nil, fmt.Errorf("templates: %w", err)
		}
		for _, name := range names {
			if err := m.read(bundle, layer, name); err != nil {
				return nil, fmt.Errorf("templates: %s: %w", name, err)
			}
		}
	}
	m.tags = slices.Clone(bundle.LanguageTags()) // the bundle finds its messages by its own order
	i := slices.Index(m.tags, def)
	if i < 0 {
		return nil, fmt.Errorf("templates: default language %s: there is no locales/%s.json", def, def)
	}
	m.tags[0], m.tags[i] = m.tags[i], m.tags[0]
	m.matcher = language.NewMatcher(m.tags)
	for _, tag := range m.tags {
		m.localizers[tag] = i18n.NewLocalizer(bundle, tag.String())
	}
	return m, nil
}

// read adds one message file to the bundle.
func (m *messages) read(bundle *i18n.Bundle, layer fs.FS, name string) error {
	if _, err := language.Parse(strings.TrimSuffix(path.Base(name), ".json")); err != nil {
		return fmt.Errorf("its name is no language tag: %w", err)
	}
	text, err := fs.ReadFile(layer, name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, new(map[string]any)); err != nil {
		return errors.New(jsonReason(text, err))
	}
	file, err := bundle.ParseMessageFileBytes(text, path.Base(name))
	if err != nil {
		return err
	}
	if m.fixed[file.Tag] == nil {
		m.fixed[file.Tag] = map[string]string{}
	}
	for _, msg := range file.Messages {
		for _, form := range []string{msg.Zero, msg.One, msg.Two, msg.Few, msg.Many, msg.Other} {
			if !strings.Contains(form, "{{") {
				continue // no template
			}
			if _, err := template.New(msg.ID).Parse(form); err != nil {
				return fmt.Errorf("message %s: %w", msg.ID, err)
			}
		}
		delete(m.fixed[file.Tag], msg.ID)
		switch {
		case msg.One != "" || msg.Few != "" || msg.Many != "":
			m.plural[msg.ID] = true
		case !strings.Contains(msg.Other, "{{"):
			m.fixed[file.Tag][msg.ID] = msg.Other
		}
	}
	return nil
}

// jsonReason says what is wrong with a JSON text, and in which line.
func jsonReason(text []byte, err error) string {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Sprintf("line %d: %s", lineAt(text, syntax.Offset), err)
	}
	return err.Error()
}

// placeholder is a value in a sentence.
var placeholder = regexp.MustCompile(`{{\.[A-Za-z]+}}`)

// englishNames are the values that each built-in message names.
func englishNames() (map[string][]string, error) {
	text, err := embedded.ReadFile("locales/en.json")
	if err != nil {
		return nil, err
	}
	var file map[string]any
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	out := make(map[string][]string, len(file))
	for id, v := range file {
		if forms, ok := v.(map[string]any); ok {
			v = forms["other"]
		}
		out[id] = placeholder.FindAllString(fmt.Sprint(v), -1)
	}
	return out, nil
}

// text returns the message in the language, or in English where the language
// has it not; false if there is none at all.
func (m *messages) text(tag language.Tag, id string, data map[string]any) (string, bool) {
	if s, ok := m.fixed[tag][id]; ok {
		return s, true
	}
	c := &i18n.LocalizeConfig{MessageID: id, TemplateData: data}
	if m.plural[id] {
		c.PluralCount = count(data)
	}
	// An error with a text is the text in the language that was fallen back to.
	s, _ := m.localizers[tag].Localize(c)
	return s, s != ""
}

// say is text that never fails.
func (m *messages) say(tag language.Tag, id string, data map[string]any) string {
	if s, ok := m.text(tag, id, data); ok {
		return s
	}
	s, _ := m.text(tag, unknownMessage, nil)
	return s
}

// count finds the number that a plural message depends on. Values that come
// from JSON are float64, which has no plural form: they are made whole.
func count(data map[string]any) any {
	for _, name := range countNames {
		switch v := data[name].(type) {
		case nil:
			continue
		case float64:
			return int(v)
		case int, int64, int32, uint, uint64, uint32:
			return v
		}
	}
	return 2
}

// maxPreferences bounds how many languages of a request are looked at.
const maxPreferences = 16

// match returns the best language for the preferences, most wanted first.
func (m *messages) match(preferences []string) language.Tag {
	for n, p := range preferences {
		if n == maxPreferences {
			break
		}
		tag, err := language.Parse(p)
		if err != nil {
			continue
		}
		if _, i, confidence := m.matcher.Match(tag); confidence > language.No {
			return m.tags[i]
		}
	}
	return m.tags[0]
}

// Languages are the tags that there are messages in, the default first.
func (r *Renderer) Languages() []string {
	tags := r.loaded.Load().messages.tags
	out := make([]string, len(tags))
	for i, t := range tags {
		out[i] = t.String()
	}
	slices.Sort(out[1:])
	return out
}

// Preferences returns the languages that the person wants, most wanted first:
// the client's ui_locales (OIDC Core §3.1.2.1), the cookie "lang", and
// Accept-Language (RFC 9110 §12.5.4).
func (r *Renderer) Preferences(req *http.Request, uiLocales []string) []string {
	out := make([]string, 0, 8)
	out = append(out, uiLocales[:min(len(uiLocales), 8)]...)
	if req == nil {
		return out
	}
	if c, err := req.Cookie("lang"); err == nil && len(c.Value) <= 35 {
		out = append(out, c.Value)
	}
	header := req.Header.Get("Accept-Language")
	if header == "" || len(header) > 500 {
		return out
	}
	tags, _, err := language.ParseAcceptLanguage(header)
	if err != nil {
		return out
	}
	for _, t := range tags[:min(len(tags), maxPreferences)] {
		out = append(out, t.String())
	}
	return out
}

// Sentence is one message in the best language for the preferences: for answers
// in JSON, which have no page. An id without a sentence gives a general one.
func (r *Renderer) Sentence(preferences []string, id string, data map[string]any) string {
	m := r.loaded.Load().messages
	return m.say(m.match(preferences), id, data)
}

// direction is the writing direction of a language.
func direction(tag language.Tag) string {
	script, _ := tag.Script()
	switch script.String() {
	case "Arab", "Hebr", "Thaa", "Syrc", "Nkoo", "Adlm":
		return "rtl"
	}
	return "ltr"
}
