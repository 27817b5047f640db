package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// newAnswersBench is a server with many people, whose limits no benchmark reaches.
func newAnswersBench(b *testing.B) *bench {
	b.Helper()
	x := &bench{b: b}
	var people strings.Builder
	for i := range 3 { // more than wrong passwords lock an account
		fmt.Fprintf(&people, "  - {email: locked%d@example.test, password: %s}\n", i, benchPassword)
	}
	for i := range answerPairs {
		fmt.Fprintf(&people, "  - {email: known%d@example.test}\n  - {email: pknown%d@example.test}\n", i, i)
	}
	seed := strings.Replace(benchSeed, "users: [", "users:\n"+people.String()+"  - ", 1)
	seed = strings.Replace(seed, "name: Jane}]", "name: Jane}", 1)
	file := filepath.Join(b.TempDir(), "seed.yaml")
	x.must(os.WriteFile(file, []byte(seed), 0o600))
	binary, err := os.Executable()
	x.must(err)
	cmd := &exec.Cmd{Path: binary, Stderr: os.Stderr, Args: []string{"identity", "dev", "--ephemeral", "--port=0", "--print-json", "--seed=" + file, "--log-level=error",
		"--rate-limit-login=1000000", "--rate-limit-signup=1000000", "--rate-limit-reset=1000000", "--rate-limit-verify=1000000", "--rate-limit-passwordless=1000000",
		"--login-max-failed-attempts=100"}}
	out, err := cmd.StdoutPipe()
	x.must(err)
	x.must(cmd.Start())
	b.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			b.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			b.Error(err)
		}
	})
	var ready struct{ Issuer string }
	x.must(json.NewDecoder(out).Decode(&ready))
	x.issuer, x.pid = ready.Issuer, cmd.Process.Pid
	return x
}

// answerPairs is how many known and as many unknown names are tried.
const answerPairs = 200

// BenchmarkAnswers measures what a stranger could: how long the answer to a name
// takes that has an account, and to one that has none (S3-01). It reports both
// medians, and by how much they differ. Known and unknown come in turns, so that
// what else the machine does falls on both.
func BenchmarkAnswers(b *testing.B) {
	x := newAnswersBench(b)
	mail := func(flow, word string, more url.Values) func(bool, int) (string, url.Values) {
		return func(known bool, i int) (string, url.Values) {
			name := word + "unknown"
			if known {
				name = word + "known"
			}
			form := url.Values{"email": {fmt.Sprintf("%s%d@example.test", name, i)}}
			for k, v := range more {
				form[k] = v
			}
			return flow, form
		}
	}
	send := url.Values{"decision": {"send"}}
	for name, ask := range map[string]func(known bool, i int) (flow string, form url.Values){
		"password": func(known bool, i int) (string, url.Values) {
			who := fmt.Sprintf("locked%d@example.test", i%3)
			if !known {
				who = fmt.Sprintf("nobody%d@example.test", i%3)
			}
			return "identify", url.Values{"identifier": {who}, "password": {"a wrong password"}}
		},
		"recover":          mail("recover", "", send),
		"magiclink":        mail("magiclink", "", send),
		"emailcode":        mail("emailcode", "", send),
		"register":         mail("register", "", url.Values{"password": {benchPassword}}),
		"register-passkey": mail("register", "p", url.Values{"decision": {"passkey"}}),
	} {
		b.Run(name, func(b *testing.B) {
			x.b = b
			var took [2][]time.Duration
			for b.Loop() {
				for i := range answerPairs {
					for known := range 2 {
						flow, form := ask(known == 1, i)
						took[known] = append(took[known], x.answer(flow, form))
					}
				}
			}
			for i := range took {
				slices.Sort(took[i])
			}
			known, unknown := median(took[1]), median(took[0])
			b.ReportMetric(known, "known-ms")
			b.ReportMetric(unknown, "unknown-ms")
			b.ReportMetric(100*(unknown-known)/known, "differ-%")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func median(sorted []time.Duration) float64 {
	return float64(sorted[len(sorted)/2]) / float64(time.Millisecond)
}

// answer times one form on a browser of its own.
func (x *bench) answer(flow string, form url.Values) time.Duration {
	x.b.Helper()
	jar, err := cookiejar.New(nil)
	x.must(err)
	c := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := c.Get(x.authorizeURL("RS256"))
	x.must(err)
	x.must(res.Body.Close())
	at := res.Header.Get("Location")
	if at = strings.TrimPrefix(at, x.issuer); !strings.HasPrefix(at, "/interaction/") {
		x.b.Fatalf("%d to %q", res.StatusCode, at)
	}
	began := time.Now()
	res, err = c.PostForm(x.issuer+at+"/"+flow, form)
	x.must(err)
	_, err = io.Copy(io.Discard, res.Body)
	x.must(err)
	x.must(res.Body.Close())
	took := time.Since(began)
	if want := http.StatusSeeOther; res.StatusCode != want && (flow != "identify" || res.StatusCode != http.StatusUnprocessableEntity) {
		x.b.Fatalf("%s: %d", flow, res.StatusCode)
	}
	return took
}
