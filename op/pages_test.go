package op

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/elloloop/identity/storage"
)

// plainPages writes pages as lines of text.
type plainPages struct{}

func (plainPages) Error(w http.ResponseWriter, _ *http.Request, _ *storage.Project, e ErrorPage) {
	w.WriteHeader(e.Status)
	_, _ = fmt.Fprintf(w, "page:error\n%s\n%s\n%s\n%v", e.Code, e.Description, e.Sent, e.Expired)
}

func (plainPages) FormPost(w http.ResponseWriter, _ *http.Request, _ *storage.Project, action string, fields []Field) {
	_, _ = fmt.Fprintf(w, "page:form_post\n%s\n%s", action, encode(fields))
}

func (plainPages) LoggedOut(w http.ResponseWriter, _ *http.Request, _ *storage.Project, _ []string) {
	_, _ = io.WriteString(w, "page:logged_out")
}

func (plainPages) FrontChannelLogout(w http.ResponseWriter, _ *http.Request, _ *storage.Project, f FrontChannelPage) {
	_, _ = fmt.Fprintf(w, "page:front_channel\n%s\n%s", f.Location, strings.Join(f.Frames, "\n"))
}

func (plainPages) CheckSession(w http.ResponseWriter, _ *http.Request, _ *storage.Project, cookie string) {
	_, _ = io.WriteString(w, "page:check_session\n"+cookie)
}

func (plainPages) Home(w http.ResponseWriter, _ *http.Request, _ *storage.Project) {
	_, _ = io.WriteString(w, "page:home")
}
