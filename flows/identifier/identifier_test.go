package identifier

import (
	"errors"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

func TestEmail(t *testing.T) {
	long := strings.Repeat("d", 63)
	host := strings.Join([]string{long, long, long}, ".") // 191 bytes
	for _, tt := range []struct{ name, in, address, key string }{
		{"plain", "jane@example.com", "jane@example.com", "jane@example.com"},
		{"shown-as-typed", " Jane.Doe+Shop@Example.COM\n", "Jane.Doe+Shop@Example.COM", "jane.doe+shop@example.com"},
		{"dots-are-the-owners", "j.a.n.e@gmail.com", "j.a.n.e@gmail.com", "j.a.n.e@gmail.com"},
		{"test-domain", "alice@example.test", "alice@example.test", "alice@example.test"},
		{"one-label", "root@intranet", "", ""}, {"localhost", "root@localhost", "", ""}, {"localhost-below", "root@a.localhost", "", ""},
		{"specials", "a!#$%&'*+-/=?^_`{|}~b@example.com", "a!#$%&'*+-/=?^_`{|}~b@example.com", "a!#$%&'*+-/=?^_`{|}~b@example.com"},
		{"idna", "info@Bücher.example", "info@Bücher.example", "info@xn--bcher-kva.example"},
		{"idna-ascii", "info@XN--bcher-kva.example", "info@XN--bcher-kva.example", "info@xn--bcher-kva.example"},
		{"idna-sharp-s-stays", "info@straße.example", "info@straße.example", "info@xn--strae-oqa.example"},
		{"idna-ideographic-dot", "info@example。com", "info@example.com", "info@example.com"},
		{"S3-05/local-capitals", "JÜRGEN@example.com", "JÜRGEN@example.com", "jürgen@example.com"},
		{"S3-05/local-marks-apart", "ju\u0308rgen@example.com", "jürgen@example.com", "jürgen@example.com"},
		{"S3-05/local-sharp-s", "WEIẞ@example.com", "WEIẞ@example.com", "weiss@example.com"},
		{"S3-05/local-full-width", "ｊａｎｅ@example.com", "jane@example.com", "jane@example.com"},
		{"S3-05/kelvin", "\u212aim@example.com", "Kim@example.com", "kim@example.com"},
		{"S3-05/zero-width", "ja\u200bne@example.com", "", ""},
		{"S3-05/soft-hyphen", "ja\u00adne@example.com", "", ""},
		{"S3-05/hangul-filler", "ja\u3164ne@example.com", "", ""},
		{"S3-05/grapheme-joiner", "ja\u034fne@example.com", "", ""},
		{"S3-05/variation-selector", "ja\ufe0fne@example.com", "", ""},
		{"S3-05/right-to-left-mark", "ja\u202ene@example.com", "", ""},
		{"S3-05/full-width-at", "jane＠evil.example@example.com", "", ""},
		{"S3-05/only-a-full-width-at", "jane＠example.com", "jane@example.com", "jane@example.com"},
		{"S3-05/dotless-i-is-another", "jıll@example.com", "jıll@example.com", "jıll@example.com"},
		{"S3-05/long-s", "ſam@example.com", "sam@example.com", "sam@example.com"},
		{"S3-05/local-latin-cyrillic", "jаne@example.com", "", ""},
		{"S3-05/local-latin-greek", "jοe@example.com", "", ""},
		{"S3-05/domain-latin-cyrillic", "jane@exаmple.com", "", ""},
		{"S3-05/domain-latin-cyrillic-ascii", "jane@xn--exmple-4nf.com", "", ""},
		{"S3-05/domain-cyrillic", "иван@пример.рф", "иван@пример.рф", "иван@xn--e1afmkfd.xn--p1ai"},
		{"S3-05/domain-cyrillic-labels", "ivan@пример.com", "ivan@пример.com", "ivan@xn--e1afmkfd.com"},
		{"S3-05/local-joiner-after-virama", "क्\u200dष@example.com", "", ""},
		{"S3-05/domain-joiner-after-virama", "jane@क्\u200dष.example", "", ""},
		{"S3-05/full-width-two-dots", "jane．．doe@example.com", "", ""},
		{"S3-05/zero-width-domain", "jane@exam\u200dple.com", "", ""},
		{"longest-local", strings.Repeat("a", 64) + "@example.com", strings.Repeat("a", 64) + "@example.com", strings.Repeat("a", 64) + "@example.com"},
		{"long-local", strings.Repeat("a", 65) + "@example.com", "", ""},
		{"long-local-when-folded", strings.Repeat("\ufb03", 21) + "ab@example.com", "", ""},
		{"long-when-in-ascii", "a@" + strings.Repeat("ü.", 28) + strings.Repeat("ü", 50) + "." + strings.Repeat("b", 40) + ".com", "", ""},
		{"very-long", strings.Repeat("a", 1<<20) + "@example.com", "", ""},
		{"longest", strings.Repeat("a", 62) + "@" + host, strings.Repeat("a", 62) + "@" + host, strings.Repeat("a", 62) + "@" + host},
		{"long", strings.Repeat("a", 63) + "@" + host, "", ""},
		{"long-label", "a@" + long + "d.com", "", ""},
		{"empty", "", "", ""}, {"spaces", "  ", "", ""}, {"word", "jane", "", ""},
		{"no-local", "@example.com", "", ""}, {"no-domain", "jane@", "", ""}, {"two-ats", "jane@doe@example.com", "", ""},
		{"display-name", "Jane <jane@example.com>", "", ""}, {"brackets", "<jane@example.com>", "", ""},
		{"two", "jane@example.com, joe@example.com", "", ""}, {"two-lines", "jane@example.com\r\nBcc: joe@example.com", "", ""},
		{"comment", "jane@example.com (Jane)", "", ""}, {"comment-inside", "jane(x)@example.com", "", ""},
		{"quoted", `"jane doe"@example.com`, "", ""}, {"quoted-plain", `"jane"@example.com`, "", ""},
		{"spaces-inside", "jane @example.com", "", ""}, {"dots", "jane..doe@example.com", "", ""}, {"dot-first", ".jane@example.com", "", ""},
		{"domain-dot-last", "jane@example.com.", "", ""}, {"domain-dots", "jane@example..com", "", ""},
		{"domain-hyphen", "jane@-example.com", "", ""}, {"domain-underscore", "jane@exa_mple.com", "", ""},
		{"domain-number-last", "jane@example.123", "", ""}, {"domain-literal", "jane@[192.0.2.1]", "", ""}, {"domain-numbers", "jane@192.0.2.1", "", ""},
		{"nul", "ja\x00ne@example.com", "", ""}, {"not-utf8", "ja\xffne@example.com", "", ""}, {"tab", "ja\tne@example.com", "", ""},
		{"encoded-word", "=?utf-8?q?jane?= <jane@example.com>", "", ""}, {"group", "friends: jane@example.com;", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			address, key, err := Email(tt.in)
			if address != tt.address || key != tt.key || (err == nil) != (tt.key != "") {
				t.Errorf("%q, %q, %v, want %q, %q", address, key, err, tt.address, tt.key)
			}
			if err != nil && !errors.Is(err, ErrInvalid) {
				t.Errorf("an error of another kind: %v", err)
			}
			if err != nil && len(tt.in) > 16 && strings.Contains(err.Error(), strings.TrimSpace(tt.in)) {
				t.Errorf("the error holds what was typed: %v", err)
			}
		})
	}
}

