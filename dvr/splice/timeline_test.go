package splice

import (
	"testing"
	"time"
)

// line is a timeline of one video stream with PCR half a second before DTS.
func line(first, last int64) *timeline {
	return &timeline{
		known: true, last: last, hasPCR: true, firstPCR: first - 45_000, lastPCR: last - 45_000,
		streams: map[uint16]*streamTime{256: {audioVisual: true, first: first, last: last, appears: first, shown: last, step: 3600}},
	}
}

func TestFollow(t *testing.T) {
	t.Parallel()
	const (
		second, hour = 90_000, 3600 * 90_000
		wrap         = 1 << 33
		end          = 10 * second // of what was before
	)
	cases := []struct {
		name  string
		begin int64 // of what comes, as on the wire
		pause time.Duration
		at    int64 // where it comes to stand, in terms of what was before
	}{
		{"next frame", end + 3600, 0, end + 3600},
		{"next frame, rounded down", end + 3599, 0, end + 3599},
		{"same frame again", end, 0, end + 3600},
		{"went on from there after a pause", end + 3600, time.Hour, end + 3600},
		{"followed the wall clock", end + 5*second, 5 * time.Second, end + 5*second},
		{"10 s ahead", end + 15*second, 5 * time.Second, end + 15*second},
		{"more than 10 s ahead", end + 15*second + 1, 5 * time.Second, end + 5*second},
		{"anew", second, 5 * time.Second, end + 5*second},
		{"anew at once", second, time.Millisecond, end + 3600},
		{"the wall clock went back", second, -time.Hour, end + 3600},
		{"before the wrap", wrap - second, time.Minute, end + 60*second},
		{"14 h later, following the wall clock", end + 14*hour, 14 * time.Hour, end + 12*hour},
		{"12 h later, following the wall clock", end + 12*hour, 12 * time.Hour, end + 12*hour},
		{"a year later", second, 365 * 24 * time.Hour, end + 12*hour},
	}
	for _, c := range cases {
		shift, offset := line(second, end).follow(line(c.begin, c.begin+second), c.pause)
		if got := c.begin + offset; got != c.at {
			t.Errorf("%s: stands at %d, want %d", c.name, got, c.at)
		}
		if shift < -wrap/2 || shift >= wrap/2 || (shift-offset)%wrap != 0 && shift != 0 {
			t.Errorf("%s: shift %d for an offset of %d", c.name, shift, offset)
		}
		if kept := c.begin == c.at; kept != (shift == 0) {
			t.Errorf("%s: shift %d", c.name, shift)
		}
	}
	if shift, offset := (&timeline{}).follow(line(0, 0), time.Hour); shift != 0 || offset != 0 {
		t.Errorf("after nothing: %d, %d", shift, offset)
	}
}

// TestFollowAcrossTheWrap: the last time stamp is just before the wrap, and the next just behind.
func TestFollowAcrossTheWrap(t *testing.T) {
	t.Parallel()
	const wrap = 1 << 33
	for _, c := range []struct{ begin, at int64 }{{2600, wrap + 2600}, {900_000, wrap + 900_000}, {wrap - 1000, wrap + 2600}} {
		shift, offset := line(wrap-90_000, wrap-1000).follow(line(c.begin, c.begin+3600), 0)
		if c.begin+offset != c.at || shift != 0 != (c.begin > wrap/2) {
			t.Errorf("from %d: stands at %d, want %d; shift %d", c.begin, c.begin+offset, c.at, shift)
		}
	}
}

// TestFollowReordered: pictures are not presented before those of the last connection were, though their decoding goes on.
func TestFollowReordered(t *testing.T) {
	t.Parallel()
	const frame = 3600
	// As if cut behind the first B-frame of I0 P3 B1 B2 P6: decoded up to frame 9, presented up to 12.
	before := line(0, 9*frame)
	before.streams[256].shown = 12 * frame
	for _, c := range []struct {
		name           string
		begin, appears int64 // of what comes, as on the wire
		at             int64 // where its decoding comes to stand
	}{
		{"goes on", 10 * frame, 13 * frame, 10 * frame},
		{"goes on, presented too early", 10 * frame, 12 * frame, 11 * frame},
		{"goes on with B-frames of the same", 10 * frame, 10 * frame, 13 * frame},
		{"anew", 0, 2 * frame, 11 * frame},
		{"anew without B-frames", 0, 0, 13 * frame},
	} {
		for _, pid := range []uint16{256, 300} {
			next := line(c.begin, c.begin+frame)
			next.firstPCR = c.begin
			next.streams[256].appears = c.appears
			next.streams = map[uint16]*streamTime{pid: next.streams[256]}
			if shift, offset := before.follow(next, 0); c.begin+offset != c.at || (shift == 0) != (c.at == c.begin) {
				t.Errorf("%s, PID %d: stands at %d, want %d; shift %d", c.name, pid, c.begin+offset, c.at, shift)
			}
		}
	}
}

// TestStreamTimes: the earliest and the latest picture, also where a time stamp is wrong.
func TestStreamTimes(t *testing.T) {
	t.Parallel()
	type step struct {
		dts, pts, appears, shown int64
		settled                  bool
	}
	const second = 90_000
	s := &streamTime{first: 0, last: 0, appears: 7200, shown: 7200}
	for i, c := range []step{
		{3600, 18000, 7200, 18000, false},
		{5400, 7201, 7200, 18000, false},
		{7000, 7100, 7100, 18000, false},
		{7100, 14400, 7100, 18000, true},
		{second, second + 3600, 7100, second + 3600, true},
		{2 * second, 12 * second, 7100, 12 * second, true},
		{2*second - 1, 2 * second, 7100, 2 * second, true}, // what was 10 s ahead was wrong
	} {
		s.take(c.dts, c.pts)
		if s.appears != c.appears || s.shown != c.shown || s.settled() != c.settled {
			t.Errorf("step %d: %+v, settled %v; want %+v", i, s, s.settled(), c)
		}
	}
}

// TestFollowLongBuffer: a sender whose clock is further behind its frames doesn't set the recording's clock back.
func TestFollowLongBuffer(t *testing.T) {
	t.Parallel()
	next := line(90_000, 180_000)
	next.firstPCR = 0
	before := line(90_000, 900_000)
	_, offset := before.follow(next, 0)
	if next.firstPCR+offset <= before.lastPCR {
		t.Errorf("PCR %d follows %d", next.firstPCR+offset, before.lastPCR)
	}
}
