package flows_test

import (
	"net/http"
	"slices"
	"testing"
)

// toldTo are the names of the letters about their account that wait for somebody.
func (s *site) toldTo(to string) []string {
	s.t.Helper()
	var names []string
	for _, l := range s.letters() {
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
	if got := s.toldTo(u.Email); len(got) != 0 {
		t.Errorf("after the first device: %v", got)
	}
	s.browser().signIn(u)
	if got := s.toldTo(u.Email); !slices.Equal(got, []string{"new_device"}) {
		t.Errorf("after the second device: %v", got)
	}
	s.app(u)
	at, id := first.password(u)
	if got := s.toldTo(u.Email); len(got) != 1 {
		t.Errorf("between two factors: %v", got)
	}
	if w := first.post(at+"/recoverycode", "code", "AAAA-AAAA-AAAA"); w.Code != http.StatusUnprocessableEntity {
		t.Fatal(w.Code)
	}
	wantRedirect(t, first.post(at+"/recoverycode", "code", "mmmm-nnnn-pppp"), "/authorize/resume?id="+id)
	if got := s.toldTo(u.Email); len(got) != 2 || !slices.Contains(got, "recovery_used") {
		t.Errorf("after a recovery code: %v", got)
	}
}
