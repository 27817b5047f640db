package playground

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/elloloop/identity/templates"
)

// act does what a button of the result page says.
func (p *Playground) act(w http.ResponseWriter, req *http.Request) {
	if !p.readForm(w, req) {
		return
	}
	run, err := p.runs.find(req)
	if err != nil {
		redirect(w, pathResult)
		return
	}
	run.mu.Lock()
	defer run.mu.Unlock()
	if run.token == nil { // there is no button yet
		redirect(w, pathResult)
		return
	}
	op, err := p.discover(req.Context())
	if err != nil {
		run.problem, run.note, run.expected = sentence(err), "", false
		redirect(w, pathResult)
		return
	}
	if req.PostForm.Get("do") == "logout" {
		p.runs.forget(w, req)
		redirect(w, p.endSessionURL(op, run))
		return
	}
	p.do(req.Context(), op, run, req.PostForm.Get("do"))
	redirect(w, pathResult)
}

func (p *Playground) do(ctx context.Context, op *discovered, r *run, what string) {
	r.problem, r.note, r.expected = "", "", false
	var err error
	switch what {
	case "refresh":
		err = p.refresh(ctx, op, r)
	case "userinfo":
		err = p.askUserinfo(ctx, op, r)
	case "introspect":
		err = p.introspect(ctx, op, r)
	case "revoke":
		err = p.revoke(ctx, op, r)
	}
	if err != nil {
		r.problem = sentence(err)
		if what != "introspect" { // the refusal is what the note explains
			r.note = ""
		}
	}
}

// endSessionURL is OIDC RP-Initiated Logout §2: the ID token proves which session
// is meant, so nobody has to be asked.
func (p *Playground) endSessionURL(op *discovered, r *run) string {
	return op.EndSession + "?" + url.Values{
		"id_token_hint": {r.idToken}, "post_logout_redirect_uri": {p.issuer + pathStart},
	}.Encode()
}

// view is the result page.
func (r *run) view() *templates.PlaygroundCallback {
	v := &templates.PlaygroundCallback{
		AuthorizeURL: r.authorizeURL, Request: r.request, Parameters: r.response, Exchanges: r.exchanges,
		Checks: slices.Concat(r.received, r.checks), UserInfo: r.userinfo, StartURL: pathStart,
		Error: r.note, Unsuccessful: r.problem != "",
	}
	switch {
	case !r.answered:
		v.Error = "The server has not answered yet: finish signing in."
	case r.problem != "" && r.expected:
		v.Error = join("As it should be.", r.problem, r.note)
	case r.problem != "":
		v.Error = join(r.problem, r.note)
	}
	if r.token == nil {
		return v
	}
	v.CanRefresh, v.CanLogout = r.token.RefreshToken != "", r.idToken != ""
	for _, t := range [...]struct{ name, raw string }{
		{"id_token", r.idToken}, {"access_token", r.token.AccessToken}, {"refresh_token", r.token.RefreshToken},
	} {
		if t.raw == "" {
			continue
		}
		shown := templates.PlaygroundToken{Name: t.name, Raw: t.raw}
		if header, payload, err := parts(t.raw); err == nil { // an opaque token has none
			shown.Header, shown.Claims = members(header), members(payload)
		}
		v.Tokens = append(v.Tokens, shown)
	}
	return v
}

func join(sentences ...string) string {
	var out string
	for _, s := range sentences {
		if s != "" && out != "" {
			out += " "
		}
		out += s
	}
	return out
}
