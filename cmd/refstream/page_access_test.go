package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/internal/browser"
)

// shapes are the windows in which the pages are judged: a phone, a tablet, a wide screen, and a phone on its side.
var (
	shapes   = []browser.Size{{Width: 390, Height: 844}, {Width: 1024, Height: 768}, {Width: 1920, Height: 1080}}
	sideways = browser.Size{Width: 844, Height: 390}
	schemes  = []string{"dark", "light"}
)

// emulate gives the page another window and color scheme.
func (b *page) emulate(size browser.Size, scheme string) {
	b.t.Helper()
	if err := b.chromium.Emulate(b.t.Context(), size, scheme); err != nil {
		b.t.Fatal(err)
	}
}

// smallText are the texts that are shown smaller than 13 px, each with its size.
const smallText = `(() => {
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	const found = [];
	for (let n = walker.nextNode(); n; n = walker.nextNode()) {
		const {parentElement} = n;
		if (!n.data.trim() || /^(SCRIPT|STYLE|NOSCRIPT)$/.test(parentElement.tagName) || parentElement.getClientRects().length === 0) continue;
		const size = parseFloat(getComputedStyle(parentElement).fontSize);
		if (size < 13) found.push(size + ' px: ' + n.data.trim().slice(0, 40));
	}
	return found;
})()`

// isAccessible has axe-core judge the page in every shape and color scheme, and looks for text that is too small, for a
// heading, and for what does not fit the width.
func (b *page) isAccessible() {
	b.t.Helper()
	axe, err := os.ReadFile(filepath.Join("..", "..", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		b.t.Fatalf("axe-core is missing: %v (npm ci fetches it, and so does make test)", err)
	}
	for i, scheme := range schemes {
		for k, size := range shapes {
			if testing.Short() && (i+k)%2 != 0 { // each shape once, each scheme too
				continue
			}
			b.emulate(size, scheme)
			eval[bool](b, `(() => { `+string(axe)+`;
				window.axeSays = null;
				axe.run(document, {resultTypes: ['violations']}).then(
					({violations}) => { window.axeSays = violations.map((v) => v.id + ': ' + v.help + '\n' + v.nodes.map((n) => n.html + '\n  ' + n.failureSummary).join('\n')); },
					(error) => { window.axeSays = [String(error)]; });
				return true; })()`)
			var says *[]string
			await(b.t, fmt.Sprintf("axe at %v, %s", size, scheme), 90*time.Second, func() bool {
				says = eval[*[]string](b, `window.axeSays`)
				return says != nil
			})
			for _, violation := range *says {
				b.t.Errorf("at %v, %s: %s", size, scheme, violation)
			}
		}
	}
	for _, size := range append(shapes, sideways) {
		b.emulate(size, "light")
		if small := eval[[]string](b, smallText); len(small) > 0 {
			b.t.Errorf("at %v there is text below 13 px: %s", size, strings.Join(small, ", "))
		}
		if wide := eval[int](b, `document.documentElement.scrollWidth`); wide > size.Width {
			b.t.Errorf("at %v the page is %d pixels wide", size, wide)
		}
	}
	if headings := eval[int](b, `document.querySelectorAll('h1').length`); headings != 1 {
		b.t.Errorf("%d headings of the first level, want 1", headings)
	}
}

// screenshots saves what the page looks like in every shape and color scheme, where the environment names a folder.
func (b *page) screenshots(name string) {
	b.t.Helper()
	dir := os.Getenv("PAGE_SCREENSHOTS")
	if dir == "" {
		return
	}
	for _, scheme := range schemes {
		for _, size := range append(shapes, sideways, browser.Size{Width: 1280, Height: 1000}) {
			b.emulate(size, scheme)
			eval[bool](b, `(scrollTo(0, 0), true)`)
			png, err := b.browser.Screenshot(b.t.Context())
			if err != nil {
				b.t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", name, size.Width, scheme)), png, 0o644); err != nil {
				b.t.Fatal(err)
			}
		}
	}
}

// box is where an element is in the window, in pixels.
type box struct{ Left, Top, Right, Bottom float64 }

func (b *page) box(selector string) box {
	b.t.Helper()
	return eval[box](b, `(({left, top, right, bottom}) => ({left, top, right, bottom}))(document.querySelector('`+selector+`').getBoundingClientRect())`)
}

// fits fails the test where an element is not wholly in a window that is at the page's top.
func (b *page) fits(size browser.Size, selectors ...string) {
	b.t.Helper()
	for _, s := range selectors {
		if x := b.box(s); x.Left < 0 || x.Top < 0 || x.Right > float64(size.Width) || x.Bottom > float64(size.Height) || x.Right <= x.Left {
			b.t.Errorf("at %v %s is at %+v", size, s, x)
		}
	}
}

// The page of a faulty twin, which has all that the page of a channel has, shows its faults. It has no fault that axe-core finds and is
// usable in windows of every shape: on a phone's side the picture is in view with its controls, and a wide screen is used.
func TestPageAccess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "outage.yaml")
	text := "version: 1\nname: outage\nfaults:\n- {do: sei.missing, every: 4s, for: {frames: 45}}\n- {decoy: ts.null, every: 5s, for: 1s}\n" +
		"- {do: playlist.html, every: 9s, for: {segments: 1}}\n- {do: ts.tei, at: {frame: 6}, for: {frames: 2}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, smallStream(filepath.Join(dir, "data"), "--listen-ts", freeAddr(t), "--scenario", file, "--audio", "--dash")...)
	b := openBrowser(t, s.url)
	b.playing(10, 60*time.Second)
	b.showsFaults(s)
	await(t, "markers and addresses", 60*time.Second, func() bool {
		return eval[bool](b, `document.querySelectorAll('#markers tbody tr').length > 2 && document.querySelectorAll('#addresses dd').length > 4`)
	})
	eval[bool](b, `(document.querySelector('#trigger button').click(), true)`)
	b.isAccessible()

	b.emulate(sideways, "dark")
	b.fits(sideways, "#video", "#play", "#previous", "#next", "#live", "#fullscreen", "#timeline .track", ".timecode")
	if v := b.box("#video"); v.Bottom-v.Top < 250 {
		t.Errorf("on a phone's side the picture is %v pixels high", v.Bottom-v.Top)
	}
	wide := browser.Size{Width: 1920, Height: 1080}
	b.emulate(wide, "dark")
	b.fits(wide, "#video", "#play", "#timeline .track", "#self-check", "#clocks")
	if x := b.box("main"); x.Right-x.Left < 1800 {
		t.Errorf("a window of 1920 pixels shows a page of %v", x.Right-x.Left)
	}
	b.screenshots("page")
	b.clean()
}

