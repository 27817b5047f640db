// Package identifier reads the names that people sign in with: mail addresses and
// usernames. Of each it makes two forms: one to be shown and written to, and a key
// that is the same for all spellings of one name. Two names that look the same to a
// reader shall not be the names of two accounts (S3-05).
//
// A key is for comparing and for storing beside the name. It is never shown, and
// no mail is sent to it.
package identifier

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"
)

// ErrInvalid says that what was typed can't be a mail address, or a username. All
// errors of this package are ErrInvalid. None of them holds what was typed.
var ErrInvalid = errors.New("this can't be used as a name to sign in with")

// The reasons.
var (
	// ErrAddress: it is not exactly one mail address without a display name.
	ErrAddress = fmt.Errorf("%w: it is not a single mail address such as jane@example.com", ErrInvalid)
	// ErrDomain: what follows the @ is not the name of a host in the internet.
	ErrDomain = fmt.Errorf("%w: what follows the @ is not a domain name such as example.com", ErrInvalid)
	// ErrLength: it is shorter or longer than it may be.
	ErrLength = fmt.Errorf("%w: it is too short or too long", ErrInvalid)
	// ErrCharacter: a character can't be seen, has no place in a name, or is another
	// spelling of one that has.
	ErrCharacter = fmt.Errorf("%w: it contains characters that can't be used", ErrInvalid)
	// ErrMixed: it has letters of scripts that are not written together, such as a
	// Cyrillic one among Latin ones.
	ErrMixed = fmt.Errorf("%w: it mixes letters of different scripts", ErrInvalid)
)

const (
	maxAddress = 254 // bytes: RFC 5321 §4.5.3.1.3 less the angle brackets
	maxLocal   = 64  // bytes: RFC 5321 §4.5.3.1.1
	// maxTyped is the longest input that is looked at, in bytes: what is longer
	// could only be an address as full-width letters, and is none.
	maxTyped = 4 * maxAddress

	minUsername = 2  // characters
	maxUsername = 64 // characters
)

// domains reads a domain name as one that is looked up (RFC 5891 §5, UTS 46 §4).
var domains = idna.New(
	idna.MapForLookup(), idna.BidiRule(), idna.CheckHyphens(true), idna.CheckJoiners(true),
	idna.StrictDomainName(true), idna.ValidateLabels(true), idna.VerifyDNSLength(true), idna.Transitional(false),
)

// Email reads one mail address: a local part of dot-separated atoms, which may be
// in any script (RFC 6531 §3.3), and a domain name with a dot in it. Quoted local
// parts, domain literals, comments and display names are not read; nobody is known
// to sign in with one.
//
// address is what was typed, in NFKC and without the spaces around it. The key has
// its local part folded too, though RFC 5321 §2.4 allows a host to tell cases
// apart: no host of note does, and two accounts that differ in case would be taken
// for one. Its domain is in A-labels.
func Email(typed string) (address, key string, err error) {
	if len(typed) > maxTyped {
		return "", "", ErrLength
	}
	if !utf8.ValidString(typed) {
		return "", "", ErrCharacter
	}
	// Normalised first: a full-width @ or dot must not get past the parser.
	address = norm.NFKC.String(strings.TrimSpace(typed))
	if hidden(address) {
		return "", "", ErrCharacter
	}
	a, err := mail.ParseAddress(address)
	if err != nil || a.Address != address { // more than the address alone
		return "", "", ErrAddress
	}
	at := strings.LastIndexByte(address, '@')
	// The full stop of Japanese and Chinese keyboards is one of a domain (UTS 46 §4).
	local, domain := address[:at], strings.ReplaceAll(address[at+1:], "\u3002", ".")
	address = local + "@" + domain
	if len(address) > maxAddress || len(local) > maxLocal {
		return "", "", ErrLength
	}
	localKey, err := foldLocal(local)
	if err != nil {
		return "", "", err
	}
	domainKey, err := foldDomain(domain)
	if err != nil {
		return "", "", err
	}
	if key = localKey + "@" + domainKey; len(key) > maxAddress {
		return "", "", ErrLength // as A-labels, which is what a host sees
	}
	return address, key, nil
}

// foldLocal makes the local part's part of the key. Its characters are those of
// an identifier (RFC 8264 §4.2), so that none hides and none is a picture of
// another.
func foldLocal(local string) (string, error) {
	key := fold(local)
	if _, err := precis.UsernameCasePreserved.String(key); err != nil {
		return "", ErrCharacter
	}
	if mixed(key) {
		return "", ErrMixed
	}
	// Folding makes more than one character of some: what it makes must be as good.
	if len(key) > maxLocal {
		return "", ErrLength
	}
	return key, nil
}

// foldDomain makes the domain's part of the key. A name without a dot, such as
// localhost, has no host in the internet, nor has one whose last label is a number.
func foldDomain(domain string) (string, error) {
	key, err := domains.ToASCII(domain)
	if err != nil || !strings.Contains(key, ".") {
		return "", ErrDomain
	}
	labels := strings.Split(key, ".")
	if strings.Trim(labels[len(labels)-1], "0123456789") == "" || labels[len(labels)-1] == "localhost" {
		return "", ErrDomain
	}
	shown, err := domains.ToUnicode(key)
	if err != nil {
		return "", ErrDomain
	}
	for label := range strings.SplitSeq(shown, ".") {
		if mixed(label) {
			return "", ErrMixed
		}
	}
	return key, nil
}

// fold is toNFKC_Casefold but for what is ignorable, which is refused before
// (Unicode §3.13, D145 to D147).
func fold(s string) string {
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(s)))
}

// Username reads a username: 2 to 64 characters of the profile UsernameCaseMapped
// of RFC 8265 §3.3, without "@", which is for mail addresses. name keeps the case
// of what was typed; the key is in lower case.
func Username(typed string) (name, key string, err error) {
	if len(typed) > maxTyped {
		return "", "", ErrLength
	}
	typed = strings.TrimSpace(typed)
	if typed == "" {
		return "", "", ErrLength
	}
	if !utf8.ValidString(typed) || hidden(typed) {
		return "", "", ErrCharacter
	}
	if name, err = precis.UsernameCasePreserved.String(typed); err != nil {
		return "", "", ErrCharacter
	}
	if key, err = precis.UsernameCaseMapped.String(typed); err != nil {
		return "", "", ErrCharacter
	}
	// Looked at after the mapping, which makes a plain @ of a full-width one.
	if strings.Contains(key, "@") {
		return "", "", ErrCharacter
	}
	if n := utf8.RuneCountInString(key); n < minUsername || n > maxUsername {
		return "", "", ErrLength
	}
	if mixed(key) {
		return "", "", ErrMixed
	}
	return name, key, nil
}
