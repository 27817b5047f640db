package conformance

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// example reads a configuration of docs/examples, as users copy it, with the places
// of the test.
func example(t *testing.T, name string, places ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(suite.root, "docs", "examples", name))
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for i := 0; i < len(places); i += 2 {
		if !strings.Contains(text, places[i]) {
			t.Fatalf("docs/examples/%s has no %q", name, places[i])
		}
		text = strings.ReplaceAll(text, places[i], places[i+1])
	}
	return text
}

// write makes files in a folder, for its owner alone.
func write(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func contents(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// runOAuth2Proxy runs oauth2-proxy before an application that says what it is told.
func runOAuth2Proxy(t *testing.T, w *world, by channel) *guest {
	t.Helper()
	binary := built(t, "oauth2-proxy")
	behind := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/signed-out" {
			fmt.Fprint(rw, "signed out")
			return
		}
		token := sha256.Sum256([]byte(r.Header.Get("X-Forwarded-Access-Token")))
		fmt.Fprintf(rw, "%s is signed in, the access token is %x", r.Header.Get("X-Forwarded-Email"), token)
	}))
	t.Cleanup(behind.Close)
	origin, folder := newOrigin(t), t.TempDir()
	host := strings.TrimPrefix(origin, "https://")
	bye, front := origin+"/signed-out", origin+"/oauth2/sign_out?rd=%2Fsigned-out"
	c := w.registerApplication(t, "proxy", origin+"/oauth2/callback", bye, by, front, "")
	refresh := "1s" // the sooner the test sees it
	if by == frontChannel {
		refresh = "5m"
	}
	config := example(t, "oauth2-proxy.cfg", "id.example.com", strings.TrimPrefix(w.issuer, "https://"), "app.example.com", host,
		`client_id = "oauth2-proxy"`, `client_id = "`+c.ID+`"`, "127.0.0.1:4180", strings.Replace(host, "localhost", "127.0.0.1", 1),
		"/etc/oauth2-proxy/cert.pem", suite.ca.certFile, "/etc/oauth2-proxy/key.pem", suite.ca.keyFile, "/etc/oauth2-proxy/", folder+"/",
		"http://127.0.0.1:8000/", behind.URL+"/", `cookie_refresh = "5m"`, `cookie_refresh = "`+refresh+`"`)
	write(t, folder, map[string]string{
		"client-secret": c.Secret, "cookie-secret": (rand.Text() + rand.Text())[:32],
		"oauth2-proxy.cfg": config + "pass_access_token = true\nprovider_ca_files = [\"" + suite.ca.caFile + "\"]\n",
	})
	runCompanion(t, "oauth2-proxy", exec.Command(binary, "--config", filepath.Join(folder, "oauth2-proxy.cfg")), origin+"/ping")
	end := w.issuer + "/end_session?id_token_hint={id_token}&post_logout_redirect_uri=" + url.QueryEscape(bye)
	a := &guest{page: origin + "/", signOut: origin + "/oauth2/sign_out?rd=" + url.QueryEscape(end), bye: bye, front: front}
	a.refresh = func(t *testing.T, b *browser) {
		t.Helper()
		before := a.in(t, b)
		deadline := time.After(2 * time.Minute)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for a.in(t, b) == before {
			select {
			case <-deadline:
				t.Fatal("no new tokens in two minutes")
			case <-tick.C:
			}
		}
	}
	return a
}

// apacheModules are those of Debian's packages that the configuration uses.
var apacheModules = []string{"mpm_event", "authn_core", "authz_core", "authz_user", "ssl", "socache_shmcb", "dir", "include", "mime", "auth_openidc"}

