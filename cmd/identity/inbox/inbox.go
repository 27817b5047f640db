// Package inbox keeps every mail and short message of a development server, to
// be looked at in the browser.
package inbox

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/elloloop/identity/templates"
)

// most is how many messages are kept: the newest.
const most = 200

// Message is one that was sent.
type Message struct {
	Number  int       `json:"number"`
	Kind    string    `json:"kind"` // mail or sms
	To      string    `json:"to"`
	At      time.Time `json:"at"`
	Subject string    `json:"subject,omitempty"`
	Text    string    `json:"text"`
	HTML    string    `json:"html,omitempty"`
	Code    string    `json:"code,omitempty"`
	Link    string    `json:"link,omitempty"`
}

// Pages draws what is shown. *templates.Renderer is one.
type Pages interface {
	Render(w http.ResponseWriter, r *http.Request, status int, p templates.Page)
}

// Inbox keeps messages in memory.
type Inbox struct {
	pages Pages

	mu       sync.Mutex
	last     int
	messages []Message // the newest first
}

// New makes an empty inbox.
func New(pages Pages) *Inbox { return &Inbox{pages: pages} }

// Put adds a message and gives it its number.
func (i *Inbox) Put(m Message) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.last++
	m.Number = i.last
	i.messages = slices.Insert(i.messages, 0, m)
	if len(i.messages) > most {
		i.messages = i.messages[:most]
	}
}

// Messages returns what there is, the newest first.
func (i *Inbox) Messages() []Message {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]Message{}, i.messages...) // a list in JSON, where there is none yet too
}

func (i *Inbox) find(number string) (Message, bool) {
	n, err := strconv.Atoi(number)
	if err != nil {
		return Message{}, false
	}
	for _, m := range i.Messages() {
		if m.Number == n {
			return m, true
		}
	}
	return Message{}, false
}

// Mount adds the pages below /dev/inbox.
func (i *Inbox) Mount(r chi.Router) {
	r.Get("/dev/inbox", i.list)
	r.Get("/dev/inbox/{number}", i.show)
	r.Get("/dev/inbox/{number}/html", i.html)
}

// list shows what there is; as JSON to programs, which read codes in their tests.
func (i *Inbox) list(w http.ResponseWriter, r *http.Request) {
	all := i.Messages()
	if r.Header.Get("Accept") == "application/json" {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(map[string]any{"messages": all}) // the client is gone: nobody is left to tell
		return
	}
	view := templates.InboxView{Lines: make([]templates.InboxLine, len(all))}
	for n, m := range all {
		view.Lines[n] = line(m)
	}
	i.pages.Render(w, r, http.StatusOK, templates.Page{Name: "inbox", Dev: true, View: view})
}

func (i *Inbox) show(w http.ResponseWriter, r *http.Request) {
	m, ok := i.find(chi.URLParam(r, "number"))
	if !ok {
		http.Redirect(w, r, "/dev/inbox", http.StatusSeeOther)
		return
	}
	l := line(m)
	view := templates.InboxView{Open: &templates.InboxMessage{InboxLine: l, Text: m.Text, Code: m.Code, Link: m.Link}}
	if m.HTML != "" {
		view.Open.HTMLURL = l.URL + "/html"
	}
	i.pages.Render(w, r, http.StatusOK, templates.Page{Name: "inbox", Dev: true, View: view})
}

// html shows a mail as a mail reader would: nothing in it runs or is loaded.
func (i *Inbox) html(w http.ResponseWriter, r *http.Request) {
	m, ok := i.find(chi.URLParam(r, "number"))
	if !ok || m.HTML == "" {
		http.Redirect(w, r, "/dev/inbox", http.StatusSeeOther)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox allow-popups allow-top-navigation-by-user-activation")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte(m.HTML)) // the client is gone: nobody is left to tell
}

func line(m Message) templates.InboxLine {
	l := templates.InboxLine{
		URL: "/dev/inbox/" + strconv.Itoa(m.Number), To: m.To, At: m.At.UTC().Format("2006-01-02 15:04:05 UTC"), SMS: m.Kind == "sms", Subject: m.Subject,
	}
	if l.Subject == "" {
		l.Subject, _, _ = strings.Cut(m.Text, "\n")
	}
	return l
}
