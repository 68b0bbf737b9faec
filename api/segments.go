package api

import (
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/refstream/refstream/markers"
)

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