// The picker leads to the twin, whose faults are in the table and under the timeline. What they do to the pictures is no mismatch.
func (b *page) showsFaults(s *running) {
	b.t.Helper()
	await(b.t, "the channels", 60*time.Second, func() bool {
		return slices.Equal(eval[[]string](b, `[...document.querySelectorAll('#channels a')].map((a) => a.textContent)`), []string{"main", "main-outage faulty"})
	})
	if !eval[bool](b, `document.querySelector('#faults').hidden && document.querySelector('#fault-rows').hidden`) {
		b.t.Error("a clean channel has faults")
	}
	b.click("#channels li:last-child a")
	await(b.t, "pictures that are faulty as labelled", 90*time.Second, func() bool {
		return eval[bool](b, `window.refstream?.state.channel === 'main-outage' && window.refstream.selfCheck.faulty > 20 && window.refstream.selfCheck.exact > 20`)
	})
	if c := b.check(); c.Errors > 0 {
		b.t.Errorf("the page calls pictures wrong: %+v", c)
	}
	row := `[...document.querySelectorAll('#faults tbody tr')].filter((r) => r.dataset.id.startsWith('sei.missing') && r.dataset.place === 'here' && r.dataset.state === 'done')[0]`
	await(b.t, "a fault in the table", 60*time.Second, func() bool { return eval[bool](b, `Boolean(`+row+`)`) })
	marks := `[...document.querySelectorAll('#fault-rows .spans')].map((e) => e.querySelectorAll('[data-part=done]').length)`
	await(b.t, "faults and decoys under the timeline", 60*time.Second, func() bool {
		n := eval[[]int](b, marks)
		return len(n) == 2 && n[0] > 0 && n[1] > 0
	})
	if says := b.text("#fault-rows span"); !strings.Contains(says, " done") || !strings.Contains(says, "next ") {
		b.t.Errorf("the row says %q", says)
	}
	want := eval[int64](b, `(() => { const row = `+row+`; row.querySelector('button').click(); return Number(row.querySelector('td.frame').textContent.split('–')[0]); })()`)
	await(b.t, "the fault's first frame", 60*time.Second, func() bool {
		return eval[bool](b, fmt.Sprintf(`window.refstream.state.paused && window.refstream.state.frame === %d`, want))
	})
	if list := eval[[]string](b, `[...document.querySelectorAll('#addresses dd > :first-child')].map((e) => e.textContent)`); !slices.Contains(list, s.url+"/faults?channel=main-outage") ||
		!slices.Contains(list, s.url+"/live/main-outage.ts") {
		b.t.Errorf("the page gives the addresses %q", list)
	}
	b.click("#play")
	b.playing(10, 60*time.Second)
	eval[bool](b, `(scrollTo(0, 0), true)`)
}
