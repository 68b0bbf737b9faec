package api

import (
	"github.com/labstack/echo/v4"

	"github.com/refstream/refstream/markers"
)

// segmentList is the answer of /segments.
type segmentList struct {
	Channel   string                  `json:"channel"`
	Segments  []markers.SegmentRecord `json:"segments"`
	Missing   []markers.MissingRecord `json:"missing"`
	Truncated bool                    `json:"truncated"`
}

// getSegments answers GET /segments, whose range is in media sequence numbers.
func (s *Server) getSegments(c echo.Context) error {
	ctx := c.Request().Context()
	q := newQuery(c.Request(), "channel", "from", "to", "limit")
	sp := newSpan(q)
	ch, err := s.channel(ctx, q)
	if err != nil {
		return err
	}
	clock := ch.Clock()
	// Beyond this one no segment has a frame that can be asked for, and its frames would not fit a number.
	lastMSN := clock.MSN(maxFrame)
	first, last := clock.FirstFrame(min(sp.from, lastMSN)), clock.FirstFrame(min(sp.to, lastMSN)+1)-1
	if sp.from > lastMSN {
		return noCache(c, segmentList{
			Channel: ch.Name, Segments: []markers.SegmentRecord{}, Missing: []markers.MissingRecord{},
		})
	}
	records, err := s.cfg.Store.Segments(ctx, ch.Name, markers.Range{
		From: markers.AtFrame(first), To: markers.EndOfFrame(last), Limit: sp.limit + 1, Desc: !sp.oldestFirst(),
	})
	if err != nil {
		return err
	}
	list := segmentList{Channel: ch.Name}
	list.Segments, list.Truncated = trimTo(sp, records)
	if list.Truncated && sp.oldestFirst() {
		last = list.Segments[len(list.Segments)-1].LastFrame
	} else if list.Truncated {
		first = list.Segments[0].FirstFrame
	}
	var more bool
	if list.Missing, more, err = s.missingWithin(ctx, ch.Name, first, last, sp); err != nil {
		return err
	}
	list.Truncated = list.Truncated || more
	return noCache(c, list)
}
