package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/analyzer/input"
	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/analyzer/verify/truth"
	"github.com/refstream/refstream/faults/verdict"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// labels are the labelled faults of a stream, with what pictures and statements have to be compared with because of them.
type labels struct {
	*verdict.Labels
	records []markers.FaultRecord
	first   int64 // the frames that the pictures can be of
	last    int64
	truth   truth.Truth
	looks   map[int64]look
	// matched are the frames whose pictures are as labelled.
	matched map[int64]bool
	// spoilt are the frames that may look wrong because of lost or damaged bytes.
	spoilt map[int64]bool
	// offset is how far the time stamps of the pictures are ahead of the clock, in ticks, and origin a frame near its middle.
	offset, origin int64
}

// readLabels asks for the faults of the stream. Without any, c.labels stays nil.
func (c *checker) readLabels(ctx context.Context, source truth.Source) error {
	if c.in.faults == nil {
		return nil
	}
	var offsets []report.Sample
	modulus := c.in.info.Modulus()
	add := func(pts, n int64) {
		offsets = append(offsets, report.Sample{Frame: n, Err: centre(pts-c.clock.PTS(n), modulus)})
	}
	for i := range c.in.statements {
		if r := &c.in.statements[i]; r.Source == analyzer.FrameRecord && r.Frame != nil && r.PTS != nil {
			add(*r.PTS, *r.Frame)
		}
	}
	for _, p := range c.in.pictures {
		if p.Frame >= 0 && p.Timed {
			add(p.PTS, p.Frame)
		}
	}
	if len(offsets) == 0 {
		return nil
	}
	slices.SortStableFunc(offsets, func(a, b report.Sample) int { return int(a.Frame - b.Frame) })
	// A few may be read wrongly, so that they would make the range very long.
	few := len(offsets) / 20
	around := int64(len(c.in.pictures)) + c.channel.FramesPerSegment
	l := &labels{first: max(0, offsets[few].Frame-around), last: offsets[len(offsets)-1-few].Frame + around}
	l.origin, l.offset = offsets[len(offsets)/2].Frame, median(offsets)
	records, err := c.in.faults(ctx, source, l.first, l.last)
	if err != nil {
		return fmt.Errorf("read faults: %w", err)
	}
	if len(records) == 0 {
		return nil
	}
	records = slices.Clone(records)
	for i := range records {
		// A live stream may have had frames of a segment that was not published.
		if r := &records[i]; r.State == markers.FaultNotDone && c.in.cut && c.in.kind != input.HLS {
			r.State = markers.FaultPlanned
		}
	}
	l.records, l.Labels = records, verdict.New(records)
	c.labels = l
	return c.readLooks(ctx, source)
}

// frameAt is the frame that is due at a time stamp.
func (c *checker) frameAt(pts int64) int64 {
	l := c.labels
	at := c.clock.PTS(l.origin)
	at += centre(pts-l.offset-at, c.in.info.Modulus()) + c.channel.Rate.Ticks(1)/2
	return c.channel.Rate.FrameAtNanos(int64(media.NearestSeconds(at - c.channel.PTSOrigin)))
}

// trusted are the statements without the frame records that a fault of SEI has changed.
func (c *checker) trusted(list []analyzer.Record) []analyzer.Record {
	if c.labels == nil || !slices.ContainsFunc(c.labels.records, func(r markers.FaultRecord) bool { return r.Layer == verdict.LayerSEI }) {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(r analyzer.Record) bool {
		if r.Source != analyzer.FrameRecord || r.PTS == nil {
			return false
		}
		n := c.frameAt(*r.PTS)
		return slices.ContainsFunc(c.labels.records, func(f markers.FaultRecord) bool {
			return f.Layer == verdict.LayerSEI && affects(&f, string(r.Source)) && placeIn(spansOf(&f), n, slack, slack)
		})
	})
}

// slack is how many frames a finding may be away from the frames of its fault: a picture that is shown again is found at the one
// before.
const slack = 2

