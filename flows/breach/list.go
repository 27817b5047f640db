// Package breach knows passwords that others have lost: by a list on this machine,
// or by a service that is told five of forty digits of a digest.
package breach

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // the public lists are made of it; it guards nothing here
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// A list is a file: magic, then the first entry bytes of each digest, in order. Of
// two passwords with the same ones each would be taken for the other: there is one
// such pair among 10^12.
const (
	magic = "identity breached 1\n"
	entry = 10
)

// ErrFormat: what should be a list is none.
var ErrFormat = errors.New("breach: it is no list")

// List is a file of digests.
type List struct {
	file *os.File
	n    int64
}

// Open opens a list that Import made.
func Open(path string) (*List, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	head := make([]byte, len(magic))
	info, err := f.Stat()
	if err == nil {
		_, err = f.ReadAt(head, 0)
	}
	if err != nil || string(head) != magic || (info.Size()-int64(len(magic)))%entry != 0 {
		return nil, errors.Join(fmt.Errorf("%w: %s: make one with identity breach import", ErrFormat, path), f.Close())
	}
	return &List{f, (info.Size() - int64(len(magic))) / entry}, nil
}

// Len is how many passwords the list has.
func (l *List) Len() int64 { return l.n }

// Close ends the use of the list.
func (l *List) Close() error { return l.file.Close() }

// Breached says whether a password is in the list.
func (l *List) Breached(_ context.Context, password string) (bool, error) {
	want := sha1.Sum([]byte(password)) //nolint:gosec // see above
	var got [entry]byte
	for lo, hi := int64(0), l.n; lo < hi; {
		mid := lo + (hi-lo)/2
		if _, err := l.file.ReadAt(got[:], int64(len(magic))+mid*entry); err != nil {
			return false, err
		}
		switch bytes.Compare(got[:], want[:entry]) {
		case 0:
			return true, nil
		case -1:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return false, nil
}

// Import makes a list of lines "SHA1" or "SHA1:COUNT", ordered by the digest, as
// the public ones are. It returns how many there are.
func Import(from io.Reader, to io.Writer) (n int64, err error) {
	w := bufio.NewWriterSize(to, 1<<20)
	if _, err := w.WriteString(magic); err != nil {
		return 0, err
	}
	var last []byte
	lines := bufio.NewScanner(from)
	for number := 1; lines.Scan(); number++ {
		digest, _, _ := strings.Cut(strings.TrimSpace(lines.Text()), ":")
		if digest == "" {
			continue
		}
		b, err := hex.DecodeString(digest)
		if err != nil || len(b) != sha1.Size {
			return n, fmt.Errorf("%w: line %d has no SHA-1 in hexadecimal", ErrFormat, number)
		}
		if bytes.Compare(last, b) >= 0 {
			return n, fmt.Errorf("%w: line %d is not ordered by the digest: take the list that is", ErrFormat, number)
		}
		if last == nil || !bytes.Equal(last[:entry], b[:entry]) {
			if _, err := w.Write(b[:entry]); err != nil {
				return n, err
			}
			n++
		}
		last = b
	}
	if err := lines.Err(); err != nil {
		return n, err
	}
	return n, w.Flush()
}
