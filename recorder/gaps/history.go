package gaps

import (
	"sort"
	"time"

	"github.com/refstream/refstream/recorder"
)

// history is what is kept of a playlist's versions.
type history struct {
	byID map[int64]version
	// exchanges brought versions, bodies are what they brought, and what the versions are.
	exchanges map[int64]bool
	bodies    map[recorder.Body]bool
	// targets are the target durations, in order, one for each change.
	targets []target
	// loaded is for each run when the last loading began that brought a version.
	loaded map[int64]time.Duration
	// sequences are the discontinuity sequence numbers of the segments.
	sequences map[place]int64
}

// place is a segment of a playlist.
type place struct{ run, msn int64 }

// version is what its segments are judged by.
type version struct {
	seen   time.Duration
	target time.Duration
	// live: it had no end. first: it is the first of its run. restarted: the numbering does not go on from the one before.
	live, first, restarted bool
	// iFrames: its segments are single pictures. protected: some are encrypted in a way that recorders don't read. whole:
	// EXTINF is in whole seconds (RFC 8216, 4.3.2.1: before version 3).
	iFrames, protected, whole bool
}

// target is a target duration and since when it holds.
type target struct {
	recorder.Moment
	value time.Duration
}

// targetAt is the target duration that was known at a moment, or else the first; 0 where there is none.
func (h *history) targetAt(m recorder.Moment) time.Duration {
	if len(h.targets) == 0 {
		return 0
	}
	i := sort.Search(len(h.targets), func(i int) bool {
		t := &h.targets[i]
		return t.Run > m.Run || t.Run == m.Run && t.At > m.At
	})
	return h.targets[max(i-1, 0)].value
}

// bounded keeps durations that a stream claims from running over when they are added: 36 years are as good as any.
func bounded(d time.Duration) time.Duration { return min(d, 1<<60) }
