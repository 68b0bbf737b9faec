package scenario

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
)

// Fault is a fault of a plan: what is done to which frames.
type Fault struct {
	// ID names it within its plan: that of the file's fault, with its number behind a dash where there are several.
	ID     string
	Kind   *Kind
	Params Params
	// First and Last are the frames that it is planned for, inclusive.
	First, Last int64
	// On are the resources that a fault of requests is done to, empty for other layers.
	On Resource
	// Requests is how many requests of each client it is for; 0: all.
	Requests int64
	// Decoy: it was asked for as one that is to raise no alarm.
	Decoy bool
	// Draw is a random number of the fault alone: a function of the file's seed, the fault's id and its number.
	Draw uint64
	// Refused is why it is not done: empty where it is.
	Refused string
	// Meant is the last frame that it had before it was ended early, 0 where it was not: what it does to a frame stays the same.
	Meant int64
	// Posted: it was added to the plan. EndedEarly: it was to go on beyond Last, or it is refused because it was withdrawn.
	Posted, EndedEarly bool
	// Line is that of the file.
	Line int
}

// Covers reports whether the fault is done to frame n.
func (f Fault) Covers(n int64) bool { return f.Refused == "" && f.First <= n && n <= f.Last }

// Key names the fault where the file was changed, and another one of the same ID begins at another frame.
func (f Fault) Key() string { return f.ID + " " + strconv.FormatInt(f.First, 10) }

// Plan is the timeline of a file's faults on a channel, without end where the file has none. It is a pure function of both and of what is
// changed while the stream runs (Add, End, Change), and many goroutines may use it at once.
type Plan struct {
	File  *File
	clock markers.Clock

	changing sync.Mutex // held while it is changed
	current  atomic.Pointer[timeline]
}

// row is the occurrences of one of the file's faults. Their starts never decrease.
type row struct {
	fault
	clock markers.Clock
	lap   int64 // nanoseconds; 0: the file does not repeat
	seed  uint64
	// perLap is how many there are in a lap, or in all without laps; math.MaxInt64: without end.
	perLap int64
	// random is the process of those at random times; nil for the others.
	random *Schedule
}

const (
	// maxPlanned is how many occurrences of a fault are looked at to find those that overlap: those of a day, every few seconds.
	maxPlanned = 20_000
	// maxCompared is how many are looked at in all pairs of faults, which takes about a second. Later ones are refused one by one.
	maxCompared = 2_000_000
)

// maxNanos is how far a plan reaches: 146 years, half of what nanoseconds in 64 bits hold.
const maxNanos = 1 << 62

// Plan lays the file's faults on a channel. The errors name the file and the line.
func (f *File) Plan(c markers.Channel) (*Plan, error) {
	p, t := &Plan{File: f, clock: c.Clock()}, &timeline{layers: map[Layer]bool{}}
	if twin := f.Twin(c.Name); !validID.MatchString(f.Name) || markers.CheckRendition(f.Name) != nil || markers.CheckChannelName(twin) != nil {
		return nil, f.problem(f.nameLine, "the twin's name would be %.40q: use a name of a-z, 0-9, _ and - such as outage, together at most 64 characters", twin)
	}
	for _, e := range f.faults {
		r, err := f.row(e, p.clock)
		if err != nil {
			return nil, err
		}
		t.rows = append(t.rows, r)
		for _, k := range e.kinds {
			t.layers[k.kind.Layer] = true
			if k.kind.Layer == LayerSound && !c.Audio {
				return nil, f.problem(e.line, "%s: channel %s has no sound: add --audio, or leave the fault out", k.kind.Name, c.Name)
			}
		}
	}
	p.current.Store(t)
	return p, p.checkOverlaps(t.rows)
}

