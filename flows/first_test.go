package flows_test

import "testing"

func TestFirst(t *testing.T) {
	s := newSite(t)
	u := s.user("alice")
	b := s.browser()
	if got := b.silent(request()); got != "login" {
		t.Fatal(got)
	}
	ar := request(thirdParty)
	loc := b.begin(ar)
	wantPage(t, b.get(loc), 200, "identifier", "password")
	w := b.post(loc+"/identify", "identifier", u.Email, "password", "correct horse")
	wantRedirect(t, w, loc)
	wantPage(t, b.get(loc), 200, "app.example", u.Email)
	w = b.post(loc+"/consent", "decision", "allow")
	wantRedirect(t, w, "/authorize/resume?id="+ar.ID)
	row, err := b.resume(ar.ID)
	if err != nil || row.Subject != u.ID {
		t.Fatal(row, err)
	}
	t.Log(s.dump())
}
