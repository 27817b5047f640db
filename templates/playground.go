package templates

// PlaygroundView is the page of the development server on which a login can be
// tried out and looked into. One of Start and Callback is set.
type PlaygroundView struct {
	Issuer   string              `json:"issuer"`
	Start    *PlaygroundStart    `json:"start,omitempty"`
	Callback *PlaygroundCallback `json:"callback,omitempty"`
}

// PlaygroundStart shows the request before it is sent. Its form posts the fields
// scope, prompt ("" none login consent select_account create), max_age (seconds
// or ""), login_hint and break ("" or a value of PlaygroundBreaks) to the page's
// Action, which answers by a redirect to the authorization endpoint.
type PlaygroundStart struct {
	AuthorizeURL string                `json:"authorize_url"` // the whole URL, as an example
	Parameters   []PlaygroundParameter `json:"parameters"`    // in the order of the URL
	Scope        string                `json:"scope"`         // what the field holds first
	LoginHint    string                `json:"login_hint,omitempty"`
}

// The values of the field "break": what the client shall do wrong.
const (
	BreakWrongVerifier = "wrong_verifier" // RFC 7636 §4.6: the token request proves another challenge
	BreakReusedCode    = "reused_code"    // RFC 6749 §4.1.2: the code is sent twice
)

// PlaygroundParameter is a parameter with its value; the page explains those it
// knows by the message playground.param.<name>.
type PlaygroundParameter struct{ Name, Value string }

// PlaygroundCallback shows what came back and what the client made of it. Its
// buttons post do=refresh, introspect, userinfo, revoke or logout and Hidden.
type PlaygroundCallback struct {
	AuthorizeURL string                `json:"authorize_url,omitempty"` // the request that was sent
	Request      []PlaygroundParameter `json:"request,omitempty"`       // its parameters
	Parameters   []PlaygroundParameter `json:"parameters"`              // of the authorization response
	Error        string                `json:"error,omitempty"`
	Exchanges    []PlaygroundExchange  `json:"exchanges"` // oldest first: token, userinfo, refresh, …
	Tokens       []PlaygroundToken     `json:"tokens"`
	Checks       []PlaygroundCheck     `json:"checks"`
	UserInfo     string                `json:"userinfo,omitempty"` // indented JSON
	CanRefresh   bool                  `json:"can_refresh"`
	CanLogout    bool                  `json:"can_logout"`
	Hidden       map[string]string     `json:"hidden,omitempty"` // sent back by every button
	StartURL     string                `json:"start_url"`        // begins again
	Unsuccessful bool                  `json:"unsuccessful"`     // the answer was an error, on purpose or not
}

// PlaygroundExchange is one request of the client and its answer.
type PlaygroundExchange struct {
	Name   string `json:"name"`   // message playground.exchange.<name>: token, reuse, refresh, userinfo, introspect, revoke
	Curl   string `json:"curl"`   // the request as a command
	Status int    `json:"status"` // HTTP status of the answer
	Body   string `json:"body"`   // of the answer, indented where it is JSON
}

// PlaygroundToken is a token taken apart. Header and Claims are empty for an
// opaque token.
type PlaygroundToken struct {
	Name   string                `json:"name"` // message playground.token.<name>: id_token, access_token, refresh_token
	Raw    string                `json:"raw"`
	Header []PlaygroundParameter `json:"header,omitempty"` // explained by playground.claim.<name>
	Claims []PlaygroundParameter `json:"claims,omitempty"`
}

// PlaygroundCheck is one thing that a client must verify (OIDC Core §3.1.3.7).
type PlaygroundCheck struct {
	Name   string `json:"name"` // message playground.check.<name>: signature, iss, aud, azp, nonce, at_hash, exp, iat, state, iss_response
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"` // for the developer, not translated
}