func (f *File) row(e fault, clock markers.Clock) (row, error) {
	r := row{fault: e, clock: clock, lap: f.repeat, seed: generator.Mix(f.seed ^ textHash(e.id)), perLap: 1}
	if r.start() > maxNanos {
		return r, f.problem(e.line, "at: it is more than %d years after the epoch: use an earlier time", maxNanos/(365*24*time.Hour.Nanoseconds()))
	}
	if e.at.kind == atUTC && f.repeat > 0 {
		return r, f.problem(e.line, "at: a UTC is no time of a timeline that repeats: use a time from the start of a lap")
	}
	if e.at.kind == atUTC && e.at.utc.Before(clock.Epoch) {
		return r, f.problem(e.line, "at: %s is before the epoch, %s: use a later time", stamp(e.at.utc), stamp(clock.Epoch))
	}
	longest, wait := int64(0), int64(0)
	for _, k := range e.kinds {
		first, last := r.place(k, r.from(r.start()))
		longest = max(longest, last-first+1)
		if r.onGrid(k) && (len(e.kinds) > 1 || (last-first+1)%clock.FramesPerSegment != 0) {
			wait = clock.FramesPerSegment // it may be moved towards the next one, which is not
		}
		if k.kind.Check == nil || e.mean > 0 {
			continue
		}
		if err := k.kind.Check(Fault{Kind: k.kind, Params: k.params, First: first, Last: last}, clock); err != nil {
			return r, f.problem(e.line, "%s: %v", k.kind.Name, err)
		}
	}
	if clock.Rate.Nanos(longest) > maxNanos {
		return r, f.problem(e.line, "for: %d frames are too many: use a shorter time", longest)
	}
	switch {
	case e.mean > 0:
		// A segment and a frame of room: for those that begin with the next segment, and for a length that is rounded.
		schedule, err := NewSchedule(r.seed, clock.Rate.Frames(e.mean), longest+clock.FramesPerSegment+1)
		if err != nil {
			return r, f.problem(e.line, "mean: it leaves no time between faults of %d frames that may wait for a segment of %d: use a longer time",
				longest, clock.FramesPerSegment)
		}
		r.random, r.perLap, r.lap = schedule, math.MaxInt64, 0
		return r, nil
	case e.every > 0:
		r.perLap = e.times
		if e.times == 0 {
			r.perLap = math.MaxInt64
		}
		if e.times == 0 && f.repeat > 0 { // all that are over when the timeline repeats
			room := f.repeat - r.start() - e.jitter - clock.Rate.Nanos(longest+1)
			r.perLap = max(0, room/e.every) + 1
			if r.perLap > 1 && r.end() > f.repeat { // the last one would wait for the next segment
				r.perLap--
			}
		}
		if e.every < e.jitter+clock.Rate.Nanos(longest+wait+1) {
			return r, f.problem(e.line, "every: a fault may begin before the one before is over: use a longer time, or a shorter for or jitter")
		}
	}
	if f.repeat > 0 && r.end() > f.repeat {
		return r, f.problem(e.line, "it is not over when the timeline repeats, after %s: begin earlier, or repeat later", time.Duration(f.repeat))
	}
	return r, nil
}

// start is the time of the first occurrence in its lap, in nanoseconds.
func (r *row) start() int64 {
	switch r.at.kind {
	case atFrame:
		return r.clock.Rate.Nanos(r.at.n)
	case atMSN:
		return r.clock.Rate.Nanos(r.clock.FirstFrame(r.at.n))
	case atUTC:
		return r.at.utc.Sub(r.clock.Epoch).Nanoseconds()
	}
	return r.at.n
}

// end is where the last occurrence of the first lap is over at the latest, in nanoseconds; more than a lap where there is no room for all.
func (r *row) end() (ns int64) {
	begins := r.start()
	if r.every > 0 {
		if r.perLap-1 > r.lap/r.every {
			return math.MaxInt64
		}
		begins += (r.perLap-1)*r.every + max(0, r.jitter-1)
	}
	for _, k := range r.kinds {
		_, last := r.place(k, r.from(begins))
		ns = max(ns, r.clock.Rate.Nanos(last+1))
	}
	return ns
}

// from is the first frame that begins at or after a time.
func (r *row) from(ns int64) int64 { return r.clock.Rate.FrameAtNanos(ns-1) + 1 }

// occurrence is the one of a number, counted from 0.
func (r *row) occurrence(number int64) Fault {
	o := Fault{ID: r.id, Decoy: r.decoy, Line: r.line, Requests: r.length.Requests, Draw: generator.Mix(r.seed ^ generator.Mix(uint64(number)))}
	if r.perLap > 1 || r.lap > 0 || r.random != nil {
		o.ID = fmt.Sprintf("%s-%d", r.id, number+1)
	}
	k := r.kinds[0]
	if total := r.weights(); total > 0 {
		drawn := generator.Mix(o.Draw+1) % total
		for _, k = range r.kinds {
			if drawn < k.weight {
				break
			}
			drawn -= k.weight
		}
	}
	if o.Kind, o.Params = k.kind, k.params; k.kind.Layer == LayerRequest {
		o.On = r.on
	}
	if r.random != nil {
		o.First = r.random.Event(number + 1).First
	} else {
		lap, n := number/r.perLap, number%r.perLap
		base := r.from(lap * r.lap) // the lap's first frame
		switch {
		case r.every > 0:
			t := r.start() + n*r.every
			if r.jitter > 0 {
				t += int64(o.Draw % uint64(r.jitter))
			}
			o.First = base + r.from(t)
		case r.at.kind == atMSN:
			o.First = base + r.clock.FirstFrame(r.at.n)
		case r.at.kind == atFrame:
			o.First = base + r.at.n
		default:
			o.First = base + r.from(r.start())
		}
	}
	o.First, o.Last = r.place(k, o.First)
	return o
}

