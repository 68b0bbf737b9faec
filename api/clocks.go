package api

import (
	"context"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/refstream/refstream/markers"
)

// clocksView is the answer of /clocks: everything that is needed to convert between the clocks, and where they are.
type clocksView struct {
	markers.Channel
	FPSNum int64 `json:"fps_num"`
	FPSDen int64 `json:"fps_den"`
	// ServerTime is the stream's clock where this server generates the channel, otherwise its own; ServerFrame the frame
	// whose nominal time has come by then, negative before the epoch.
	ServerTime  time.Time `json:"server_time"`
	ServerFrame int64     `json:"server_frame"`
	// Clock says whose clock ServerTime is on; ClockDetail what is not known, where something is not.
	Clock       clockSource `json:"clock"`
	ClockDetail string      `json:"clock_detail,omitempty"`
	// Latest is the newest frame that left the encoder.
	Latest *latestView `json:"latest"`
	// Live: that frame is recent.
	Live bool `json:"live"`

	foreign bool
}

// MarshalJSON writes the clocks, with null as the run of another generator.
func (v clocksView) MarshalJSON() ([]byte, error) {
	type plain clocksView
	return withNull(v.foreign, plain(v), "run")
}

// latestView is a frame on every clock.
type latestView struct {
	Frame    int64           `json:"frame"`
	PTS      int64           `json:"pts"`
	Timecode string          `json:"timecode"`
	UTC      time.Time       `json:"utc"`
	Time     markers.Seconds `json:"time"`
	// GenTime and GenSeconds are nil where another generator made the frame.
	GenTime    *time.Time       `json:"gen_time"`
	GenSeconds *markers.Seconds `json:"gen_seconds"`
}

// channelList is the answer of /channels.
type channelList struct {
	Channels []channelView `json:"channels"`
}

// getClocks answers GET /clocks.
func (s *Server) getClocks(c echo.Context) error {
	ctx := c.Request().Context()
	ch, err := s.channel(ctx, newQuery(c.Request(), "channel"))
	if err != nil {
		return err
	}
	v := clocksView{Channel: ch, FPSNum: ch.Rate.Num, FPSDen: ch.Rate.Den, foreign: !s.own(ch.Name)(ch.Generator)}
	if v.Latest, err = s.latest(ctx, ch); err != nil {
		return err
	}
	// The clock is read last: what a client takes for the time of the answer is as near as can be.
	now, err := s.streamNow(ctx, ch)
	if err != nil {
		return err
	}
	v.ServerTime, v.Clock, v.ClockDetail, v.Live = now.t, now.source, now.detail, now.live
	v.ServerFrame = ch.Clock().FrameAt(v.ServerTime)
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(200, v)
}

// latest is the newest frame, nil where there is none.
func (s *Server) latest(ctx context.Context, ch markers.Channel) (*latestView, error) {
	list, err := s.cfg.Store.Frames(ctx, ch.Name, markers.Range{Limit: 1, Desc: true})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	f, clock := list[0], ch.Clock()
	v := &latestView{Frame: f.Frame, PTS: f.PTS, Timecode: f.Timecode, UTC: f.UTC, Time: clock.Time(f.Frame)}
	if s.own(ch.Name)(f.Generator) {
		gen := time.Unix(0, f.GenNS).UTC()
		seconds := markers.Seconds(gen.Sub(ch.Epoch))
		v.GenTime, v.GenSeconds = &gen, &seconds
	}
	return v, nil
}

// getChannels answers GET /channels.
func (s *Server) getChannels(c echo.Context) error {
	q := newQuery(c.Request())
	if q.err != nil {
		return q.err
	}
	list, err := s.cfg.Store.Channels(c.Request().Context())
	if err != nil {
		return err
	}
	views := make([]channelView, len(list))
	for i, ch := range list {
		views[i].Channel, views[i].foreign = ch, !s.own(ch.Name)(ch.Generator)
		if s.cfg.Outputs != nil {
			views[i].Outputs = s.cfg.Outputs(ch.Name)
		}
	}
	return noCache(c, channelList{views})
}
