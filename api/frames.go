package api

import (
	"context"
	"net/http"
	"slices"
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
	Ledger    ledgerView              `json:"ledger"`
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
}

// newSpan reads from, to and limit.
func newSpan(q *query) span {
	s := span{to: maxFrame, limit: q.limit(defaultRecords, maxRecords)}
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
func (s span) oldestFirst() bool { return s.hasFrom }

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

// getFrames answers GET /frames.
func (s *Server) getFrames(c echo.Context) error {
	ctx := c.Request().Context()
	q := newQuery(c.Request(), "channel", "from", "to", "limit")
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
	if list.Frames, err = s.frameViews(ctx, ch, records); err != nil {
		return err
	}
	var more bool
	if list.Missing, more, err = s.missingWithin(ctx, ch.Name, first, last, sp); err != nil {
		return err
	}
	list.Truncated = list.Truncated || more
	if list.Ledger, err = s.ledger(ctx, ch); err != nil {
		return err
	}
	return noCache(c, list)
}

// missingWithin reads what is missing from first to last, and keeps that end of it which the span says.
func (s *Server) missingWithin(ctx context.Context, channel string, first, last int64, sp span,
) (out []markers.MissingRecord, more bool, err error) {
	out, more, err = s.missingIn(ctx, channel, first, last, sp.limit, !sp.oldestFirst())
	if out == nil {
		out = []markers.MissingRecord{}
	}
	return out, more, err
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
	missing, _, err := s.missingIn(ctx, ch.Name, n, n, 0, false)
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
