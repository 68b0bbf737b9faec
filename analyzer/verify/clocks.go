package verify

import (
	"slices"
	"time"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// ClockReport says what became of one clock.
type ClockReport struct {
	Name  string `json:"clock"`
	State State  `json:"state"`
	// Statements is how many there are, on pictures that could be read; Expected how many there should be, 0 where any
	// number is as good.
	Statements int `json:"statements"`
	Expected   int `json:"expected,omitempty"`
	// Tolerance is up to where a statement counts as right.
	Tolerance markers.Seconds `json:"tolerance"`
	// Offset is by how much the clock is ahead, at its first statement where it does not keep that; PPM by how much it
	// runs fast; Steps are its jumps.
	Offset markers.Seconds `json:"offset"`
	PPM    float64         `json:"drift_ppm"`
	Steps  []Step          `json:"steps,omitempty"`
	// Worst is the largest error.
	Worst markers.Seconds `json:"worst"`

	samples []sample // for plots
}

// Names of the clocks that are not simply the source of a statement.
const (
	clockPTS    = "pts"
	clockOnFITC = string(analyzer.OnFI) + ".tc"
	clockOnFI   = string(analyzer.OnFI) + ".utc"
)

// clockSpec says how a kind of statement is read.
type clockSpec struct {
	name string
	// tolerance in nanoseconds.
	tolerance int64
	// always: each picture has a statement.
	always bool
	// err is how far a statement is ahead of the truth, in nanoseconds; checked is false where the truth is not known.
	err func(r analyzer.Record, n int64) (err int64, stated, checked bool)
}

// clockSpecs are the clocks that may be in a stream, by the source of their statements.
func (c *checker) clockSpecs() map[analyzer.Source][]clockSpec {
	const (
		microsecond = int64(time.Microsecond)
		millisecond = int64(time.Millisecond)
		// Frames are counted: only their times in nanoseconds, which are compared, are rounded.
		rounded = 2
	)
	return map[analyzer.Source][]clockSpec{
		analyzer.PicTiming:       {{string(analyzer.PicTiming), rounded, true, c.timecodeError}},
		analyzer.FrameRecord:     {{string(analyzer.FrameRecord), rounded, true, c.frameError}},
		analyzer.MISBTime:        {{string(analyzer.MISBTime), microsecond, true, c.genError}},
		analyzer.ProgramDateTime: {{string(analyzer.ProgramDateTime), millisecond, false, c.utcError}},
		analyzer.OnFI: {
			{clockOnFITC, rounded, false, c.timecodeError},
			{clockOnFI, millisecond, false, c.genError},
		},
	}
}

// frameError compares a frame number.
func (c *checker) frameError(r analyzer.Record, n int64) (int64, bool, bool) {
	if r.Frame == nil {
		return 0, false, true
	}
	return c.channel.Rate.Nanos(*r.Frame) - c.channel.Rate.Nanos(n), true, true
}

// timecodeError compares a timecode, which begins again after a day.
func (c *checker) timecodeError(r analyzer.Record, n int64) (int64, bool, bool) {
	drop := c.channel.DropFrame
	stated, ok := timecodeFrame(r.Timecode, c.channel.Rate, drop)
	if !ok {
		return 0, false, true
	}
	truth, _ := timecodeFrame(c.clock.Timecode(n).String(), c.channel.Rate, drop)
	return c.channel.Rate.Nanos(centre(stated-truth, dayFrames(c.channel.Rate, drop))), true, true
}

// utcError compares an instant with the nominal time of the frame.
func (c *checker) utcError(r analyzer.Record, n int64) (int64, bool, bool) {
	if r.UTC == nil {
		return 0, false, true
	}
	return int64(r.UTC.Sub(c.clock.UTC(n))), true, true
}

// genError compares an instant with the time when the frame was produced, which only the ledger tells.
func (c *checker) genError(r analyzer.Record, n int64) (int64, bool, bool) {
	if r.UTC == nil {
		return 0, false, true
	}
	if f, ok := c.truth.Frames[n]; ok {
		return int64(r.UTC.Sub(time.Unix(0, f.GenNS))), true, true
	}
	return int64(r.UTC.Sub(c.clock.UTC(n))), true, false
}

// timecodeFrame is the number of the frame in its day that a timecode hh:mm:ss:ff names, however its parts are divided.
func timecodeFrame(text string, r media.FrameRate, drop bool) (int64, bool) {
	var v [4]int64
	part, digits := 0, 0
	for i := range len(text) {
		switch c := text[i]; {
		case c >= '0' && c <= '9' && digits < 3:
			v[part] = v[part]*10 + int64(c-'0')
			digits++
		case (c == ':' || c == ';' || c == '.' || c == ',') && digits > 0 && part < 3:
			part, digits = part+1, 0
		default:
			return 0, false
		}
	}
	if part != 3 || digits == 0 {
		return 0, false
	}
	base := r.Base()
	minutes := v[0]*60 + v[1]
	n := (minutes*60+v[2])*base + v[3]
	if drop && r.DropFrame() {
		n -= (minutes - minutes/10) * 2 * base / 30
	}
	return n, true
}

// dayFrames is after how many frames timecode begins again.
func dayFrames(r media.FrameRate, drop bool) int64 {
	n, _ := timecodeFrame("24:00:00:00", r, drop)
	return n
}

// ptsClock holds the time stamps of the pictures against those of their frames.
func (c *checker) ptsClock() ClockReport {
	var list []sample
	for _, i := range c.timed {
		p := c.in.pictures[i]
		if !p.timed {
			continue
		}
		ticks := centre(p.pts-c.clock.PTS(p.frame), c.in.info.modulus())
		list = append(list, sample{p.frame, int64(c.clock.Time(p.frame)), nanos(ticks)})
	}
	tolerance := c.in.info.resolution()
	if c.cadence.retimed {
		// The nearest frame stands in for one that lies between two.
		frame := float64(c.channel.Rate.Nanos(1))
		tolerance = int64(frame * max(1, c.cadence.ratio))
	}
	return newClockReport(clockSpec{name: clockPTS, tolerance: tolerance, always: true}, list, len(c.timed), true)
}

// nanos turns ticks into nanoseconds, rounded to the nearest.
func nanos(ticks int64) int64 {
	const limit = 1 << 46 // 24 years, whose product below fits
	ticks = min(max(ticks, -limit), limit)
	half := int64(4)
	if ticks < 0 {
		half = -half
	}
	return (ticks*100000 + half) / 9
}

// newClockReport describes a clock that has statements.
func newClockReport(spec clockSpec, list []sample, expected int, checked bool) ClockReport {
	r := ClockReport{
		Name: spec.name, Statements: len(list), Tolerance: markers.Seconds(spec.tolerance), samples: list, State: Absent,
	}
	if spec.always {
		r.Expected = expected
		r.State = Gone
	}
	if len(list) == 0 {
		return r
	}
	f := describe(list, spec.tolerance)
	r.State, r.Offset, r.PPM, r.Steps = f.state, markers.Seconds(f.offset), f.ppm, f.steps
	r.Worst = markers.Seconds(worst(list, 0, 0))
	switch {
	case checked || f.state == Exact:
	case possible(list):
		r.State = Unchecked
	default:
		// Whatever the ledger would say, this can't be when the frames were produced.
		r.State, r.Offset, r.PPM, r.Steps = Offset, markers.Seconds(median(list)), 0, nil
		if possible([]sample{{err: median(list)}}) {
			r.State = Noisy
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

// possible says whether frames may have been produced so long after their nominal times.
func possible(list []sample) bool {
	return !slices.ContainsFunc(list, func(s sample) bool { return s.err < earliest || s.err > latest })
}

// statementClocks are the clocks of the statements.
func (c *checker) statementClocks(j *joint) (list []ClockReport) {
	specs := c.clockSpecs()
	for _, source := range []analyzer.Source{
		analyzer.FrameRecord, analyzer.PicTiming, analyzer.MISBTime, analyzer.ProgramDateTime, analyzer.OnFI,
	} {
		for _, spec := range specs[source] {
			list = append(list, c.statementClock(source, spec, j))
		}
	}
	return list
}

func (c *checker) statementClock(source analyzer.Source, spec clockSpec, j *joint) ClockReport {
	var samples []sample
	checked := true
	seen := map[int]bool{}
	for _, r := range c.in.statements {
		if r.Source != source || r.PTS == nil {
			continue
		}
		i, ok := j.picture(*r.PTS)
		if !ok || seen[i] {
			continue
		}
		n := c.in.pictures[i].frame
		err, stated, known := spec.err(r, n)
		if !stated {
			continue
		}
		seen[i] = true
		checked = checked && known
		samples = append(samples, sample{n, int64(c.clock.Time(n)), err})
	}
	sortSamples(samples)
	r := newClockReport(spec, samples, len(j.entries), checked)
	if r.State == Absent && c.due(source) {
		r.State = Gone
	}
	return r
}

// due says whether a carrier of this kind has such statements, when refstream writes it.
func (c *checker) due(source analyzer.Source) bool {
	switch source {
	case analyzer.ProgramDateTime:
		return c.in.kind == analyzer.KindHLS
	case analyzer.OnFI:
		return c.in.kind == analyzer.KindFLV || c.in.kind == analyzer.KindRTMP
	}
	return false
}
