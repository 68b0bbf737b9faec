package verify

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/refstream/refstream/analyzer/verify/report"
)

// sequence compares the order of the pictures with the truth: what is missing, repeated, black, or out of order.
type sequence struct {
	*checker
	runs     []pictureRun
	places   map[report.Kind][]report.Place
	count    map[report.Kind]int64
	repeated int64 // pictures more, and frames fewer, that the change of frame rate explains
	dropped  int64
	known    int64 // unreadable pictures whose frame records name their frames
	// late are the frames that are shown out of order: they are not missing.
	late map[int64]bool
	// undecoded are the frames that became no picture because of what is lost, ascending.
	undecoded []int64
}

// Freezes are distinguished from repeated frames: nobody sees a frame that stands for less than a fifth of a second.
const (
	freezeLength   = 200 * time.Millisecond
	freezePictures = 4
)

func newSequence(c *checker, runs []pictureRun, disordered []int) *sequence {
	list := c.in.pictures
	s := &sequence{
		checker: c, runs: runs, places: map[report.Kind][]report.Place{}, count: map[report.Kind]int64{}, late: map[int64]bool{},
		undecoded: c.losses.undecoded(list, c.in.cut),
	}
	for _, i := range disordered {
		s.late[list[i].Frame] = true
		s.note(report.OutOfOrder, list[i].Frame, list[i].Frame, 1, 1)
	}
	s.walk()
	return s
}

// note adds a place, which extends the one before where the frames go on.
func (s *sequence) note(k report.Kind, first, last, pictures, count int64) {
	if s.explained(k, "", first, max(last, first+pictures-1)) {
		return
	}
	s.count[k] += count
	if list := s.places[k]; len(list) > 0 && pictures == 0 && list[len(list)-1].Pictures == 0 && list[len(list)-1].Last == first-1 {
		list[len(list)-1].Last = last
		return
	}
	s.places[k] = append(s.places[k], report.Place{First: first, Last: last, Time: s.clock.Time(first), Pictures: pictures})
}

// walk goes from one readable run to the next and accounts for the frames between them.
func (s *sequence) walk() {
	before := -1 // the run before with a frame number
	blanks := 0  // the first run after it
	for i, r := range s.runs {
		if r.frame < 0 {
			continue
		}
		if before < 0 {
			s.begin(s.runs[:i], r.frame)
		} else {
			s.gap(s.runs[before], s.runs[blanks:i], r.frame)
		}
		before, blanks = i, i+1
	}
	if before >= 0 {
		s.end(s.runs[before], s.runs[blanks:])
	}
}

// gap accounts for the frames between a run and the frame that comes next, with the unreadable runs in between.
func (s *sequence) gap(a pictureRun, blanks []pictureRun, next int64) {
	extra := s.stay(a)
	between := next - a.frame - 1
	if extra == 0 && !s.cadence.retimed && slices.ContainsFunc(blanks, func(b pictureRun) bool { return b.known > 0 }) {
		s.missing(s.recognized(a.frame+1, blanks), next-1)
		return
	}
	covered := s.cover(a, extra, blanks, between)
	if left := between - covered; len(blanks) == 0 && extra == 0 && between < s.cadence.step {
		s.dropped += between
	} else if left > 0 && (!s.cadence.retimed || left >= s.cadence.step) {
		// What stood in the place of frames stood before what is missing.
		s.missing(a.frame+covered+1, next-1)
	}
}

// recognized accounts for unreadable runs, some of them known by their frame records, and returns the frame due after them.
func (s *sequence) recognized(due int64, blanks []pictureRun) int64 {
	for _, b := range blanks {
		if b.known > 0 {
			s.missing(due, b.known-1)
			due = b.known
		}
		kind := blankKind(b)
		if _, spoilt := s.losses.spoils(due); spoilt && b.known > 0 {
			kind = report.Collateral
		} else if b.known > 0 {
			s.known += b.count
		}
		s.note(kind, due, due+b.count-1, b.count, b.count)
		due += b.count
	}
	return due
}