// spansOf are the frames of a fault. Those of tables, clocks and packets that are rare are wrong from the first to the last.
func spansOf(r *markers.FaultRecord) []markers.Span {
	switch {
	case len(r.Done) == 0:
		return []markers.Span{r.Span}
	case r.State == markers.FaultActive:
		return append(slices.Clone(r.Done), r.Span)
	case r.Layer == verdict.LayerUnit || r.Layer == verdict.LayerPicture:
		return r.Done
	}
	whole := r.Done[0]
	for _, s := range r.Done {
		whole.Frame, whole.LastFrame = min(whole.Frame, s.Frame), max(whole.LastFrame, s.LastFrame)
	}
	return []markers.Span{whole}
}

func placeIn(spans []markers.Span, n, before, after int64) bool {
	return slices.ContainsFunc(spans, func(s markers.Span) bool { return s.Frame-before <= n && n <= s.LastFrame+after })
}

// affects reports whether a fault can make a clock or a message wrong.
func affects(r *markers.FaultRecord, clock string) bool {
	switch r.Layer {
	case verdict.LayerSEI:
		chosen := map[string]analyzer.Source{"timecode": analyzer.PicTiming, "misb": analyzer.MISBTime, "record": analyzer.FrameRecord}
		one, ok := chosen[r.Parameters["message"]]
		return strings.HasPrefix(clock, "sei.") && (!ok || clock == string(one))
	case verdict.LayerPlaylist:
		return strings.HasPrefix(clock, "hls.")
	}
	return true
}

// touching are the findings that are about a stretch, of which a fault has to touch a part only.
func touching(k report.Kind) bool {
	return k == report.SegmentLength || strings.HasPrefix(string(k), "event_")
}

// ofPictures are the findings that a decoder makes of lost or damaged bytes.
func ofPictures(k report.Kind) bool {
	return touching(k) || slices.Contains([]report.Kind{
		report.Missing, report.Trimmed, report.Repeated, report.Frozen, report.Black, report.Unreadable, report.Collateral, report.OutOfOrder,
		report.Blended, report.Mirrored, report.Padded, report.Tinted, report.Misreported, report.ClockGaps,
	}, k)
}

// reach is how many frames before and after the frames of a fault a finding of a kind may be.
func (c *checker) reach(r *markers.FaultRecord, k report.Kind, clock string) (before, after int64) {
	second := c.channel.Rate.Base()
	switch {
	case r.Layer == verdict.LayerPlaylist || r.Layer == verdict.LayerRequest:
		before, after = 2, 3 // segments: a client may read late
		if r.Kind == "playlist.pdt_offset" {
			before += c.channel.Window // those that it read first
		}
		return before * c.channel.FramesPerSegment, after * c.channel.FramesPerSegment
	case slices.Contains(report.TransportKinds(), k):
		// It is found in decoding order, and a lost table when none has come for half a second.
		return reordered + slack, second/2 + reordered + slack
	case r.Layer == verdict.LayerStamps && clock != report.PTSClock && clock != report.DTSClock && !strings.HasPrefix(clock, "sei."):
		// What is in no access unit goes to the picture at its time stamp, which may be another one's too. A step is the same for all.
		if r.Kind == "pts.step" {
			return reordered + slack, reordered + slack
		}
		moved := c.moved(r) + slack
		return moved, moved
	case slices.Contains(eventSources, analyzer.Source(clock)):
		return reordered, reordered
	case r.Layer == verdict.LayerPackets:
		// B-frames before are decoded later, and what follows up to the next GOP, or in the segment, may not be read.
		return reordered, c.channel.FramesPerSegment
	case r.Layer == verdict.LayerStamps:
		return reordered, reordered // ffmpeg guesses the time stamps of pictures near those that can't be
	}
	return slack, slack
}

// moved is how many frames a fault moves time stamps at most.
func (c *checker) moved(r *markers.FaultRecord) int64 {
	return c.channel.Rate.Frames(min(c.amplitude(r), int64(time.Hour)))
}

