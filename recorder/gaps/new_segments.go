package gaps

import (
	"fmt"
	"time"

	"github.com/refstream/refstream/format/m3u8"
)

// newSegments checks the segments that are new in a version.
func (t *tracker) newSegments(l *loaded) {
	n := len(l.m.Segments)
	if n == 0 {
		return
	}
	t.durations(l)
	for i := range l.m.Segments {
		if s := &l.m.Segments[i]; s.MSN >= t.checked {
			t.dateJump(l, i)
		}
	}
	t.checked = max(t.checked, l.end())
	t.next, t.nextMSN = after(l.dates[n-1], time.Duration(l.m.Segments[n-1].Duration)), l.end()
}

// durations compares EXTINF with the target duration (RFC 8216bis, 4.4.3.1: rounded, it is not longer). Exactly half a second
// counts as rounded down: encoders disagree.
func (t *tracker) durations(l *loaded) {
	f := t.finding(KindTargetDuration, l)
	target := time.Duration(l.m.TargetDuration)
	for _, s := range l.m.Segments {
		d := time.Duration(s.Duration)
		if s.MSN < t.checked || d-target <= time.Second/2 {
			continue
		}
		if f.Count++; f.Count == 1 {
			f.MSN = s.MSN
		}
		f.Amount = max(f.Amount, d)
	}
	if f.Count == 0 {
		return
	}
	f.Text = fmt.Sprintf("EXTINF is up to %s from segment %d on (%s), and EXT-X-TARGETDURATION is %v s", seconds(f.Amount),
		f.MSN, plural(f.Count, "segment"), l.m.TargetDuration)
	t.f.r.add(f)
}

// dateJump looks at whether the date of segment i is where the segments before it end.
func (t *tracker) dateJump(l *loaded, i int) {
	s := &l.m.Segments[i]
	// Nothing has the date of a gap: where an encoder stopped in the middle of a segment, the next one is on its grid.
	if s.Discontinuity || s.Gap || s.ProgramDateTime.IsZero() {
		return
	}
	var want dated
	if i > 0 {
		want = after(l.dates[i-1], time.Duration(l.m.Segments[i-1].Duration))
	} else if t.prev != nil && len(t.prev.m.Segments) > 0 && t.nextMSN == s.MSN {
		// A discontinuity before the first segment of a version need not have the tag for it.
		last := t.prev.m.Segments[len(t.prev.m.Segments)-1]
		if last.DiscontinuitySequence == s.DiscontinuitySequence {
			want = t.next
		}
	}
	if want.at.IsZero() {
		return
	}
	by := s.ProgramDateTime.Sub(want.at)
	if max(by, -by) <= t.f.o.Tolerance+want.slack {
		return
	}
	f := t.finding(KindPDTJump, l)
	f.MSN, f.Amount = s.MSN, by
	f.Text = fmt.Sprintf("segment %d has EXT-X-PROGRAM-DATE-TIME %s, %s than the end of the segment before it", s.MSN,
		date(s.ProgramDateTime), later(by))
	t.f.r.add(f)
}

const wholeBefore = 3 // the first protocol version in which EXTINF may have decimals (RFC 8216, 4.3.2.1)

const (
	// decimalSlack and wholeSlack are how much an EXTINF may be rounded: most have milliseconds at least.
	decimalSlack = time.Millisecond
	wholeSlack   = 500 * time.Millisecond
)

// dated is the EXT-X-PROGRAM-DATE-TIME of a segment: its own, or that of one before with the durations between.
type dated struct {
	at    time.Time     // zero for none
	slack time.Duration // how exact it is
	whole bool          // EXTINF may be rounded to seconds
}

// dates gives each segment its time.
func dates(m *m3u8.Media, whole bool) []dated {
	list := make([]dated, len(m.Segments))
	var next dated
	for i := range m.Segments {
		s := &m.Segments[i]
		if s.Discontinuity {
			next = dated{}
		}
		if !s.ProgramDateTime.IsZero() {
			next = dated{at: s.ProgramDateTime}
		}
		next.whole = whole && time.Duration(s.Duration)%time.Second == 0
		list[i] = next
		next = after(next, time.Duration(s.Duration))
	}
	return list
}

// after is the time at the end of a segment of that duration.
func after(d dated, duration time.Duration) dated {
	if d.at.IsZero() {
		return d
	}
	d.at = d.at.Add(duration)
	if d.slack += decimalSlack; d.whole {
		d.slack += wholeSlack
	}
	return d
}
