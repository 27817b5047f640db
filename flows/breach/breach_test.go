package breach_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/elloloop/identity/flows/breach"
)

func digest(password string) string {
	d := sha1.Sum([]byte(password))
	return strings.ToUpper(hex.EncodeToString(d[:]))
}

// TestList: what is in the file is found, first and last too, and nothing else.
func TestList(t *testing.T) {
	var lines []string
	for i := range 1000 {
		lines = append(lines, fmt.Sprintf("%s:%d", digest(fmt.Sprint("lost ", i)), i))
	}
	slices.Sort(lines)
	path := filepath.Join(t.TempDir(), "list")
	var out bytes.Buffer
	if n, err := breach.Import(strings.NewReader(strings.Join(lines, "\r\n")), &out); err != nil || n != 1000 {
		t.Fatal(n, err)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := breach.Open(path)
	if err != nil || l.Len() != 1000 {
		t.Fatal(err)
	}
	defer l.Close()
	for i := range 1000 {
		if found, err := l.Breached(t.Context(), fmt.Sprint("lost ", i)); !found || err != nil {
			t.Fatalf("%d: %v, %v", i, found, err)
		}
		if found, err := l.Breached(t.Context(), fmt.Sprint("kept ", i)); found || err != nil {
			t.Fatalf("kept %d: %v, %v", i, found, err)
		}
	}
}

// TestNoList: what is no list says so, where it is read and where it is opened.
func TestNoList(t *testing.T) {
	for name, text := range map[string]string{
		"unordered": digest("b") + "\n" + digest("a"), "words": "password\n123456", "NTLM": strings.Repeat("A", 32), "twice": digest("a") + "\n" + digest("a"),
	} {
		if _, err := breach.Import(strings.NewReader(text), &bytes.Buffer{}); !errors.Is(err, breach.ErrFormat) {
			if name != "unordered" || digest("b") > digest("a") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	path := filepath.Join(t.TempDir(), "list")
	for _, text := range []string{"", digest("a"), "identity breached 1\nshort"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := breach.Open(path); !errors.Is(err, breach.ErrFormat) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestService: the service is told five digits and no more; what it pads with is
// not found, and an answer that is none is an error.
func TestService(t *testing.T) {
	asked, status := "", http.StatusOK
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Path
		if r.Header.Get("Add-Padding") != "true" {
			t.Error("no padding is asked for")
		}
		w.WriteHeader(status)
		for password, count := range map[string]int{"lost": 3, "padding": 0} {
			_, _ = fmt.Fprintf(w, "%s:%d\r\n", digest(password)[5:], count)
		}
	}))
	defer service.Close()
	s := &breach.Service{URL: service.URL + "/range/", HTTP: service.Client()}
	for password, want := range map[string]bool{"lost": true, "padding": false, "kept": false} {
		found, err := s.Breached(t.Context(), password)
		if found != want || err != nil {
			t.Errorf("%s: %v, %v", password, found, err)
		}
		if asked != "/range/"+digest(password)[:5] {
			t.Errorf("the service was asked for %s", asked)
		}
	}
	status = http.StatusTooManyRequests
	if found, err := s.Breached(t.Context(), "lost"); found || err == nil {
		t.Errorf("%v, %v", found, err)
	}
}