// framesOf are the frames of a fault where a finding about a clock may be: also those at whose true time stamps a step puts the false ones.
func (c *checker) framesOf(r *markers.FaultRecord, clock string) []markers.Span {
	spans := spansOf(r)
	if r.Kind != "pts.step" || clock == report.PTSClock || clock == report.DTSClock {
		return spans
	}
	moved := c.moved(r)
	for _, s := range spans[:len(spans):len(spans)] {
		for _, by := range []int64{-moved, moved} {
			spans = append(spans, markers.Span{Frame: s.Frame + by, LastFrame: s.LastFrame + by})
		}
	}
	return spans
}

// explained reports whether labelled faults explain a finding in frames first to last. It counts for the faults.
func (c *checker) explained(k report.Kind, clock string, first, last int64) bool {
	return c.explains(k, clock, first, last, 0) && c.explains(k, clock, first, last, 1)
}

// explains does so, and counts as given.
func (c *checker) explains(k report.Kind, clock string, first, last, count int64) bool {
	const longest = 1_000_000 // frames: what is longer is none that faults of a test explain
	if c.labels == nil || last-first > longest {
		return false
	}
	more := int64(0)
	if touching(k) {
		more, last = last-first, first
	}
	for n := first; n <= last; n++ {
		ok := c.labels.Explain(verdict.Explained{Finding: string(k), Clock: clock, First: n, Last: n, Count: count}, func(r *markers.FaultRecord) verdict.Place {
			before, after := c.reach(r, k, clock)
			switch {
			case !affects(r, clock) && (clock != "" || !ofPictures(k)):
				return verdict.Outside
			case placeIn(c.framesOf(r, clock), n, before+more, after):
				return verdict.Inside
			case !slices.Contains(report.TransportKinds(), k) && placeIn(r.Collateral, n, before+more, after):
				return verdict.Nearby
			}
			return verdict.Outside
		}, ofPictures(k))
		if !ok {
			return false
		}
	}
	return true
}

// clockReport describes a clock without the statements that labelled faults explain.
func (c *checker) clockReport(name string, tolerance int64, list []report.Sample, expected int, checked bool) report.Clock {
	rest := c.unexplained(name, tolerance, list)
	r := newClockReport(name, tolerance, rest, expected, checked)
	if explained := len(list) - len(rest); explained > 0 {
		r.Samples, r.Statements = list, len(list)
		if len(rest) == 0 {
			r.State = report.Exact
		}
	}
	return r
}

// unexplained are the samples of a clock but for those that are wrong because of labelled faults.
func (c *checker) unexplained(name string, tolerance int64, list []report.Sample) []report.Sample {
	if c.labels == nil {
		return list
	}
	kind := report.ClockStep
	if name == report.DTSClock {
		kind = report.DTS
	}
	var outside []report.Sample
	for _, s := range list {
		if !c.explains(kind, name, s.Frame, s.Frame, 0) {
			outside = append(outside, s)
		}
	}
	usual := int64(0)
	if len(outside) > 0 {
		usual = median(outside)
	}
	wrong := func(s report.Sample) bool { return max(s.Err-usual, usual-s.Err) > tolerance }
	var rest []report.Sample
	for i := 0; i < len(list); {
		k := i
		for k < len(list) && wrong(list[k]) {
			k++
		}
		if k == i {
			rest = append(rest, list[i])
			i++
			continue
		}
		// How it is wrong shows among its neighbours.
		named := kind
		if f, ok := mainFinding(newClockReport(name, tolerance, list[max(0, i-enough):min(len(list), k+enough)], 0, true)); ok && kind != report.DTS {
			named = f.Kind
		}
		for _, s := range list[i:k] {
			if !c.explained(named, name, s.Frame, s.Frame) {
				rest = append(rest, s)
			}
		}
		i = k
	}
	return rest
}

// places are those that labelled faults don't explain.
func (c *checker) places(k report.Kind, clock string, list []report.Place) []report.Place {
	if c.labels == nil {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(p report.Place) bool { return c.explained(k, clock, p.First, max(p.First, p.Last)) })
}
