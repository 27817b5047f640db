package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// tab is a page of a headless Chromium with a profile of its own.
type tab struct {
	t      *testing.T
	ctx    context.Context
	server *server
	still  bool // script is off
}

// device is the screen of a person.
type device struct {
	name          string
	width, height int64
}

var (
	phone   = device{"phone", 360, 780}
	desktop = device{"desktop", 1280, 800}
)

// screenOf is the screen of a run, and scriptOf says whether its pages may run
// script where the flow does not need it: on SQLite a telephone without, below
// TestOnPostgres a desktop with it. Neither has anything to do with the database,
// so two runs see all of it.
func screenOf(t *testing.T) device {
	if onPostgres(t) {
		return desktop
	}
	return phone
}

func scriptOf(t *testing.T) bool { return onPostgres(t) }

// oneChromium: two tests at once would be slow for both on a small machine.
var oneChromium = make(chan struct{}, 1)

// process is a Chromium that all tests have in turn: one takes seconds to start.
type process struct {
	ctx context.Context
	end func()
}

var chromium = process{end: func() {}}

// begin starts it when it does not run.
func (p *process) begin(t *testing.T) context.Context {
	t.Helper()
	if p.ctx != nil && chromedp.Do(p.ctx, chromedp.Navigate("about:blank")) == nil {
		return p.ctx
	}
	p.end() // it crashed
	program := need(t, "Chromium", "apt-get install chromium", "/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome")
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, // its profile is removed when no process of it writes any more
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-quic", true), chromedp.Flag("lang", "en"),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"), // nothing outside
		chromedp.Flag("ignore-certificate-errors-spki-list", suite.ca.spki))...)
	ctx, closeBrowser := chromedp.NewContext(allocator)
	p.ctx, p.end = ctx, func() { closeBrowser(); stop() }
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	return ctx
}

func newTab(t *testing.T, s *server, d device) *tab {
	t.Helper()
	oneChromium <- struct{}{}
	t.Cleanup(func() { <-oneChromium })
	ctx, closeTab := chromedp.NewContext(chromium.begin(t), chromedp.WithNewBrowserContext()) // without anybody's cookies
	t.Cleanup(closeTab)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(d.width, d.height)); err != nil {
		t.Fatal(err)
	}
	limited, cancel := context.WithTimeout(ctx, 10*time.Minute) // against hanging for ever
	t.Cleanup(cancel)
	return &tab{t: t, ctx: limited, server: s}
}

// beside is another browser, of another person or on another device: it shares
// no cookie with the first one.
func (c *tab) beside(d device) *tab {
	c.t.Helper()
	ctx, stop := chromedp.NewContext(c.ctx, chromedp.WithNewBrowserContext())
	c.t.Cleanup(stop)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		c.t.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(d.width, d.height)); err != nil {
		c.t.Fatal(err)
	}
	return &tab{t: c.t, ctx: ctx, server: c.server}
}

// size gives the tab another screen.
func (c *tab) size(d device) {
	c.t.Helper()
	if err := chromedp.Do(c.ctx, chromedp.EmulateViewport(d.width, d.height)); err != nil {
		c.t.Fatal(err)
	}
}

// script switches script in pages on or off.
func (c *tab) script(on bool) {
	c.t.Helper()
	c.still = !on
	if _, err := chromedp.Call(c.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on}); err != nil {
		c.t.Fatal(err)
	}
}

func (c *tab) open(address string) {
	c.t.Helper()
	if err := chromedp.Do(c.ctx, chromedp.Navigate(address)); err != nil {
		c.t.Fatalf("%s: %v", address, err)
	}
}

