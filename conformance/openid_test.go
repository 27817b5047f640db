package conformance

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// plan is a test plan of the OpenID Foundation's suite for providers. Its file has
// its name.
type plan struct {
	name     string
	file     string // its configuration, where it is not that of its name
	method   string // of client authentication, "" for client_secret_basic
	variants []variant
	modules  []module
}

// variant is how a module is run.
type variant struct{ responseType, responseMode string }

func (v variant) String() string {
	switch {
	case v.responseType == "":
		return "default"
	case v.responseMode != "":
		return v.responseType + " " + v.responseMode
	}
	return v.responseType
}

func (v variant) returns(word string) bool {
	return slices.Contains(strings.Fields(v.responseType), word)
}

// accessToken says whether the client gets an access token, by whatever way.
func (v variant) accessToken() bool { return v.returns("code") || v.returns("token") }

// module is a module of the suite, with its name. What the suite only warns about
// fails it too.
type module struct {
	name string
	run  func(*moduleRun)
	only func(variant) bool // the variants that the suite runs it for; nil: all
}

// runs lists what the suite runs of a plan.
func (p plan) runs() int {
	n := 0
	for _, v := range p.variants {
		for _, m := range p.modules {
			if m.only == nil || m.only(v) {
				n++
			}
		}
	}
	return n
}

// applying counts the modules that run for a variant of the plan.
func (p plan) applying() int {
	n := 0
	for _, m := range p.modules {
		if m.only == nil || slices.ContainsFunc(p.variants, m.only) {
			n++
		}
	}
	return n
}

func withCode(v variant) bool       { return v.returns("code") }
func withAccess(v variant) bool     { return v.accessToken() }
func withFrontID(v variant) bool    { return v.returns("id_token") }
func withoutFrontID(v variant) bool { return !v.returns("id_token") }

// plans are all plans, in the order of docs/conformance.md.
func plans() []plan {
	return []plan{
		basicPlan(), implicitPlan(), hybridPlan(), formPostBasicPlan(), formPostImplicitPlan(), formPostHybridPlan(),
		configPlan(), dynamicPlan(), thirdPartyInitPlan(),
		rpInitiatedLogoutPlan(), sessionManagementPlan(), frontChannelLogoutPlan(), backChannelLogoutPlan(),
	}
}

// outcome is what came of one run of a module.
type outcome struct{ passed, warned, failed int }

// results count per plan.
type results struct {
	mu sync.Mutex
	of map[string]outcome
}

func (r *results) add(plan string, failed, warned bool) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.of[plan]
	switch {
	case warned:
		o.warned++
	case failed:
		o.failed++
	default:
		o.passed++
	}
	r.of[plan] = o
}

// openidWorld is a server with the conformance profile, one person who has every
// standard claim, and what the clients publish.
type openidWorld struct {
	*world
	site *site
}

// clientKey is the key of every client of the suite.
var clientKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// everyClaim are the standard claims that the person of the plans has.
const everyClaim = `{"name":"Alice Q. Archer","given_name":"Alice","family_name":"Archer","middle_name":"Q.","nickname":"Al",
"profile":"https://example.test/alice","picture":"https://example.test/alice.png","website":"https://alice.example.test","gender":"female",
"birthdate":"1990-01-02","zoneinfo":"Europe/Berlin","locale":"en-GB","preferred_username":"NAME",
"phone_number":"+4930901820","phone_number_verified":true,
"address":{"formatted":"1 Street\n12345 City","street_address":"1 Street","locality":"City","postal_code":"12345","country":"DE"}}`

func newOpenIDWorld(t *testing.T) *openidWorld {
	t.Helper()
	w := start(t, "GATEWAY_PROFILE=conformance")
	s := w.server
	name := "alice" + strings.ToLower(rand.Text()[:8])
	file := filepath.Join(s.dir, "claims.json")
	if err := os.WriteFile(file, []byte(strings.Replace(everyClaim, "NAME", name, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	who := person{email: name + "@example.test", password: "pw-" + rand.Text()}
	s.log.secret(who.password)
	out, err := s.identity(who.password+"\n", "user", "add", "--email", who.email, "--email-verified", "--claims-file", file, "--password-stdin", "--json")
	if err != nil {
		t.Fatal(err)
	}
	var u struct {
		Sub string `json:"sub"`
	}
	if err := json.Unmarshal(out, &u); err != nil {
		t.Fatal(err)
	}
	who.sub = u.Sub
	return &openidWorld{world: &world{server: s, alice: who}, site: newSite(t)}
}

// TestOpenID runs every module of every plan, with clients that register
// themselves, against a server with the conformance profile.
func TestOpenID(t *testing.T) {
	w := newOpenIDWorld(t)
	if onPostgres(t) { // one plan of each kind: what differs is what is stored
		runPlans(t, w, []plan{basicPlan(), hybridPlan(), thirdPartyInitPlan(), rpInitiatedLogoutPlan(), frontChannelLogoutPlan(), backChannelLogoutPlan()}, nil)
		return
	}
	counted := &results{of: map[string]outcome{}}
	t.Cleanup(func() { writeTable(t, counted) })
	runPlans(t, w, plans(), counted)
}

// runPlans runs plans at a server; counted may be nil.
func runPlans(t *testing.T, w *openidWorld, all []plan, counted *results) {
	for _, p := range all {
		t.Run(p.name, func(t *testing.T) {
			for _, v := range p.variants {
				for _, m := range p.modules {
					if m.only != nil && !m.only(v) {
						continue
					}
					t.Run(strings.ReplaceAll(v.String(), " ", "+")+"/"+m.name, func(t *testing.T) {
						t.Parallel()
						s := &moduleRun{T: t, w: w, variant: v, method: p.method, script: p.scriptOf(t, m.name, w.issuer), static: p.file == staticClients}
						t.Cleanup(func() { counted.add(p.name, t.Failed(), s.warned) })
						s.browser = newBrowser(t, w.server, w.alice)
						m.run(s)
					})
				}
			}
		})
	}
}
