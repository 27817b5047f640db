package op

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"

	"github.com/elloloop/identity/storage"
)

// metadataCache keeps the bytes of each project's discovery document: they do
// not change between requests.
type metadataCache struct {
	mu   sync.RWMutex
	byID map[string]cachedMetadata // by project id
}

type cachedMetadata struct {
	of   *storage.Project // a project that was changed is another value
	body []byte
	etag string
}

func newMetadataCache() *metadataCache { return &metadataCache{byID: map[string]cachedMetadata{}} }

// maxCachedMetadata bounds the cache: beyond it documents are made anew.
const maxCachedMetadata = 10000

func (op *Provider) metadataBytes(p *storage.Project) (cachedMetadata, error) {
	op.metadata.mu.RLock()
	m, ok := op.metadata.byID[p.ID]
	op.metadata.mu.RUnlock()
	if ok && m.of == p {
		return m, nil
	}
	body, err := json.MarshalIndent(op.metadataOf(p), "", "  ") // people read it in a browser
	if err != nil {
		return m, err
	}
	sum := sha256.Sum256(body)
	m = cachedMetadata{p, body, `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`}
	op.metadata.mu.Lock()
	if ok || len(op.metadata.byID) < maxCachedMetadata {
		op.metadata.byID[p.ID] = m
	}
	op.metadata.mu.Unlock()
	return m, nil
}

// discovery serves the document of OIDC Discovery §4 and RFC 8414 §3.
func (op *Provider) discovery(w http.ResponseWriter, r *http.Request, p *storage.Project) {
	m, err := op.metadataBytes(p)
	if err != nil {
		op.writeError(w, r, p, err)
		return
	}
	writeCacheable(w, r, m.body, m.etag, "application/json", 3600)
}

// jwks serves the public keys (RFC 7517 §5).
func (op *Provider) jwks(w http.ResponseWriter, r *http.Request, p *storage.Project) {
	body, etag, err := op.keys.JWKS(r.Context(), p)
	if err != nil {
		op.writeError(w, r, p, err)
		return
	}
	writeCacheable(w, r, body, etag, "application/json", int(jwksCacheTime.Seconds()))
}

// writeCacheable writes what may be kept for maxAge seconds, and answers 304
// to those who have it.
func writeCacheable(w http.ResponseWriter, r *http.Request, body []byte, etag, contentType string, maxAge int) {
	h := w.Header()
	h.Set("ETag", etag)
	h.Set("Cache-Control", "public, max-age="+strconv.Itoa(maxAge))
	h.Set("X-Content-Type-Options", "nosniff")
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client is gone: nobody is left to tell
	}
}
