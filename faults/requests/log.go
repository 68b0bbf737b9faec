package requests

import (
	"errors"
	"maps"
	"math"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

const (
	// maxClients is how many clients are distinguished. One more, and the one that was silent for longest is forgotten.
	maxClients = 1000
	// late is for how many segments behind a fault its segments may still be requested before it is called not done: players begin
	// three target durations behind the end (RFC 8216, 6.3.3).
	late = 3
)

// Unmet is the reason of a fault that has met no request.
const Unmet = "no request has met it"

// Request is a request for a file of the faulty channel.
type Request struct {
	// Client is the name of the client, empty for those without one.
	Client string
	// File is the name of what is requested, Resource its kind.
	File     string
	Resource scenario.Resource
	// MSN is the segment that it is for: of a segment itself, of all else the newest one.
	MSN int64
	// Now is the clock.
	Now func() time.Time
	// Places are taken by answers that are held back, on all channels of the server.
	Places chan struct{}
}

// Log has the faults of requests of a plan, and what became of them. Many goroutines may use it at once.
type Log struct {
	plan  *scenario.Plan
	clock markers.Clock
	kinds []kind
	most  int // requests

	mu      sync.Mutex
	from    int64 // faults that were over before this frame are forgotten
	clients map[string]*client
	faults  map[string]*outcome
	entries []logged // in the order in which the answers ended
}

// client is what is counted of a client.
type client struct {
	seen   time.Time
	files  map[string]counter // requests, by file
	faults map[string]counter // requests that a fault has met, by its key
}

// counter is a number of requests, and the last frame that they are for.
type counter struct{ n, last int64 }

// outcome is what became of a fault in all requests.
type outcome struct {
	last     int64 // its last frame
	segments map[int64]bool
	underWay int64 // answers
	leftOut  int64 // requests that are not remembered any more
}

// logged is a request that a fault has met.
type logged struct {
	fault  string
	msn    int64
	record markers.FaultRequest
}

// New makes the log of a plan, which may have faults of other layers too. It remembers most requests with faults.
func New(plan *scenario.Plan, clock markers.Clock, most int) *Log {
	return &Log{plan: plan, clock: clock, kinds: table(), most: most, clients: map[string]*client{}, faults: map[string]*outcome{}}
}

// Serve answers a request. clean answers it without faults, and is not called where there is none of it. It panics with
// [http.ErrAbortHandler] where the answer can't be ended otherwise.
func (l *Log) Serve(w http.ResponseWriter, r *http.Request, q Request, clean func(http.ResponseWriter)) {
	nth, faults := l.meet(q, hops(r))
	if len(faults) == 0 {
		clean(w)
		return
	}
	a := &answer{Request: q, w: w, r: r, faults: faults, clean: clean}
	record := markers.FaultRequest{Client: q.Client, File: q.File, Number: nth, Method: r.Method, At: q.Now().UTC()}
	defer func() { l.note(a, record) }()
	a.serve()
	if a.err != nil && !errors.Is(a.err, errOver) {
		panic(http.ErrAbortHandler) // else the answer would look whole
	}
}

// meet counts a request, and lists the faults that meet it, in the order in which they are made.
func (l *Log) meet(q Request, hop int64) (nth int64, list []*met) {
	first := l.clock.FirstFrame(q.MSN)
	last := first + l.clock.FramesPerSegment - 1
	planned := l.plan.Between(first, last, scenario.LayerRequest)
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.client(q)
	nth = c.files[q.File].n + 1
	c.files[q.File] = counter{nth, last}
	for _, k := range l.kinds {
		for _, f := range planned {
			draw := Draw(f, q.Client, q.File, nth)
			switch chained := k.chained && hop > 0; {
			case f.Kind.Name != k.Name || f.Refused != "" || !f.On.Has(q.Resource):
			case !chained && (f.Requests > 0 && c.faults[f.Key()].n >= f.Requests || !Meets(f, draw)):
			default:
				if !chained {
					c.faults[f.Key()] = counter{c.faults[f.Key()].n + 1, f.Last}
				}
				list = append(list, &met{Fault: f, kind: k, draw: draw})
				l.outcome(f.Key(), f.Last).underWay++
			}
		}
	}
	return nth, list
}

// client finds a client, without what it has of segments that have left the window.
func (l *Log) client(q Request) *client {
	c := l.clients[q.Client]
	if c == nil {
		if len(l.clients) >= maxClients {
			idle := ""
			for name, o := range l.clients {
				if first := l.clients[idle]; first == nil || o.seen.Before(first.seen) {
					idle = name
				}
			}
			delete(l.clients, idle)
		}
		c = &client{files: map[string]counter{}, faults: map[string]counter{}}
		l.clients[q.Client] = c
	}
	c.seen = q.Now()
	for _, counted := range []map[string]counter{c.files, c.faults} {
		for name, n := range counted {
			if n.last < l.from {
				delete(counted, name)
			}
		}
	}
	return c
}

func (l *Log) outcome(fault string, last int64) *outcome {
	o := l.faults[fault]
	if o == nil {
		o = &outcome{last: last, segments: map[int64]bool{}}
		l.faults[fault] = o
	}
	return o
}

// note logs what became of the faults of an answer.
func (l *Log) note(a *answer, r markers.FaultRequest) {
	r.Status, r.Bytes, r.End = a.status, a.sent, a.Now().UTC()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range a.faults {
		if m.Last < l.from {
			continue
		}
		if r.Did, r.Reason = m.did, m.why; m.why == "" && a.err != nil && !errors.Is(a.err, errOver) {
			r.Reason = "the client left before the answer was whole, or the server stopped"
		}
		o := l.outcome(m.Key(), m.Last)
		if o.underWay--; m.did != "" {
			o.segments[a.MSN] = true
		}
		if len(l.entries) == l.most {
			l.drop(l.most / 10)
		}
		l.entries = append(l.entries, logged{m.Key(), a.MSN, r})
	}
}

// drop forgets the oldest requests.
func (l *Log) drop(n int) {
	for _, e := range l.entries[:n] {
		if o := l.faults[e.fault]; o != nil {
			o.leftOut++
		}
	}
	l.entries = slices.Clone(l.entries[n:])
}

// Forget drops what is known of faults that are over before a frame, and of clients' requests for older segments.
func (l *Log) Forget(before int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if before <= l.from {
		return
	}
	l.from = before
	maps.DeleteFunc(l.faults, func(_ string, o *outcome) bool { return o.last < before })
	l.entries = slices.DeleteFunc(l.entries, func(e logged) bool { return l.faults[e.fault] == nil })
}

// Fill writes into the records of faults of requests what became of them: in those of one client, or of all where it is empty. newest
// is the last frame that was published.
func (l *Log) Fill(records []markers.FaultRecord, client string, newest int64) {
	l.mu.Lock()
	from := l.from
	l.mu.Unlock()
	first, last := int64(math.MaxInt64), int64(-1)
	for _, r := range records {
		if r.Layer == string(scenario.LayerRequest) {
			// One that began long ago is among those of the frame from: all that came since may be far too many.
			begins := max(r.Frame, min(from, r.LastFrame))
			first, last = min(first, begins), max(last, begins)
		}
	}
	planned := map[string]scenario.Fault{}
	for _, f := range l.plan.Between(first, last, scenario.LayerRequest) {
		planned[f.Key()] = f
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	of := map[string][]logged{}
	for _, e := range l.entries {
		if client == "" || e.record.Client == client {
			of[e.fault] = append(of[e.fault], e)
		}
	}
	for i := range records {
		if f, ok := planned[scenario.Fault{ID: records[i].ID, First: records[i].Frame}.Key()]; ok && f.Refused == "" && f.Last >= l.from {
			l.fill(&records[i], f, of[f.Key()], client, newest)
		}
	}
}

// fill writes what became of a fault in some requests.
func (l *Log) fill(r *markers.FaultRecord, f scenario.Fault, entries []logged, client string, newest int64) {
	r.State, r.Reason, r.Done, r.Requests, r.RequestsLeftOut = markers.FaultPlanned, "", nil, nil, 0
	if newest < f.First {
		return
	}
	why := Unmet
	segments := map[int64]bool{}
	for _, e := range entries {
		if r.Requests = append(r.Requests, e.record); e.record.Did != "" {
			segments[e.msn] = true
		} else {
			why = e.record.Reason
		}
	}
	underWay := false
	if o := l.faults[f.Key()]; o != nil {
		if underWay, r.RequestsLeftOut = o.underWay > 0, o.leftOut; client == "" {
			segments = o.segments
		}
	}
	for _, msn := range slices.Sorted(maps.Keys(segments)) {
		span := l.clock.Span(l.clock.FirstFrame(msn), l.clock.FirstFrame(msn+1)-1)
		if n := len(r.Done); n > 0 && r.Done[n-1].LastFrame+1 == span.Frame {
			r.Done[n-1].LastFrame, r.Done[n-1].EndTime = span.LastFrame, span.EndTime
		} else {
			r.Done = append(r.Done, span)
		}
	}
	over := f.Last
	if f.On.Has(scenario.Segment) {
		over += late * l.clock.FramesPerSegment
	}
	switch {
	case newest < f.Last || underWay || len(r.Done) == 0 && newest < over:
		r.State = markers.FaultActive
	case len(r.Done) > 0:
		r.State = markers.FaultDone
	default:
		r.State, r.Reason = markers.FaultNotDone, why
	}
}
