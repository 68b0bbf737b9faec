package gaps

import (
	"fmt"
	"time"

	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/recorder"
)

// threshold is how far two versions may be apart; b is nil for none. It is 0 without a target duration and segments.
func (t *tracker) threshold(a, b *m3u8.Media) time.Duration {
	d := t.f.o.Threshold
	if d == 0 {
		d = time.Duration(a.TargetDuration)
		if b != nil {
			d = max(d, time.Duration(b.TargetDuration))
		}
		d = bounded(d)
		d += d / 2
		if d == 0 && t.advance != nil && !t.noTarget {
			t.noTarget = true
			f := t.finding(KindTargetDuration, t.advance)
			f.Text = "the playlist has no target duration and no segments: it is not known whether its versions are too far apart"
			t.f.r.add(f)
		}
	}
	t.p.Threshold = d
	return d
}

// advances looks at whether a version brought something new, and how long that took.
func (t *tracker) advances(l *loaded) {
	if a := t.advance; a != nil {
		if !l.Restarted && l.end() <= a.end() && (!l.m.End || a.m.End) {
			return
		}
		interval, threshold := l.Seen-a.Seen, t.threshold(a.m, l.m)
		if a.Unseen >= 0 { // it is not known when the first version of a run appeared
			t.p.intervals = append(t.p.intervals, sample{Moment: recorder.Moment{Run: l.Run, At: l.Seen}, value: interval})
		}
		if threshold > 0 && interval > threshold && !a.m.End {
			t.gap(l, interval, threshold, nil)
		}
	}
	t.advance = l
	t.threshold(l.m, nil)
}

// gap adds one: before a version, or where that is nil before the end of a run.
func (t *tracker) gap(after *loaded, interval, threshold time.Duration, run *recorder.Run) {
	a, r := t.advance, t.f.r
	g := Gap{Playlist: t.p.ID, Before: a.Version, Interval: interval, Threshold: threshold}
	g.BeforeUTC = r.utc(recorder.Moment{Run: a.Run, At: a.Seen})
	f := t.finding(KindGap, a)
	f.Amount = interval
	if after == nil {
		g.AfterUTC = r.utc(recorder.Moment{Run: run.ID, At: run.Ended})
		g.Least = max(0, t.h.loaded[run.ID]-a.Seen)
		f.Text = fmt.Sprintf("nothing new appeared after version #%d, until the end of the recording: ", a.ID)
	} else {
		g.After, g.AfterUTC = new(after.Version), r.utc(recorder.Moment{Run: after.Run, At: after.Seen})
		g.Least = max(0, after.Unseen-a.Seen)
		if a.Unseen >= 0 {
			g.Most = after.Seen - a.Unseen
		}
		f.Versions = addRow(f.Versions, after.ID)
		f.Text = fmt.Sprintf("version #%d was late after #%d: ", after.ID, a.ID)
	}
	if !g.Certain() {
		f.Text = "possibly " + f.Text
	}
	f.Text += g.extent()
	if a.Unseen < 0 {
		f.Text += fmt.Sprintf("; #%d was there already when the recording began", a.ID)
	}
	if r.add(f) {
		r.Gaps = append(r.Gaps, g)
	}
}

// sequence checks that the numbers of a version continue those of the last.
func (t *tracker) sequence(l *loaded) {
	prev := t.prev
	switch back := prev.first() - l.first(); {
	case back > 0 || l.Restarted && l.end() < prev.end():
		f := t.between(KindSequenceBack, l)
		f.MSN, f.Count = l.first(), max(back, 1)
		f.Text = fmt.Sprintf("EXT-X-MEDIA-SEQUENCE went back from %d to %d", prev.m.MediaSequence, l.m.MediaSequence)
		if back <= 0 {
			f.Text = fmt.Sprintf("the numbering began anew with segment %d, after segment %d", l.first(), prev.end()-1)
		}
		t.f.r.add(f)
	case l.Restarted:
		f := t.between(KindSegmentChanged, l)
		f.MSN, f.Count = l.first(), max(min(l.end(), prev.end())-l.first(), 1)
		f.Text = fmt.Sprintf("all is another from segment %d on, under numbers that were there before", l.first())
		t.f.r.add(f)
	}
	if l.Missed > 0 {
		f := t.between(KindSequenceJump, l)
		f.MSN, f.Count = l.first()-l.Missed, l.Missed
		missed := fmt.Sprintf("segment %d", f.MSN)
		if f.Count > 1 {
			missed = fmt.Sprintf("segments %d to %d", f.MSN, f.MSN+f.Count-1)
		}
		f.Text = fmt.Sprintf("%s was in no version: the one before, %s earlier, ended with segment %d, and this one begins with %d",
			missed, seconds(l.Seen-prev.Seen), prev.end()-1, l.first())
		t.f.r.add(f)
	}
}
