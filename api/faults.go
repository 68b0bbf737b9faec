package api

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/refstream/refstream/delivery"
	"github.com/refstream/refstream/markers"
)

// FaultLog is the truth about the faults of a faulty twin.
type FaultLog interface {
	Clock() markers.Clock
	// Newest is the last frame that was published, or dropped with its segment; -1 where there is none.
	Newest() int64
	// Faults are the records of those that are planned for any of the frames first to last, in their order.
	Faults(first, last int64) []markers.FaultRecord
}

const (
	// longestFaults is the longest range of faults that is answered at once: their times are computed.
	longestFaults = 24 * time.Hour
	// soon is how far ahead of the newest frame what is planned is listed, where to is not given.
	soon = time.Minute
)

type faultList struct {
	Channel string                `json:"channel"`
	Newest  int64                 `json:"newest_frame"`
	Faults  []markers.FaultRecord `json:"faults"`
}

// getFaults answers GET /faults.
func (s *Server) getFaults(c echo.Context) error {
	return s.answerFaults(c, func(q *query) (string, FaultLog, *delivery.Faulty, error) {
		name := q.values.Get("channel")
		var log FaultLog
		if s.cfg.Faults != nil {
			log = s.cfg.Faults(name)
		}
		if log == nil {
			return "", nil, nil, notFound("there is no faulty twin %q: channel names one, such as main-outage, and serve --scenario makes it", name)
		}
		return name, log, s.cfg.RequestFaults(name), nil
	})
}

// answerFaults answers with the records of a log of faults. find finds it, its channel and its requests, which may be nil.
func (s *Server) answerFaults(c echo.Context, find func(*query) (string, FaultLog, *delivery.Faulty, error)) error {
	q := newQuery(c.Request(), "channel", "from", "to", "state", "format", "client")
	client := q.client()
	from, _ := q.number("from", 0, maxFrame)
	to, hasTo := q.number("to", 0, maxFrame)
	state := q.oneOf("state", "", string(markers.FaultPlanned), string(markers.FaultActive), string(markers.FaultDone), string(markers.FaultNotDone))
	format := q.oneOf("format", "json", "ndjson")
	if q.err != nil {
		return q.err
	}
	name, log, requests, err := find(q)
	if err != nil {
		return err
	}
	clock, newest := log.Clock(), log.Newest()
	longest := clock.Rate.FrameAtNanos(longestFaults.Nanoseconds())
	if !hasTo {
		to = max(newest+clock.Rate.FrameAtNanos(soon.Nanoseconds()), from)
	}
	if !q.values.Has("from") {
		from = max(0, to-longest+1)
	}
	switch {
	case to < from:
		return badField("to", "to is before from")
	case to-from >= longest:
		return badField("from", "the range has %d frames: ask for %d at most, which are %s", to-from+1, longest, longestFaults)
	}
	list := faultList{Channel: name, Newest: newest, Faults: []markers.FaultRecord{}}
	records := log.Faults(from, to)
	if requests != nil && client != "" {
		requests.Log.Fill(records, client, newest)
	}
	for _, f := range records {
		if state == "" || string(f.State) == state {
			list.Faults = append(list.Faults, f)
		}
	}
	if format == "json" {
		return noCache(c, list)
	}
	c.Response().Header().Set("Cache-Control", "no-cache")
	c.Response().Header().Set("Content-Type", "application/x-ndjson")
	c.Response().WriteHeader(http.StatusOK)
	enc := json.NewEncoder(c.Response())
	for _, f := range list.Faults {
		if err := enc.Encode(f); err != nil {
			return err
		}
	}
	return nil
}
