package gaps

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/recorder"
)

// segments goes through the segments of a playlist.
type segments struct {
	*finder
	p          *PlaylistReport
	h          *history
	readable   bool      // there are segments with time stamps
	unreadable []Finding // those without
}

// readSegments checks the segments of a playlist: whether and when they were received, their content and their durations.
func (f *finder) readSegments(p *PlaylistReport) error {
	q := &segments{finder: f, p: p, h: f.versions[p.ID]}
	var last *recorder.Segment
	for s, err := range f.s.Segments(f.ctx, p.ID) {
		if err := cmp.Or(err, f.ctx.Err()); err != nil {
			return err
		}
		q.take(s)
		if s.Timing != nil {
			k := variantKey{s.Run, s.Timing.Media, s.Timing.First}
			f.same[k] = append(f.same[k], variantSegment{*s, q.h.sequences[place{s.Run, s.MSN}]})
		}
		q.length(last, s)
		last = s
	}
	q.length(last, nil)
	if q.readable { // a playlist of subtitles has none that can be read
		for _, found := range q.unreadable {
			f.r.add(found)
		}
	}
	return nil
}

// take checks whether a segment was received.
func (q *segments) take(s *recorder.Segment) {
	q.p.Segments++
	if s.Gap {
		q.p.Gaps++
		return
	}
	v, known := q.h.byID[s.Version]
	got, came := q.fetches[s.Exchange]
	switch {
	case strings.HasPrefix(s.Error, recorder.NotAsked):
		q.p.NotRecorded++
		q.r.add(finding(KindNotRecorded, s, v.seen, "segment %d was %s", s.MSN, printable(s.Error)))
	case s.Error != "" && came && v.protected: // it is there, in a way that recorders don't read
	case s.Error != "":
		q.p.Missing++
		missing := finding(KindSegmentMissing, s, v.seen, "segment %d could not be had: %s", s.MSN, printable(s.Error))
		if came {
			missing = finding(KindSegmentMissing, s, got.ended, "segment %d was received and can't be read: %s", s.MSN, printable(s.Error))
		}
		if lost, ok := q.lost[s.Exchange]; ok {
			delete(q.lost, s.Exchange)
			missing.Moment, missing.Count, missing.Amount, missing.Exchanges = lost.Moment, lost.Count, lost.Amount, lost.Exchanges
			missing.Text = fmt.Sprintf("segment %d could not be had: %s", s.MSN, lost.Text)
		}
		q.r.add(missing)
	case came && known:
		q.late(s, &v, got)
		q.content(s, &v, got)
	}
}

func finding(kind Kind, s *recorder.Segment, at time.Duration, format string, args ...any) Finding {
	return Finding{
		Kind: kind, Playlist: s.Playlist, Moment: recorder.Moment{Run: s.Run, At: at}, MSN: s.MSN,
		Versions: addRow(nil, s.Version), Exchanges: addRow(nil, s.Exchange), Segments: addRow(nil, s.ID),
		Text: fmt.Sprintf(format, args...),
	}
}

// delay adds a segment to the plot. The curve breaks where segments are missing, or for longer than versions may be apart.
func (p *PlaylistReport) delay(s *recorder.Segment, d sample, target time.Duration) {
	longest := max(target, bounded(s.Duration))
	if last := p.delayed; last != nil && last.Run == s.Run {
		d.begins = s.MSN != last.MSN+1 || d.At-p.delays[len(p.delays)-1].At > longest+longest/2
	}
	p.delays, p.delayed = append(p.delays, d), s
}

// late checks how long a segment took, without the time that it waited for others: a recorder fetches them one after the other,
// and all of a playlist at first.
func (q *segments) late(s *recorder.Segment, v *version, got fetch) {
	took := got.ended - max(v.seen, got.first)
	q.p.delay(s, sample{Moment: recorder.Moment{Run: s.Run, At: got.ended}, value: took}, v.target)
	limit := q.o.Lateness
	if limit == 0 {
		limit = bounded(s.Duration) + v.target
	}
	if took > limit {
		late := finding(KindSegmentLate, s, got.ended, "segment %d was there %s after it was first asked for (at most %s)",
			s.MSN, seconds(took), seconds(limit))
		late.Amount = took
		q.r.add(late)
		return
	}
	// At first many are fetched at once, of all playlists, and the network may be the limit. Very short segments take a round trip
	// all the same.
	download := got.ended - got.began
	if v.first && v.live || download <= max(s.Duration, v.target/2) {
		return
	}
	slow := finding(KindSegmentLate, s, got.ended, "segment %d took %s to come, and plays for %s", s.MSN, seconds(download),
		seconds(s.Duration))
	slow.Amount = download
	q.r.add(slow)
}

// maxTicks bounds a difference of time stamps, so that it fits in nanoseconds.
const maxTicks = 1 << 40

// length compares the EXTINF of a with its time stamps: with the start of b, if that is the next segment, or else with the end
// of its own last picture. a and b may be nil.
func (q *segments) length(a, b *recorder.Segment) {
	if a == nil || a.Timing == nil || a.Gap || a.Error != "" {
		return
	}
	v := q.h.byID[a.Version]
	is, by := ticks(a.Timing.End-a.Timing.First), "its time stamps have"
	// The time stamps of b should continue those of a.
	next := b != nil && b.Timing != nil && b.Timing.Media == a.Timing.Media && b.Run == a.Run && b.MSN == a.MSN+1 &&
		!b.Discontinuity && !b.Gap && b.Error == "" && (b.Version == a.Version || !q.h.byID[b.Version].restarted)
	if next {
		is, by = ticks(media.Unwrap(b.Timing.First-a.Timing.First, 0)), "it is to the next segment's first time stamp"
	} else if v.iFrames {
		return // how long its picture is shown is not in it
	}
	tolerance := q.o.Tolerance
	if v.whole && a.Duration%time.Second == 0 {
		tolerance += wholeSlack
	}
	off := a.Duration - is
	if max(off, -off) <= tolerance {
		return
	}
	at := v.seen
	if got, ok := q.fetches[a.Exchange]; ok {
		at = got.ended
	}
	wrong := finding(KindExtinf, a, at, "EXTINF of segment %d is %s, and %s %s (%s)", a.MSN, seconds(a.Duration), seconds(is), by,
		printable(a.Timing.Media))
	wrong.Amount = off
	if next {
		wrong.Segments = addRow(wrong.Segments, b.ID)
	}
	q.r.add(wrong)
}

// ticks is a time of the 90 kHz clock.
func ticks(d int64) time.Duration {
	return time.Duration(max(-maxTicks, min(d, maxTicks)) * 100_000 / 9)
}

func (q *segments) content(s *recorder.Segment, v *version, got fetch) {
	switch {
	case got.bytes == 0:
		q.r.add(finding(KindSegmentContent, s, got.ended, "segment %d is empty", s.MSN))
	case v.protected || v.iFrames:
	case s.Timing == nil:
		q.unreadable = append(q.unreadable, finding(KindSegmentContent, s, got.ended,
			"segment %d came with %d bytes without time stamps, unlike others", s.MSN, got.bytes))
	default:
		q.readable = true
		// The last frame's length is not in the stream, and subtitles or a slide show have few.
		holds := ticks(s.Timing.End - s.Timing.First)
		if short := s.Duration - holds; holds < s.Duration/2 && short > q.o.Tolerance {
			cut := finding(KindSegmentContent, s, got.ended, "segment %d holds %s of %s only (%s)", s.MSN, seconds(holds),
				seconds(s.Duration), printable(s.Timing.Media))
			cut.Amount = short
			q.r.add(cut)
		}
	}
}
