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
	if err := noBody(r); err != nil {
		return err
	}
	if err := s.clients.Enter(r.RemoteAddr); err != nil {
		return tryLater(http.StatusServiceUnavailable, clientsRetry, "%s", err)
	}
	s.metrics.streams.Inc()
	defer func() { s.metrics.streams.Dec(); s.clients.Leave(r.RemoteAddr) }()

	rq := recordQuery{only: k.only(q)}
	after, hasStart := q.seconds("ts_start")
	resumed, hasResumed := lastEventID(q, r)
	ch, err := s.channel(r.Context(), q)
	if err != nil {
		return err
	}
	if !hasResumed {
		rq.after, rq.hasAfter = after, hasStart
	}
	st := &recordStream[V]{Server: s, recordKind: k, channel: ch, query: rq}
	switch {
	case hasResumed:
		st.sent = resumed
	case hasStart:
		st.sent = k.first(ch, after)
	default:
		if st.sent, err = s.cfg.Store.Last(r.Context(), ch.Name, k.log); err != nil {
			return err
		}
	}
	w := c.Response()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	w.WriteHeader(http.StatusOK)
	st.w = limits.NewWriter(w, s.cfg.StreamWriteTimeout)
	if err := st.run(r.Context()); errors.Is(err, limits.ErrSlowClient) {
		s.metrics.dropped.Inc()
		s.cfg.Logger.InfoContext(r.Context(), "event stream dropped: the client is too slow", "remote", r.RemoteAddr)
	}
	return nil
}

// lastEventID reads where a client wants to go on: the header, which browsers send when they reconnect, before the
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

// recordStream is one client's stream of the records of a log. sent is how far it has got in it.
type recordStream[V record] struct {
	*Server
	recordKind[V]
	channel markers.Channel
	query   recordQuery
	sent    markers.ID
	w       *limits.Writer
}

// run writes until ctx ends, the server stops or a write fails.
func (st *recordStream[V]) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(st.stopping, cancel)()
	// An id without data sets the client's Last-Event-ID without an event, so that it misses nothing when the
	// connection breaks before the first one.
	if err := st.w.Send(fmt.Appendf(nil, "retry: 2000\nid: %s\n\n", st.sent)); err != nil {
		return err
	}
	for {
		if err := st.catchUp(ctx); err != nil {
			return err
		}
		if err := st.await(ctx); err != nil {
			return err
		}
	}
}

// await returns when there may be something to send, having sent heartbeats meanwhile.
func (st *recordStream[V]) await(ctx context.Context) error {
	for {
		beat, cancel := context.WithTimeout(ctx, st.cfg.Heartbeat)
		err := st.cfg.Store.Wait(beat, st.channel.Name, st.log, st.sent)
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
		if err := st.w.Send([]byte(": heartbeat\n\n")); err != nil {
			return err
		}
	}
}

// catchUp sends what the log holds after sent. A store that can't be read is left for the next time.
func (st *recordStream[V]) catchUp(ctx context.Context) error {
	for {
		// What the log ends with is read first: if nothing is found up to there it has been trimmed.
		last, err := st.cfg.Store.Last(ctx, st.channel.Name, st.log)
		if err != nil || last.Compare(st.sent) <= 0 {
			return ctx.Err()
		}
		list, err := st.read(ctx, st.channel, markers.Range{From: st.sent.Next(), Limit: streamPage})
		if err != nil {
			return ctx.Err()
		}
		var b bytes.Buffer
		for _, v := range list {
			if st.query.leavesOut(st.traits(v)) {
				continue
			}
			data, err := json.Marshal(v)
			if err != nil {
				return fmt.Errorf("encode %s: %w", st.event, err)
			}
			fmt.Fprintf(&b, "event: %s\nid: %s\ndata: %s\n\n", st.event, v.RecordID(), data)
		}
		if b.Len() > 0 {
			if err := st.w.Send(b.Bytes()); err != nil {
				return err
			}
		}
		if len(list) == 0 {
			st.sent = last
			return nil
		}
		st.sent = list[len(list)-1].RecordID()
	}
}
