package conformance

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// dev is what `identity dev --print-json` says when it is ready.
type dev struct {
	*server
	Issuer     string
	Playground string
	Users      []struct{ Email, Password string }
	Clients    []struct {
		ID       string `json:"client_id"`
		Secret   string `json:"client_secret"`
		Redirect string `json:"redirect_uri"`
	}
}

// startDev runs `identity dev` as another project's tests would, with more settings.
func startDev(t *testing.T, env ...string) *dev {
	t.Helper()
	dir := t.TempDir()
	d := &dev{server: &server{dir: dir, http: newHTTPClient(), log: &logged{}, env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir}}}
	d.cmd = exec.Command(suite.binary, "dev", "--ephemeral", "--port", "0", "--print-json")
	d.env = append(d.env, env...)
	d.cmd.Env, d.cmd.Dir = d.env, dir
	stdout, err := d.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := d.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d.exited = make(chan struct{})
	var read sync.WaitGroup
	read.Go(func() { d.log.copy(stderr) })
	out := bufio.NewReader(stdout)
	line, err := out.ReadBytes('\n')
	if err != nil {
		t.Fatalf("dev printed nothing: %v\n%s", err, d.log.tail())
	}
	t.Logf("ready after %s", time.Since(began)) // the bar is 2 s; see docs/performance.md
	var rest []byte
	read.Go(func() { rest, _ = io.ReadAll(out) }) // it ends with the process
	go func() {
		read.Wait()
		d.state = d.cmd.Wait()
		close(d.exited)
	}()
	t.Cleanup(func() {
		if err := d.stop(); err != nil {
			t.Error(err)
		}
		if len(rest) > 0 {
			t.Errorf("dev --print-json printed more than one line: %q", rest)
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Name() != ".cache" && e.Name() != ".config" {
				t.Errorf("dev --ephemeral left %s", e.Name())
			}
		}
	})
	if err := json.Unmarshal(line, d); err != nil || d.Issuer == "" || len(d.Users) == 0 || len(d.Clients) == 0 {
		t.Fatalf("%v: %s", err, line)
	}
	d.issuer = d.Issuer
	watch(t, d.server)
	return d
}

func (d *dev) person() person {
	return person{email: d.Users[0].Email, password: d.Users[0].Password}
}

// client returns a seeded client.
func (d *dev) client(t *testing.T, id, method string) client {
	t.Helper()
	for _, c := range d.Clients {
		if c.ID == id {
			return client{ID: c.ID, Secret: c.Secret, method: method, redirect: "http://localhost:49321/callback"}
		}
	}
	t.Fatalf("no client %s", id)
	return client{}
}

// TestDev: what another project's tests start, with the seeded people and clients.
func TestDev(t *testing.T) {
	t.Parallel()
	d := startDev(t)
	a := d.fetch(t, "/.well-known/openid-configuration")
	a.want(t, 200)
	if a.str("issuer") != d.Issuer {
		t.Errorf("issuer is %q, want %q", a.str("issuer"), d.Issuer)
	}
	for id, method := range map[string]string{"demo-spa": "none", "demo-web": "client_secret_basic"} {
		t.Run(id, func(t *testing.T) {
			b := newBrowser(t, d.server, d.person())
			got := b.tokens(d.client(t, id, method), "scope", "openid profile email address phone")
			info := d.userinfo(t, got.access)
			checkUserinfo(t, info, got.sub())
			for _, name := range []string{ // what oidcc-scope-all wants of a test user
				"name", "given_name", "family_name", "middle_name", "nickname", "profile", "picture", "website", "gender", "birthdate", "zoneinfo",
				"locale", "updated_at", "preferred_username", "email", "email_verified", "address", "phone_number", "phone_number_verified",
			} {
				if _, has := info.body[name]; !has {
					t.Errorf("oidcc-scope-all: the demo user has no %s", name)
				}
			}
			if !b.asks("consent") {
				t.Error("nobody was asked for consent to a client that is not the operator's")
			}
			d.refresh(t, d.client(t, id, method), got.refresh).want(t, http.StatusOK)
		})
	}
	t.Run("demo-machine", func(t *testing.T) {
		c := d.client(t, "demo-machine", "client_secret_basic")
		a := d.call(t, c, "/oauth/token", map[string][]string{"grant_type": {"client_credentials"}})
		a.want(t, 200)
		if !d.active(t, c, a.str("access_token")) {
			t.Error("the token is not active")
		}
	})
	t.Run("never-outside-dev", func(t *testing.T) {
		w := shared(t)
		for _, path := range []string{"/dev/playground", "/dev/", "/dev/inbox"} {
			if a := w.fetch(t, path); a.status != http.StatusNotFound {
				t.Errorf("serve answers %s with %d", path, a.status)
			}
		}
	})
}