// onGrid reports whether a fault of a kind begins with a segment.
func (r *row) onGrid(k choice) bool {
	return k.kind.Grid || r.span(k).Segments+r.span(k).Requests > 0 || r.at.kind == atMSN
}

// span is the length of a fault of a kind.
func (r *row) span(k choice) Span {
	if r.length == (Span{}) {
		return k.kind.Default
	}
	return r.length
}

// place is the frames of a fault of a kind that is to begin at a frame.
func (r *row) place(k choice, first int64) (int64, int64) {
	g := r.clock.FramesPerSegment
	length := r.span(k)
	if r.onGrid(k) {
		first = (first + g - 1) / g * g
	}
	last := first
	switch {
	case length.Segments+length.Requests > 0: // a client makes a request for each segment, or more
		last = first + (length.Segments+length.Requests)*g - 1
	case length.Frames > 0:
		last = first + length.Frames - 1
	case length.Nanos > 0:
		last = max(first, r.from(r.clock.Rate.Nanos(first)+length.Nanos)-1)
	}
	if k.kind.Grid {
		last = (last+g)/g*g - 1
	}
	return first, last
}

// weights is the sum of the weights that the kinds are chosen by, 0 where there is one kind.
func (r *row) weights() (total uint64) {
	for _, k := range r.kinds {
		total += k.weight
	}
	return total
}

// count is how many occurrences there are, math.MaxInt64 for no end.
func (r *row) count() int64 {
	if r.lap > 0 {
		return math.MaxInt64
	}
	return r.perLap
}

// next is the number of the first occurrence that ends at or after frame n.
func (r *row) next(n int64) int64 {
	n = max(n, 0)
	var k int64
	switch ns := r.clock.Rate.Nanos(n); {
	case r.random != nil:
		k = r.random.Next(n).Number - 1
	case r.lap > 0:
		k = (ns/r.lap - 1) * r.perLap
		if r.every > 0 {
			k += max(0, (ns%r.lap-r.start())/r.every) - 1
		}
	case r.every > 0:
		k = (ns-r.start()-r.jitter)/r.every - 2
	}
	k = max(0, k)
	for k < r.count() && r.occurrence(k).Last < n {
		k++
	}
	return k
}

// Between lists the faults that are planned for any of the frames first to last of some layers, all where there are none, in
// the order of their first frames, and of the file. Those that are refused are among them.
func (p *Plan) Between(first, last int64, layers ...Layer) (list []Fault) {
	if last = min(last, p.clock.Rate.FrameAtNanos(maxNanos)); first > last {
		return nil
	}
	t := p.current.Load()
	for i, r := range t.rows {
		for k := r.next(first); k < r.count(); k++ {
			o := r.occurrence(k)
			if o.First > last {
				break
			}
			if o.First < t.from || len(layers) > 0 && !slices.Contains(layers, o.Kind.Layer) {
				continue
			}
			o.Refused = p.refused(o, t, i)
			if o = t.asEnded(o); o.Last >= first {
				list = append(list, o)
			}
		}
	}
	for _, o := range t.added {
		if o = t.asEnded(o); o.First <= last && o.Last >= first && (len(layers) == 0 || slices.Contains(layers, o.Kind.Layer)) {
			list = append(list, o)
		}
	}
	slices.SortStableFunc(list, func(a, b Fault) int { return cmp.Compare(a.First, b.First) })
	return list
}

// At lists the faults of a layer that are done to frame n.
func (p *Plan) At(n int64, layer Layer) []Fault {
	return slices.DeleteFunc(p.Between(n, n, layer), func(f Fault) bool { return !f.Covers(n) })
}

// textHash is FNV-1a of a text (Fowler, Noll, Vo; 64 bits).
func textHash(s string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for _, b := range []byte(s) {
		h = (h ^ uint64(b)) * 0x100000001b3
	}
	return h
}

// stamp is a UTC as messages show it.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
