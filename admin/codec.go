package admin

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// strictJSON is the JSON of Protobuf, without the forgiveness: a field that is
// not known is an error, for it is a field that would not be obeyed.
type strictJSON struct{ name string }

// Name implements connect.Codec.
func (c strictJSON) Name() string { return c.name }

// Marshal implements connect.Codec.
func (strictJSON) Marshal(v any) ([]byte, error) {
	m, ok := v.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("%T is no message", v)
	}
	return protojson.Marshal(m)
}

// Unmarshal implements connect.Codec.
func (strictJSON) Unmarshal(data []byte, v any) error {
	m, ok := v.(proto.Message)
	if !ok {
		return fmt.Errorf("%T is no message", v)
	}
	if len(data) == 0 {
		return errors.New("the body is empty: send a JSON object, at least {}")
	}
	return protojson.Unmarshal(data, m)
}

// localClient calls a handler without a network.
type localClient struct{ handler http.Handler }

// Do implements connect.HTTPClient.
func (c localClient) Do(r *http.Request) (*http.Response, error) {
	w := &localAnswer{header: http.Header{}, status: http.StatusOK}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	c.handler.ServeHTTP(w, r)
	return &http.Response{
		StatusCode: w.status, Status: http.StatusText(w.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, r.Context().Err()
}

// localAnswer keeps what a handler writes.
type localAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (w *localAnswer) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *localAnswer) WriteHeader(status int) { w.status = status }

// Write implements http.ResponseWriter.
func (w *localAnswer) Write(b []byte) (int, error) { return w.body.Write(b) }
