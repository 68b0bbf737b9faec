package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/refstream/refstream/markers"
)

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
}

func (l *faultChanges) place() markers.ID { return markers.AtFrame(l.from) }

func (l *faultChanges) wait(ctx context.Context) error {
	look := time.NewTicker(faultPoll)
	defer look.Stop()
	for {
		log, err := l.find(ctx)
		if err != nil || log.Newest() >= l.from {
			return err
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// next writes the changes up to the newest frame; a store that can't be read is left for the next time. The last of them has the id: all of them come again where the connection breaks before.
func (l *faultChanges) next(ctx context.Context, b *bytes.Buffer) (again bool, err error) {
	log, err := l.find(ctx)
	if err != nil || log.Newest() < l.from {
		return false, ctx.Err()
	}
	newest := log.Newest()
	first := max(l.from, newest-log.Clock().Rate.FrameAtNanos(longestFaults.Nanoseconds())+1)
	list, err := log.Faults(ctx, first, newest)
	if err != nil {
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
