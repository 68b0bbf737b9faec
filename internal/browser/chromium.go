package browser

import (
	"context"
	"encoding/json"
	"slices"
	"sync"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// ChromiumBrowser is a headless Chromium, which also notes what the page asks for and what it throws.
type ChromiumBrowser struct {
	ctx    context.Context
	cancel func()

	mu         sync.Mutex
	requests   []string
	exceptions []string
}

// StartChromium starts Chromium, as Start does.
func StartChromium(ctx context.Context, dir string, size Size) (*ChromiumBrowser, error) {
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.NoSandbox, chromedp.Flag("disable-gpu", true),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"), chromedp.WindowSize(size.Width, size.Height), chromedp.UserDataDir(dir))
	root, end := context.WithCancel(context.Background())
	allocator, _ := chromedp.NewExecAllocator(root, options...)
	own, _ := chromedp.NewContext(allocator)
	b := &ChromiumBrowser{ctx: own, cancel: end}
	stop := context.AfterFunc(ctx, end)
	err := chromedp.Do(own)
	stop()
	if err == nil {
		err = chromedp.Listen(own, b.note)
	}
	if err != nil {
		b.cancel()
		return nil, err
	}
	return b, nil
}

func (b *ChromiumBrowser) note(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	case *runtime.EventExceptionThrown:
		b.exceptions = append(b.exceptions, e.ExceptionDetails.Text+" "+e.ExceptionDetails.URL)
	}
}

// Requests are the addresses that pages asked for so far.
func (b *ChromiumBrowser) Requests() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.requests)
}

// Exceptions are what the pages' scripts threw and did not catch so far.
func (b *ChromiumBrowser) Exceptions() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.exceptions)
}

// within is the browser's context, done with the caller's.
func (b *ChromiumBrowser) within(ctx context.Context) (context.Context, func()) {
	own, cancel := context.WithCancelCause(b.ctx)
	stop := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	return own, func() {
		stop()
		cancel(nil)
	}
}

// Open implements Browser.
func (b *ChromiumBrowser) Open(ctx context.Context, url string) error {
	own, done := b.within(ctx)
	defer done()
	return chromedp.Do(own, chromedp.Navigate(url))
}

// Eval implements Browser.
func (b *ChromiumBrowser) Eval(ctx context.Context, expression string) (json.RawMessage, error) {
	own, done := b.within(ctx)
	defer done()
	text, err := chromedp.Run(own, chromedp.Evaluate[string]("(() => {"+inPage(expression)+"})()"))
	return json.RawMessage(text), err
}

// Screenshot implements Browser.
func (b *ChromiumBrowser) Screenshot(ctx context.Context) ([]byte, error) {
	own, done := b.within(ctx)
	defer done()
	return chromedp.Run(own, chromedp.CaptureScreenshot())
}

// Emulate gives pages a window of another size, and the color scheme dark or light as what their user prefers.
func (b *ChromiumBrowser) Emulate(ctx context.Context, size Size, scheme string) error {
	own, done := b.within(ctx)
	defer done()
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	return chromedp.Do(own, chromedp.EmulateViewport(int64(size.Width), int64(size.Height)),
		chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, media)
			return err
		}))
}

// Close implements Browser.
func (b *ChromiumBrowser) Close() {
	// It waits until the browser has ended. An error means that it is gone.
	_ = chromedp.Cancel(b.ctx)
	b.cancel()
}
