package main

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/elloloop/identity/cmd/identity/config"
	"github.com/elloloop/identity/cmd/identity/outbound"
)

// TestBreachedPasswords: a password of the list is refused whatever form it is
// typed in, another one is not; a service that can't be asked keeps nobody from
// choosing one, and what is logged of it has nothing of the password.
func TestBreachedPasswords(t *testing.T) {
	lost := sha1.Sum([]byte("an unlucky Öfchen"))
	digest := hex.EncodeToString(lost[:])
	path := filepath.Join(t.TempDir(), "list")
	if err := importList(new(bytes.Buffer), strings.NewReader(digest+":3\n"), path); err != nil {
		t.Fatal(err)
	}
	c := &config.Config{}
	c.Password.BreachedFile, c.Password.BreachedURL = path, "https://127.0.0.1/range" // no address that is asked
	var log bytes.Buffer
	rules, err := newPasswordRules(c, outbound.New(outbound.Config{}), slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	for _, typed := range []string{"an unlucky Öfchen", "an unlucky O\u0308fchen"} {
		if p := rules.judge(typed, 8); p == nil || p.Message != "problem.password_breached" || p.Field != "password" {
			t.Errorf("%q: %+v", typed, p)
		}
	}
	if log.Len() > 0 {
		t.Errorf("a service was asked of a password that the list has: %s", &log)
	}
	if p := rules.judge("a lucky Öfchen", 8); p != nil {
		t.Errorf("%+v", p)
	}
	other := sha1.Sum([]byte("a lucky Öfchen"))
	told := strings.ToLower(log.String())
	if !strings.Contains(told, "could not be looked up") || strings.Contains(told, "lucky") || strings.Contains(told, hex.EncodeToString(other[:])[:5]) {
		t.Errorf("log %s", told)
	}
	c.Password.BreachedFile += ".none"
	if _, err := newPasswordRules(c, outbound.New(outbound.Config{}), slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "GATEWAY_PASSWORD_BREACHED_FILE") {
		t.Errorf("a list that is not there: %v", err)
	}
}

// TestBreachService: the service is asked through the client that reaches nothing
// that it must not: it is told five digits and nothing else of who asks.
func TestBreachService(t *testing.T) {
	sum := sha1.Sum([]byte("an unlucky word"))
	digest := strings.ToUpper(hex.EncodeToString(sum[:]))
	var asked []string
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.String())
		for name, values := range r.Header {
			if name == "Cookie" || name == "Authorization" || strings.Contains(strings.Join(values, " "), digest[5:]) {
				t.Errorf("the service is told %s: %q", name, values)
			}
		}
		_, _ = fmt.Fprintf(w, "%s:7\r\n%s:0\r\n", digest[5:], strings.Repeat("0", 35))
	}))
	defer service.Close()
	c := &config.Config{}
	c.Password.BreachedURL = service.URL + "/range"
	var log bytes.Buffer
	rules, err := newPasswordRules(c, outbound.New(outbound.Config{InsecureAllowLoopback: true}), slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if p := rules.judge("an unlucky word", 8); p == nil || p.Message != "problem.password_breached" {
		t.Errorf("a password that the service knows: %+v", p)
	}
	if p := rules.judge("another good word", 8); p != nil || log.Len() > 0 {
		t.Errorf("a password that it does not know: %+v, %s", p, &log)
	}
	if len(asked) != 2 || asked[0] != "/range/"+digest[:5] {
		t.Errorf("it was asked for %q", asked)
	}
	strict, err := newPasswordRules(c, outbound.New(outbound.Config{}), slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if p := strict.judge("an unlucky word", 8); p != nil || len(asked) != 2 || !strings.Contains(log.String(), "could not be looked up") {
		t.Errorf("S4: this machine was asked: %+v, %q, %s", p, asked, &log)
	}
}
