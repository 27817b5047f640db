package playground

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/elloloop/identity/templates"
)

// maxAnswer bounds how much of an answer is read.
const maxAnswer = 256 << 10

// recorder is an HTTP client that remembers what went over the wire, so that the
// page shows what was sent and not what should have been.
type recorder struct {
	client *http.Client
	next   http.RoundTripper
	name   string
	list   []templates.PlaygroundExchange
}

func (p *Playground) recorder(name string) *recorder {
	rec := &recorder{name: name, next: p.http.Transport}
	if rec.next == nil {
		rec.next = http.DefaultTransport
	}
	client := *p.http
	client.Transport = rec
	rec.client = &client
	return rec
}

// context hands the client to the libraries, which take it from there.
func (rec *recorder) context(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, rec.client)
}

// RoundTrip sends a request and notes it with its answer.
func (rec *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	command, err := curl(req)
	if err != nil {
		return nil, err
	}
	res, err := rec.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	if err := res.Body.Close(); err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	shown := indent(body)
	if challenge := res.Header.Get("WWW-Authenticate"); challenge != "" { // RFC 6750 §3
		shown = strings.TrimSuffix("WWW-Authenticate: "+challenge+"\n\n"+shown, "\n\n")
	}
	rec.list = append(rec.list, templates.PlaygroundExchange{Name: rec.name, Curl: command, Status: res.StatusCode, Body: shown})
	return res, nil
}

// indent makes JSON readable and leaves everything else as it is.
func indent(body []byte) string {
	var b bytes.Buffer
	if json.Indent(&b, bytes.TrimSpace(body), "", "  ") != nil {
		return string(body)
	}
	return b.String()
}

// curl spells a request as a command.
func curl(req *http.Request) (string, error) {
	lines := []string{"curl " + quote(req.URL.String())}
	if id, secret, ok := req.BasicAuth(); ok {
		lines = append(lines, "-u "+quote(id+":"+secret))
	} else if a := req.Header.Get("Authorization"); a != "" {
		lines = append(lines, "-H "+quote("Authorization: "+a))
	}
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return "", err
		}
		raw, err := io.ReadAll(body)
		if err != nil {
			return "", err
		}
		form, err := url.ParseQuery(string(raw))
		if err != nil {
			return "", fmt.Errorf("the body is no form: %w", err)
		}
		names := make([]string, 0, len(form))
		for name := range form {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			for _, value := range form[name] {
				lines = append(lines, "--data-urlencode "+quote(name+"="+value))
			}
		}
	}
	return strings.Join(lines, " \\\n  "), nil
}

// quote makes one word of a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
