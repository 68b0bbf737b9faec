package verify

import (
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/analyzer/input"
	"github.com/refstream/refstream/analyzer/verify/pixels"
	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/media"
)

// clockSpec is how a clock is read from a statement.
type clockSpec struct {
	name   string
	source analyzer.Source
	// tolerance in nanoseconds.
	tolerance int64
	// err is how far a statement is ahead of the truth, in nanoseconds; checked is false where the truth is not known.
	err func(r *analyzer.Record, n int64) (err int64, stated, checked bool)
	// field is the clock's field where the fields of the statement are not compared one by one; want is the value that it should
	// have, got the one that it has.
	field string
	want  func(n int64) string
	got   func(r *analyzer.Record) string
}

// frameSpec is what a kind of statement about frames is compared with.
type frameSpec struct {
	source analyzer.Source
	// always: each picture has a statement.
	always bool
	// fields are those that the truth wants; nil where only the clocks are compared.
	fields func(r *analyzer.Record, n int64) fields
	clocks []clockSpec
}

// frameSpecs are the statements about frames that may be in a stream.
func (c *checker) frameSpecs() []frameSpec {
	const (
		microsecond = int64(time.Microsecond)
		millisecond = int64(time.Millisecond)
		// Frames are counted: only their times in nanoseconds, which are compared, are rounded.
		rounded = 2
	)
	clock := func(s analyzer.Source, tolerance int64, err func(*analyzer.Record, int64) (int64, bool, bool)) clockSpec {
		return clockSpec{name: string(s), source: s, tolerance: tolerance, err: err}
	}
	dateTime := clock(analyzer.ProgramDateTime, millisecond, c.utcError)
	dateTime.field = "program_date_time"
	dateTime.want = func(n int64) string { return c.clock.UTC(n).Format(time.RFC3339Nano) }
	dateTime.got = func(r *analyzer.Record) string { return r.UTC.Format(time.RFC3339Nano) }
	produced := clock(analyzer.ProducerTime, microsecond, c.genError)
	produced.field, produced.got = "utc", dateTime.got
	produced.want = func(n int64) string {
		gen, _ := c.gen(n)
		return gen.Format(time.RFC3339Nano)
	}
	timecode, utc := clock(analyzer.OnFI, rounded, c.timecodeError), clock(analyzer.OnFI, millisecond, c.genError)
	timecode.name, utc.name = report.OnFITCClock, report.OnFIClock
	timing := frameSpec{analyzer.PicTiming, true, c.expectedTiming, []clockSpec{clock(analyzer.PicTiming, rounded, c.timecodeError)}}
	if c.in.states(analyzer.TimeCode) {
		// HEVC has the timecode in a message of its own, whose other fields are for who writes it to choose.
		code := clock(analyzer.TimeCode, rounded, c.timecodeError)
		code.field = "timecode"
		code.want = func(n int64) string {
			tc := c.clock.Timecode(n)
			tc.Wide = false
			return tc.String()
		}
		code.got = func(r *analyzer.Record) string { return r.Timecode }
		timing = frameSpec{analyzer.TimeCode, true, nil, []clockSpec{code}}
	}
	return []frameSpec{
		{analyzer.FrameRecord, true, c.expectedRecord, []clockSpec{clock(analyzer.FrameRecord, rounded, c.frameError)}},
		timing,
		{analyzer.MISBTime, true, c.expectedMISB, []clockSpec{clock(analyzer.MISBTime, microsecond, c.genError)}},
		{analyzer.ProgramDateTime, false, nil, []clockSpec{dateTime}},
		{analyzer.ProducerTime, false, nil, []clockSpec{produced}},
		{analyzer.OnFI, false, c.expectedFI, []clockSpec{timecode, utc}},
	}
}

func (c *checker) frameError(r *analyzer.Record, n int64) (int64, bool, bool) {
	if r.Frame == nil {
		return 0, false, true
	}
	return c.channel.Rate.Nanos(*r.Frame) - c.channel.Rate.Nanos(n), true, true
}

func (c *checker) timecodeError(r *analyzer.Record, n int64) (int64, bool, bool) {
	drop := c.channel.DropFrame
	stated, ok := timecodeFrame(r.Timecode, c.channel.Rate, drop)
	if !ok {
		return 0, false, true
	}
	truth, _ := timecodeFrame(c.clock.Timecode(n).String(), c.channel.Rate, drop)
	day, _ := timecodeFrame("24:00:00:00", c.channel.Rate, drop)
	return c.channel.Rate.Nanos(centre(stated-truth, day)), true, true
}

