package m3u8

import (
	"math"
	"time"
)

// DateTime is when the first sample of segment i was or will be, from the EXT-X-PROGRAM-DATE-TIME of that segment, or
// from the nearest before it, or else after it, and the durations between, but never across a discontinuity (RFC
// 8216bis, 4.4.4.6). ok is false where the playlist doesn't say, and where i is no segment.
func (m *Media) DateTime(i int) (t time.Time, ok bool) {
	if i < 0 || i >= len(m.Segments) {
		return time.Time{}, false
	}
	var past time.Duration
	for k := i; ; k-- {
		seg := &m.Segments[k]
		if !seg.ProgramDateTime.IsZero() {
			return seg.ProgramDateTime.Add(past), true
		}
		if seg.Discontinuity || k == 0 || past > math.MaxInt64/2 {
			break
		}
		past += time.Duration(m.Segments[k-1].Duration)
	}
	past = 0
	for k := i; k+1 < len(m.Segments) && !m.Segments[k+1].Discontinuity && past <= math.MaxInt64/2; k++ {
		past += time.Duration(m.Segments[k].Duration)
		if t := m.Segments[k+1].ProgramDateTime; !t.IsZero() {
			return t.Add(-past), true
		}
	}
	return time.Time{}, false
}

// DateTimes are the DateTime of every segment, zero where it is not known.
func (m *Media) DateTimes() []time.Time {
	list := make([]time.Time, len(m.Segments))
	for i := range m.Segments {
		switch seg := &m.Segments[i]; {
		case !seg.ProgramDateTime.IsZero():
			list[i] = seg.ProgramDateTime
		case i > 0 && !seg.Discontinuity && !list[i-1].IsZero():
			list[i] = list[i-1].Add(time.Duration(m.Segments[i-1].Duration))
		}
	}
	for i := len(list) - 2; i >= 0; i-- { // in front of the first date
		if list[i].IsZero() && !list[i+1].IsZero() && !m.Segments[i+1].Discontinuity {
			list[i] = list[i+1].Add(-time.Duration(m.Segments[i].Duration))
		}
	}
	return list
}
