package main

import (
	"testing"
	"time"

	"github.com/refstream/refstream/recorder"
)

// During a stall the line says first for how long nothing has come, and how far behind live that may be.
func TestRecordLine(t *testing.T) {
	p := recorder.Progress{Elapsed: 30 * time.Second, Playlists: 2, Versions: 12, Segments: 10, Stored: 2_500_000, Behind: 2 * time.Second}
	stalled := p
	stalled.Silent, stalled.Failures = 14*time.Second, 3
	for want, p := range map[string]recorder.Progress{
		"30s: 10 segments, 2.5 MB, 2.0 s behind, 12 versions, 2 playlists":                                                    p,
		"30s: nothing new for 14 s, up to 16 s behind live, 3 requests failed, 10 segments, 2.5 MB, 12 versions, 2 playlists": stalled,
		"5s: no playlist yet, 1 request failed":                                                                               {Elapsed: 5 * time.Second, Failures: 1},
	} {
		if got := recordLine(p); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
