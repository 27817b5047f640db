package templates

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// assets are the static files, named by their content.
type assets struct {
	path    map[string]string // "app.css" → "/static/app.0123456789abcdef.css"
	file    map[string]asset  // by that path
	colours accent            // of the server
	own     bool              // of a project
	base    string            // before the paths of a project's own files
}

type asset struct {
	contentType string
	body        []byte
}

// contentTypes are the kinds of files served: others are not.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	case ".webp":
		return "image/webp"
	case ".woff2":
		return "font/woff2"
	}
	return ""
}

func loadAssets(fsys overlay, accentColour string) (*assets, error) {
	accent, err := accentFor(accentColour)
	if err != nil {
		return nil, err
	}
	a := &assets{path: map[string]string{}, file: map[string]asset{}, colours: accent}
	for _, layer := range fsys {
		names, err := fs.Glob(layer, "static/*")
		if err != nil {
			return nil, fmt.Errorf("templates: %w", err)
		}
		for _, name := range names {
			body, err := fs.ReadFile(layer, name)
			if err != nil {
				return nil, fmt.Errorf("templates: %s: %w", name, err)
			}
			if err := a.add(path.Base(name), body); err != nil {
				return nil, fmt.Errorf("templates: %s: %w", name, err)
			}
		}
	}
	return a, nil
}

func (a *assets) add(name string, body []byte) error {
	kind := contentType(name)
	if kind == "" {
		return fmt.Errorf("files of this kind are not served")
	}
	switch name {
	case "app.css":
		// No style is inline anywhere: the brand's colour is part of the file.
		body = append([]byte(a.colours.css()), body...)
	case "favicon.svg":
		body = []byte(strings.ReplaceAll(string(body), defaultAccent, a.colours.light.String()))
	}
	if old, ok := a.path[name]; ok {
		delete(a.file, old)
	}
	sum := sha256.Sum256(body)
	ext := path.Ext(name)
	p := "/static/" + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:8]) + ext
	a.path[name] = a.base + p
	a.file[p] = asset{contentType: kind, body: body}
	return nil
}

// Static serves the styles, scripts and images below /static/. A file's name
// holds the hash of its content, so that browsers may keep it for ever.
func (r *Renderer) Static() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method != http.MethodGet && req.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		f, ok := r.loaded.Load().assets.file[req.URL.Path]
		if !ok {
			f, ok = accentSheet(req.URL.Path)
		}
		if look := r.LookOf(req); !ok && look.hasFiles() {
			f, ok = look.theme.own.assets.file[req.URL.Path]
		}
		if !ok {
			http.NotFound(w, req)
			return
		}
		h := w.Header()
		h.Set("Content-Type", f.contentType)
		h.Set("Content-Length", strconv.Itoa(len(f.body)))
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		if req.Method == http.MethodHead {
			return
		}
		_, _ = w.Write(f.body)
	})
}
