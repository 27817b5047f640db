package passpolicy

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"
)

func TestPrepare(t *testing.T) {
	for _, tt := range []struct {
		name, in, want string
		err            error
	}{
		// The examples of RFC 8265, section 4.3.
		{"RFC8265-4.3/phrase", "correct horse battery staple", "correct horse battery staple", nil},
		{"RFC8265-4.3/case-counts", "Correct Horse Battery Staple", "Correct Horse Battery Staple", nil},
		{"RFC8265-4.3/greek-and-sharp-s", "πßå", "πßå", nil},
		{"RFC8265-4.3/symbol", "Jack of ♦s", "Jack of ♦s", nil},
		{"RFC8265-4.3/ogham-space", "foo\u1680bar", "foo bar", nil},
		{"RFC8265-4.3/tab", "my cat is a \u0009by", "", ErrInvalidCharacter},
		{"spaces-at-the-ends-count", "  word  ", "  word  ", nil},
		{"S3-05/marks-apart", "Pa\u0308sse", "Pässe", nil},
		{"S3-05/ligature", "o\ufb03ce", "office", nil},
		{"S3-05/full-width", "ｐａｓｓ１", "pass1", nil},
		{"S3-05/ideographic-space", "a\u3000b", "a b", nil},
		{"S3-05/no-break-space", "a\u00a0b", "a b", nil},
		{"S3-05/zero-width-space", "a\u200bb", "", ErrInvalidCharacter},
		{"S3-05/right-to-left-mark", "a\u202eb", "", ErrInvalidCharacter},
		{"nul", "pass\x00word", "", ErrInvalidCharacter},
		{"newline", "pass\nword", "", ErrInvalidCharacter},
		{"delete", "pass\x7fword", "", ErrInvalidCharacter},
		{"c1", "pass\u0085word", "", ErrInvalidCharacter},
		{"unassigned", "pass\U000effffword", "", ErrInvalidCharacter},
		{"not-utf8", "pass\xffword", "", ErrInvalidCharacter},
		{"surrogate", "pass\xed\xa0\x80word", "", ErrInvalidCharacter},
		{"emoji", "🐴🔋📎🐴🔋📎🐴🔋", "🐴🔋📎🐴🔋📎🐴🔋", nil},
		{"short-is-for-check", "a", "a", nil},
		{"empty", "", "", nil},
		{"longest", strings.Repeat("x", 1024), strings.Repeat("x", 1024), nil},
		{"too-long", strings.Repeat("x", 1025), "", ErrTooLong},
		{"longest-of-four-bytes", strings.Repeat("😀", 1024), strings.Repeat("😀", 1024), nil},
		{"longest-after", strings.Repeat("u\u0308", 512), strings.Repeat("ü", 512), nil},
		{"too-long-after", strings.Repeat("\ufdfa", 64), "", ErrTooLong}, // one becomes eighteen
		{"too-long-before", strings.Repeat("x", maxRaw+1), "", ErrTooLong},
		{"too-long-before-alone", strings.Repeat("\u1100\u1161\u11a8", maxRaw/9+1), "", ErrTooLong}, // three become one
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Prepare(tt.in)
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("%q, %v, want %q, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	me := []string{"Anna.Smith+shop@Example.org", "annie_s", "Jürgen Müßig"}
	for _, tt := range []struct {
		name, in string
		min      int
		want     error
	}{
		{"phrase", "correct horse battery staple", 8, nil},
		{"eight", "kvh7Rzq!", 8, nil},
		{"random", "xkR92mvQ", 8, nil},
		{"non-latin", "лошадьбатарея", 8, nil},
		{"seven", "kvh7Rzq", 8, ErrTooShort},
		{"seven-of-two-bytes", "üöäüößé", 8, ErrTooShort},
		{"eight-of-two-bytes", "üöxäüößé", 8, nil},
		{"empty", "", 8, ErrTooShort},
		{"least-is-eight", "kvh7Rzq", 1, ErrTooShort},
		{"project-wants-more", "kvh7Rzq!2345", 15, ErrTooShort},
		{"longest", strings.Repeat("kvh7Rzq!", 128), 8, nil},
		{"long", strings.Repeat("kvh7Rzq!", 128) + "x", 8, ErrTooLong},

		{"common", "password", 8, ErrCommon},
		{"common/case", "PassWord", 8, ErrCommon},
		{"common/figure", "Password1", 8, ErrCommon},
		{"common/year", "Summer2030", 8, ErrCommon},
		{"common/year-and-sign", "Summer2030!", 8, ErrCommon},
		{"common/sign", "sunshine!", 8, ErrCommon},
		{"common/run-behind", "dragon123456789", 8, ErrCommon},
		{"common/leet", "P@ssw0rd", 8, ErrCommon},
		{"common/leet-and-sign", "P@$$w0rd!", 8, ErrCommon},
		{"common/leet-i", "M1cr0s0ft", 8, ErrCommon},
		{"common/leet-l", "We1come1", 8, ErrCommon},
		{"common/figures", "12345678", 8, ErrCommon},
		{"common/figures-down", "987654321", 8, ErrCommon},
		{"common/letters", "abcdefghij", 8, ErrCommon},
		{"common/letters-down", "zyxwvutsrq", 8, ErrCommon},
		{"common/one-character", "zzzzzzzzzzzz", 8, ErrCommon},
		{"common/pattern", "xyzxyzxyz", 8, ErrCommon},
		{"common/twice", "passwordpassword", 8, ErrCommon},
		{"common/word", "telephone", 8, ErrCommon},
		{"common/name", "elizabeth", 8, ErrCommon},
		{"common/keyboard", "qwertyui", 8, ErrCommon},
		{"common/full-width", "ｐａｓｓｗｏｒｄ", 8, ErrCommon},
		{"two-words", "telephone elizabeth", 8, nil},
		{"six-signs-behind-a-word", "summer!9$2&7", 8, nil},
		{"much-behind-a-word", "summer-7gq2x!", 8, nil},

		{"identifier/address", "anna.smith+shop@example.org", 8, ErrContainsIdentifier},
		{"identifier/local-part", "Anna.Smith+shop", 8, ErrContainsIdentifier},
		{"identifier/joined", "annasmithshop", 8, ErrContainsIdentifier},
		{"identifier/word-and-figures", "smith1984!", 8, ErrContainsIdentifier},
		{"identifier/words", "SmithAnna12", 8, ErrContainsIdentifier},
		{"identifier/username", "xxANNIE_Sxx", 8, ErrContainsIdentifier},
		{"identifier/name", "jürgen.1984", 8, ErrContainsIdentifier},
		{"identifier/capital-sharp-s", "MÜSSIG4711", 8, ErrContainsIdentifier},
		{"identifier/twice", "annaannaanna", 8, ErrContainsIdentifier},
		{"identifier/much-beside", "anna kvh7Rzq!", 8, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			prepared, err := Prepare(tt.in)
			if err == nil {
				err = Check(prepared, tt.min, me...)
			} else if errors.Is(tt.want, ErrTooLong) { // Prepare said it first: Check must as well
				if again := Check(tt.in, tt.min); !errors.Is(again, err) {
					t.Error(again)
				}
			}
			if !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
	if err := Check("bob7!kqz", 8, "bob@example.org", "", " "); err != nil {
		t.Errorf("a name of three letters is in every other word: %v", err)
	}
}

// TestErrors: what is wrong is said without the password.
func TestErrors(t *testing.T) {
	_, err := Prepare("hunter2\x00")
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
}

// TestList: binary search needs an order, and every word must be found.
func TestList(t *testing.T) {
	words := strings.Split(strings.TrimSuffix(list, "\n"), "\n")
	if !slices.IsSorted(words) || len(slices.Compact(slices.Clone(words))) != len(words) {
		t.Fatal("the list is not sorted, or has a word twice")
	}
	long := 0
	for _, w := range words {
		if !listed(w) {
			t.Errorf("%q is not found", w)
		}
		if w != strings.ToLower(norm.NFKC.String(w)) || w == "" {
			t.Errorf("%q is not folded", w)
		}
		if utf8.RuneCountInString(w) >= MinLength {
			long++
		}
	}
	if len(words) < 50_000 || long < 25_000 {
		t.Errorf("%d words, %d of them of %d characters or more", len(words), long, MinLength)
	}
	for _, w := range []string{"", "\n", "kvh7rzq!", "passwor\n", "password\npassword", "\x00", "\xff", words[0][:1], words[len(words)-1] + "z"} {
		if listed(w) {
			t.Errorf("%q is found", w)
		}
	}
}

func FuzzPrepare(f *testing.F) {
	for _, s := range []string{"correct horse", "πßå", "foo\u1680bar", "o\ufb03ce\u0308", "\u1100\u1161\u11a8", "a\u200db", "\u0344\u0315", "\ufdfa", "\x00"} {
		f.Add(s, "anna@example.org")
	}
	f.Fuzz(func(t *testing.T, s, id string) {
		p, err := Prepare(s)
		if err != nil {
			if !errors.Is(err, ErrTooLong) && !errors.Is(err, ErrInvalidCharacter) {
				t.Fatal(err)
			}
			return
		}
		if !norm.NFKC.IsNormalString(p) {
			t.Fatalf("%q is not NFKC", p)
		}
		if again, err := Prepare(p); err != nil || again != p {
			t.Fatalf("%q became %q, %v", p, again, err)
		}
		if p != "" {
			if o, err := precis.OpaqueString.String(p); err != nil || o != p {
				t.Fatalf("%q is no OpaqueString: %q, %v", p, o, err)
			}
		}
		if strings.ContainsFunc(p, func(c rune) bool { return c < ' ' || c == 0x7f }) || utf8.RuneCountInString(p) > MaxLength {
			t.Fatalf("%q was let through", p)
		}
		_ = Check(p, 8, id)
	})
}

func BenchmarkCheck(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		p, err := Prepare("correct horse battery staple")
		if err != nil || Check(p, 8, "anna.smith@example.org", "Anna Smith") != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckLongest(b *testing.B) {
	p := strings.Repeat("kvh7Rzq!", 128)
	for b.Loop() {
		if err := Check(p, 8, "anna.smith@example.org"); err != nil {
			b.Fatal(err)
		}
	}
}
