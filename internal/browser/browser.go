// Package browser runs real browsers for the tests of the pages: Chromium, Firefox and WebKit, from Debian's packages.
//
// Each engine is driven by what comes with it: Chromium by the DevTools protocol (chromedp), Firefox by Marionette, the
// protocol that it speaks itself, and WebKit by WebDriver (W3C, over HTTP) through WebKitWebDriver, on a display of Xvfb.
package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"time"

	"github.com/refstream/refstream/internal/processgroup"
)

// Browser is a running browser with one window. Its methods are not for use by several goroutines at once.
type Browser interface {
	// Open shows a page, anew where it is shown already, and waits until it is loaded.
	Open(ctx context.Context, url string) error
	// Eval evaluates a JavaScript expression in the page and returns its value as JSON. An expression that throws is
	// an error.
	Eval(ctx context.Context, expression string) (json.RawMessage, error)
	// Screenshot is what the window shows, as PNG.
	Screenshot(ctx context.Context) ([]byte, error)
	// Close ends the browser and every process that it started.
	Close()
}

// Engine names a browser.
type Engine string

// The engines, by the names of their projects.
const (
	Chromium Engine = "chromium"
	Firefox  Engine = "firefox"
	WebKit   Engine = "webkit"
)

// Size is a window's size in pixels. Without a GPU a browser paints on the processor: small windows leave time to play video.
type Size struct{ Width, Height int }

// Small is a window that shows little more than the video.
var Small = Size{420, 320}

// A browser starts in 1 to 3 s; on a machine that is busy with encoders and other browsers it takes ten times as long.
const startLimit = 90 * time.Second

// Start starts a browser. Its profile and caches are in dir, which is empty and is the caller's to remove after Close.
func Start(ctx context.Context, engine Engine, dir string, size Size) (Browser, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	var b Browser
	var err error
	switch engine {
	case Chromium:
		b, err = StartChromium(ctx, dir, size)
	case Firefox:
		b, err = startFirefox(ctx, dir, size)
	case WebKit:
		b, err = startWebKit(ctx, dir, size)
	default:
		err = fmt.Errorf("no such engine")
	}
	if err != nil {
		return nil, fmt.Errorf("start %s: %w (make deps installs what it needs)", engine, err)
	}
	return b, nil
}

// inPage wraps an expression so that every engine gives its value in the same form: the text of its JSON.
func inPage(expression string) string {
	return "return JSON.stringify((" + expression + ") ?? null)"
}

// process is a child with a process group of its own, in which all that it starts is ended with it.
type process struct {
	cmd   *exec.Cmd
	group *processgroup.Group
	// ended is closed when the child itself has ended.
	ended chan struct{}
	log   processgroup.Tail
}

func startProcess(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, group: processgroup.New(cmd), ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.log, &p.log
	// Its children keep the pipes: they are not waited for.
	cmd.WaitDelay = time.Second
	if err := p.group.Start(); err != nil {
		return nil, fmt.Errorf("run %s: %w", cmd.Path, err)
	}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // how it ended is of no interest: who needs the process notices that it is gone
	}()
	return p, nil
}

// gone describes an end that nobody asked for.
func (p *process) gone() error {
	return fmt.Errorf("%s ended: %s", p.cmd.Path, p.log.String())
}

// stop ends the whole group.
func (p *process) stop() {
	if p == nil {
		return
	}
	_ = p.group.Kill() // an error means that the group is gone
	<-p.ended
}
