package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/refstream/refstream/api/formats"
	"github.com/refstream/refstream/delivery"
	"github.com/refstream/refstream/faults/pictures"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

// FaultLog is the truth about the faults of a faulty twin.
type FaultLog interface {
	Clock() markers.Clock
	// Newest is the last frame that was published, or dropped with its segment; -1 where there is none.
	Newest() int64
	// Faults are the records of those that are planned for any of the frames first to last, in their order.
	Faults(ctx context.Context, first, last int64) ([]markers.FaultRecord, error)
}

// FaultMaker is a FaultLog that takes faults in. Its errors may be a *Problem.
type FaultMaker interface {
	FaultLog
	// Post adds the fault that the members of a JSON object ask for.
	Post(ctx context.Context, members map[string]json.RawMessage) (markers.FaultRecord, error)
	// End ends a fault early.
	End(ctx context.Context, id string) (markers.FaultRecord, error)
}

const (
	// longestFaults is the longest range of faults that is answered at once: their times are computed.
	longestFaults = 24 * time.Hour
	// soon is how far ahead of the newest frame what is planned is listed, where to is not given.
	soon = time.Minute
	// longestShows is the longest range of frames of which what they show is answered at once.
	longestShows = 5000
	// maxFaultBody is far above what the members of a fault need.
	maxFaultBody = 16 << 10
)

type faultList struct {
	Channel string                `json:"channel"`
	Newest  int64                 `json:"newest_frame"`
	Faults  []markers.FaultRecord `json:"faults"`
	// Truncated: the limit left some out, which are at Next.
	Truncated bool   `json:"truncated,omitempty"`
	Next      string `json:"next,omitempty"`
	// Shows are, for each frame that a fault of pictures was done to, the frame whose picture it shows; nil where nobody asked.
	Shows map[int64]int64 `json:"shows,omitzero"`
}

// faultLog finds the log of a twin.
func (s *Server) faultLog(ctx context.Context, name string) (FaultLog, error) {
	if s.cfg.Faults != nil && name != "" && markers.CheckChannelName(name) == nil {
		if log, err := s.cfg.Faults(ctx, name); log != nil || err != nil {
			return log, err
		}
	}
	return nil, notFound("there is no faulty twin %.100q: channel names one, such as main-outage, and serve --scenario makes it", name)
}

// faultMaker finds the log of a twin that this process makes.
func (s *Server) faultMaker(ctx context.Context, name string) (FaultMaker, error) {
	log, err := s.faultLog(ctx, name)
	if err != nil {
		return nil, err
	}
	if maker, ok := log.(FaultMaker); ok {
		return maker, nil
	}
	return nil, refusal(http.StatusConflict, "channel", "another process makes %s, or none: ask the one with serve --scenario", name)
}

// getFaults answers GET /faults.
func (s *Server) getFaults(c echo.Context) error {
	return s.answerFaults(c, func(q *query) (string, FaultLog, *delivery.Faulty, error) {
		name := q.values.Get("channel")
		log, err := s.faultLog(c.Request().Context(), name)
		return name, log, s.cfg.RequestFaults(name), err
	})
}