// runApache runs Debian's Apache with mod_auth_openidc, on loopback, as nobody.
func runApache(t *testing.T, w *world, by channel) *guest {
	t.Helper()
	binary := need(t, "Apache", "apt-get install apache2-bin", "/usr/sbin/apache2")
	modules := "/usr/lib/apache2/modules"
	need(t, "mod_auth_openidc", "apt-get install libapache2-mod-auth-openidc", filepath.Join(modules, "mod_auth_openidc.so"))
	origin, folder := newOrigin(t), openFolder(t)
	host := strings.TrimPrefix(origin, "https://")
	hook, bye := origin+"/app/openid", origin+"/signed-out.txt"
	c := w.registerApplication(t, "apache", hook, bye, by, hook+"?logout=get", hook+"?logout=backchannel")

	var main strings.Builder
	fmt.Fprintf(&main, "ServerRoot %s\nServerName localhost\nPidFile apache.pid\nDefaultRuntimeDir %s\nErrorLog error.log\nLogLevel info\n", folder, folder)
	for _, m := range apacheModules {
		fmt.Fprintf(&main, "LoadModule %s_module %s/mod_%s.so\n", m, modules, m)
	}
	listen := strings.Replace(host, "localhost", "127.0.0.1", 1)
	fmt.Fprintf(&main, "Listen %s https\nTypesConfig /dev/null\nAddOutputFilter INCLUDES .shtml\nAddType text/html .shtml\nAddType text/plain .txt\n", listen)
	fmt.Fprintf(&main, "<Directory %s/www>\nOptions +Includes\nDirectoryIndex index.shtml\nRequire all granted\n</Directory>\n", folder)
	fmt.Fprintf(&main, "OIDCCABundlePath %s/ca.pem\nOIDCInfoHook access_token\nInclude app.conf\n", folder)
	write(t, folder, map[string]string{
		"apache.conf": main.String(),
		"app.conf": example(t, "apache.conf", "id.example.com", strings.TrimPrefix(w.issuer, "https://"), "ServerName app.example.com", "ServerName localhost",
			"app.example.com", host, "*:443", listen, "/etc/apache2/app", folder, "OIDCClientID apache", "OIDCClientID "+c.ID, "/var/www/app", folder+"/www"),
		"secrets.conf": "OIDCClientSecret " + c.Secret + "\nOIDCCryptoPassphrase " + rand.Text() + "\n",
		"cert.pem":     contents(t, suite.ca.certFile), "key.pem": contents(t, suite.ca.keyFile), "ca.pem": contents(t, suite.ca.caFile),
		"www/app/index.shtml": `<!--#echo var="REMOTE_USER" --> is signed in, the access token is <!--#echo var="OIDC_access_token" -->`,
		"www/signed-out.txt":  "signed out\n",
	})
	cmd := exec.Command(binary, "-D", "FOREGROUND", "-f", filepath.Join(folder, "apache.conf"))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LANG=C"}
	asNobody(t, cmd, folder)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(contents(t, filepath.Join(folder, "error.log")))
		}
	})
	runCompanion(t, "apache", cmd, bye)

	a := &guest{page: origin + "/app/", signOut: hook + "?logout=" + url.QueryEscape(bye), bye: bye, front: hook + "?logout=get", bySID: true}
	a.refresh = func(t *testing.T, b *browser) {
		t.Helper()
		var info struct {
			AccessToken string `json:"access_token"`
		}
		if p := b.look(hook + "?info=json"); json.Unmarshal(p.body, &info) != nil || info.AccessToken == "" {
			t.Fatalf("no access token, status %d: %s", p.status, p.text())
		}
		p := b.look(hook + "?refresh=" + url.QueryEscape(a.page) + "&access_token=" + url.QueryEscape(info.AccessToken))
		if p.callback == nil || p.callback.String() != a.page {
			t.Fatalf("refresh: status %d, to %v: %s", p.status, p.callback, p.text())
		}
	}
	return a
}

// openFolder is a temporary folder that others than this user reach: t.TempDir has
// none above it.
func openFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "identity-apache-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	})
	return folder
}

// asNobody lets a command run without the rights of root, in a folder that is its
// own: Apache as root would look for a user of its configuration.
func asNobody(t *testing.T, cmd *exec.Cmd, folder string) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, err := strconv.Atoi(nobody.Uid)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.Atoi(nobody.Gid)
	if err != nil {
		t.Fatal(err)
	}
	if err := filepath.WalkDir(folder, func(file string, _ os.DirEntry, err error) error {
		if err == nil {
			err = os.Chown(file, uid, gid)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}
