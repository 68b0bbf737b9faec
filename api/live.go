package api

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/refstream/refstream/markers"
)

// liveRoute is that of the endless streams.
const liveRoute = "/live/:file"

// liveBuffer is how much of a live stream the kernel may hold for a client, in bytes: half a second at 4 Mbit/s. Left to
// itself it grows to some megabytes, and it would take long to see that a client has stopped reading.
const liveBuffer = 256 << 10

// connKey finds a request's connection in its context.
type connKey struct{}

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

// channelView is a channel in the answer of /channels. Outputs is absent where this process does not know them: it does
// not generate the channel.
type channelView struct {
	markers.Channel
	Outputs []Output `json:"outputs,omitempty"`

	foreign bool
}

// MarshalJSON writes the channel, with null as the run of another generator.
func (v channelView) MarshalJSON() ([]byte, error) {
	type plain channelView
	return withNull(v.foreign, plain(v), "run")
}

// noBody refuses a request that announces a body: the answer without end would wait for it first, and without a limit.
func noBody(r *http.Request) error {
	if r.ContentLength == 0 {
		return nil
	}
	return badField("Content-Length", "a stream takes no request body: leave it out")
}

// getLive answers GET /live/{channel}.ts and .flv: an endless stream, from the newest complete GOP on. Its handler keeps
// its own time limits.
func (s *Server) getLive(c echo.Context) error {
	name, format, ok := strings.Cut(c.Param("file"), ".")
	if !ok || format != "ts" && format != "flv" {
		return notFound("there is nothing here: live streams are /live/{channel}.ts and /live/{channel}.flv")
	}
	var live http.Handler
	if s.cfg.Live != nil {
		live = s.cfg.Live(name, format)
	}
	if live == nil {
		if _, err := s.cfg.Store.Channel(c.Request().Context(), name); err != nil {
			return err
		}
		return notFound("the live stream comes from the process that generates the channel, which is another one: ask there")
	}
	if conn, ok := c.Request().Context().Value(connKey{}).(interface{ SetWriteBuffer(int) error }); ok {
		_ = conn.SetWriteBuffer(liveBuffer) // without it the stream flows as well
	}
	if err := noBody(c.Request()); err != nil {
		return err
	}
	guard := &errorGuard{ResponseWriter: c.Response().Writer}
	live.ServeHTTP(guard, c.Request())
	if guard.held == http.StatusServiceUnavailable {
		return &Problem{Status: guard.held, retryAfter: clientsRetry, Detail: "all places for live streams are taken"}
	}
	if err := guard.problem(); err != nil {
		return err
	}
	c.Response().Committed = true
	return nil
}