// answerFaults answers with the records of a log of faults. find finds it, its channel and its requests, which may be nil.
func (s *Server) answerFaults(c echo.Context, find func(*query) (string, FaultLog, *delivery.Faulty, error)) error {
	q := newQuery(c.Request(), "channel", "from", "to", "after", "state", "limit", "shows", "format", "client")
	client := q.client()
	from, _ := q.number("from", 0, maxFrame)
	to, hasTo := q.number("to", 0, maxFrame)
	after, hasAfter := q.number("after", 0, maxFrame)
	state := q.oneOf("state", "", string(markers.FaultPlanned), string(markers.FaultActive), string(markers.FaultDone), string(markers.FaultNotDone))
	limit := q.limit(maxRecords, maxRecords)
	shows := q.oneOf("shows", "false", "true") == "true"
	c.Response().Header().Add("Vary", "Accept")
	c.Response().Header().Set("Cache-Control", "no-cache")
	format, err := chooseFormat(q, c.Request())
	if err != nil {
		return err
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
	if shows && (format.Name != "json" || to-from >= longestShows) {
		return badField("shows", "shows is in JSON alone, of %d frames at most: the range has %d", longestShows, to-from+1)
	}
	all, err := someFaults(c.Request().Context(), log, max(from, after), to, func(list []markers.FaultRecord) []markers.FaultRecord {
		if requests != nil && client != "" {
			requests.Log.Fill(list, client, newest)
		}
		return slices.DeleteFunc(list, func(f markers.FaultRecord) bool {
			return state != "" && string(f.State) != state || hasAfter && f.Frame <= after
		})
	}, limit)
	if err != nil {
		return err
	}
	list := faultList{Channel: name, Newest: newest, Faults: append([]markers.FaultRecord{}, all...)}
	for n := limit; n < len(all); n++ { // those that begin together stay together
		if last := all[n-1].Frame; all[n].Frame > last {
			next := q.values
			for key, value := range map[string]int64{"from": from, "to": to, "after": last, "limit": int64(limit)} {
				next.Set(key, strconv.FormatInt(value, 10))
			}
			list.Faults, list.Truncated, list.Next = all[:n], true, "faults?"+next.Encode()
			setLink(c.Response().Header(), list.Next)
			break
		}
	}
	if shows {
		list.Shows = shownBy(list.Faults, clock, from, to)
	}
	if format.Name == "json" {
		return c.JSON(http.StatusOK, list)
	}
	var b bytes.Buffer
	w := formats.NewWriter(format, faultForm(), markers.Channel{Name: name, PTSOrigin: clock.PTS(0)})
	w.Begin(&b)
	for _, f := range list.Faults {
		if err := w.Add(&b, f); err != nil {
			return fmt.Errorf("encode fault: %w", err)
		}
	}
	w.End(&b, list.Next)
	return c.Blob(http.StatusOK, format.ContentType, b.Bytes())
}

// someFaults are the faults of frames first to last, without those that keep drops: at least the first limit ones, with all that begin at
// the same frame, and one more if there are more. Those of an expression are read an hour at a time: anybody may ask for hundreds of thousands.
func someFaults(ctx context.Context, log FaultLog, first, last int64, keep func([]markers.FaultRecord) []markers.FaultRecord, limit int) (all []markers.FaultRecord, err error) {
	step := longestFaults
	if _, ok := log.(expressionLog); ok {
		step = time.Hour
	}
	for from := first; from <= last && ctx.Err() == nil; {
		to := min(last, from+log.Clock().Rate.FrameAtNanos(step.Nanoseconds()))
		list, err := log.Faults(ctx, from, to)
		if err != nil {
			return nil, err
		}
		if from > first { // the others are there already
			list = slices.DeleteFunc(list, func(f markers.FaultRecord) bool { return f.Frame < from })
		}
		all = append(all, keep(list)...)
		if n := len(all); n > limit && all[n-1].Frame > all[limit-1].Frame {
			break
		}
		from = to + 1
	}
	return all, ctx.Err()
}

// postFault answers POST /faults: the twin has another fault from the next segment on, at the earliest.
func (s *Server) postFault(c echo.Context) error {
	r := c.Request()
	if err := s.authorize(r); err != nil {
		return err
	}
	if err := newQuery(r).err; err != nil {
		return err
	}
	body, err := readJSONBody(c.Response(), r, maxFaultBody, `{"channel":"main-outage","do":"ts.lose","at":"now","for":"2s"}`)
	if err != nil {
		return err
	}
	members, err := membersOf(body, "channel", "id", "do", "decoy", "at", "for", "on", "with")
	if err != nil {
		return err
	}
	var name string
	if raw, ok := members["channel"]; !ok || json.Unmarshal(raw, &name) != nil {
		return badField("channel", "channel must be the name of a faulty twin, such as \"main-outage\"")
	}
	maker, err := s.faultMaker(r.Context(), name)
	if err != nil {
		return err
	}
	delete(members, "channel")
	record, err := maker.Post(r.Context(), members)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Location", "/faults?"+url.Values{"channel": {name}, "from": {strconv.FormatInt(record.Frame, 10)},
		"to": {strconv.FormatInt(record.LastFrame, 10)}}.Encode())
	return noStore(c, http.StatusCreated, record)
}

