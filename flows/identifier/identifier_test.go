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
		{"one-label", "root@localhost", "root@localhost", "root@localhost"},
		{"specials", "a!#$%&'*+-/=?^_`{|}~b@example.com", "a!#$%&'*+-/=?^_`{|}~b@example.com", "a!#$%&'*+-/=?^_`{|}~b@example.com"},
		{"idna", "info@Bücher.example", "info@Bücher.example", "info@xn--bcher-kva.example"},
		{"idna-ascii", "info@XN--bcher-kva.example", "info@XN--bcher-kva.example", "info@xn--bcher-kva.example"},
		{"idna-sharp-s-stays", "info@straße.example", "info@straße.example", "info@xn--strae-oqa.example"},
		{"idna-ideographic-dot", "info@example。com", "info@example。com", "info@example.com"},
		{"S3-05/local-capitals", "JÜRGEN@example.com", "JÜRGEN@example.com", "jürgen@example.com"},
		{"S3-05/local-marks-apart", "ju\u0308rgen@example.com", "ju\u0308rgen@example.com", "jürgen@example.com"},
		{"S3-05/local-sharp-s", "WEIẞ@example.com", "WEIẞ@example.com", "weiss@example.com"},
		{"S3-05/local-full-width", "ｊａｎｅ@example.com", "ｊａｎｅ@example.com", "jane@example.com"},
		{"S3-05/kelvin", "\u212aim@example.com", "\u212aim@example.com", "kim@example.com"},
		{"S3-05/zero-width", "ja\u200bne@example.com", "", ""},
		{"S3-05/soft-hyphen", "ja\u00adne@example.com", "", ""},
		{"S3-05/hangul-filler", "ja\u3164ne@example.com", "", ""},
		{"S3-05/grapheme-joiner", "ja\u034fne@example.com", "", ""},
		{"S3-05/variation-selector", "ja\ufe0fne@example.com", "", ""},
		{"S3-05/right-to-left-mark", "ja\u202ene@example.com", "", ""},
		{"S3-05/full-width-at", "jane＠evil.example@example.com", "", ""},
		{"S3-05/only-a-full-width-at", "jane＠example.com", "", ""},
		{"S3-05/zero-width-domain", "jane@exam\u200dple.com", "", ""},
		{"longest-local", strings.Repeat("a", 64) + "@example.com", strings.Repeat("a", 64) + "@example.com", strings.Repeat("a", 64) + "@example.com"},
		{"long-local", strings.Repeat("a", 65) + "@example.com", "", ""},
		{"long-local-when-folded", strings.Repeat("\ufb03", 21) + "ab@example.com", "", ""},
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
		{"domain-literal", "jane@[192.0.2.1]", "", ""}, {"domain-numbers", "jane@192.0.2.1", "", ""},
		{"nul", "ja\x00ne@example.com", "", ""}, {"not-utf8", "ja\xffne@example.com", "", ""}, {"tab", "ja\tne@example.com", "", ""},
		{"encoded-word", "=?utf-8?q?jane?= <jane@example.com>", "", ""}, {"group", "friends: jane@example.com;", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			address, key, err := Email(tt.in)
			if address != tt.address || key != tt.key || (err == nil) != (tt.key != "") {
				t.Errorf("%q, %q, %v, want %q, %q", address, key, err, tt.address, tt.key)
			}
			if err != nil && !errors.Is(err, ErrEmail) {
				t.Errorf("an error of another kind: %v", err)
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
		{"RFC8265-3.5/pi", "π", "π", "π", nil},
		{"RFC8265-3.5/sigma", "Σ", "Σ", "σ", nil},
		{"RFC8265-3.5/final-sigma", "ς", "ς", "ς", nil},
		{"RFC8265-3.5/space", "foo bar", "", "", ErrUsername},
		{"RFC8265-3.5/empty", "", "", "", ErrUsername},
		{"RFC8265-3.5/roman-four", "henry\u2163", "", "", ErrUsername},
		{"RFC8265-3.5/infinity", "\u221e", "", "", ErrUsername},
		{"S3-05/marks-apart", "ju\u0308rgen", "jürgen", "jürgen", nil},
		{"S3-05/capitals", "JÜRGEN", "JÜRGEN", "jürgen", nil},
		{"S3-05/full-width", "ｊａｎｅ", "jane", "jane", nil},
		{"S3-05/zero-width-space", "ja\u200bne", "", "", ErrUsername},
		{"S3-05/zero-width-joiner", "ja\u200dne", "", "", ErrUsername},
		{"S3-05/joiner-after-virama", "क्\u200dष", "", "", ErrUsername},
		{"S3-05/soft-hyphen", "ja\u00adne", "", "", ErrUsername},
		{"S3-05/byte-order-mark", "\ufeffjane", "", "", ErrUsername},
		{"S3-05/right-to-left-mark", "ja\u200fne", "", "", ErrUsername},
		{"S3-05/latin-cyrillic", "pаypal", "", "", ErrConfusable},
		{"S3-05/latin-cyrillic-capital", "ЈANE", "", "", ErrConfusable},
		{"S3-05/latin-greek", "gοοgle", "", "", ErrConfusable},
		{"S3-05/latin-armenian", "joհn", "", "", ErrConfusable},
		{"S3-05/latin-cherokee", "Ꭻane", "", "", ErrConfusable},
		{"S3-05/cyrillic-greek", "аοб", "", "", ErrConfusable},
		{"S3-05/cyrillic-figures", "иван77", "иван77", "иван77", nil},
		{"S3-05/japanese", "山田たろうカナa", "山田たろうカナa", "山田たろうカナa", nil},
		{"S3-05/korean-latin", "김kim", "김kim", "김kim", nil},
		{"S3-05/hangul-hiragana", "김あ", "", "", ErrConfusable},
		{"mail-address", "jane@example.com", "", "", ErrUsername},
		{"full-width-at", "jane＠example", "", "", ErrUsername},
		{"longest", strings.Repeat("я", 64), strings.Repeat("я", 64), strings.Repeat("я", 64), nil},
		{"long", strings.Repeat("я", 65), "", "", ErrUsername},
		{"nul", "ja\x00ne", "", "", ErrUsername}, {"newline", "ja\nne", "", "", ErrUsername}, {"not-utf8", "ja\xffne", "", "", ErrUsername},
	} {
		t.Run(tt.name, func(t *testing.T) {
			shown, key, err := Username(tt.in)
			if shown != tt.shown || key != tt.key || !errors.Is(err, tt.err) {
				t.Errorf("%q, %q, %v, want %q, %q, %v", shown, key, err, tt.shown, tt.key, tt.err)
			}
			if err != nil && !errors.Is(err, ErrUsername) {
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
			if !errors.Is(err, ErrEmail) || address != "" || key != "" {
				t.Fatal(address, key, err)
			}
			return
		}
		if address != strings.TrimSpace(s) || len(address) > MaxEmail || len(key) > MaxEmail || strings.Count(key, "@") != 1 {
			t.Fatalf("%q, %q", address, key)
		}
		if strings.ContainsAny(address, " \t\r\n<>\",;:()\x00") || strings.ContainsFunc(address, unicode.IsControl) {
			t.Fatalf("%q holds what ends a header", address)
		}
		if !norm.NFKC.IsNormalString(key) {
			t.Fatalf("%q is not NFKC", key)
		}
		// The key is an address, and its own key: spellings form classes.
		if _, again, err := Email(key); err != nil || again != key {
			t.Fatalf("%q became %q, %v", key, again, err)
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
			if !errors.Is(err, ErrUsername) {
				t.Fatal(err)
			}
			return
		}
		if name == "" || strings.ContainsAny(key, "@ \x00") || !visible(key) {
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
