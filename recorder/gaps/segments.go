package gaps

import (
	"fmt"
	"strings"
	"time"

	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/recorder"
)

// readSegments looks at the segments of a playlist: whether they came, when, and how long they are.
func (f *finder) readSegments(p *PlaylistReport) error {
	var last *recorder.Segment
	h := f.versions[p.ID]
	contents := &contained{f: f}
	for s, err := range f.s.Segments(f.ctx, p.ID) {
		if err != nil {
			return err
		}
		if err := f.ctx.Err(); err != nil {
			return err
		}
		f.segment(p, h, s, contents)
		f.readVariant(h, s)
		f.length(p, h, last, s)
		last = s
	}
	if last != nil {
		f.length(p, h, last, nil)
	}
	contents.end()
	return nil
}

func (f *finder) segment(p *PlaylistReport, h *history, s *recorder.Segment, contents *contained) {
	p.Segments++
	if s.Gap {
		p.Gaps++
		return
	}
	v, known := h.byID[s.Version]
	got, came := f.fetches[s.Exchange]
	switch {
	case strings.HasPrefix(s.Error, recorder.NotAsked):
		p.NotRecorded++
		f.r.add(finding(KindNotRecorded, s, v.seen, segmentRange(s.MSN, s.MSN)+" was "+printable(s.Error)))
	case s.Error != "" && came && v.protected: // it is there, in a way that recorders don't read
	case s.Error != "":
		p.Missing++
		at := v.seen
		text := "could not be had: " + printable(s.Error)
		if came {
			text, at = "came and can't be read: "+printable(s.Error), got.ended
		}
		missing := finding(KindSegmentMissing, s, at, segmentRange(s.MSN, s.MSN)+" "+text)
		if lost, ok := f.lost[s.Exchange]; ok {
			delete(f.lost, s.Exchange)
			missing.Moment, missing.Count, missing.Amount, missing.Exchanges = lost.Moment, lost.Count, lost.Amount, lost.Exchanges
			missing.Text = segmentRange(s.MSN, s.MSN) + " could not be had: " + lost.Text
		}
		f.r.add(missing)
	case came && known:
		f.late(p, s, &v, got)
		contents.take(&v, s, got)
	}
}

// finding makes one of a segment.
func finding(kind Kind, s *recorder.Segment, at time.Duration, text string) Finding {
	return Finding{
		Kind: kind, Playlist: s.Playlist, Moment: recorder.Moment{Run: s.Run, At: at}, MSN: s.MSN,
		Versions: addRow(nil, s.Version), Exchanges: addRow(nil, s.Exchange), Segments: addRow(nil, s.ID), Text: text,
	}
}

// delay adds what is plotted of a segment. A curve must not go on where segments did not come, or nothing did for longer
// than versions may be apart.
func (p *PlaylistReport) delay(s *recorder.Segment, d sample, target time.Duration) {
	longest := max(target, bounded(s.Duration))
	if last := p.delayed; last != nil && last.Run == s.Run {
		d.begins = s.MSN != last.MSN+1 || d.At-p.delays[len(p.delays)-1].At > longest+longest/2
	}
	p.delays, p.delayed = append(p.delays, d), s
}

// late looks at how long a segment took. The time that it waited for others to come is not its own: a recorder fetches
// them one after the other, and at first all that the playlist names.
func (f *finder) late(p *PlaylistReport, s *recorder.Segment, v *version, got fetch) {
	took := got.ended - max(v.seen, got.first)
	p.delay(s, sample{Moment: recorder.Moment{Run: s.Run, At: got.ended}, value: took}, v.target)
	limit := f.o.Lateness
	if limit == 0 {
		limit = bounded(s.Duration) + v.target
	}
	if took > limit {
		late := finding(KindSegmentLate, s, got.ended, fmt.Sprintf("segment %d was there %s after it was first asked for (at most %s)",
			s.MSN, seconds(took), seconds(limit)))
		late.Amount = took
		f.r.add(late)
		return
	}
	// At first many are fetched at once, of all playlists: then the line may be the limit. What is very short, as the last
	// segment can be, takes a round trip all the same.
	download := got.ended - got.began
	if v.first && v.live || download <= max(s.Duration, v.target/2) {
		return
	}
	slow := finding(KindSegmentLate, s, got.ended, fmt.Sprintf("segment %d took %s to come, and plays for %s", s.MSN,
		seconds(download), seconds(s.Duration)))
	slow.Amount = download
	f.r.add(slow)
}

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

// contained looks at what came as the segments of one playlist.
type contained struct {
	f *finder
	// readable says that there are segments with time stamps; unreadable are those without any.
	readable   bool
	unreadable []Finding
}

// take looks at a segment that came.
func (c *contained) take(v *version, s *recorder.Segment, got fetch) {
	at := func(text string, of ...any) Finding {
		return finding(KindSegmentContent, s, got.ended, fmt.Sprintf("segment %d ", s.MSN)+fmt.Sprintf(text, of...))
	}
	switch {
	case got.bytes == 0:
		c.f.r.add(at("came with nothing in it"))
	case v.protected || v.iFrames:
	case s.Timing == nil:
		c.unreadable = append(c.unreadable, at("came with %d bytes that hold no time stamps, unlike others", got.bytes))
	default:
		c.readable = true
		// The last frame's length is not in the stream, and subtitles or a slide show have few.
		holds := ticks(clamp(s.Timing.End - s.Timing.First))
		if short := s.Duration - holds; holds < s.Duration/2 && short > c.f.o.Tolerance {
			cut := at("holds %s of %s only (%s)", seconds(holds), seconds(s.Duration), printable(s.Timing.Media))
			cut.Amount = short
			c.f.r.add(cut)
		}
	}
}

// end adds those that can't be read where others can: a playlist of subtitles has none that can.
func (c *contained) end() {
	if !c.readable {
		return
	}
	for _, f := range c.unreadable {
		c.f.r.add(f)
	}
}
