package templates

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sentences reads a message file: id → all its forms as one text.
func sentences(t *testing.T, locale string) map[string]string {
	t.Helper()
	raw, err := embedded.ReadFile("locales/" + locale + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]any
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for id, v := range file {
		switch v := v.(type) {
		case string:
			out[id] = v
		case map[string]any:
			one, _ := v["one"].(string)
			other, _ := v["other"].(string)
			if one == "" || other == "" {
				t.Errorf("%s: %s: want the forms one and other", locale, id)
			}
			out[id] = one + other
		}
		if strings.TrimSpace(out[id]) == "" {
			t.Errorf("%s: %s is empty", locale, id)
		}
	}
	return out
}

func TestLanguagesHaveTheSameMessages(t *testing.T) {
	en, de := sentences(t, "en"), sentences(t, "de")
	named := regexp.MustCompile(`{{[^}]*}}`)
	for id, s := range en {
		if de[id] == "" {
			t.Errorf("de.json lacks %s", id)
			continue
		}
		a, b := named.FindAllString(s, -1), named.FindAllString(de[id], -1)
		slices.Sort(a)
		slices.Sort(b)
		if diff := cmp.Diff(a, b); diff != "" {
			t.Errorf("%s names other values in German: %s", id, diff)
		}
	}
	for id := range de {
		if en[id] == "" {
			t.Errorf("en.json lacks %s", id)
		}
	}
}

// The ids that the other packages name.
func TestPromisedMessages(t *testing.T) {
	en := sentences(t, "en")
	for prefix, names := range map[string]string{
		"problem.": "wrong_credentials too_many_attempts identifier_missing identifier_invalid password_missing password_short " +
			"password_long password_common password_contains_identifier password_invalid email_missing email_invalid email_taken_neutral " +
			"name_long name_invalid registration_closed choose_account consent_decision_missing logout_decision_missing busy_try_again expired",
		"error.": "bad_request invalid_request invalid_client invalid_redirect_uri access_denied expired other_browser cross_origin " +
			"not_found method_not_allowed server unavailable too_many",
		"scope.": "openid profile email address phone offline_access groups roles",
		"home.":  "playground discovery jwks account console inbox",
	} {
		for _, name := range strings.Fields(names) {
			if en[prefix+name] == "" {
				t.Errorf("there is no %s%s", prefix, name)
			}
		}
	}
}

func TestSentence(t *testing.T) {
	r := newRenderer(t, Config{})
	for _, row := range []struct {
		name, locale, id string
		data             map[string]any
		want             string
	}{
		{"one", "en", "problem.too_many_attempts", map[string]any{"Minutes": 1}, "There were too many attempts. Please try again in 1 minute."},
		{"many", "en", "problem.too_many_attempts", map[string]any{"Minutes": 5}, "There were too many attempts. Please try again in 5 minutes."},
		{"from-json", "de", "problem.too_many_attempts", map[string]any{"Minutes": float64(1)}, "Das waren zu viele Versuche. Bitte versuchen Sie es in 1 Minute noch einmal."},
		{"value", "de", "problem.password_short", map[string]any{"Min": 8}, "Das Passwort ist zu kurz. Es braucht mindestens 8 Zeichen."},
		{"unknown-id", "en", "problem.no_such_thing", nil, "Something went wrong on our side. Please try again in a few minutes."},
		{"unknown-language", "tlh", "problem.password_missing", nil, "Please enter your password."},
		{"region", "de-AT", "problem.password_missing", nil, "Bitte geben Sie Ihr Passwort ein."},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := r.Sentence([]string{row.locale}, row.id, row.data); got != row.want {
				t.Errorf("%q, want %q", got, row.want)
			}
		})
	}
}

func TestLanguageOfThePerson(t *testing.T) {
	r := newRenderer(t, Config{})
	for _, row := range []struct {
		name           string
		uiLocales      []string
		cookie, accept string
		want           string
	}{
		{"nothing", nil, "", "", "en"},
		{"accept", nil, "", "de-CH,de;q=0.9,en;q=0.5", "de"},
		{"accept-order", nil, "", "en;q=0.4, de;q=0.9", "de"},
		{"accept-none-of-ours", nil, "", "fr-FR,fr", "en"},
		{"accept-second", nil, "", "fr-FR,de;q=0.8", "de"},
		{"cookie-before-accept", nil, "de", "en", "de"},
		{"OIDCCore-3.1.2.1/ui_locales-first", []string{"de"}, "en", "en", "de"},
		{"OIDCCore-3.1.2.1/ui_locales-in-order", []string{"fr", "de", "en"}, "", "en", "de"},
		{"OIDCCore-3.1.2.1/ui_locales-none-of-ours", []string{"fr"}, "", "de", "de"},
		{"S1-11/ui_locales-junk", []string{`"><script>`, "de\r\nX: y", strings.Repeat("a-", 4000)}, "", "", "en"},
		{"accept-huge", nil, "", strings.Repeat("de,", 4000), "en"},
		{"accept-junk", nil, "", "%%%;;q=q", "en"},
	} {
		t.Run(row.name, func(t *testing.T) {
			req := httptest.NewRequest(http.MethodGet, "/", nil)
			req.Header.Set("Accept-Language", row.accept)
			if row.cookie != "" {
				req.AddCookie(&http.Cookie{Name: "lang", Value: row.cookie})
			}
			w := httptest.NewRecorder()
			page := Samples()[0].Page
			page.UILocales = row.uiLocales
			r.Render(w, req, http.StatusOK, page)
			if got := w.Header().Get("Content-Language"); got != row.want {
				t.Errorf("%s, want %s", got, row.want)
			}
		})
	}
}
