package verify

import (
	"context"
	"fmt"
	"slices"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/analyzer/input"
	"github.com/refstream/refstream/analyzer/verify/pixels"
	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/analyzer/verify/sound"
	"github.com/refstream/refstream/analyzer/verify/truth"
	"github.com/refstream/refstream/markers"
)

// streamData is everything that was read of a stream.
type streamData struct {
	url        string
	kind       input.Kind
	dash       bool // it was DASH, and is read as HLS
	info       pixels.StreamInfo
	pictures   []pixels.Picture
	statements []analyzer.Record
	cut        bool               // reading ended before the stream did
	notes      []string           // what happened while it was read
	holdsID3   bool               // the carrier has timed ID3, when refstream writes it
	units      []unit             // access units, in decoding order
	transport  []analyzer.Record  // faults of the packets that carry the stream
	undated    []int64            // numbers of segments without a date of their own, in a playlist that dates each
	dated      bool               // it does
	doubled    map[int64][]string // tags that a segment has more than once, by its number
	metadata   []analyzer.Record  // descriptions of a stream of FLV or RTMP
	segments   []span             // those of a playlist that were read
	unread     error              // why the statements can't be read, nil where they can
	packets    bool               // it is a transport stream, or has segments of one
	sound      *sound.Sound       // nil where there is none
	noSound    error              // why

	// faults reads the labelled ones; nil: there are none.
	faults func(ctx context.Context, s truth.Source, first, last int64) ([]markers.FaultRecord, error)
}

// unit is an access unit as it is coded.
type unit struct {
	pts, dts               int64 // ticks, unwrapped
	unitsInTick, timeScale uint32
	undated                bool // its time stamps are not those of the stream
}

// checker compares an input with the truth. It does no I/O.
type checker struct {
	in      streamData
	channel markers.Channel
	clock   markers.Clock
	truth   truth.Truth
	cadence cadence
	// first and last are the frames between which the stream lies.
	first, last int64
	// anchors are the pictures that show a frame for the first time, in the order of the frames.
	anchors []int
	losses  losses
	labels  *labels // nil where there are none
	clocks  []report.Clock
	// timed are those of them that no picture out of order has changed places with.
	timed []int
}

func check(ctx context.Context, in streamData, channel markers.Channel, source truth.Source, allow []report.Allowance) (*report.Report, error) {
	if in.cut {
		in.pictures = untorn(in.pictures)
	}
	c := &checker{in: in, channel: channel, clock: channel.Clock()}
	if err := c.readLabels(ctx, source); err != nil {
		return nil, err
	}
	trusted := c.trusted(in.statements)
	c.losses = newLosses(trusted)
	named := namedBy(trusted, in.info.Modulus())
	in.pictures = unmix(c.undo(in.pictures, named), named, in.info.Modulus())
	in.pictures = recognize(c.stale(in.pictures, named), named, in.info.Modulus())
	c.in.pictures = in.pictures
	if backwards(in.pictures) {
		return c.reversed(ctx, source, allow)
	}
	runs, disordered := pictureRuns(in.pictures)
	r := &report.Report{
		Input: in.url, Kind: in.kind, Stream: in.info, Channel: channel, Notes: slices.Clone(in.notes),
		Pictures: len(in.pictures), Findings: []report.Finding{}, Clocks: []report.Clock{},
	}
	for _, p := range in.pictures {
		if p.Frame >= 0 {
			r.Readable++
		}
	}
	if r.Readable == 0 {
		r.Verdict = report.Unknown
		r.Notes = append(r.Notes, "no picture has a frame code that can be read: it is another stream, or cropped, padded, blended or scaled down too far")
		for _, f := range c.blended() {
			r.Notes = append(r.Notes, f.Text)
		}
		return r, nil
	}
	for _, s := range runs {
		if s.frame >= 0 {
			c.anchors = append(c.anchors, s.first)
		}
	}
	// A frame that is shown again after unreadable pictures is no anchor.
	c.anchors = slices.CompactFunc(c.anchors, func(a, b int) bool { return in.pictures[a].Frame == in.pictures[b].Frame })
	c.first, c.last = in.pictures[c.anchors[0]].Frame, in.pictures[c.anchors[len(c.anchors)-1]].Frame
	r.FirstFrame, r.LastFrame = &in.pictures[c.anchors[0]].Frame, &in.pictures[c.anchors[len(c.anchors)-1]].Frame
	var err error
	if c.truth, err = source.Between(ctx, c.first, c.last); err != nil {
		return nil, fmt.Errorf("read truth: %w", err)
	}
	for i := range c.truth.Markers {
		c.truth.Markers[i].HiddenBy = "" // no label is in the stream
	}
	if n := c.cutOff(); n > 0 && !in.cut { // check again without its end
		in.pictures, in.cut = in.pictures[:len(in.pictures)-n], true
		r, err := check(ctx, in, channel, source, allow)
		if err == nil {
			r.Notes = append(r.Notes, fmt.Sprintf("the stream ends where it was cut: %s at its end %s coded before frames that were cut off, and left out here",
				report.Plural(int64(n), "picture"), report.IsAre(int64(n))))
		}
		return r, err
	}
	if t := c.truth; t.Bounded && (c.first > t.Last || c.last < t.First) {
		r.Verdict = report.Unknown
		r.Notes = append(r.Notes, fmt.Sprintf("the stream shows frames %d to %d, the truth is about %d to %d", c.first, c.last, t.First, t.Last))
		return r, nil
	}
	c.cadence = cadenceOf(in.pictures, runs, channel.Rate)

	c.timed = timekeepers(in.pictures, c.anchors, disordered)
	guessed := map[int64]bool{} // frames whose access units have no time stamps: those of their pictures are ffmpeg's guesses
	for i := range in.statements {
		if r := &in.statements[i]; r.Source == analyzer.FrameRecord && r.Unit >= 0 && r.PTS == nil && r.Frame != nil {
			guessed[*r.Frame] = true
		}
	}
	c.timed = slices.DeleteFunc(c.timed, func(i int) bool { return guessed[in.pictures[i].Frame] })

	order := newSequence(c, runs, disordered)
	r.Findings = append(r.Findings, slices.Concat(c.formFindings(order), order.findings(), c.changedForms(), c.blended(), c.beyond(), c.mislabelled())...)
	if c.truth.Bounded {
		c.first, c.last = max(c.first, c.truth.First), min(c.last, c.truth.Last)
	}

	// Statements may be half a frame away from their picture: in milliseconds, or a little late.
	j := newMatcher(in.pictures, c.anchors, in.info.Modulus(), channel.Rate.Ticks(1)/2, in.statements)
	m := c.compare(j)
	c.compareTags(m, j)
	c.compareMetadata(m)
	r.Clocks = []report.Clock{c.ptsClock(m)}
	var left []report.Finding
	if in.unread != nil {
		r.Notes = append(r.Notes, fmt.Sprintf("the statements can't be read: %s", in.unread))
	} else {
		var announced []report.Clock
		announced, left = c.announcements(m)
		r.Clocks = append(append(r.Clocks, c.statementClocks(m)...), announced...)
		if dts := c.dtsClock(m, j, r.Clocks[0]); dts.Statements > 0 {
			r.Clocks = append(r.Clocks, dts)
		}
	}
	wrong := clockFindings(r.Clocks)
	m.explain(wrong)
	var list []shown // frames that the truth is about, ascending
	for _, i := range c.anchors {
		if n := in.pictures[i].Frame; c.within(n) {
			list = append(list, shown{n, in.pictures[i].Event})
		}
	}
	events := checkEvents(list, c.truth.Markers, c.clock)
	for kind, places := range events.places {
		events.places[kind] = c.places(kind, "", places)
	}
	r.Events = events.summary
	r.Findings = append(r.Findings,
		slices.Concat(wrong, events.findings(), left, m.findings(), c.segmentFindings(j), c.transportFindings(j))...)
	c.clocks = r.Clocks
	r.Findings = append(r.Findings, c.checkSound(r)...)
	r.Markers, r.Faults = c.truth.Markers, c.faultResults(allow)
	r.Judge(allow)
	if r.Verdict == report.True && in.unread != nil {
		r.Verdict = report.Unknown
	}
	return r, nil
}