// eval runs an expression in the page, a promise to its end, and reads its value.
func (c *tab) eval(into any, expression string) error {
	raw, err := chromedp.Run(c.ctx, chromedp.Evaluate[[]byte](expression, chromedp.EvalAwaitPromise))
	if err != nil || into == nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

func (c *tab) must(into any, expression string) {
	c.t.Helper()
	if err := c.eval(into, expression); err != nil {
		c.t.Fatalf("%s: %v\n%s", expression, err, c.where())
	}
}

// glance is eval of what may be asked again: a page that is left meanwhile need not
// answer.
func (c *tab) glance(into any, expression string) error {
	brief := *c
	limited, cancel := context.WithTimeout(c.ctx, 15*time.Second)
	defer cancel()
	brief.ctx = limited
	return brief.eval(into, expression)
}

// until waits for an expression to be true, over navigations.
func (c *tab) until(expression string) {
	c.t.Helper()
	deadline := time.Now().Add(time.Minute)
	var last error
	for time.Now().Before(deadline) {
		var ok bool
		if last = c.glance(&ok, "!!("+expression+")"); last == nil && ok {
			return
		}
		select {
		case <-c.ctx.Done():
			c.t.Fatalf("%s: %v", expression, c.ctx.Err())
		case <-time.After(30 * time.Millisecond):
		}
	}
	c.t.Fatalf("not within a minute: %s (%v)\n%s", expression, last, c.where())
}

// at waits until the page's address begins like this.
func (c *tab) at(prefix string) {
	c.t.Helper()
	c.until("document.readyState === 'complete' && location.href.startsWith(" + strconv.Quote(prefix) + ")")
}

// has waits until an element is there.
func (c *tab) has(selector string) {
	c.t.Helper()
	c.until("document.readyState === 'complete' && document.querySelector(" + strconv.Quote(selector) + ")")
}

// fill types into an empty field.
func (c *tab) fill(selector, text string) {
	c.t.Helper()
	c.has(selector)
	c.must(nil, "document.querySelector("+strconv.Quote(selector)+").value = ''; 0")
	if err := chromedp.Do(c.ctx, chromedp.SendKeys(selector, text)); err != nil {
		c.t.Fatalf("%s: %v\n%s", selector, err, c.where())
	}
}

// press clicks a button that the mouse reaches. The click is the page's own: what
// moves on the page, when script shows another button, is not clicked instead.
func (c *tab) press(selector string) {
	c.t.Helper()
	c.until(quote(`document.readyState === "complete" && (() => {
		const button = document.querySelector(%s)
		button?.scrollIntoView({block: "center", behavior: "instant"})
		const box = button?.getClientRects()[0]
		const there = box && document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2)
		return there && (button.contains(there) || there.closest("label")?.control === button) })()`, selector))
	c.must(nil, quote("document.querySelector(%s).click(), 0", selector))
}

// submit clicks a button and waits for the page that comes.
func (c *tab) submit(selector string) {
	c.t.Helper()
	c.has(selector)
	c.must(nil, "window.left = true, 0")
	c.press(selector)
	c.until("document.readyState === 'complete' && !window.left")
}

// where is for messages: what the page is and says.
func (c *tab) where() string {
	var s string
	if err := c.eval(&s, "location.origin + location.pathname + '\\n' + (document.body ? document.body.innerText : '')"); err != nil {
		return err.Error()
	}
	return s
}

// signIn fills the form of the provider that the tab shows.
func (c *tab) signIn(who person) {
	c.t.Helper()
	c.has("#identifier")
	c.fill("#identifier", who.email)
	var both bool
	c.must(&both, "!!document.querySelector('#password')")
	if !both {
		c.press("main button.primary, form button.primary")
		c.has("#password")
	}
	c.fill("#password", who.password)
	c.press("form button.primary")
}

// accessible runs axe-core over the page that the tab shows.
func (c *tab) accessible(name string) {
	c.t.Helper()
	axe, err := os.ReadFile(need(c.t, "axe-core", installNode, filepath.Join(suite.root, "conformance", "node", "node_modules", "axe-core", "axe.min.js")))
	if err != nil {
		c.t.Fatal(err)
	}
	c.until("document.readyState === 'complete'")
	if c.still { // axe-core needs script; that of the page does not start any more
		c.script(true)
		defer c.script(false)
	}
	c.must(nil, string(axe)+";0")
	var found []string
	c.must(&found, `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], resultTypes: ["violations"]})
		.then((run) => run.violations.map((v) => v.id + ": " + v.help + ": " + v.nodes.map((n) => n.target.join(" ")).join("; ")))`)
	for _, f := range found {
		c.t.Errorf("%s: %s", name, f)
	}
	c.within(name)
}

// within reports a page that is wider than the window.
func (c *tab) within(name string) {
	c.t.Helper()
	c.until("document.readyState === 'complete'")
	var wide bool
	c.must(&wide, "document.documentElement.scrollWidth > window.innerWidth + 1")
	if wide {
		c.t.Errorf("%s: the page scrolls sideways", name)
	}
}

// scheme prefers light or dark.
func (c *tab) scheme(name string) {
	c.t.Helper()
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}
	if _, err := chromedp.Call(c.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}); err != nil {
		c.t.Fatal(err)
	}
}

// downloads keeps what the browser downloads in a folder.
func (c *tab) downloads(folder string) {
	c.t.Helper()
	params := cdpbrowser.SetDownloadBehaviorParams{
		Behavior: cdpbrowser.SetDownloadBehaviorBehaviorAllow, DownloadPath: folder, BrowserContextID: chromedp.FromContext(c.ctx).BrowserContextID,
	}
	if _, err := chromedp.CallBrowser(c.ctx, cdpbrowser.SetDownloadBehavior, params); err != nil {
		c.t.Fatal(err)
	}
}

// file waits for a download to be complete.
func (c *tab) file(path string) []byte {
	c.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if content, err := os.ReadFile(path); err == nil { // it has another name until it is there
			return content
		}
		select {
		case <-c.ctx.Done():
			c.t.Fatal(c.ctx.Err())
		case <-time.After(30 * time.Millisecond):
		}
	}
	c.t.Fatalf("%s was not downloaded within a minute\n%s", filepath.Base(path), c.where())
	return nil
}

func quote(format string, values ...string) string {
	quoted := make([]any, len(values))
	for i, v := range values {
		quoted[i] = strconv.Quote(v)
	}
	return strings.TrimSpace(fmt.Sprintf(format, quoted...))
}
