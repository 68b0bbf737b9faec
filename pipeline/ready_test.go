package pipeline

import (
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
)

// The channel is ready while frames leave the encoder: it may be silent for three segments, no longer.
func TestReady(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.scripts = []script{{fate: hangs, after: 5}}
		r.start()
		ready := func(want string) {
			t.Helper()
			if err := r.live.Ready(r.t.Context()); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("at %v: ready %v, want %q", r.pacer.Now(), err, want)
			}
		}
		ready("no frame has left the encoder yet")
		r.until(1010)
		ready("")
		r.until(1014)
		// Frame 1014 came half a frame ago.
		r.pass(staleAfter*segmentTime - frameTime/2)
		ready("")
		r.pass(1)
		ready("no frame has left the encoder for 1.2s")
		r.stop()
	})
}

// With every segment the store forgets what no playlist needs: frames and segments before the window, and of markers,
// triggers and missing frames what is older than they are kept.
func TestTrim(t *testing.T) {
	type before struct{ frames, kept int64 }
	for name, c := range map[string]struct {
		keep time.Duration
		want before
	}{
		// The newest segment is 129, the window begins at 123: the segment and six before it.
		"kept as long as the window":  {0, before{1230, 1230}},
		"kept for less than a window": {segmentTime, before{1230, 1230}},
		"kept longer":                 {10 * time.Second, before{1230, 1290 - 250}},
		"kept from the beginning":     {24 * time.Hour, before{1230, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.set = func() { r.live.KeepMarkers = c.keep }
				r.start()
				r.until(1299)
				r.stop()
				for kind, want := range map[markers.Kind]int64{markers.Frames: c.want.frames, markers.Segments: c.want.frames,
					markers.Markers: c.want.kept, markers.Triggers: c.want.kept, markers.Missing: c.want.kept} {
					if got := r.store.trimmed[kind]; got != want {
						t.Errorf("%s are trimmed before frame %d, want %d", kind, got, want)
					}
				}
			})
		})
	}
}

// A store that can't be trimmed is said, and nothing else comes of it.
func TestTrimFails(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.store.refuses["Trim"] = errDiskFull
		r.start()
		r.until(1029)
		r.stop()
		r.check()
		if n := len(r.log.lines("trim store", "no space left")); n != 2*2 {
			t.Errorf("logged %d times: %q", n, r.log.lines())
		}
	})
}
