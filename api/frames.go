package api

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/refstream/refstream/markers"
)

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

// missingView is a frame that has no record.
type missingView struct {
	Frame   int64                 `json:"frame"`
	Missing markers.MissingRecord `json:"missing"`
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

// noCache answers with JSON that may be different the next time.
func noCache(c echo.Context, v any) error {
	c.Response().Header().Set("Cache-Control", "no-cache")
	return c.JSON(http.StatusOK, v)
}

// getFrame answers GET /frames/{n} and GET /frames/{n}.png: the router can't tell them apart.
func (s *Server) getFrame(c echo.Context) error {
	param, png := strings.CutSuffix(c.Param("n"), ".png")
	if strings.Contains(param, "/") {
		return echo.ErrNotFound
	}
	n, numberErr := parseDigits(param)
	q := newQuery(c.Request(), "channel")
	if numberErr != nil || n > maxFrame {
		q.fail(badField("n", "%q is not a frame number from 0 to %d", param, int64(maxFrame)))
	}
	ctx := c.Request().Context()
	ch, err := s.channel(ctx, q)
	if err != nil {
		return err
	}
	if png {
		return s.answerPicture(c, ch, n)
	}
	record, err := s.frame(ctx, ch.Name, n)
	if err != nil {
		return err
	}
	missing, err := s.missingIn(ctx, ch.Name, n, n)
	switch {
	case err != nil:
		return err
	case record == nil && len(missing) == 0:
		return s.unknownFrame(ctx, ch, n)
	case record == nil:
		return noCache(c, missingView{n, missing[0]})
	}
	views, err := s.frameViews(ctx, ch, []markers.FrameRecord{*record})
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		views[0].Missing = &missing[0]
	}
	return noCache(c, views[0])
}

// frame reads the record of frame n, nil where there is none.
func (s *Server) frame(ctx context.Context, channel string, n int64) (*markers.FrameRecord, error) {
	list, err := s.cfg.Store.Frames(ctx, channel, markers.Range{
		From: markers.AtFrame(n), To: markers.EndOfFrame(n), Limit: 1,
	})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}
