package templates

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// Every letter is whole in every language: no message is missing, the text holds
// what the HTML holds.
func TestLetters(t *testing.T) {
	r := newRenderer(t, Config{Brand: Brand{Name: "Harbour"}})
	for _, tag := range r.loaded.Load().messages.tags {
		for _, l := range SampleLetters() {
			t.Run(l.Name+"/"+tag.String(), func(t *testing.T) {
				w, err := r.Letter([]string{tag.String()}, l)
				if err != nil {
					t.Fatal(err)
				}
				general, _ := r.loaded.Load().messages.text(tag, unknownMessage, nil)
				for _, form := range []string{w.Subject, w.HTML, w.Text} {
					if strings.Contains(form, general) || strings.Contains(form, "<no value>") || strings.Contains(form, "{{") {
						t.Errorf("a sentence is missing:\n%s", form)
					}
				}
				for _, part := range []string{l.Link, l.Code, w.Subject} {
					if !strings.Contains(w.Text, part) {
						t.Errorf("the text lacks %q", part)
					}
				}
				if l.Link != "" && !strings.Contains(w.HTML, `href="`+l.Link+`"`) {
					t.Error("the link is not in the HTML")
				}
				if !strings.Contains(w.HTML, `lang="`+w.Lang+`"`) || w.Lang != tag.String() {
					t.Errorf("the language is %s", w.Lang)
				}
			})
		}
	}
}

// What other people have written stays text, and a subject stays one line.
func TestLetterOfAStranger(t *testing.T) {
	r := newRenderer(t, Config{})
	evil := "Evil\r\nBcc: all@example.test\r\n\r\n<script>alert(1)</script><img src=x onerror=alert(1)>\u202e"
	w, err := r.Letter(nil, Letter{Name: "tenant", Link: "https://id.example.com/i?t=1", Client: evil, Browser: evil, IP: evil, Data: map[string]any{"Tenant": evil, "Days": 7}})
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(w.Subject, "\r\n\u202e") {
		t.Errorf("S1-11: the subject is %q", w.Subject)
	}
	doc, err := html.Parse(strings.NewReader(w.HTML))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && (n.Data == "script" || n.Data == "img") {
			t.Errorf("S1-11: the mail holds a %s", n.Data)
		}
	}
	for _, link := range []string{"javascript:alert(1)", "data:text/html,x", "//evil.test", ""} {
		if _, err := r.Letter(nil, Letter{Name: "reset", Link: link, Data: map[string]any{"Minutes": 15}}); err == nil {
			t.Errorf("S1-11: a letter with the link %q is written", link)
		}
	}
	if _, err := r.Letter(nil, Letter{Name: "reset", Link: "https://id.example.com/r", Data: nil}); err == nil {
		t.Error("a letter without a value that it names is written")
	}
}

func TestSMS(t *testing.T) {
	r := newRenderer(t, Config{Brand: Brand{Name: "Harbour"}})
	got, err := r.SMS(nil, []string{"de"}, "code", "381942", "id.example.com", 5)
	if err != nil {
		t.Fatal(err)
	}
	want := "381942 ist Ihr Code für Harbour. Er gilt 5 Minuten. Geben Sie ihn niemandem.\n\n@id.example.com #381942"
	if got != want {
		t.Errorf("got %q", got)
	}
}