func TestUsername(t *testing.T) {
	for _, tt := range []struct {
		name, in, shown, key string
		err                  error
	}{
		{"plain", "jane", "jane", "jane", nil},
		{"shown-as-typed", " JaneDoe_7.x-y ", "JaneDoe_7.x-y", "janedoe_7.x-y", nil},
		// The examples of RFC 8265, section 3.5.
		{"RFC8265-3.5/sharp-s", "fußball", "fußball", "fußball", nil},
		{"RFC8265-3.5/pi", "ππ", "ππ", "ππ", nil},
		{"RFC8265-3.5/sigma", "Σα", "Σα", "σα", nil},
		{"RFC8265-3.5/final-sigma", "ας", "ας", "ας", nil},
		{"RFC8265-3.5/space", "foo bar", "", "", ErrCharacter},
		{"RFC8265-3.5/empty", "", "", "", ErrLength},
		{"RFC8265-3.5/roman-four", "henry\u2163", "", "", ErrCharacter},
		{"RFC8265-3.5/infinity", "\u221e\u221e", "", "", ErrCharacter},
		{"S3-05/marks-apart", "ju\u0308rgen", "jürgen", "jürgen", nil},
		{"S3-05/capitals", "JÜRGEN", "JÜRGEN", "jürgen", nil},
		{"S3-05/full-width", "ｊａｎｅ", "jane", "jane", nil},
		{"S3-05/zero-width-space", "ja\u200bne", "", "", ErrCharacter},
		{"S3-05/zero-width-joiner", "ja\u200dne", "", "", ErrCharacter},
		{"S3-05/joiner-after-virama", "क्\u200dष", "", "", ErrCharacter},
		{"S3-05/soft-hyphen", "ja\u00adne", "", "", ErrCharacter},
		{"S3-05/byte-order-mark", "\ufeffjane", "", "", ErrCharacter},
		{"S3-05/right-to-left-mark", "ja\u200fne", "", "", ErrCharacter},
		{"S3-05/latin-cyrillic", "pаypal", "", "", ErrMixed},
		{"S3-05/latin-cyrillic-capital", "ЈANE", "", "", ErrMixed},
		{"S3-05/latin-greek", "gοοgle", "", "", ErrMixed},
		{"S3-05/latin-armenian", "joհn", "", "", ErrMixed},
		{"S3-05/latin-cherokee", "Ꭻane", "", "", ErrMixed},
		{"S3-05/cyrillic-greek", "аοб", "", "", ErrMixed},
		{"S3-05/cyrillic-figures", "иван77", "иван77", "иван77", nil},
		{"S3-05/japanese", "山田たろうカナa", "山田たろうカナa", "山田たろうカナa", nil},
		{"S3-05/korean-latin", "김kim", "김kim", "김kim", nil},
		{"S3-05/hangul-hiragana", "김あ", "", "", ErrMixed},
		{"mail-address", "jane@example.com", "", "", ErrCharacter},
		{"full-width-at", "jane＠example", "", "", ErrCharacter},
		{"two", "ab", "ab", "ab", nil}, {"one", "a", "", "", ErrLength}, {"spaces", "   ", "", "", ErrLength},
		{"longest", strings.Repeat("я", 64), strings.Repeat("я", 64), strings.Repeat("я", 64), nil},
		{"long", strings.Repeat("я", 65), "", "", ErrLength},
		{"nul", "ja\x00ne", "", "", ErrCharacter}, {"newline", "ja\nne", "", "", ErrCharacter}, {"not-utf8", "ja\xffne", "", "", ErrCharacter},
	} {
		t.Run(tt.name, func(t *testing.T) {
			shown, key, err := Username(tt.in)
			if shown != tt.shown || key != tt.key || !errors.Is(err, tt.err) {
				t.Errorf("%q, %q, %v, want %q, %q, %v", shown, key, err, tt.shown, tt.key, tt.err)
			}
			if err != nil && !errors.Is(err, ErrInvalid) {
				t.Errorf("an error of another kind: %v", err)
			}
		})
	}
}

