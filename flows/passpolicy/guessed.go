package passpolicy

import (
	_ "embed" // the list is one string in the program, never copied or parsed
	"strings"
	"unicode"
	"unicode/utf8"
)

// list are the passwords, words and names that are guessed first, in lower case,
// one in each line, sorted by bytes. generate.go makes it; NOTICE says of what.
//
//go:embed guessed.txt
var list string

// maxSuffix is how many figures and signs at the end make no password of a word.
const maxSuffix = 5

// leet undoes the spellings that every guesser knows.
var leet = [...]*strings.Replacer{
	strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i"),
	strings.NewReplacer("0", "o", "1", "l", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "l"),
}

// common says whether a folded password is in the list, is so but for figures and
// signs at its end, or is a run or a repetition.
func common(folded string) bool {
	if guessed(folded) || run(folded) || repeats(folded) {
		return true
	}
	stem, suffix := cut(folded)
	return suffix != "" && (utf8.RuneCountInString(suffix) <= maxSuffix || guessed(suffix) || run(suffix)) && guessed(stem)
}

// guessed looks in the list, for spellings with figures in the place of letters too.
func guessed(s string) bool {
	return listed(s) || listed(leet[0].Replace(s)) || listed(leet[1].Replace(s))
}

// cut parts what is no letter from the end.
func cut(s string) (stem, suffix string) {
	stem = strings.TrimRightFunc(s, func(c rune) bool { return !unicode.IsLetter(c) })
	return stem, s[len(stem):]
}

// run says whether each character follows the one before, upwards or downwards.
func run(s string) bool {
	c := []rune(s)
	if len(c) < 3 {
		return false
	}
	step := c[1] - c[0]
	if step != 1 && step != -1 {
		return false
	}
	for i := range c[1:] {
		if c[i+1]-c[i] != step {
			return false
		}
	}
	return true
}

// repeats says whether a password is a few characters, or something from the list,
// again and again.
func repeats(s string) bool {
	for n := 1; n <= len(s)/2; n++ {
		if s[n:] != s[:len(s)-n] { // not the same when shifted by n
			continue
		}
		return n <= 4 || guessed(s[:n])
	}
	return false
}

// listed searches the list, whose lines are not all of one length: each half ends
// where a line ends.
func listed(word string) bool {
	if word == "" || strings.Contains(word, "\n") {
		return false
	}
	for lo, hi := 0, len(list); lo < hi; {
		start := lo + strings.LastIndexByte(list[lo:(lo+hi)/2], '\n') + 1
		end := start + strings.IndexByte(list[start:], '\n')
		switch line := list[start:end]; {
		case line == word:
			return true
		case line < word:
			lo = end + 1
		default:
			hi = start
		}
	}
	return false
}
