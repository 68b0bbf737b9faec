package main

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// dash.js is loaded when DASH is chosen, and not before. In the long form the page then proves in DASH what it proves in HLS: each picture
// thrice, and where sound and picture meet; it seeks, changes the quality, and goes back to HLS.
func TestPageDASH(t *testing.T) {
	t.Parallel()
	s := start(t, "--data", filepath.Join(t.TempDir(), "data"), "--dash", "--audio", "--ladder", "320x180@300k,160x90@100k", "--fps", "29.97",
		"--preset", "ultrafast", "--segment", "1s", "--event-every", "3s", "--event-length", "500ms", "--seed", "5")
	b := openBrowser(t, s.url)
	b.playing(10, 60*time.Second)
	const library = "/static/dist/dash.mediaplayer.min.js"
	if slices.Contains(b.chromium.Requests(), s.url+library) {
		t.Error("dash.js is loaded though nobody wants it")
	}
	b.choose("#form", "dash")
	await(t, "frames in DASH", 60*time.Second, func() bool {
		return eval[bool](b, `Boolean(window.refstream.state.dash) && window.refstream.state.frame !== null`)
	})
	defer func() {
		if t.Failed() {
			t.Logf("the page is at %s, the check is %+v", eval[jsonText](b, `window.refstream.state`), b.check())
		}
	}()
	if testing.Short() {
		b.clean()
		return
	}
	from := b.check()
	await(t, "exact frames in DASH", 60*time.Second, func() bool { return b.check().Exact >= from.Exact+30 })
	b.press("m", false)
	if m := b.meeting(1); math.Abs(m.Offset) > 0.045 {
		t.Errorf("sound and picture of a true stream are %v s apart in DASH", m.Offset)
	}
	b.choose("#quality", eval[string](b, `String(window.refstream.state.levels.indexOf(90))`))
	await(t, "a picture of 90 lines", 60*time.Second, func() bool {
		return eval[int](b, `document.querySelector('#video').videoHeight`) == 90
	})
	exact := b.check().Exact
	await(t, "a seek, and exact frames behind it", 60*time.Second, func() bool {
		return eval[bool](b, `window.refstream.seekToFrame(window.refstream.state.frame - 60)`)
	})
	await(t, "exact frames after a seek", 60*time.Second, func() bool { return b.check().Exact >= exact+20 })
	if c := b.check(); c.Errors > 0 {
		t.Errorf("self-check in DASH: %+v", c)
	}
	b.screenshots("dash")
	b.choose("#form", "hls-ts")
	exact = b.check().Exact
	await(t, "exact frames in HLS again", 60*time.Second, func() bool {
		return !eval[bool](b, `Boolean(window.refstream.state.dash)`) && b.check().Exact >= exact+30
	})
	if c := b.check(); c.Errors > 0 {
		t.Errorf("self-check in HLS again: %+v", c)
	}
	for _, asked := range b.chromium.Requests() {
		if strings.Contains(asked, "dash") && !strings.HasPrefix(asked, s.url) {
			t.Errorf("the page asks %s", asked)
		}
	}
	b.clean()
}