func FuzzEmail(f *testing.F) {
	for _, s := range []string{"jane@example.com", "J\u0308@bücher.example", "ﬃ@example。com", "a＠b@c.d", `"a b"@c.d`, "\u0345\u03b1@x.y", "ǰ\u0323@x", "a@xn--a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		address, key, err := Email(s)
		if err != nil {
			if !errors.Is(err, ErrInvalid) || address != "" || key != "" {
				t.Fatal(address, key, err)
			}
			return
		}
		if address != strings.ReplaceAll(norm.NFKC.String(strings.TrimSpace(s)), "\u3002", ".") || len(address) > maxAddress || len(key) > maxAddress || strings.Count(key, "@") != 1 {
			t.Fatalf("%q, %q", address, key)
		}
		if strings.ContainsAny(address, " \t\r\n<>\",;:()\x00") || strings.ContainsFunc(address, unicode.IsControl) {
			t.Fatalf("%q holds what ends a header", address)
		}
		if !norm.NFKC.IsNormalString(key) {
			t.Fatalf("%q is not NFKC", key)
		}
		// Both forms are addresses with the same key: spellings form classes.
		for _, form := range []string{address, key} {
			if _, again, err := Email(form); err != nil || again != key {
				t.Fatalf("%q: %q became %q, %v", key, form, again, err)
			}
		}
		if _, again, err := Email(strings.ToUpper(key)); err == nil && again != key {
			t.Fatalf("%q in capitals became %q", key, again)
		}
	})
}

func FuzzUsername(f *testing.F) {
	for _, s := range []string{"Jane", "pаypal", "ju\u0308rgen", "ｊａｎｅ", "Σς", "a\u200db", "山田たろう", "\u05d0\u0030"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, key, err := Username(s)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		if name == "" || strings.ContainsAny(key, "@ \x00") || hidden(key) || mixed(key) {
			t.Fatalf("%q, %q", name, key)
		}
		for _, s := range []string{name, key} {
			if _, again, err := Username(s); err != nil || again != key {
				t.Fatalf("%q became %q, %v", s, again, err)
			}
		}
	})
}

func BenchmarkEmail(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Email("Jane.Doe@Example.com"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUsername(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Username("Jane.Doe"); err != nil {
			b.Fatal(err)
		}
	}
}
