package gaps

import (
	"fmt"
	"strings"
	"time"

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
