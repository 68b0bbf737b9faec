package main

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/refstream/refstream/static"
)

// switchSeen is what testdata/switch.html notes.
type switchSeen struct {
	Errors   []string
	Pictures []struct {
		MediaTime float64
		Width     int
		Presented int64   // pictures that the browser has shown
		Drawn     float64 // the time of the picture that was on screen then, and whose number Frame is
		Frame     *int64
	}
	Switches, Dropped int64 // Dropped: pictures that the browser was too late to show
}

// TestLadderSwitches has hls.js and dash.js in Chromium change between renditions a hundred times (six times in the short form): the
// pictures show one frame after the other, each at its time.
//
// At ten pictures a second even a busy browser shows nearly all of them. It counts those that it showed, and those that it was too late
// to show, but for some when the machine has other work. Players do not seek, as they would over a hole.
func TestLadderSwitches(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, "generate", "--out", filepath.Join(dir, "clip"), "--ladder", "320x180@300k,160x90@100k", "--audio", "--dash", "--fps", "10",
		"--segment", "1s", "--preset", "ultrafast", "--duration", fmt.Sprintf("%ds", shortOr(60, 600)))
	mux := http.NewServeMux()
	mux.Handle("/static/", static.Handler())
	mux.Handle("/clip/", http.FileServer(http.Dir(dir)))
	for path, file := range map[string]string{
		"/": "testdata/switch.html", "/dash.js": "../../node_modules/dashjs/dist/modern/umd/dash.all.min.js",
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, filepath.FromSlash(file)) })
	}
	host := httptest.NewServer(mux)
	t.Cleanup(host.Close)
	for _, player := range []string{"hls", "dash"} {
		t.Run(player, func(t *testing.T) {
			t.Parallel()
			switches := shortOr(6, 100)
			b := openBrowser(t, host.URL)
			b.open(fmt.Sprintf("%s/?player=%s&switches=%d", host.URL, player, switches))
			await(t, "switches", limit+time.Duration(switches)*6*time.Second, func() bool {
				if errors := eval[[]string](b, "window.seen?.errors ?? []"); len(errors) > 0 {
					t.Fatalf("%s: %q", player, errors)
				}
				return eval[bool](b, "window.seen?.done ?? false")
			})
			eval[switchSeen](b, "window.seen").check(t)
		})
	}
}

// check finds one picture after the other, each with the number that its time says.
func (seen switchSeen) check(t *testing.T) {
	t.Helper()
	const fps = 10
	number := func(seconds float64) int64 { return int64(math.Round(seconds * fps)) }
	start := int64(0) // players begin at other times
	if first := seen.Pictures[0]; first.Frame != nil {
		start = number(first.Drawn) - *first.Frame
	}
	late, atSwitches := int64(0), int64(0)
	for i, p := range seen.Pictures[1:] {
		before := seen.Pictures[i]
		on := number(p.MediaTime) - number(before.MediaTime)
		more := on - (p.Presented - before.Presented)
		if late += more; p.Width != before.Width {
			atSwitches += more
		}
		if on <= 0 || more < 0 {
			t.Errorf("after the picture at %f the browser shows, as number %d after it, that at %f", before.MediaTime,
				p.Presented-before.Presented, p.MediaTime)
		}
	}
	for _, p := range seen.Pictures {
		if want := number(p.Drawn) - start; p.Frame == nil {
			t.Errorf("the picture at %f has no number, want %d", p.Drawn, want)
		} else if *p.Frame != want {
			t.Errorf("the picture at %f is frame %d, want %d", p.Drawn, *p.Frame, want)
		}
	}
	if atSwitches > seen.Dropped || late > seen.Dropped+int64(len(seen.Pictures)/50) {
		t.Errorf("%d pictures were left out, %d of them at switches, and the browser was too late for %d of %d",
			late, atSwitches, seen.Dropped, len(seen.Pictures))
	}
	t.Logf("%d switches, %d pictures; %d were left out, %d of them at switches, and the browser was too late for %d",
		seen.Switches, len(seen.Pictures), late, atSwitches, seen.Dropped)
}