// reversed makes the report on a stream whose pictures run from the last to the first: the pictures are judged, but no clock can
// be right.
func (c *checker) reversed(ctx context.Context, source truth.Source, allow []report.Allowance) (*report.Report, error) {
	in := c.in
	in.pictures, in.statements, in.units, in.segments = slices.Clone(in.pictures), nil, nil, nil
	slices.Reverse(in.pictures)
	for i := range in.pictures {
		in.pictures[i].Timed = false
	}
	r, err := check(ctx, in, c.channel, source, allow)
	if err != nil || r.Verdict == report.Unknown {
		return r, err
	}
	r.Clocks = []report.Clock{{Name: report.PTSClock, State: report.Absent}}
	r.Findings = slices.DeleteFunc(r.Findings, func(f report.Finding) bool { return f.Clock != "" })
	r.Findings = slices.Insert(r.Findings, 0, report.Finding{
		Kind: report.Reversed, Count: int64(len(in.pictures)),
		Text: fmt.Sprintf("the pictures come from the last to the first, from frame %d to frame %d", *r.LastFrame, *r.FirstFrame),
	})
	r.Judge(allow)
	return r, nil
}

// formFindings compares the picture's size and the frame rate.
func (c *checker) formFindings(s *sequence) (list []report.Finding) {
	if i := c.in.info; i.Width != c.channel.Width || i.Height != c.channel.Height {
		list = append(list, report.Finding{
			Kind: report.Resized,
			Text: fmt.Sprintf("the picture is %dx%d, not %dx%d", i.Width, i.Height, c.channel.Width, c.channel.Height),
		})
	}
	if c.cadence.retimed {
		rate := float64(c.channel.Rate.Num) / float64(c.channel.Rate.Den) / c.cadence.ratio
		text := fmt.Sprintf("%.5g pictures/s of %s frames/s", rate, c.channel.Rate)
		if s.dropped > 0 {
			text += fmt.Sprintf(", %s left out for it", report.Plural(s.dropped, "frame"))
		}
		if s.repeated > 0 {
			text += fmt.Sprintf(", %s repeated for it", report.Plural(s.repeated, "frame"))
		}
		list = append(list, report.Finding{Kind: report.Retimed, Text: text, Count: s.dropped + s.repeated})
	}
	return list
}
