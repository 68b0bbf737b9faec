package gaps

import (
	"fmt"
	"time"

	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/recorder"
)

// maxTicks bounds a difference of time stamps, so that it fits in nanoseconds.
const maxTicks = 1 << 40

// length compares the EXTINF of a with its time stamps: with where the next segment begins, if that follows on it, or else
// with where its own last picture ends. a and b may be nil.
func (f *finder) length(p *PlaylistReport, h *history, a, b *recorder.Segment) {
	if a == nil || a.Timing == nil || a.Gap || a.Error != "" {
		return
	}
	v := h.byID[a.Version]
	is, by := ticks(clamp(a.Timing.End-a.Timing.First)), "its time stamps say"
	next := b != nil && follows(h, a, b)
	if next {
		is, by = ticks(media.Unwrap(b.Timing.First-a.Timing.First, 0)), "it is to the next segment's first time stamp"
	} else if v.iFrames {
		return // how long its picture stands is not in it
	}
	tolerance := f.o.Tolerance
	if v.whole && a.Duration%time.Second == 0 {
		tolerance += wholeSlack
	}
	off := a.Duration - is
	if max(off, -off) <= tolerance {
		return
	}
	text := fmt.Sprintf("EXTINF of segment %d is %s, and %s %s (%s)", a.MSN, seconds(a.Duration), seconds(is), by, printable(a.Timing.Media))
	at := v.seen
	if got, ok := f.fetches[a.Exchange]; ok {
		at = got.ended
	}
	wrong := finding(KindExtinf, a, at, text)
	wrong.Amount = off
	if next {
		wrong.Segments = addRow(wrong.Segments, b.ID)
	}
	f.r.add(wrong)
}

// follows reports whether the time stamps of b should go on from those of a.
func follows(h *history, a, b *recorder.Segment) bool {
	return b.Timing != nil && b.Timing.Media == a.Timing.Media && b.Run == a.Run && b.MSN == a.MSN+1 &&
		!b.Discontinuity && !b.Gap && b.Error == "" && (b.Version == a.Version || !h.byID[b.Version].restarted)
}

func clamp(d int64) int64 { return max(-maxTicks, min(d, maxTicks)) }

// ticks is a time of the 90 kHz clock.
func ticks(d int64) time.Duration { return time.Duration(d * 100_000 / 9) }
