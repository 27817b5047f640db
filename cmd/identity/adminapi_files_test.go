package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	adminv1 "github.com/elloloop/identity/proto/gen/identity/admin/v1"
	"github.com/elloloop/identity/storage"
)

// ownPage is a page of a project's own, which says this.
func ownPage(says string) []byte {
	return []byte("{{define \"title\"}}" + says + "{{end}}\n{{define \"content\"}}\n<h1>" + says + "</h1>{{end}}\n")
}

// nowhere is what a browser is shown at an address of a project where nothing is.
func (a *administered) nowhere(project string) string {
	a.t.Helper()
	w := a.opens(a.project(project).Issuer + "/nowhere")
	if w.Code != http.StatusNotFound {
		a.t.Fatalf("%s answers %d where nothing is", project, w.Code)
	}
	return w.Body.String()
}

func (a *administered) opens(address string) *httptest.ResponseRecorder {
	a.t.Helper()
	req := httptest.NewRequestWithContext(a.t.Context(), http.MethodGet, address, nil)
	req.Header.Set("Accept", "text/html")
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, req)
	return w
}

// replace puts files into the place of those of alpha.
func (a *administered) replace(files map[string][]byte) string {
	a.t.Helper()
	res := &adminv1.ReplaceProjectFilesResponse{}
	a.do("secret-of-alpha", "ProjectService/ReplaceProjectFiles", &adminv1.ReplaceProjectFilesRequest{ProjectId: "alpha", Files: files}, res)
	return res.GetEtag()
}

// replacements are the events of files that were replaced, as a project sees them.
func (a *administered) replacements(project string) (counts []string) {
	a.t.Helper()
	res := &adminv1.ListAuditEventsResponse{}
	a.do("operator", "AuditService/ListAuditEvents", &adminv1.ListAuditEventsRequest{ProjectId: project}, res)
	for _, e := range res.GetEvents() {
		if e.GetAction() == "project.files_replaced" {
			counts = append(counts, e.GetDetails()["files"])
		}
	}
	return counts
}

