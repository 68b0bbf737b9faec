package analyzer

import (
	"slices"
	"time"

	"github.com/refstream/refstream/media"
)

// rateOver is the stream time over which Summary takes the frame rate, in ticks: long enough for any rate, short enough for changes.
const rateOver = 2 * media.TicksPerSecond

// maxRecent bounds the units of that time, for streams whose time stands still.
const maxRecent = 1000

// Summary keeps what is worth knowing about a stream while it is read. Its methods are not safe for concurrent use.
type Summary struct {
	// Units and Records count what was read, Bytes the NAL units.
	Units, Records, Bytes int64
	// Position is the PTS of the last unit in seconds.
	Position media.Seconds
	// Timecode and Frame are the last that were stated; empty or nil where none were.
	Timecode string
	Frame    *int64
	// State is how the stream is: connected, resumed, stalled, lost or ended; empty before it is any of these. Trouble is how many
	// notes were about something lost.
	State   NoteKind
	Trouble int64

	recent []int64 // PTS of the units of the last two seconds, in decoding order
	clocks []*Drift
}

// Drift is how a clock of the stream runs against PTS. It begins anew where the stream jumps.
type Drift struct {
	// Clock is where the clock is stated; the timecode is a clock too.
	Clock Source
	// Since is how much stream time it was compared over.
	Since time.Duration
	// Gained is how much further the clock has come than PTS in that time.
	Gained time.Duration
	// Behind is how long after its UTC a statement was read, of clocks that have one: the whole delay of the stream.
	Behind time.Duration
	HasUTC bool

	begun         bool
	pts, at       int64 // the first: ticks and nanoseconds
	lastPTS, last int64
}

// PPM is the drift in millionths, 0 where too little time has passed: a second.
func (d *Drift) PPM() float64 {
	if d.Since < time.Second {
		return 0
	}
	return float64(d.Gained) / float64(d.Since) * 1e6
}

// AddUnit takes an access unit.
func (s *Summary) AddUnit(u Unit) {
	s.Units++
	s.Bytes += int64(u.Bytes)
	if !u.Untimed {
		s.Position = media.SecondsOf(u.PTS)
	}
	if len(s.recent) == maxRecent {
		s.recent = s.recent[:0]
	}
	s.recent = append(s.recent, u.PTS)
	newest := slices.Max(s.recent)
	s.recent = slices.DeleteFunc(s.recent, func(p int64) bool { return p <= newest-rateOver || p > u.PTS+rateOver })
}

// FrameRate is the number of frames per second of stream time in the last two seconds, 0 where that is not known.
func (s *Summary) FrameRate() float64 {
	if len(s.recent) < 2 {
		return 0
	}
	span := slices.Max(s.recent) - slices.Min(s.recent)
	if span == 0 {
		return 0
	}
	return float64(len(s.recent)-1) * media.TicksPerSecond / float64(span)
}

// AddNote takes what happened.
func (s *Summary) AddNote(n Note) {
	switch n.Kind {
	case NoteJump, NoteRestart:
		s.clocks = nil
	case NoteMissing, NoteDamaged:
		s.Trouble++
	case NoteParameters:
	case NoteLost, NoteStalled:
		s.Trouble++
		fallthrough
	default:
		s.State = n.Kind
	}
}

// AddRecord takes a record.
func (s *Summary) AddRecord(r Record) {
	s.Records++
	if r.Timecode != "" {
		s.Timecode = r.Timecode
	}
	if r.Frame != nil && r.Source == FrameRecord {
		s.Frame = r.Frame
	}
	if r.PTS == nil {
		return
	}
	switch r.Source {
	case MISBTime, FrameRecord, UserData, OnFI, ProducerTime, ProgramDateTime:
		if r.UTC != nil {
			d := s.clock(r.Source)
			d.HasUTC, d.Behind = true, r.Timestamp.Sub(*r.UTC)
			d.take(*r.PTS, r.UTC.UnixNano())
		}
	case PicTiming:
		if r.clock != nil {
			s.clock(r.Source).take(*r.PTS, *r.clock)
		}
	}
}

// Clocks is the clocks of the stream, in the order in which they were first stated.
func (s *Summary) Clocks() []Drift {
	out := make([]Drift, 0, len(s.clocks))
	for _, d := range s.clocks {
		out = append(out, *d)
	}
	return out
}

func (s *Summary) clock(of Source) *Drift {
	if i := slices.IndexFunc(s.clocks, func(d *Drift) bool { return d.Clock == of }); i >= 0 {
		return s.clocks[i]
	}
	s.clocks = append(s.clocks, &Drift{Clock: of})
	return s.clocks[len(s.clocks)-1]
}

// take compares a statement. Pictures that are shown before one that was compared already say nothing new.
func (d *Drift) take(pts, at int64) {
	if !d.begun {
		d.begun, d.pts, d.at, d.lastPTS, d.last = true, pts, at, pts, at
	}
	if pts < d.lastPTS {
		return
	}
	const day = int64(24 * time.Hour)
	if at < d.last-day/2 && d.Clock == PicTiming { // a timecode begins anew at midnight
		d.begun = false
		return
	}
	d.lastPTS, d.last = pts, at
	since := int64(media.SecondsOf(pts - d.pts))
	d.Since, d.Gained = time.Duration(since), time.Duration(at-d.at-since)
}