// utcError compares an instant with the nominal time of the frame.
func (c *checker) utcError(r *analyzer.Record, n int64) (int64, bool, bool) {
	if r.UTC == nil {
		return 0, false, true
	}
	err := int64(r.UTC.Sub(c.clock.UTC(n)))
	// What follows from other dates by EXTINF has the rounding of each of those.
	if most := int64(len(c.in.segments)) * int64(inexact); max(err, -err) <= most && c.in.isUndated(r) {
		err = 0
	}
	return err, true, true
}

// genError compares an instant with the time when the frame was produced, which only the ledger has.
func (c *checker) genError(r *analyzer.Record, n int64) (int64, bool, bool) {
	if r.UTC == nil {
		return 0, false, true
	}
	if gen, ok := c.gen(n); ok {
		return int64(r.UTC.Sub(gen)), true, true
	}
	return int64(r.UTC.Sub(c.clock.UTC(n))), true, false
}

// timecodeForm is hh:mm:ss:ff, however its parts are divided.
var timecodeForm = regexp.MustCompile(`^(\d{1,3})[:;.,](\d{1,3})[:;.,](\d{1,3})[:;.,](\d{1,3})$`)

// timecodeFrame is the number of the frame in its day that a timecode names.
func timecodeFrame(text string, r media.FrameRate, drop bool) (int64, bool) {
	parts := timecodeForm.FindStringSubmatch(text)
	if parts == nil {
		return 0, false
	}
	var v [4]int64
	for i := range v {
		v[i], _ = strconv.ParseInt(parts[i+1], 10, 64) // it has one to three digits
	}
	base := r.Base()
	minutes := v[0]*60 + v[1]
	n := (minutes*60+v[2])*base + v[3]
	if drop && r.DropFrame() {
		n -= (minutes - minutes/10) * 2 * base / 30
	}
	return n, true
}

// ptsClock compares the time stamps of the pictures with those of their frames.
func (c *checker) ptsClock(m *comparison) report.Clock {
	var list []report.Sample
	tolerance := c.ptsTolerance()
	for _, i := range c.timed {
		p := c.in.pictures[i]
		if !p.Timed {
			continue
		}
		err := int64(media.NearestSeconds(centre(p.PTS-c.clock.PTS(p.Frame), c.in.info.Modulus())))
		if max(err, -err) > tolerance {
			m.addDifference(fieldKey{report.PTSClock, "pts"}, strconv.FormatInt(c.clock.PTS(p.Frame), 10), strconv.FormatInt(p.PTS, 10), c.place(p.Frame))
		}
		list = append(list, report.Sample{Frame: p.Frame, At: int64(c.clock.Time(p.Frame)), Err: err})
	}
	return c.clockReport(report.PTSClock, tolerance, list, len(c.timed), true)
}

// dtsClock compares the decoding times of the units with those of the encoder. What moved PTS too is a finding of that clock.
func (c *checker) dtsClock(m *comparison, j *matcher, pts report.Clock) report.Clock {
	if c.in.info.Codec == "hevc" {
		return report.Clock{} // the encoder was another, with decoding times to choose
	}
	modulus := c.in.info.Modulus()
	millisecond := c.in.info.Num*1000 == c.in.info.Den
	var tolerance int64
	if pts.State != report.Exact {
		tolerance = 2 * (c.in.info.Resolution() + roundingNanos) // PTS and DTS may have been stretched and rounded again
	} else if c.in.states(analyzer.ProducerTime) {
		tolerance = int64(media.NearestSeconds(1)) // refstream's fragmented MP4 rounds them in another way than the encoder
	}
	var list []report.Sample
	seen := map[int64]bool{}
	for number, u := range c.in.units {
		i, ok := j.unit(int64(number), u.pts)
		if !ok || u.undated {
			continue
		}
		n := c.in.pictures[i].Frame
		f := c.truth.Frames[n]
		// Who encoded the pictures anew had decoding times to choose.
		if _, known := c.decoding(n); !known || len(m.frames[analyzer.FrameRecord][n]) == 0 || seen[n] {
			continue
		}
		seen[n] = true
		lead := f.PTS - f.DTS
		if millisecond && pts.State == report.Exact { // each is rounded
			lead = int64(int32(flv.Time(f.PTS)-flv.Time(f.DTS))) * (media.TicksPerSecond / 1000)
		}
		want := u.pts - lead
		err := int64(media.NearestSeconds(centre(u.dts-want, modulus)))
		if max(err, -err) > tolerance {
			m.addDifference(fieldKey{report.DTSClock, "dts"}, strconv.FormatInt(want, 10), strconv.FormatInt(u.dts, 10), c.place(n))
		}
		list = append(list, report.Sample{Frame: n, At: int64(c.clock.Time(n)), Err: err})
	}
	sortSamples(list)
	return c.clockReport(report.DTSClock, tolerance, list, 0, true)
}

