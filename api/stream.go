package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/refstream/refstream/api/limits"
	"github.com/refstream/refstream/markers"
)

const (
	// streamPage is how many records are read at once when a client catches up.
	streamPage = 256
	// storeRetry is how long a stream waits before it asks a store that failed again.
	storeRetry = time.Second
	// clientsRetry is when a client that found all places taken may try again.
	clientsRetry = 5 * time.Second
)

// streamRecords answers GET /NAME/stream: server-sent events, one a record of a log, until the client or the server goes. It
// begins after the event that the client had last, or at a time, or with the records later than now.
func streamRecords[V record](s *Server, c echo.Context, k recordKind[V]) error {
	r := c.Request()
	q := newQuery(r, k.streamParams...)
	return s.sendEvents(c, func() (eventLog, error) {
		rq := recordQuery{only: k.only(q)}
		after, hasStart := q.seconds("ts_start")
		resumed, hasResumed := lastEventID(q, r)
		ch, err := s.channel(r.Context(), q)
		if err != nil {
			return nil, err
		}
		if !hasResumed {
			rq.after, rq.hasAfter = after, hasStart
		}
		in, err := q.rendition(ch)
		if err != nil {
			return nil, err
		}
		l := &recordLog[V]{recordKind: k, store: s.cfg.Store, channel: ch, query: rq, in: in}
		switch {
		case hasResumed:
			l.sent = resumed
		case hasStart:
			l.sent = k.first(ch, after)
		default:
			l.sent, err = s.cfg.Store.Last(r.Context(), ch.Name, k.log)
		}
		return l, err
	})
}

// eventLog is what a stream of events is made of. Its methods are called by one goroutine.
type eventLog interface {
	// place is how far the client has got: the id that it continues from.
	place() markers.ID
	// wait returns nil when there may be something behind that place, and an error when ctx ends or the log can't be read.
	wait(ctx context.Context) error
	// next writes some of what is behind that place, and moves it on; again reports whether there may be more.
	next(ctx context.Context, b *bytes.Buffer) (again bool, err error)
}

// sendEvents answers with server-sent events, until the client or the server goes. It calls open where there is a place for the client.
func (s *Server) sendEvents(c echo.Context, open func() (eventLog, error)) error {
	r := c.Request()
	if err := noBody(r); err != nil {
		return err
	}
	if err := s.clients.Enter(r.RemoteAddr); err != nil {
		return tryLater(http.StatusServiceUnavailable, clientsRetry, "%s", err)
	}
	s.metrics.streams.Inc()
	defer func() { s.metrics.streams.Dec(); s.clients.Leave(r.RemoteAddr) }()

	log, err := open()
	if err != nil {
		return err
	}
	w := c.Response()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	w.WriteHeader(http.StatusOK)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.stopping, cancel)()
	err = s.writeEvents(ctx, log, limits.NewWriter(w, s.cfg.StreamWriteTimeout))
	if errors.Is(err, limits.ErrSlowClient) {
		s.metrics.dropped.Inc()
		s.cfg.Logger.InfoContext(ctx, "event stream dropped: the client is too slow", "remote", r.RemoteAddr)
	}
	return nil
}

// writeEvents writes until ctx ends or a write fails.
func (s *Server) writeEvents(ctx context.Context, log eventLog, w *limits.Writer) error {
	// An id without data sets the client's Last-Event-ID without an event, so that it misses nothing when the
	// connection breaks before the first one.
	if err := w.Send(fmt.Appendf(nil, "retry: 2000\nid: %s\n\n", log.place())); err != nil {
		return err
	}
	for {
		for again := true; again; {
			var b bytes.Buffer
			var err error
			if again, err = log.next(ctx, &b); err == nil && b.Len() > 0 {
				err = w.Send(b.Bytes())
			}
			if err != nil {
				return err
			}
		}
		if err := s.awaitEvents(ctx, log, w); err != nil {
			return err
		}
	}
}

// awaitEvents returns when there may be something to send, having sent heartbeats meanwhile.
func (s *Server) awaitEvents(ctx context.Context, log eventLog, w *limits.Writer) error {
	for {
		beat, cancel := context.WithTimeout(ctx, s.cfg.Heartbeat)
		err := log.wait(beat)
		if err != nil && beat.Err() == nil {
			// The store is in trouble. It may come back, and the client has nothing better to turn to.
			select {
			case <-time.After(storeRetry):
			case <-beat.Done():
			}
		}
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			return nil
		}
		if err := w.Send([]byte(": heartbeat\n\n")); err != nil {
			return err
		}
	}
}

// lastEventID reads where a client wants to continue: the header, which browsers send when they reconnect, before the
// parameter, which then is older.
func lastEventID(q *query, r *http.Request) (id markers.ID, ok bool) {
	field, v := "Last-Event-ID", r.Header.Get("Last-Event-ID")
	if v == "" {
		field, v = "last_event_id", q.values.Get("last_event_id")
	}
	if v == "" {
		return id, false
	}
	id, err := markers.ParseID(v)
	if err != nil {
		q.fail(badField(field, "%s: %s", field, err))
	}
	return id, err == nil
}

