package api

import (
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

// startingRetry is when a generator that is starting may be there.
const startingRetry = 2 * time.Second

// postMarker answers POST /markers: it plans an event as soon as possible and answers 202 with the marker that it
// will have, if its frames reach the stream.
func (s *Server) postMarker(c echo.Context) error {
	r := c.Request()
	ctx := r.Context()
	ch, err := s.posted(r)
	if err != nil {
		return err
	}
	req, err := readTrigger(c.Response(), r, ch)
	if err != nil {
		return err
	}
	if req.length == 0 {
		req.length = ch.EventLength
	}
	earliest, err := s.earliest(ctx, ch)
	if err != nil {
		return err
	}
	shows, err := scenario.New(ch)
	if err != nil {
		return err
	}
	t, err := s.planner.place(ctx, shows, max(0, earliest), req.length, req.text)
	if err != nil {
		return err
	}
	m := shows.Marker(generator.Event{First: t.Frame, Last: t.LastFrame}, t.Text)
	c.Response().Header().Set("Location", "/markers?"+url.Values{
		"channel": {ch.Name}, "kind": {markers.KindManual},
		"ts_start": {(m.Time - 1).String()}, "ts_end": {m.EndTime.String()},
	}.Encode())
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusAccepted, plannedView{Marker: m, foreign: !s.own(ch.Name)(ch.Generator)})
}
