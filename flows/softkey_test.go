package flows_test

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"

	"github.com/elloloop/identity/flows/flowtest"
)

// softKey is an authenticator in software.
type softKey = flowtest.Authenticator

const (
	flagUP, flagUV, flagBE, flagBS = flowtest.FlagUP, flowtest.FlagUV, flowtest.FlagBE, flowtest.FlagBS
)

func newSoftKey(t *testing.T) *softKey { return flowtest.NewAuthenticator(t) }

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

var optionsOf = regexp.MustCompile(`data-options="([^"]*)"`)

// options are those of the page.
func options(t *testing.T, w *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	m := optionsOf.FindStringSubmatch(w.Body.String())
	if w.Code != http.StatusOK || m == nil {
		t.Fatalf("%d: no options on\n%.800s", w.Code, w.Body)
	}
	var all map[string]map[string]any
	if err := json.Unmarshal([]byte(html.UnescapeString(m[1])), &all); err != nil {
		t.Fatal(err)
	}
	return all["publicKey"]
}
