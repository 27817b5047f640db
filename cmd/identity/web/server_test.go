package web

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"
)

// serveOn starts a server on two listeners and returns its addresses, a function
// that stops it, and what Run returned.
func serveOn(t *testing.T, h http.Handler, draining func()) (addrs []string, stop func(), done chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var ls []net.Listener
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ls, addrs = append(ls, l), append(addrs, "http://"+l.Addr().String())
	}
	done = make(chan error, 1)
	s := &Server{Handler: h, Listeners: ls, ShutdownTimeout: time.Minute, Draining: draining, Log: slog.New(slog.DiscardHandler)}
	go func() { done <- s.Run(ctx) }()
	return addrs, cancel, done
}

func get(t *testing.T, url string) *http.Response {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return res
}

func TestTwoListeners(t *testing.T) {
	addrs, stop, done := serveOn(t, http.NotFoundHandler(), func() {})
	for range 3 {
		for _, a := range addrs {
			if res := get(t, a); res.StatusCode != http.StatusNotFound {
				t.Fatalf("got %d", res.StatusCode)
			}
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestShutdown(t *testing.T) {
	drained, during := make(chan struct{}), (*http.Response)(nil)
	entered, release := make(chan struct{}), make(chan struct{})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(entered)
			<-release
		}
		w.WriteHeader(http.StatusTeapot)
	})
	var addrs []string
	draining := func() { // S6-02: readiness goes off first, while everything is answered still
		defer close(drained)
		res, err := http.Get(addrs[1])
		if err != nil {
			t.Error(err)
			return
		}
		during = res
		_ = res.Body.Close()
	}
	var stop func()
	var done chan error
	addrs, stop, done = serveOn(t, h, draining)
	slow := make(chan int, 1)
	go func() {
		res, err := http.Get(addrs[0] + "/slow")
		if err != nil {
			slow <- 0
			return
		}
		slow <- res.StatusCode
		_ = res.Body.Close()
	}()
	<-entered
	stop()
	<-drained
	if during == nil || during.StatusCode != http.StatusTeapot || !during.Close {
		t.Errorf("S6-02: while draining: %+v", during)
	}
	close(release)
	if status := <-slow; status != http.StatusTeapot {
		t.Errorf("S6-02: a request in flight got %d", status)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, err := http.Get(addrs[0]); err == nil {
		t.Error("still listening")
	}
}