// ptsTolerance is up to where a picture's time stamp counts as right, in nanoseconds.
func (c *checker) ptsTolerance() int64 {
	if c.cadence.retimed {
		// The nearest frame stands in for one that lies between two.
		frame := float64(c.channel.Rate.Nanos(1))
		return int64(frame * max(1, c.cadence.ratio))
	}
	if c.throughMilliseconds() {
		return pixels.StreamInfo{Num: 1, Den: 1000}.Resolution() + c.in.info.Resolution()
	}
	return c.in.info.Resolution()
}

// throughMilliseconds reports whether the time stamps have been rounded to milliseconds, as those of a copy of FLV: all of them
// are whole milliseconds apart, where those of the frames are not.
func (c *checker) throughMilliseconds() bool {
	const (
		milli     = media.TicksPerSecond / 1000
		fineGrain = milli / 8 // coarser time stamps show nothing of it
	)
	// This container may have rounded them once more, the first too.
	slack := 1 + c.in.info.Resolution()*media.TicksPerSecond/int64(time.Second)
	if slack > fineGrain {
		return false
	}
	whole := func(ticks int64) bool {
		rest := reduce(ticks, milli)
		return rest <= slack || rest >= milli-slack
	}
	first, rounded := -1, false
	for _, i := range c.timed {
		p := c.in.pictures[i]
		if !p.Timed {
			continue
		}
		if first < 0 {
			first = i
		}
		if !whole(p.PTS - c.in.pictures[first].PTS) {
			return false
		}
		rounded = rounded || !whole(c.clock.PTS(p.Frame)-c.clock.PTS(c.in.pictures[first].Frame))
	}
	return rounded
}

// newClockReport describes a clock that has statements.
func newClockReport(name string, tolerance int64, list []report.Sample, expected int, checked bool) report.Clock {
	r := report.Clock{
		Name: name, Statements: len(list), Expected: expected, Tolerance: media.Seconds(tolerance), Samples: list, State: report.Absent,
	}
	if expected > 0 {
		r.State = report.Gone
	}
	if len(list) == 0 {
		return r
	}
	f := describe(list, tolerance)
	r.State, r.Offset, r.PPM, r.Steps = f.state, media.Seconds(f.offset), f.ppm, f.steps
	r.Worst = media.Seconds(worst(list, 0, 0))
	switch {
	case checked || f.state == report.Exact:
	case possible(list):
		r.State = report.Unchecked
	default:
		// Whatever the ledger would say, this can't be when the frames were produced.
		r.State, r.Offset, r.PPM, r.Steps = report.Offset, media.Seconds(median(list)), 0, nil
		if possible([]report.Sample{{Err: median(list)}}) {
			r.State = report.Noisy
		}
	}
	return r
}

// A generator works in real time: it produces a frame at its nominal time or somewhat later, when it has to catch up, and
// its machine's clock is off by little.
const (
	earliest = -int64(5 * time.Second)
	latest   = int64(2 * time.Hour)
)

// possible reports whether frames may have been produced so long after their nominal times.
func possible(list []report.Sample) bool {
	return !slices.ContainsFunc(list, func(s report.Sample) bool { return s.Err < earliest || s.Err > latest })
}

func (c *checker) statementClocks(m *comparison) (list []report.Clock) {
	for _, spec := range c.frameSpecs() {
		for _, k := range spec.clocks {
			r := c.clockReport(k.name, k.tolerance, m.samples[k.name], m.expected[k.name], !m.unchecked[k.name])
			if r.State == report.Absent && spec.source == analyzer.ProgramDateTime && c.in.kind == input.HLS {
				r.State = report.Gone
			}
			r.Missing = m.missing[spec.source]
			list = append(list, r)
		}
	}
	return list
}

// holdsScripts reports whether a carrier of this kind has onFI and cue points, when refstream writes it.
func (c *checker) holdsScripts() bool {
	return c.in.kind == input.FLV || c.in.kind == input.RTMP
}
