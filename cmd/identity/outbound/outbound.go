// Package outbound is the one HTTP client for URLs that others gave us: clients'
// keys and request objects, sector identifiers, logout and webhook endpoints. Who
// registers a URL must not be able to reach with it what only we can reach.
package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	timeout      = 5 * time.Second // for all of it, redirects and body too
	maxAnswer    = 256 << 10       // of whoever asks for more
	maxHeader    = 16 << 10
	maxRedirects = 3
	perHost      = 4
	inAll        = 64
)

// ErrRefused: the URL, or where it leads, is not one that we fetch.
var ErrRefused = errors.New("outbound: refused")

// ErrTooLarge: the answer is larger than it may be.
var ErrTooLarge = errors.New("outbound: the answer is too large")

// Config is what a client is made of. The zero Config is the strict one.
type Config struct {
	// AllowedPorts are allowed beside 443.
	AllowedPorts []int
	// InsecureAllowLoopback also lets URLs reach this machine, on any port, and
	// there without TLS: for development and conformance tests.
	InsecureAllowLoopback bool
}

// Client fetches what strangers name.
type Client struct {
	config  Config
	http    *http.Client
	timeout time.Duration
	lookup  func(ctx context.Context, network, host string) ([]netip.Addr, error)
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
}

// New returns a client. It takes nothing from the environment but what the
// system trusts (SSL_CERT_FILE): a proxy would do the connecting, and with it
// the decision where to.
func New(c Config) *Client {
	client := &Client{
		config: c, timeout: timeout,
		lookup: net.DefaultResolver.LookupNetIP,
		dial:   (&net.Dialer{Timeout: timeout}).DialContext,
	}
	transport := &http.Transport{
		Proxy:                  nil,
		DialContext:            client.connect,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    timeout,
		ResponseHeaderTimeout:  timeout,
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true, // so that nothing grows after it was counted
		MaxIdleConns:           inAll,
		MaxIdleConnsPerHost:    1,
		IdleConnTimeout:        30 * time.Second,
	}
	client.http = &http.Client{
		Transport:     &guard{client: client, next: transport, slots: newSlots(perHost, inAll)},
		CheckRedirect: checkRedirect,
		Timeout:       timeout,
	}
	return client
}

// HTTP returns the client for requests that Fetch does not make: same rules, and
// no redirect of anything but a GET or HEAD.
func (c *Client) HTTP() *http.Client {
	h := *c.http
	return &h
}

// Fetch gets a URL and returns its body, of limit bytes at the most.
func (c *Client) Fetch(ctx context.Context, url string, limit int64) ([]byte, error) {
	body, _, err := c.FetchFresh(ctx, url, limit)
	return body, err
}

// FetchFresh is Fetch, and also says how long the answer may be kept (RFC 9111
// §5.2.2). Negative: nothing was said.
func (c *Client) FetchFresh(ctx context.Context, url string, limit int64) ([]byte, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: it is no URL", ErrRefused) // err quotes it
	}
	req.Header.Set("Accept", "application/json, application/jwt, */*;q=0.1")
	res, err := c.http.Do(req)
	if err != nil {
		return nil, 0, withoutURL(err)
	}
	defer func() { _ = res.Body.Close() }() // the body was read, or is of no use
	if res.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("outbound: the answer has status %d", res.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err == nil {
		err = ctx.Err() // who sees us leave may end a body before its end
	}
	if err != nil {
		return nil, 0, err
	}
	if int64(len(body)) > limit {
		return nil, 0, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	return body, freshness(res.Header), nil
}

// withoutURL takes off what net/http puts before an error: a query may be secret.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// freshness reads how long an answer may be kept.
func freshness(h http.Header) time.Duration {
	age := time.Duration(-1)
	for directive := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(directive)), "=")
		switch name {
		case "no-store", "no-cache":
			return 0
		case "max-age":
			if n, err := strconv.ParseInt(strings.Trim(value, `"`), 10, 32); err == nil && n >= 0 {
				age = time.Duration(n) * time.Second
			}
		}
	}
	if age >= 0 {
		return age
	}
	expires, err := http.ParseTime(h.Get("Expires"))
	if err != nil {
		return -1
	}
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return -1
	}
	return max(0, expires.Sub(date))
}

// check refuses a URL by its looks, before anything is looked up.
func (c *Client) check(u *url.URL) error {
	host := u.Hostname()
	here := c.config.InsecureAllowLoopback && isLoopback(host)
	switch {
	case u.Scheme != "https" && (u.Scheme != "http" || !here):
		return fmt.Errorf("%w: the URL is not https", ErrRefused)
	case host == "" || u.Opaque != "":
		return fmt.Errorf("%w: the URL has no host", ErrRefused)
	case u.User != nil:
		return fmt.Errorf("%w: the URL has credentials", ErrRefused)
	}
	return nil
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// connect looks the host up, and connects to the very address that was checked:
// a name that answers otherwise the next time gains nothing. It is called for
// each new connection, those of redirects too.
func (c *Client) connect(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%w: the URL has no host", ErrRefused)
	}
	addrs := []netip.Addr{}
	if a, err := netip.ParseAddr(host); err == nil {
		addrs = append(addrs, a)
	} else if addrs, err = c.lookup(ctx, "ip", host); err != nil {
		return nil, err
	}
	failure := fmt.Errorf("%w: the host has no address", ErrRefused)
	for _, a := range addrs {
		if err := c.checkAddress(a, port); err != nil {
			failure = err
			continue
		}
		conn, err := c.dial(ctx, network, net.JoinHostPort(a.Unmap().String(), port))
		if err == nil {
			return conn, nil
		}
		failure = err
	}
	return nil, failure
}

func (c *Client) checkAddress(a netip.Addr, port string) error {
	if c.config.InsecureAllowLoopback && a.Unmap().IsLoopback() {
		return nil
	}
	if kind := refusal(a); kind != "" {
		return fmt.Errorf("%w: the address %s is %s", ErrRefused, a, kind)
	}
	n, err := strconv.Atoi(port)
	if err != nil || n != 443 && !slices.Contains(c.config.AllowedPorts, n) {
		return fmt.Errorf("%w: port %s is not allowed", ErrRefused, port)
	}
	return nil
}

// checkRedirect follows a host to itself alone. What was posted is not sent on.
func checkRedirect(req *http.Request, via []*http.Request) error {
	first := via[0]
	switch {
	case first.Method != http.MethodGet && first.Method != http.MethodHead:
		return fmt.Errorf("%w: a %s is not redirected", ErrRefused, first.Method)
	case len(via) > maxRedirects:
		return fmt.Errorf("%w: more than %d redirects", ErrRefused, maxRedirects)
	case req.URL.Scheme != first.URL.Scheme || !strings.EqualFold(req.URL.Host, first.URL.Host):
		return fmt.Errorf("%w: a redirect leads to another host", ErrRefused)
	}
	req.Header.Del("Referer") // it has the whole URL
	return nil
}
