package flows_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"

	"github.com/elloloop/identity/storage"
)

// letters are the names of those that wait to be sent to an address.
func (s *site) letters(to string) []string {
	s.t.Helper()
	due, err := s.store.Outbox.List(s.t.Context(), s.project.Scope(), storage.OutboxFilter{Kind: storage.OutboxMail}, storage.PageRequest{})
	if err != nil {
		s.t.Fatal(err)
	}
	var names []string
	for _, m := range due.Items {
		payload, err := s.store.Outbox.Open(s.project.Scope(), m)
		if err != nil {
			s.t.Fatal(err)
		}
		var l storage.Mail
		if err := json.Unmarshal(payload, &l); err != nil {
			s.t.Fatal(err)
		}
		if l.To == to && l.Link == s.project.Issuer+"/account" && l.Origin["ip"] != "" {
			names = append(names, l.Name)
		}
	}
	return names
}

// TestLettersOfSignIns: the owner hears of a second device, and of a recovery code
// that was used (S3-10); not of the first device, nor of one that is known.
func TestLettersOfSignIns(t *testing.T) {
	s := newSite(t)
	u := s.user("alice")
	first := s.browser()
	first.signIn(u)
	first.signIn(u)
	if got := s.letters(u.Email); len(got) != 0 {
		t.Errorf("after the first device: %v", got)
	}
	s.browser().signIn(u)
	if got := s.letters(u.Email); !slices.Equal(got, []string{"new_device"}) {
		t.Errorf("after the second device: %v", got)
	}
	s.app(u)
	at, id := first.password(u)
	if got := s.letters(u.Email); len(got) != 1 {
		t.Errorf("between two factors: %v", got)
	}
	if w := first.post(at+"/recoverycode", "code", "AAAA-AAAA-AAAA"); w.Code != http.StatusUnprocessableEntity {
		t.Fatal(w.Code)
	}
	wantRedirect(t, first.post(at+"/recoverycode", "code", "mmmm-nnnn-pppp"), "/authorize/resume?id="+id)
	if got := s.letters(u.Email); len(got) != 2 || !slices.Contains(got, "recovery_used") {
		t.Errorf("after a recovery code: %v", got)
	}
}
