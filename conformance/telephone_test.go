package conformance

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"
)

// telephone is a gateway of short messages, and who has the numbers.
type telephone struct {
	url     string
	arrived chan map[string]string
}

func startTelephone(t *testing.T) *telephone {
	t.Helper()
	p := &telephone{arrived: make(chan map[string]string, 100)}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var message map[string]string
		if err := json.NewDecoder(r.Body).Decode(&message); err != nil {
			t.Errorf("the gateway: %v", err)
			return
		}
		p.arrived <- message
	}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{suite.ca.certificate}}
	s.StartTLS()
	t.Cleanup(s.Close)
	p.url = strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	return p
}

// settings are those of a server that sends its short messages here.
func (p *telephone) settings() []string {
	return []string{"GATEWAY_SMS_ENABLED=true", "GATEWAY_SMS_URL=" + p.url, "GATEWAY_PHONE_CODE_COOLDOWN_SECONDS=0", "GATEWAY_RATE_LIMIT_PHONE=1000"}
}

var codeInMessage = regexp.MustCompile(`^\d+`)

// code waits for the next message, which is to this number, and reads its code.
func (p *telephone) code(t *testing.T, number string) string {
	t.Helper()
	select {
	case m := <-p.arrived:
		code := codeInMessage.FindString(m["text"])
		if m["to"] != number || code == "" {
			t.Fatalf("a message to %s, want one with a code to %s", m["to"], number)
		}
		return code
	case <-time.After(30 * time.Second):
		t.Fatalf("no message to %s within 30 s", number)
		return ""
	}
}
