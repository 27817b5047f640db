// Package passpolicy prepares passwords for hashing, and says which new ones are
// good enough.
//
// It follows NIST SP 800-63B-4: a least length, a list of what is guessed first,
// nothing made of the account's own names, and no rules about which kinds of
// characters there must be.
package passpolicy

import (
	"errors"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"
)

const (
	// MinLength is the least that a project can ask for, in characters.
	MinLength = 8
	// MaxLength is the longest password, in characters.
	MaxLength = 1024
	// maxRaw is the longest password that is looked at, in bytes: no character has
	// more than four.
	maxRaw = 4 * MaxLength
)

var (
	// ErrTooShort says that a password has fewer characters than it must.
	ErrTooShort = errors.New("passpolicy: the password is too short")
	// ErrTooLong says that a password is longer than MaxLength.
	ErrTooLong = errors.New("passpolicy: the password is too long")
	// ErrCommon says that a password is one of those that are guessed first.
	ErrCommon = errors.New("passpolicy: the password is one of the most used")
	// ErrContainsIdentifier says that there is too little in a password beside the
	// account's own names.
	ErrContainsIdentifier = errors.New("passpolicy: the password is made of the account's names")
	// ErrInvalidCharacter says that a password is not UTF-8, or has characters that
	// can't be typed the same way everywhere: control characters, unassigned ones,
	// marks that nobody sees.
	ErrInvalidCharacter = errors.New("passpolicy: the password contains characters that can't be used")
)

// Prepare returns the form of a password that is hashed and compared, the same
// for every keyboard that it is typed on. It is for new passwords and for those
// of a sign-in alike, and so does not ask for a least length: Check does.
//
// The form is both NFKC and what the OpaqueString profile of RFC 8265 makes.
// That profile ends in NFC; it is given NFKC text, which its own steps (other
// spaces to U+0020, NFC, refusing what the FreeformClass has not) leave in NFKC.
// Case and spaces count.
//
// It returns ErrInvalidCharacter or ErrTooLong.
func Prepare(password string) (string, error) {
	if len(password) > maxRaw {
		return "", ErrTooLong
	}
	if !utf8.ValidString(password) {
		return "", ErrInvalidCharacter
	}
	if password == "" { // no character is wrong: Check will say that there are too few
		return "", nil
	}
	prepared, err := precis.OpaqueString.String(norm.NFKC.String(password))
	if err != nil {
		return "", ErrInvalidCharacter
	}
	if utf8.RuneCountInString(prepared) > MaxLength {
		return "", ErrTooLong
	}
	return prepared, nil
}

// Check judges a new password, as Prepare returned it. minLength is in
// characters; one below MinLength counts as MinLength. identifiers are what the
// owner is known by: mail addresses, usernames, names.
//
// It returns ErrTooShort, ErrTooLong, ErrContainsIdentifier or ErrCommon.
func Check(prepared string, minLength int, identifiers ...string) error {
	switch n := utf8.RuneCountInString(prepared); {
	case n > MaxLength:
		return ErrTooLong
	case n < max(minLength, MinLength):
		return ErrTooShort
	}
	folded := fold(prepared)
	switch {
	case madeOf(folded, identifiers):
		return ErrContainsIdentifier
	case common(folded):
		return ErrCommon
	}
	return nil
}
