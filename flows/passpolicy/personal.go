package passpolicy

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// minName is the shortest part of a name that counts, in characters: shorter ones
// are in every other word.
const minName = 4

// maxIdentifier is how much of an identifier is looked at, in bytes.
const maxIdentifier = 512

// fold is the same for every way to write something in capitals.
func fold(s string) string {
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(s)))
}

// madeOf says whether a password has names of its owner in it, and beside them
// less than would be a password by itself.
func madeOf(folded string, identifiers []string) bool {
	rest := folded
	for _, name := range names(identifiers) {
		rest = strings.ReplaceAll(rest, name, "")
	}
	return rest != folded && utf8.RuneCountInString(rest) < MinLength
}

// names are the identifiers, their local parts, and the words in these, folded,
// the longest first. The domain of an address is no name of its owner.
func names(identifiers []string) []string {
	var out []string
	for _, id := range identifiers {
		id = fold(strings.TrimSpace(id[:min(len(id), maxIdentifier)]))
		local := id
		if at := strings.LastIndexByte(id, '@'); at >= 0 {
			local = id[:at]
		}
		words := strings.FieldsFunc(local, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !unicode.IsMark(c) })
		out = append(append(out, id, local, strings.Join(words, "")), words...)
	}
	out = slices.DeleteFunc(out, func(s string) bool { return utf8.RuneCountInString(s) < minName })
	slices.SortFunc(out, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	return slices.Compact(out)
}
