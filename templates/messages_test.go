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

// languages are those of the built-in message files, and the plural forms that
// each has beside "other" (CLDR, for the whole numbers that are said).
var languages = map[string][]string{"en": {"one"}, "de": {"one"}, "es": {"one"}, "fr": {"one"}, "ja": {}}

// sentences reads a message file: id → form → text. A text without forms has the
// form "other" alone.
func sentences(t *testing.T, locale string) map[string]map[string]string {
	t.Helper()
	raw, err := embedded.ReadFile("locales/" + locale + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]any
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	out := map[string]map[string]string{}
	for id, v := range file {
		out[id] = map[string]string{}
		switch v := v.(type) {
		case string:
			out[id]["other"] = v
		case map[string]any:
			for form, s := range v {
				out[id][form], _ = s.(string)
			}
		}
		for form, s := range out[id] {
			if strings.TrimSpace(s) == "" {
				t.Errorf("%s: %s is empty", locale, id)
			}
			if form != "other" && !slices.Contains(languages[locale], form) {
				t.Errorf("%s: %s: this language has no form %q", locale, id, form)
			}
		}
	}
	return out
}

var named = regexp.MustCompile(`{{[^}]*}}`)

// names are the values that a sentence names, in order.
func names(s string) []string {
	all := named.FindAllString(s, -1)
	slices.Sort(all)
	return all
}

// TestLanguagesHaveTheSameMessages: every language says everything, with the same
// values, and in each of its plural forms.
func TestLanguagesHaveTheSameMessages(t *testing.T) {
	files, err := embedded.ReadDir("locales")
	if err != nil || len(files) != len(languages) {
		t.Fatalf("%d message files, want %d (%v)", len(files), len(languages), err)
	}
	en := sentences(t, "en")
	for locale, forms := range languages {
		said := sentences(t, locale)
		for id, s := range en {
			got := said[id]
			if got["other"] == "" {
				t.Errorf("%s.json lacks %s", locale, id)
				continue
			}
			if diff := cmp.Diff(names(s["other"]), names(got["other"])); diff != "" {
				t.Errorf("%s names other values in %s: %s", id, locale, diff)
			}
			for form, text := range got { // "one minute" need not say the number
				for _, name := range names(text) {
					if !slices.Contains(names(s["other"]), name) {
						t.Errorf("%s: %s: the form %s names %s", locale, id, form, name)
					}
				}
			}
			for _, form := range forms {
				if len(s) > 1 && got[form] == "" {
					t.Errorf("%s: %s lacks the form %s", locale, id, form)
				}
			}
		}
		for id := range said {
			if en[id] == nil {
				t.Errorf("en.json lacks %s of %s.json", id, locale)
			}
		}
	}
}

// TestLanguagesAreTranslated: a language is not a copy of English.
func TestLanguagesAreTranslated(t *testing.T) {
	en := sentences(t, "en")
	for locale := range languages {
		same := 0
		for id, forms := range sentences(t, locale) {
			s := forms["other"]
			if len(strings.Fields(named.ReplaceAllString(s, ""))) > 1 && s == en[id]["other"] {
				same++
				if locale != "en" {
					t.Errorf("%s: %s is English: %q", locale, id, s)
				}
			}
		}
		if locale == "en" && same < 300 {
			t.Errorf("%d sentences were looked at", same)
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
			if en[prefix+name] == nil {
				t.Errorf("there is no %s%s", prefix, name)
			}
		}
	}
}

// TestOneWordForAddress: each language has one word for a mail address.
func TestOneWordForAddress(t *testing.T) {
	for locale, other := range map[string]string{
		"en": `(?i)(^|[^-])\bmail address`, "de": `Mailadresse|(^|[^-])\bMails?\b`, "es": `(?i)direcci[oó]n de correo`, "fr": `(?i)adresse mail|(^|[^-])\bmails?\b`,
	} {
		word := regexp.MustCompile(other)
		for id, forms := range sentences(t, locale) {
			for _, text := range forms {
				if word.MatchString(text) {
					t.Errorf("%s: %s: %q", locale, id, text)
				}
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
		{"japanese", "ja", "problem.too_many_attempts", map[string]any{"Minutes": 1}, "試行回数が多すぎます。1 分後にもう一度お試しください。"},
		{"french-zero", "fr", "account.passkeys", map[string]any{"Count": 0}, "0 clé d’accès"},
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
		{"accept-none-of-ours", nil, "", "it-IT,it", "en"},
		{"accept-second", nil, "", "it-IT,de;q=0.8", "de"},
		{"spanish", nil, "", "es-MX,es;q=0.9", "es"},
		{"french", nil, "", "fr-CA", "fr"},
		{"japanese", nil, "", "ja-JP,en;q=0.5", "ja"},
		{"cookie-before-accept", nil, "de", "en", "de"},
		{"OIDCCore-3.1.2.1/ui_locales-first", []string{"de"}, "en", "en", "de"},
		{"OIDCCore-3.1.2.1/ui_locales-in-order", []string{"it", "de", "en"}, "", "en", "de"},
		{"OIDCCore-3.1.2.1/ui_locales-none-of-ours", []string{"it"}, "", "de", "de"},
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
