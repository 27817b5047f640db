package breach

import (
	"bufio"
	"context"
	"crypto/sha1" //nolint:gosec // the service speaks of it
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Doer sends requests. *http.Client is one.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

const (
	patience  = time.Second // of somebody who chooses a password
	maxAnswer = 256 << 10
	shown     = 5 // hexadecimal digits that the service is told
)

// Service asks for all digests that begin like the password's, and looks for the
// rest itself (k-anonymity): who serves it never learns which it was.
type Service struct {
	URL  string // the digits are added to it
	HTTP Doer
}

// Breached says whether the service knows a password.
func (s *Service) Breached(ctx context.Context, password string) (bool, error) {
	sum := sha1.Sum([]byte(password)) //nolint:gosec // see above
	digest := strings.ToUpper(hex.EncodeToString(sum[:]))
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(s.URL, "/")+"/"+digest[:shown], nil)
	if err != nil {
		return false, fmt.Errorf("breach: the URL of the service can't be used")
	}
	req.Header.Set("Add-Padding", "true") // the length of the answer tells nothing
	resp, err := s.HTTP.Do(req)
	if err != nil {
		return false, fmt.Errorf("breach: the service does not answer")
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return false, fmt.Errorf("breach: the service answers %d", resp.StatusCode)
	}
	found := false
	lines := bufio.NewScanner(io.LimitReader(resp.Body, maxAnswer))
	for lines.Scan() {
		rest, count, _ := strings.Cut(strings.TrimSpace(lines.Text()), ":")
		if strings.EqualFold(rest, digest[shown:]) && count != "0" { // those of padding were seen never
			found = true
		}
	}
	return found, lines.Err()
}