// TestProjectFiles: a project's own pages are drawn at once, by it and by no other
// project; each replacement is audited in its commit.
func TestProjectFiles(t *testing.T) {
	a := callers(t)
	a.p.looks.life = 0 // nothing is remembered for a time
	const built = "This did not work"
	if !strings.Contains(a.nowhere("alpha"), built) {
		t.Fatal("the server's page is another one")
	}
	tag := a.replace(map[string][]byte{"html/error.html": ownPage("Alpha lost it"), "static/logo.svg": []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`)})
	if got := a.nowhere("alpha"); !strings.Contains(got, "Alpha lost it") || strings.Contains(got, built) {
		t.Errorf("the page did not change: %s", got)
	}
	for _, other := range []string{"beta", "default"} {
		if got := a.nowhere(other); strings.Contains(got, "Alpha") || !strings.Contains(got, built) {
			t.Errorf("%s shows the page of alpha", other)
		}
	}
	list := &adminv1.GetProjectFilesResponse{}
	a.do("secret-of-alpha", "ProjectService/GetProjectFiles", &adminv1.GetProjectFilesRequest{ProjectId: "alpha"}, list)
	if len(list.GetFiles()) != 2 || list.GetEtag() != tag || !slices.Equal(list.GetFiles()["html/error.html"], ownPage("Alpha lost it")) {
		t.Errorf("stored: %v, %s, want %s", list.GetFiles(), list.GetEtag(), tag)
	}
	if got := a.call("secret-of-beta", "ProjectService/GetProjectFiles", []byte(`{"projectId":"alpha"}`)); got.Code != "not_found" {
		t.Errorf("another project reads them: %s", got.body)
	}

	t.Run("logo", func(t *testing.T) { // the bytes of a logo come from here
		body := `{"projectId":"alpha","project":{"branding":{"logoUri":"static/logo.svg"}},"updateMask":"branding"}`
		if got := a.call("secret-of-alpha", "ProjectService/UpdateProject", []byte(body)); got.Code != "" {
			t.Fatal(got.body)
		}
		a.p.finder.Invalidate(storage.Notice{All: true})
		src := regexp.MustCompile(`<img src="(/p/alpha/static/logo\.[0-9a-f]+\.svg)"`).FindStringSubmatch(a.nowhere("alpha"))
		if src == nil {
			t.Fatalf("no logo on the page: %s", a.nowhere("alpha"))
		}
		w := a.opens(adminIssuer + src[1])
		if w.Code != http.StatusOK || !strings.HasPrefix(w.Body.String(), "<svg") || w.Header().Get("Content-Type") != "image/svg+xml" {
			t.Errorf("%s: %d %v %s", src[1], w.Code, w.Header(), w.Body)
		}
		if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") { // opened by itself, nothing in it runs
			t.Errorf("the policy of the image is %q", csp)
		}
		for _, other := range []string{strings.Replace(src[1], "alpha", "beta", 1), strings.TrimPrefix(src[1], "/p/alpha")} {
			if w := a.opens(adminIssuer + other); w.Code != http.StatusNotFound {
				t.Errorf("%s answers %d", other, w.Code)
			}
		}
	})

	t.Run("stale", func(t *testing.T) {
		body := `{"projectId":"alpha","etag":"\"0\"","files":{}}`
		if got := a.call("secret-of-alpha", "ProjectService/ReplaceProjectFiles", []byte(body)); got.Code != "aborted" {
			t.Errorf("over another change: %s", got.body)
		}
	})

	// Files that come after none are not taken for those that were before.
	a.replace(nil)
	a.replace(map[string][]byte{"html/error.html": ownPage("Alpha again")})
	if got := a.nowhere("alpha"); !strings.Contains(got, "Alpha again") {
		t.Errorf("the page of before is shown: %s", got)
	}
	a.replace(nil)
	if !strings.Contains(a.nowhere("alpha"), built) {
		t.Error("without files the page is not the server's")
	}
	if got := a.replacements("alpha"); !slices.Equal(got, []string{"2", "0", "1", "0"}) {
		t.Errorf("events %q", got)
	}
	if got := a.replacements("beta"); len(got) != 0 {
		t.Errorf("events of beta: %q", got)
	}
}

// TestProjectFilesRaced: of several who replace the same files one wins, and no more
// is audited than was done.
func TestProjectFilesRaced(t *testing.T) {
	a := callers(t)
	tag := a.replace(map[string][]byte{"html/error.html": ownPage("one")})
	body, err := protojson.Marshal(&adminv1.ReplaceProjectFilesRequest{ProjectId: "alpha", Etag: tag, Files: map[string][]byte{"html/error.html": ownPage("two")}})
	must(t, err)
	const callers = 4
	codes := make(chan string, callers)
	for range callers {
		go func() { codes <- a.call("secret-of-alpha", "ProjectService/ReplaceProjectFiles", body).Code }()
	}
	done := 0
	for range callers {
		switch code := <-codes; code {
		case "":
			done++
		case "aborted":
		default:
			t.Errorf("code %q", code)
		}
	}
	if got := a.replacements("alpha"); done != 1 || len(got) != 2 {
		t.Errorf("%d were done, events %q", done, got)
	}
}

// TestProjectFilesRefused: what can't be drawn is refused with the name of the file
// and the line, and changes nothing.
func TestProjectFilesRefused(t *testing.T) {
	a := callers(t)
	a.p.looks.life = 0
	a.replace(map[string][]byte{"html/error.html": ownPage("Alpha lost it")})
	for name, row := range map[string]struct{ file, body, want string }{
		"field":    {"html/error.html", "{{define \"title\"}}x{{end}}\n{{define \"content\"}}\n{{.View.Nothing}}{{end}}", "html/error.html:3"},
		"syntax":   {"html/error.html", "{{define \"title\"}}x{{end}}\n{{define \"content\"}}\n{{if}}{{end}}", "html/error.html:3"},
		"script":   {"html/error.html", "{{define \"title\"}}x{{end}}\n{{define \"content\"}}\n<script>alert(1)</script>{{end}}", "html/error.html: line 3"},
		"unknown":  {"html/formpost.html", "x", "html/formpost.html"},
		"image":    {"static/logo.png", "<svg>", "static/logo.png"},
		"sentence": {"locales/en.json", "{\n\"error.title\": \n}", "locales/en.json: line 3"},
	} {
		t.Run(name, func(t *testing.T) {
			req := &adminv1.ReplaceProjectFilesRequest{ProjectId: "alpha", Files: map[string][]byte{row.file: []byte(row.body)}}
			got := a.callMessage("secret-of-alpha", "ProjectService/ReplaceProjectFiles", req)
			if got.Code != "invalid_argument" || !strings.Contains(got.Message, row.want) {
				t.Errorf("code %q, %q; want one that names %s", got.Code, got.Message, row.want)
			}
		})
	}
	if got := a.replacements("alpha"); !slices.Equal(got, []string{"1"}) {
		t.Errorf("what was refused is audited as done: %q", got)
	}
	if !strings.Contains(a.nowhere("alpha"), "Alpha lost it") {
		t.Error("what was refused changed the page")
	}
}

// TestProjectFilesCommand puts a folder into a project at the command line.
func TestProjectFilesCommand(t *testing.T) {
	a := callers(t)
	a.p.looks.life = 0
	srv := httptest.NewServer(a.handler)
	t.Cleanup(srv.Close)
	s := &shell{t, []string{"IDENTITY_SERVER=" + srv.URL, "IDENTITY_TOKEN=" + adminSecret}}
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "html"), 0o700))
	page := filepath.Join(dir, "html", "error.html")
	must(t, os.WriteFile(page, ownPage("Alpha lost it"), 0o600))
	s.ok("", "project", "files", "replace", dir, "--project", "alpha")
	if !strings.Contains(a.nowhere("alpha"), "Alpha lost it") || strings.Contains(a.nowhere("default"), "Alpha") {
		t.Error("the page of alpha, and no other, should have changed")
	}
	if out := s.ok("", "project", "files", "list", "--project", "alpha", "--json"); !strings.Contains(out, `{"name":"html/error.html","size":`) {
		t.Errorf("list: %s", out)
	}
	must(t, os.WriteFile(page, []byte("{{define \"content\"}}\n<iframe>{{end}}"), 0o600))
	if code, _, stderr := s.run("", "project", "files", "replace", dir, "--project", "alpha"); code == 0 || !strings.Contains(stderr, "html/error.html: line 2") {
		t.Errorf("a frame: exit %d, %s", code, stderr)
	}
	must(t, os.Remove(page))
	must(t, os.Symlink(filepath.Join(t.TempDir(), "elsewhere"), page))
	if code, _, stderr := s.run("", "project", "files", "replace", dir, "--project", "alpha"); code == 0 || !strings.Contains(stderr, "escapes") {
		t.Errorf("a link out of the folder: exit %d, %s", code, stderr)
	}
	s.ok("", "project", "files", "replace", t.TempDir(), "--project", "alpha")
	if strings.Contains(a.nowhere("alpha"), "Alpha") {
		t.Error("an empty folder leaves the page")
	}
}
