package flows

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/elloloop/identity/storage"
)

// FuzzSessionCookie: what a stranger puts in the cookie is secrets or nothing.
func FuzzSessionCookie(f *testing.F) {
	one, two := strings.Repeat("a", secretLength), strings.Repeat("b", secretLength)
	for _, s := range []string{"", one, one + "." + two, one + "." + one, ".", strings.Repeat(one+".", 6), one + ".short", "é" + one, one[:42] + "=", one + "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got := parseSecrets(value)
		if len(got) > maxAccounts {
			t.Fatalf("%d secrets", len(got))
		}
		for i, s := range got {
			if parseSecret(s) != s || !strings.Contains(value, s) || slices.Contains(got[:i], s) {
				t.Errorf("%q of %q", s, value)
			}
		}
		if again := parseSecrets(strings.Join(got, ".")); !slices.Equal(again, got) {
			t.Errorf("%q, written and read again: %q", got, again)
		}
	})
}

// FuzzDeviceCookie: nobody makes a MAC but the key.
func FuzzDeviceCookie(f *testing.F) {
	key, noon := []byte(strings.Repeat("k", 32)), time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	// The same in every worker of the fuzzer.
	mine := device{key: key, place: "p", id: strings.Repeat("d", deviceIDLength)}
	known := mine.remember("alice", noon)
	for _, s := range []string{"", known, known[:22], known + ".", "." + known, known + "." + strings.Repeat("a", macLength), strings.ToUpper(known), known[:len(known)-1] + "="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		d := device{key: key, place: "p"}
		d.id, d.macs = parseDevice(value)
		if len(d.macs) > maxAccounts || d.id != "" && len(d.id) != deviceIDLength {
			t.Fatalf("%q: id %q, %d macs", value, d.id, len(d.macs))
		}
		if d.knows("alice", noon) && (d.id != mine.id || !strings.Contains(value, mine.mac("alice", noon))) {
			t.Errorf("%q is a device of alice's", value)
		}
		if d.knows("", noon) || d.knows("bob", noon) {
			t.Errorf("%q is a stranger's device", value)
		}
		next := device{key: key, place: "p"}
		next.id, next.macs = parseDevice(d.remember("alice", noon))
		if !next.knows("alice", noon) || len(next.macs) > maxAccounts {
			t.Errorf("%q does not remember", value)
		}
		if next.knows("alice", noon.Add(time.Microsecond)) {
			t.Error("S3-03: a device of the password before")
		}
		elsewhere := next
		if elsewhere.place = "q"; elsewhere.knows("alice", noon) {
			t.Error("a device of another project")
		}
	})
}

// FuzzCookieHeader: a whole Cookie header, as a browser or a stranger sends it.
func FuzzCookieHeader(f *testing.F) {
	for _, s := range []string{"", "__Host-identity_browser=x", "__Host-identity_browser=a; __Host-identity_browser=b", `__Host-identity_browser="quoted"`, ";;;=;", "a=b\r\nSet-Cookie: c=d"} {
		f.Add(s)
	}
	j := cookies(&storage.Project{Issuer: "https://id.example"})
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header["Cookie"] = []string{header}
		value := j.get(r, browserCookie)
		if value != "" && !strings.Contains(header, j.name(browserCookie)) {
			t.Errorf("%q out of %q", value, header)
		}
		if s := parseSecret(value); s != "" {
			w := httptest.NewRecorder()
			j.set(w, browserCookie, s, 0)
			j.set(w, browserCookie, s, 0)
			if got := w.Header()["Set-Cookie"]; len(got) != 1 || strings.ContainsAny(got[0], "\r\n") {
				t.Errorf("%q", got)
			}
		}
	})
}

// TestReached: which class the methods reach, and which one is told.
func TestReached(t *testing.T) {
	for name, tt := range map[string]struct {
		amr, wanted []string
		want        string
	}{
		"OIDCCore-2/one factor":                    {[]string{"pwd"}, nil, ACRPassword},
		"OIDCCore-2/two kinds":                     {[]string{"pwd", "otp"}, nil, ACRMultiFactor},
		"OIDCCore-2/two of one kind":               {[]string{"pwd", "pin"}, nil, ACRPassword},
		"RFC8176-2/mfa":                            {[]string{"mfa"}, nil, ACRMultiFactor},
		"OIDCCore-3.1.2.1/acr_values, not reached": {[]string{"pwd"}, []string{"mfa"}, ACRPassword},
		"OIDCCore-3.1.2.1/acr_values, reached":     {[]string{"pwd", "otp"}, []string{"x", "pwd"}, ACRPassword},
		"OIDCCore-3.1.2.1/acr_values, preferred":   {[]string{"pwd", "otp"}, []string{"mfa", "pwd"}, ACRMultiFactor},
	} {
		if got := reached(tt.amr, tt.wanted); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// TestNetwork: what counts as one address.
func TestNetwork(t *testing.T) {
	for ip, want := range map[string]string{
		"192.0.2.77": "192.0.2.0/24", "::ffff:192.0.2.77": "192.0.2.0/24", "2001:db8:0:1ff::1": "2001:db8:0:100::/56",
		"fe80::1%eth0": "fe80::/56", "": "unknown", "host": "unknown",
	} {
		if got := network(ip); got != want {
			t.Errorf("%s: %s, want %s", ip, got, want)
		}
	}
}

// TestRedacted: secrets do not reach a log.
func TestRedacted(t *testing.T) {
	d := device{id: "id", macs: []string{"mac"}, key: []byte("key")}
	for _, s := range []string{d.String(), d.GoString(), d.LogValue().String(), (&visit{browser: "secret"}).LogValue().String()} {
		if s != "[redacted]" {
			t.Errorf("%q", s)
		}
	}
}