// deleteFault answers DELETE /faults/{id}: the fault ends with the segment that is being made, or does not begin.
func (s *Server) deleteFault(c echo.Context) error {
	r := c.Request()
	if err := s.authorize(r); err != nil {
		return err
	}
	q := newQuery(r, "channel")
	if q.err != nil {
		return q.err
	}
	maker, err := s.faultMaker(r.Context(), q.values.Get("channel"))
	if err != nil {
		return err
	}
	id, err := pathParam(c, "id")
	if err != nil {
		return badField("id", "%s", err)
	}
	record, err := maker.End(r.Context(), id)
	if err != nil {
		return err
	}
	return noStore(c, http.StatusOK, record)
}

// shownBy is what those of the frames first to last show that a fault of pictures was done to.
func shownBy(faults []markers.FaultRecord, clock markers.Clock, first, last int64) map[int64]int64 {
	shows, looks := map[int64]int64{}, pictures.LooksOf(faults, clock)
	for _, f := range faults {
		if f.Layer != string(scenario.LayerPicture) {
			continue
		}
		for _, s := range f.Done {
			for n := max(first, s.Frame); n <= min(last, s.LastFrame); n++ {
				shows[n] = n
				if look, _, _ := looks(n); look.Instead {
					shows[n] = look.Shows
				}
			}
		}
	}
	return shows
}

// faultForm is the form of faults. The columns are a fault's members; what has several values has spaces between them.
func faultForm() formats.List[markers.FaultRecord] {
	n := func(v int64) string { return strconv.FormatInt(v, 10) }
	runs := func(spans []markers.Span) string {
		list := make([]string, len(spans))
		for i, s := range spans {
			list[i] = n(s.Frame) + "-" + n(s.LastFrame)
		}
		return strings.Join(list, " ")
	}
	requests := func(list []markers.FaultRequest) string {
		if len(list) == 0 {
			return ""
		}
		text, _ := json.Marshal(list) // it has strings, numbers and times, which can all be written
		return string(text)
	}
	words := func(list []string) string { return formats.Inert(strings.Join(list, " ")) }
	return formats.List[markers.FaultRecord]{
		Name: "faults",
		Columns: []string{
			"id", "kind", "layer", "decoy", "parameters", "source", "channel", "posted", "ended_early", "frame", "last_frame", "time", "end_time", "pts", "end_pts", "utc", "end_utc",
			"msn", "last_msn", "state", "reason", "done", "collateral", "clean", "altered", "requests", "requests_left_out", "implies", "alarms", "expects", "tolerates", "generator",
		},
		Cells: func(f markers.FaultRecord) []string {
			var params []string
			for _, name := range slices.Sorted(maps.Keys(f.Parameters)) {
				params = append(params, name+"="+f.Parameters[name])
			}
			return []string{
				formats.Inert(f.ID), f.Kind, f.Layer, strconv.FormatBool(f.Decoy), words(params), formats.Inert(f.Source), formats.Inert(f.Channel),
				strconv.FormatBool(f.Posted), strconv.FormatBool(f.EndedEarly), n(f.Frame), n(f.LastFrame), f.Time.String(), f.EndTime.String(), n(f.PTS), n(f.EndPTS), f.UTC.Format(time.RFC3339Nano), f.EndUTC.Format(time.RFC3339Nano),
				n(f.MSN), n(f.LastMSN), string(f.State), formats.Inert(f.Reason), runs(f.Done), runs(f.Collateral), f.Clean, f.Altered,
				requests(f.Requests), n(f.RequestsLeftOut),
				words(f.Implies), words(f.Alarms), words(f.Expects), words(f.Tolerates), f.Generator,
			}
		},
		Cue: func(f markers.FaultRecord) formats.Cue {
			return formats.Cue{ID: f.ID, From: f.Time, To: f.EndTime, Text: f.Kind + ", " + strings.ReplaceAll(string(f.State), "_", " ")}
		},
	}
}