// stay says for how many pictures too many a frame is shown.
func (s *sequence) stay(a pictureRun) int64 {
	extra := a.count - s.cadence.stay
	if extra <= 0 {
		s.repeated += a.count - 1
		return 0
	}
	s.repeated += s.cadence.stay - 1
	return extra
}

// cover notes what is shown in the place of the frames after a run, and returns for how many of them.
func (s *sequence) cover(a pictureRun, extra int64, blanks []pictureRun, between int64) (covered int64) {
	take := func(pictures int64) int64 {
		n := min(int64(float64(pictures)*s.cadence.ratio+usual), max(0, between-covered))
		covered += n
		return n
	}
	if extra > 0 {
		take(extra)
		kind := report.Repeated
		long := float64(extra)*s.cadence.ratio >= float64(s.clock.Rate.FrameAtNanos(int64(freezeLength)))
		if long && extra >= freezePictures {
			kind = report.Frozen
		}
		s.note(kind, a.frame, a.frame, a.count, extra)
	}
	for _, b := range blanks {
		first := a.frame + covered + 1
		n := take(b.count)
		if !b.mixed { // those are reported with all that are blended
			s.note(blankKind(b), first, first+max(n, 1)-1, b.count, b.count)
		}
	}
	return covered
}

func blankKind(b pictureRun) report.Kind {
	if b.black {
		return report.Black
	}
	return report.Unreadable
}

// missing notes the frames from first to last, but for those that are known not to be in the stream.
func (s *sequence) missing(first, last int64) {
	for _, n := range s.undecoded {
		if n >= first && n <= last {
			s.note(report.Collateral, n, n, 0, 1)
		}
	}
	for _, p := range s.expected(first, last) {
		for _, p := range s.unlabelled(p[0], p[1]) {
			s.note(report.Missing, p[0], p[1], 0, p[1]-p[0]+1)
		}
	}
}

// unlabelled are the stretches from first to last without frames that labelled faults explain.
func (s *sequence) unlabelled(first, last int64) (list [][2]int64) {
	if s.labels == nil {
		return [][2]int64{{first, last}}
	}
	for n := max(first, s.labels.first); n <= min(last, s.labels.last); n++ {
		if !s.explained(report.Missing, "", n, n) {
			continue
		}
		if n > first {
			list = append(list, [2]int64{first, n - 1})
		}
		first = n + 1
	}
	if first <= last {
		list = append(list, [2]int64{first, last})
	}
	return list
}

// expected are the stretches from first to last without frames that are known to be missing, out of order, or not decoded.
func (s *sequence) expected(first, last int64) (list [][2]int64) {
	var except [][2]int64
	for _, m := range s.truth.Missing {
		except = append(except, [2]int64{m.Frame, m.LastFrame})
	}
	for _, n := range slices.AppendSeq(slices.Clone(s.undecoded), maps.Keys(s.late)) {
		except = append(except, [2]int64{n, n})
	}
	slices.SortFunc(except, func(a, b [2]int64) int { return cmp.Compare(a[0], b[0]) })
	for _, e := range append(except, [2]int64{last + 1, last + 1}) {
		if to := min(e[0]-1, last); to >= first {
			list = append(list, [2]int64{first, to})
		}
		first = max(first, e[1]+1)
	}
	return list
}

// begin accounts for what comes before the first frame that can be read.
func (s *sequence) begin(blanks []pictureRun, next int64) {
	var pictures int64
	for _, b := range blanks {
		pictures += b.count
	}
	first := next - int64(float64(pictures)*s.cadence.ratio+usual)
	a := pictureRun{frame: first - 1}
	s.cover(a, 0, blanks, next-first)
	if s.truth.Bounded && first-s.truth.First >= s.cadence.step {
		s.note(report.Trimmed, s.truth.First, first-1, 0, first-s.truth.First)
	}
}

