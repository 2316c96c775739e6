package e2e

import (
	"context"
	"fmt"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

const actWithin = 30 * time.Second // one action in the browser, on a busy machine

// tab is a page of a Chromium of its own, with a fresh profile. Whatever the
// console complains of, each violation of a content security policy and each
// request that leaves this machine fails the test, unless it was expected.
type tab struct {
	t   testing.TB
	ctx context.Context

	mu         sync.Mutex
	complaints []string
	expected   []string
}

// browser opens a Chromium for this test alone and closes it at the end.
func browser(t testing.TB) *tab {
	t.Helper()
	b := openTab(t)
	t.Cleanup(func() {
		for _, c := range b.unexpected() {
			t.Errorf("in the browser: %s", c)
		}
	})
	return b
}

func openTab(t testing.TB) *tab {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("no chromium on the PATH: run e2e/install.sh, or install Debian's chromium")
	}
	alloc, cancelAlloc := chromedp.NewExecAllocator(context.Background(), slices.Concat(chromedp.DefaultExecAllocatorOptions[:], []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path),
		chromedp.NoSandbox, // root has none
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1"),
		chromedp.WindowSize(1280, 800),
	})...)
	b := &tab{t: t}
	ctx, cancel := chromedp.NewContext(alloc, chromedp.WithListener(b.hear))
	b.ctx = ctx
	t.Cleanup(func() {
		cancel()
		cancelAlloc()
	})
	// The first run starts the browser, which lives as long as the context of
	// that run: no time limit here.
	if err := chromedp.Do(ctx, call(audits.Enable, cdp.Empty{})); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	return b
}

// call makes an action of a protocol command.
func call[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, command, params)
		return err
	})
}

// do runs the actions, which may be run again, or ends the test with the page
// that it was on.
func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	read(b, chromedp.Steps(actions...))
}

// read runs an action that has a value: read(tab, chromedp.Title()). When the
// page is replaced meanwhile, it reads the page that came.
func read[T any](b *tab, action chromedp.Action[T]) T {
	b.t.Helper()
	for deadline := time.Now().Add(actWithin); ; {
		ctx, cancel := context.WithTimeout(b.ctx, actWithin)
		value, err := chromedp.Run(ctx, action)
		cancel()
		switch {
		case err == nil:
			return value
		case !betweenPages(err) || time.Now().After(deadline):
			b.t.Fatalf("%v\n%s", err, b.page())
		}
		time.Sleep(25 * time.Millisecond)
	}
}

// betweenPages tells the browser's answer when a page went away under a
// question; whatever was asked may have been done.
func betweenPages(err error) bool {
	return saysOneOf(err, "Inspected target navigated or closed", "Execution context was destroyed", "Cannot find context with specified id", "Cannot find default execution context")
}

func saysOneOf(err error, words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(err.Error(), w) })
}

// act does what a person does to one thing on the page. When the page is replaced
// between finding that thing and touching it, nothing was touched: it is looked
// for again on the page that came.
func (b *tab) act(action chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	for deadline := time.Now().Add(actWithin); ; {
		ctx, cancel := context.WithTimeout(b.ctx, actWithin)
		_, err := chromedp.Run(ctx, action)
		cancel()
		switch {
		case err == nil:
			return
		case !goneFromPage(err) || time.Now().After(deadline):
			b.t.Fatalf("%v\n%s", err, b.page())
		}
		time.Sleep(25 * time.Millisecond)
	}
}

// goneFromPage tells the browser's answer for a node of a page that is no more;
// it has one code for all its errors.
func goneFromPage(err error) bool {
	return saysOneOf(err, "Could not find node with given id", "No node with given id found", "Node is detached from document")
}

// open goes to a URL and waits until it has loaded.
func (b *tab) open(rawURL string) {
	b.t.Helper()
	b.do(chromedp.Navigate(rawURL))
}

// url is where the tab is now.
func (b *tab) url() string {
	b.t.Helper()
	return read(b, chromedp.Location())
}

// text is what a person reads on the page.
func (b *tab) text() string {
	b.t.Helper()
	return read(b, chromedp.Evaluate[string]("document.body?.innerText ?? ''")) // a page that is still coming has no body
}

// sees waits until the page shows the words.
func (b *tab) sees(words string) {
	b.t.Helper()
	deadline := time.Now().Add(actWithin)
	for {
		// Between two pages there is no document to ask: an error is no answer.
		shown, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.body.innerText"))
		if strings.Contains(shown, words) {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("the page does not show %q within %s\n%s", words, actWithin, b.page())
		}
		time.Sleep(25 * time.Millisecond)
	}
}

// fill types a value into the form field of that name, as a person does.
func (b *tab) fill(name, value string) {
	b.t.Helper()
	is := fmt.Sprintf("[name=%q]", name)
	field := chromedp.CSS(is)
	// Not chromedp.Clear: it changes an attribute, and SendKeys reads those while
	// the news of that is being written down.
	empty := chromedp.Evaluate[string](fmt.Sprintf("(document.querySelector(%q) ?? {}).value = ''", is))
	b.act(chromedp.Steps(chromedp.Focus(field), chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Run(ctx, empty)
		return err
	}), chromedp.SendKeys(field, value)))
}

// press clicks the button or link that a person knows by these words.
func (b *tab) press(words string) {
	b.t.Helper()
	b.act(chromedp.Click(chromedp.Search(fmt.Sprintf("//*[self::button or self::a or self::summary][normalize-space()=%q]", words))))
}

// withoutScript turns JavaScript off in this tab.
func (b *tab) withoutScript() {
	b.t.Helper()
	b.do(call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
}

// page says where the tab is and what it shows, for a failed test.
func (b *tab) page() string {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	where, _ := chromedp.Run(ctx, chromedp.Location())
	shown, _ := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText"))
	return fmt.Sprintf("on %s, which shows:\n%s\ncomplaints: %s", where, shown, strings.Join(b.unexpected(), "; "))
}

// expect excuses complaints that contain part: the test causes them.
func (b *tab) expect(part string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = append(b.expected, part)
}

func (b *tab) unexpected() (complaints []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.complaints {
		if !slices.ContainsFunc(b.expected, func(part string) bool { return strings.Contains(c, part) }) {
			complaints = append(complaints, c)
		}
	}
	return complaints
}

func (b *tab) complain(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complaints = append(b.complaints, fmt.Sprintf(format, args...))
}

// hear takes the browser's events in the order in which they happened.
func (b *tab) hear(event any) {
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			b.complain("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError {
			b.complain("console.error: %s", spoken(e.Args))
		}
	case *runtime.EventExceptionThrown:
		b.complain("uncaught: %s", spoken([]*runtime.RemoteObject{e.ExceptionDetails.Exception}))
	case *audits.EventIssueAdded:
		if csp := e.Issue.Details.ContentSecurityPolicyIssueDetails; csp != nil {
			b.complain("content security policy: %s blocked %q", csp.ViolatedDirective, csp.BlockedURL)
		}
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(e.Request.URL); err != nil || u.Host != "" && !isLoopback(u.Hostname()) {
			b.complain("request to a foreign host: %s", e.Request.URL)
		}
	}
}

func spoken(args []*runtime.RemoteObject) string {
	var words []string
	for _, a := range args {
		if a == nil {
			continue
		}
		words = append(words, strings.Trim(string(a.Value), `"`)+a.Description)
	}
	return strings.Join(words, " ")
}
