package api

import (
	"context"
	"net/url"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/refstream/refstream/markers"
)

// ledgerView says which frames the ledger can have records of.
type ledgerView struct {
	// FirstFrame and LastFrame are the oldest and the newest frame that it has a record of, null where it has none.
	FirstFrame *int64 `json:"first_frame"`
	LastFrame  *int64 `json:"last_frame"`
	// KeptSeconds is for how long frames and segments are kept: the window.
	KeptSeconds markers.Seconds `json:"kept_seconds"`
}

// ledger finds where the ledger of a channel begins and ends.
func (s *Server) ledger(ctx context.Context, ch markers.Channel) (v ledgerView, err error) {
	v.KeptSeconds = ch.Clock().Time(ch.Window * ch.FramesPerSegment)
	for _, end := range []struct {
		frame **int64
		desc  bool
	}{{&v.FirstFrame, false}, {&v.LastFrame, true}} {
		list, err := s.cfg.Store.Frames(ctx, ch.Name, markers.Range{Limit: 1, Desc: end.desc})
		if err != nil {
			return v, err
		}
		if len(list) > 0 {
			*end.frame = &list[0].Frame
		}
	}
	return v, nil
}

// unknownFrame is the 404 of a frame of which there is no record at all.
func (s *Server) unknownFrame(ctx context.Context, ch markers.Channel, n int64) error {
	v, err := s.ledger(ctx, ch)
	switch {
	case err != nil:
		return err
	case v.FirstFrame == nil:
		return notFound("nothing is known of frame %d: the ledger has no frame", n)
	case n < *v.FirstFrame:
		return notFound("nothing is known of frame %d: the ledger begins with frame %d; frames are kept for %s s (--window)",
			n, *v.FirstFrame, v.KeptSeconds)
	case n > *v.LastFrame:
		return notFound("nothing is known of frame %d: it has not left the encoder yet, the newest is frame %d", n, *v.LastFrame)
	}
	return notFound("nothing is known of frame %d, though the ledger has frames from %d to %d: it may just be under way",
		n, *v.FirstFrame, *v.LastFrame)
}

// segmentList is the answer of /segments.
type segmentList struct {
	Channel   string                  `json:"channel"`
	Segments  []segmentView           `json:"segments"`
	Missing   []markers.MissingRecord `json:"missing"`
	Truncated bool                    `json:"truncated"`
	// Next is the address of what the limit left out.
	Next   string     `json:"next,omitempty"`
	Ledger ledgerView `json:"ledger"`
}

// getSegments answers GET /segments, whose range is in media sequence numbers.
func (s *Server) getSegments(c echo.Context) error {
	ctx := c.Request().Context()
	q := newQuery(c.Request(), "channel", "from", "to", "limit", "order")
	sp := newSpan(q)
	ch, err := s.channel(ctx, q)
	if err != nil {
		return err
	}
	clock := ch.Clock()
	// Beyond this one no segment has a frame that can be asked for, and its frames would not fit a number.
	lastMSN := clock.MSN(maxFrame)
	first, last := clock.FirstFrame(min(sp.from, lastMSN)), clock.FirstFrame(min(sp.to, lastMSN)+1)-1
	extent, err := s.ledger(ctx, ch)
	if err != nil {
		return err
	}
	if sp.from > lastMSN {
		return noCache(c, segmentList{
			Channel: ch.Name, Segments: []segmentView{}, Missing: []markers.MissingRecord{}, Ledger: extent,
		})
	}
	records, err := s.cfg.Store.Segments(ctx, ch.Name, markers.Range{
		From: markers.AtFrame(first), To: markers.EndOfFrame(last), Limit: sp.limit + 1, Desc: !sp.oldestFirst(),
	})
	if err != nil {
		return err
	}
	list := segmentList{Channel: ch.Name, Ledger: extent}
	records, list.Truncated = trimTo(sp, records)
	if list.Truncated && sp.oldestFirst() {
		last = clock.FirstFrame(records[len(records)-1].MSN+1) - 1
	} else if list.Truncated {
		first = records[0].FirstFrame
	}
	var more bool
	if list.Missing, first, last, more, err = s.missingWithin(ctx, ch.Name, first, last, ch.FramesPerSegment, sp); err != nil {
		return err
	}
	if list.Truncated = list.Truncated || more; list.Truncated {
		list.Next = sp.behind("segments", ch.Name, clock.MSN(first), clock.MSN(last))
		setLink(c.Response().Header(), list.Next)
	}
	own := s.own(ch.Name)
	list.Segments = []segmentView{}
	for _, r := range records {
		if r.FirstFrame >= first && r.FirstFrame <= last {
			list.Segments = append(list.Segments, segmentView{r, !own(r.Generator)})
		}
	}
	if sp.order == "desc" {
		slices.Reverse(list.Segments)
		slices.Reverse(list.Missing)
	}
	return noCache(c, list)
}

const (
	defaultRecords = 100
	maxRecords     = 5000
)

// frameList is the answer of /frames.
type frameList struct {
	Channel   string                  `json:"channel"`
	Frames    []frameView             `json:"frames"`
	Missing   []markers.MissingRecord `json:"missing"`
	Truncated bool                    `json:"truncated"`
	// Next is the address of what the limit left out.
	Next   string     `json:"next,omitempty"`
	Ledger ledgerView `json:"ledger"`
}