// recordLog is the records of a log, for one client. sent is how far it has got in it.
type recordLog[V record] struct {
	recordKind[V]
	store   markers.Store
	channel markers.Channel
	query   recordQuery
	in      rendition
	sent    markers.ID
}

func (l *recordLog[V]) place() markers.ID { return l.sent }

func (l *recordLog[V]) wait(ctx context.Context) error {
	return l.store.Wait(ctx, l.channel.Name, l.log, l.sent)
}

// next writes a page. A store that can't be read is left for the next time.
func (l *recordLog[V]) next(ctx context.Context, b *bytes.Buffer) (again bool, err error) {
	// What the log ends with is read first: if nothing is found up to there it has been trimmed.
	last, err := l.store.Last(ctx, l.channel.Name, l.log)
	if err != nil || last.Compare(l.sent) <= 0 {
		return false, ctx.Err()
	}
	list, err := l.read(ctx, l.channel, markers.Range{From: l.sent.Next(), Limit: streamPage})
	if err != nil {
		return false, ctx.Err()
	}
	if len(list) == 0 {
		l.sent = last
		return false, nil
	}
	if l.boxes != nil {
		l.boxes(l.in, list)
	}
	for _, v := range list {
		if l.query.leavesOut(l.traits(v)) {
			continue
		}
		data, err := json.Marshal(v)
		if err != nil {
			return false, fmt.Errorf("encode %s: %w", l.event, err)
		}
		fmt.Fprintf(b, "event: %s\nid: %s\ndata: %s\n\n", l.event, v.RecordID(), data)
	}
	l.sent = list[len(list)-1].RecordID()
	return true, nil
}

// faultPoll is how often a stream of faults looks whether a segment was published since. It is a question to the store where another process
// makes the twin, and an atomic load in the one that does.
const faultPoll = 500 * time.Millisecond

// streamFaults answers GET /faults/stream: server-sent events, one each time that a fault of a twin becomes active, done or not done.
func (s *Server) streamFaults(c echo.Context) error {
	r := c.Request()
	q := newQuery(r, "channel", "from", "last_event_id")
	return s.sendEvents(c, func() (eventLog, error) {
		from, hasFrom := q.number("from", 0, maxFrame)
		resumed, hasResumed := lastEventID(q, r)
		if q.err != nil {
			return nil, q.err
		}
		name := q.values.Get("channel")
		changes := &faultChanges{find: func(ctx context.Context) (FaultLog, error) { return s.faultLog(ctx, name) }}
		log, err := changes.find(r.Context())
		if err != nil {
			return nil, err
		}
		changes.from = log.Newest() + 1
		switch {
		case hasResumed:
			changes.from = resumed.Frame
		case hasFrom:
			changes.from = from
		}
		return changes, nil
	})
}

// faultChanges are the changes of faults' states, for one client. A state follows from how far the twin is published: a fault is active
// from its first frame on, and done or not done from its last. from is the first frame whose changes the client does not have.
type faultChanges struct {
	find func(context.Context) (FaultLog, error)
	from int64
	// failed is that the log could not be read: it is read again after a while.
	failed bool
}

func (l *faultChanges) place() markers.ID { return markers.AtFrame(l.from) }

func (l *faultChanges) wait(ctx context.Context) error {
	look := time.NewTicker(faultPoll)
	defer look.Stop()
	for {
		if !l.failed {
			log, err := l.find(ctx)
			if err != nil || log.Newest() >= l.from {
				return err
			}
		}
		l.failed = false
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// next writes the changes up to the newest frame; a store that can't be read is left for the next time. The last of them has the id:
// all of them are sent again where the connection breaks before.
func (l *faultChanges) next(ctx context.Context, b *bytes.Buffer) (again bool, err error) {
	log, err := l.find(ctx)
	if err != nil || log.Newest() < l.from {
		return false, ctx.Err()
	}
	newest := log.Newest()
	first := max(l.from, newest-log.Clock().Rate.FrameAtNanos(longestFaults.Nanoseconds())+1)
	list, err := log.Faults(ctx, first, newest)
	if l.failed = err != nil; l.failed {
		return false, ctx.Err()
	}
	l.from = newest + 1
	changed := false
	for _, f := range list {
		if f.LastFrame > newest && (f.Frame < first || f.State != markers.FaultActive) {
			continue
		}
		data, err := json.Marshal(f)
		if err != nil {
			return false, fmt.Errorf("encode fault: %w", err)
		}
		if changed {
			b.WriteByte('\n')
		}
		changed = true
		fmt.Fprintf(b, "event: fault\ndata: %s\n", data)
	}
	if changed {
		fmt.Fprintf(b, "id: %s\n\n", l.place())
	}
	return false, nil
}