func (s *sequence) end(a pictureRun, blanks []pictureRun) {
	extra := s.stay(a)
	between := int64(1) << 40 // as many as it takes
	if s.truth.Bounded {
		between = max(0, s.truth.Last-a.frame)
	}
	last := a.frame
	if extra == 0 && len(blanks) > 0 && blanks[0].known > 0 && !s.cadence.retimed {
		last = s.recognized(a.frame+1, blanks) - 1
	} else {
		last += s.cover(a, extra, blanks, between)
	}
	if k := len(s.undecoded) - 1; k >= 0 && s.undecoded[k] > last {
		s.missing(last+1, s.undecoded[k])
		last = s.undecoded[k]
	}
	if s.truth.Bounded && s.truth.Last-last >= s.cadence.step {
		s.note(report.Trimmed, last+1, s.truth.Last, 0, s.truth.Last-last)
	}
}

func (s *sequence) findings() (list []report.Finding) {
	for _, k := range []report.Kind{report.Trimmed, report.Missing, report.Repeated, report.Frozen, report.Black, report.Unreadable, report.Collateral, report.OutOfOrder} {
		places := s.places[k]
		if len(places) == 0 {
			continue
		}
		f := report.Finding{Kind: k, Count: s.count[k], Every: report.Every(places), Places: places}
		f.Text = s.describe(f, len(places))
		list = append(list, f)
	}
	return list
}

func (s *sequence) describe(f report.Finding, places int) string {
	p := f.Places[0]
	// How long the pictures that are seen stand for, in the time of the source.
	seconds := func(pictures int64) string { return s.seconds(int64(float64(pictures)*s.cadence.ratio + usual)) }
	var b strings.Builder
	switch f.Kind {
	case report.Trimmed:
		var parts []string
		for _, p := range f.Places {
			where := "start"
			if p.First != s.truth.First {
				where = "end"
			}
			parts = append(parts, fmt.Sprintf("%s (%s s) cut from the %s", report.Plural(p.Last-p.First+1, "frame"), s.seconds(p.Last-p.First+1), where))
		}
		return strings.Join(parts, "; ")
	case report.Missing:
		fmt.Fprintf(&b, "%s missing", report.Plural(f.Count, "frame"))
	case report.Repeated:
		fmt.Fprintf(&b, "%s shown again", report.Plural(f.Count, "picture"))
	case report.Frozen:
		fmt.Fprintf(&b, "the picture stands still for %s (%s s)", report.Plural(f.Count+int64(places), "picture"), seconds(f.Count+int64(places)))
	case report.OutOfOrder:
		fmt.Fprintf(&b, "%s out of order", report.Plural(f.Count, "picture"))
	case report.Collateral:
		b.WriteString(s.describeCollateral(f))
	case report.Black:
		fmt.Fprintf(&b, "%s (%s s)", report.Plural(f.Count, "black picture"), seconds(f.Count))
	default:
		fmt.Fprintf(&b, "%s whose frame code can't be read (%s s)", report.Plural(f.Count, "picture"), seconds(f.Count))
		if s.known > 0 {
			fmt.Fprintf(&b, ", %d of which frame records name", s.known)
		}
		if len(s.places[report.Missing]) > 0 && s.known > 0 {
			b.WriteString(", perhaps spoilt by what is missing")
		}
	}
	if f.Every > 1 {
		fmt.Fprintf(&b, ", every %s", report.Plural(f.Every, "frame"))
	}
	fmt.Fprintf(&b, ": at frame %d (%s s)", p.First, p.Time)
	if places > 1 {
		fmt.Fprintf(&b, " first, %s in all", report.Plural(int64(places), "place"))
	}
	return b.String()
}

func (s *sequence) seconds(frames int64) string { return report.Brief(s.clock.Time(frames)) }