// span is a range of a ledger as a request gives it, both ends inclusive.
type span struct {
	from, to       int64
	hasFrom, hasTo bool
	limit          int
	order          string // asc, desc or empty
}

// newSpan reads from, to, limit and order.
func newSpan(q *query) span {
	s := span{to: maxFrame, limit: q.limit(defaultRecords, maxRecords), order: q.oneOf("order", "", "asc", "desc")}
	var from, to int64
	if from, s.hasFrom = q.number("from", 0, maxFrame); s.hasFrom {
		s.from = from
	}
	if to, s.hasTo = q.number("to", 0, maxFrame); s.hasTo {
		s.to = to
	}
	if s.hasFrom && s.hasTo && s.from > s.to {
		q.fail(badField("to", "to is before from"))
	}
	return s
}

// oldestFirst says which end of the range a limit keeps: the newest records, unless the request says where to begin.
func (s span) oldestFirst() bool { return s.order == "asc" || s.order == "" && s.hasFrom }

// trimTo drops what is beyond the limit from records that came in the order of oldestFirst, and puts them in
// ascending order.
func trimTo[T any](s span, records []T) (out []T, truncated bool) {
	if len(records) > s.limit {
		records, truncated = records[:s.limit], true
	}
	if !s.oldestFirst() {
		slices.Reverse(records)
	}
	if records == nil {
		records = []T{}
	}
	return records, truncated
}

// behind is the address, under a path, of what is left out of a range of which first to last are given.
func (s span) behind(path, channel string, first, last int64) string {
	v := url.Values{"channel": {channel}, "limit": {strconv.Itoa(s.limit)}}
	if s.oldestFirst() {
		s.from, s.hasFrom = last+1, true
	} else {
		s.to, s.hasTo = first-1, true
	}
	if s.hasFrom {
		v.Set("from", strconv.FormatInt(s.from, 10))
	}
	if s.hasTo {
		v.Set("to", strconv.FormatInt(s.to, 10))
	}
	if s.order != "" {
		v.Set("order", s.order)
	}
	return path + "?" + v.Encode()
}

// getFrames answers GET /frames.
func (s *Server) getFrames(c echo.Context) error {
	ctx := c.Request().Context()
	q := newQuery(c.Request(), "channel", "from", "to", "limit", "order")
	sp := newSpan(q)
	ch, err := s.channel(ctx, q)
	if err != nil {
		return err
	}
	records, err := s.cfg.Store.Frames(ctx, ch.Name, markers.Range{
		From: markers.AtFrame(sp.from), To: markers.EndOfFrame(sp.to), Limit: sp.limit + 1, Desc: !sp.oldestFirst(),
	})
	if err != nil {
		return err
	}
	list := frameList{Channel: ch.Name}
	records, list.Truncated = trimTo(sp, records)
	first, last := sp.from, sp.to
	if list.Truncated && sp.oldestFirst() {
		last = records[len(records)-1].Frame
	} else if list.Truncated {
		first = records[0].Frame
	}
	var more bool
	if list.Missing, first, last, more, err = s.missingWithin(ctx, ch.Name, first, last, 1, sp); err != nil {
		return err
	}
	if more {
		records = slices.DeleteFunc(records, func(r markers.FrameRecord) bool { return r.Frame < first || r.Frame > last })
	}
	if list.Frames, err = s.frameViews(ctx, ch, records); err != nil {
		return err
	}
	if list.Truncated = list.Truncated || more; list.Truncated {
		list.Next = sp.behind("frames", ch.Name, first, last)
		setLink(c.Response().Header(), list.Next)
	}
	if list.Ledger, err = s.ledger(ctx, ch); err != nil {
		return err
	}
	if sp.order == "desc" {
		slices.Reverse(list.Frames)
		slices.Reverse(list.Missing)
	}
	return noCache(c, list)
}

// missingWithin reads what is missing from first to last. Where that is more records than the limit, more is true, and the
// range gets smaller, by whole units of frames, at the end that the span leaves out: then it has some more than the limit at
// the most, which are missing in the first unit.
func (s *Server) missingWithin(ctx context.Context, channel string, first, last, unit int64, sp span,
) (out []markers.MissingRecord, newFirst, newLast int64, more bool, err error) {
	out, err = s.missingIn(ctx, channel, first, last)
	if out == nil {
		out = []markers.MissingRecord{}
	}
	if err != nil || len(out) <= sp.limit {
		return out, first, last, false, err
	}
	newFirst, newLast = first, last
	if sp.oldestFirst() {
		newLast = max(out[sp.limit].Frame/unit, first/unit+1)*unit - 1
	} else {
		ends := make([]int64, len(out))
		for i, m := range out {
			ends[i] = m.LastFrame
		}
		slices.Sort(ends)
		newFirst = min((ends[len(out)-sp.limit-1]+unit)/unit, last/unit) * unit
	}
	outside := func(m markers.MissingRecord) bool { return m.LastFrame < newFirst || m.Frame > newLast }
	if !slices.ContainsFunc(out, outside) {
		return out, first, last, false, nil
	}
	return slices.DeleteFunc(out, outside), newFirst, newLast, true, nil
}
