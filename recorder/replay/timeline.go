package replay

import (
	"time"

	"github.com/refstream/refstream/recorder"
)

// timeline puts the runs of a recording one behind the other.
type timeline struct {
	runs   []recorder.Run
	starts map[int64]time.Duration // of each run, by its id
	length time.Duration
}

func newTimeline(runs []recorder.Run) timeline {
	t := timeline{runs: runs, starts: make(map[int64]time.Duration, len(runs))}
	for _, r := range runs {
		t.starts[r.ID] = t.length
		t.length += max(r.Ended, 0)
	}
	return t
}

// offset is the time in the recording of a UTC; that of the end for one after it.
func (t timeline) offset(utc time.Time) time.Duration {
	for _, r := range t.runs {
		if since := utc.Sub(r.Started); since < r.Ended {
			return t.starts[r.ID] + max(since, 0)
		}
	}
	return t.length
}

// utc is when a time of the recording was; it goes on after the end.
func (t timeline) utc(at time.Duration) time.Time {
	for i, r := range t.runs {
		if since := at - t.starts[r.ID]; since < r.Ended || i == len(t.runs)-1 {
			return r.Started.Add(since)
		}
	}
	return time.Time{}
}
