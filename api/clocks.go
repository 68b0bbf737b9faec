package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
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
}

// latestView is a frame on every clock.
type latestView struct {
	Frame    int64         `json:"frame"`
	PTS      int64         `json:"pts"`
	Timecode string        `json:"timecode"`
	UTC      time.Time     `json:"utc"`
	Time     media.Seconds `json:"time"`
	// GenTime and GenSeconds are nil where another generator made the frame.
	GenTime    *time.Time     `json:"gen_time"`
	GenSeconds *media.Seconds `json:"gen_seconds"`
}

// getClocks answers GET /clocks.
func (s *Server) getClocks(c echo.Context) error {
	ctx := c.Request().Context()
	ch, err := s.channel(ctx, newQuery(c.Request(), "channel"))
	if err != nil {
		return err
	}
	v := clocksView{Channel: ch, FPSNum: ch.Rate.Num, FPSDen: ch.Rate.Den}
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
	answer, err := withNull(!s.own(ch.Name)(ch.Generator), v, "run")
	if err != nil {
		return err
	}
	return noStore(c, http.StatusOK, answer)
}

// getTime answers GET /time, as UTCTiming of DASH has it (ISO/IEC 23009-1, 5.8.5.7): the stream's clock, as in /clocks.
func (s *Server) getTime(c echo.Context) error {
	ctx := c.Request().Context()
	ch, err := s.channel(ctx, newQuery(c.Request(), "channel"))
	if err != nil {
		return err
	}
	now, err := s.streamNow(ctx, ch)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.String(http.StatusOK, now.t.UTC().Format("2006-01-02T15:04:05.000Z"))
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
		v.GenTime, v.GenSeconds = &gen, new(media.Seconds(gen.Sub(ch.Epoch)))
	}
	return v, nil
}

// getChannels answers GET /channels.
func (s *Server) getChannels(c echo.Context) error {
	if err := newQuery(c.Request()).err; err != nil {
		return err
	}
	list, err := s.cfg.Store.Channels(c.Request().Context())
	if err != nil {
		return err
	}
	views := make([]json.RawMessage, len(list))
	for i, ch := range list {
		v := channelView{Channel: ch, Outputs: s.cfg.Outputs(ch.Name)}
		for _, scenario := range ch.Scenarios {
			name := ch.Name + "-" + scenario
			v.Twins = append(v.Twins, twinView{name, s.cfg.Outputs(name)})
		}
		if views[i], err = withNull(!s.own(ch.Name)(ch.Generator), v, "run"); err != nil {
			return err
		}
	}
	return noCache(c, map[string]any{"channels": views})
}

const (
	// liveWithin is how old the newest frame of a live channel may be.
	liveWithin = 10 * time.Second
	// arrivalWait is how long a request waits for a new record where clocks don't say whether the channel is live: many
	// frames, and a moment for whoever asks.
	arrivalWait = time.Second
	// recordLag is how far behind the frame that is being rendered the newest record may be.
	recordLag = time.Second
)

// clockSource says on whose clock the stream's time is.
type clockSource string

const (
	clockGenerator clockSource = "generator" // the stream's own
	clockRecords   clockSource = "records"   // this server's, with which the newest record agrees
	clockUnknown   clockSource = "unknown"   // this server's, with which no record agrees
)

// streamNow is the time of a channel's stream, and whether it is live.
type streamNow struct {
	t      time.Time
	source clockSource
	live   bool
	detail string // what is not known
	// newest is the newest record, the zero ID where there is none.
	newest   markers.ID
	position Position // where source is clockGenerator
}

// streamNow finds the time of a channel's stream: on the clock of its generator, where that is in this process, otherwise by
// comparing this server's clock with the newest record.
func (s *Server) streamNow(ctx context.Context, ch markers.Channel) (n streamNow, err error) {
	if n.newest, err = s.cfg.Store.Last(ctx, ch.Name, markers.Frames); err != nil {
		return n, err
	}
	none := n.newest == markers.ID{}
	newest := ch.Clock().UTC(n.newest.Frame)
	if s.cfg.Stream != nil {
		if p, ok := s.cfg.Stream(ch.Name); ok {
			n.t, n.source, n.position = p.Now.UTC(), clockGenerator, p
			age := p.Now.Sub(newest)
			n.live = !none && p.Begins.IsZero() && -liveWithin <= age && age <= liveWithin
			return n, nil
		}
	}
	wall := s.cfg.Now()
	n.t = wall.UTC()
	moving := s.arrivals.note(ch.Name, n.newest, wall)
	switch age := n.t.Sub(newest); {
	case none:
		n.source, n.detail = clockUnknown, "there is no frame yet to compare this server's clock with"
	case -liveWithin <= age && age <= liveWithin:
		n.source, n.live = clockRecords, true
	default:
		n.source, n.live = clockUnknown, moving
		n.detail = fmt.Sprintf("the newest frame is %v %s this server's clock", age.Abs().Round(time.Millisecond),
			map[bool]string{true: "behind", false: "ahead of"}[age > 0])
		if moving {
			n.detail += ", and more come: the clocks of this server and of the generator differ"
		} else {
			n.detail += ": the generator does not run, or it waits, or the clocks differ"
		}
	}
	return n, nil
}

// arrivals notes when the newest record of a channel was another one than before: where clocks differ that alone says that
// its generator runs. Its methods may be called at once from many goroutines.
type arrivals struct {
	mu   sync.Mutex
	seen map[string]arrival
}

type arrival struct {
	newest markers.ID
	looked time.Time // when it was asked for last
	came   time.Time // when it was found to be another one than shortly before, the zero time where it was not
}

// note takes in the newest record and reports whether one came lately.
func (a *arrivals) note(channel string, newest markers.ID, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	lately := func(t time.Time) bool { return !t.IsZero() && now.Sub(t) >= 0 && now.Sub(t) <= liveWithin }
	v := a.seen[channel]
	if v.newest != newest {
		v.came = time.Time{}
		if lately(v.looked) {
			v.came = now
		}
	}
	v.newest, v.looked = newest, now
	a.seen[channel] = v
	return lately(v.came)
}

// Output is a way, besides HLS, on which a channel leaves this process, and what has become of it since the start.
type Output struct {
	// Kind is http-ts, http-flv, tcp-ts, rtmp, push or relay; Name an address or path, without passwords and stream keys.
	Kind string `json:"kind"`
	Name string `json:"name"`
	// State is listening, connected, connecting, running, waiting (to try again) or ended.
	State string `json:"state"`
	// Clients is how many consumers there are now, ClientsTotal how many there have been.
	Clients      int   `json:"clients"`
	ClientsTotal int64 `json:"clients_total"`
	// Bytes were sent to all of them. Dropped counts those that were cut off because they were too slow, Reconnects how
	// often a push or relay had to begin again.
	Bytes      int64 `json:"bytes"`
	Dropped    int64 `json:"dropped"`
	Reconnects int64 `json:"reconnects"`
	// LastError is what ended the last connection or attempt that failed, empty where none did.
	LastError string `json:"last_error"`
}

// channelView is a channel in the answer of /channels, with its faulty twins. Outputs is absent where this process does not know them: it does
// not generate the channel.
type channelView struct {
	markers.Channel
	Outputs []Output   `json:"outputs,omitempty"`
	Twins   []twinView `json:"twins,omitempty"`
}

// twinView is a faulty twin of a channel.
type twinView struct {
	Channel string   `json:"channel"`
	Outputs []Output `json:"outputs,omitempty"`
}
