package identifier

import (
	"slices"
	"unicode"
)

// together are the scripts that are written in one word: UTS 39 §5.2, "Highly
// Restrictive". Any other word has one script.
var together = [...][]string{
	{"Latin", "Han", "Hiragana", "Katakana"}, // Japanese
	{"Latin", "Han", "Bopomofo"},             // Chinese
	{"Latin", "Han", "Hangul"},               // Korean
}

// mixed says whether letters of scripts meet that don't belong together, so that
// one may be there for its likeness to another: a Cyrillic а in a Latin word.
func mixed(s string) bool {
	var seen []string
	for _, c := range s {
		if name := script(c); name != "" && !slices.Contains(seen, name) {
			seen = append(seen, name)
		}
	}
	if len(seen) < 2 {
		return false
	}
	return !slices.ContainsFunc(together[:], func(set []string) bool {
		return !slices.ContainsFunc(seen, func(name string) bool { return !slices.Contains(set, name) })
	})
}

// script is the name of the script that a character belongs to, "" for figures,
// signs and marks that belong to many.
func script(c rune) string {
	if c < unicode.MaxASCII {
		if 'a' <= c|0x20 && c|0x20 <= 'z' {
			return "Latin"
		}
		return ""
	}
	for name, table := range unicode.Scripts {
		if name != "Common" && name != "Inherited" && unicode.Is(table, c) {
			return name
		}
	}
	return ""
}

// hidden says whether a character is in s that is not seen, or that changes how
// others are: control and format characters, those of no width, and separators.
// The joiners U+200C and U+200D are among them: PRECIS has places where they are
// allowed, but two names that differ in them alone look the same.
func hidden(s string) bool {
	for _, c := range s {
		if unicode.In(c, unicode.Cc, unicode.Cf, unicode.Z, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) {
			return true
		}
	}
	return false
}
