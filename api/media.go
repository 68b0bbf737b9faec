package api

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

// getPublished answers GET /hls/{channel}/{file}.
func (s *Server) getPublished(c echo.Context) error {
	channel, name := c.Param("channel"), c.Param("file")
	file, err := s.hls.Open(channel, name)
	if err != nil {
		return err
	}
	defer file.Close()
	if f := s.cfg.RequestFaults(channel); f != nil {
		return s.answerTwin(c, f, name, file)
	}
	return answerBy(c, func(w http.ResponseWriter) { file.Send(w, c.Request()) })
}

// liveRoute is that of the endless streams.
const liveRoute = "/live/:file"

// liveBuffer is how much of a live stream the kernel may hold for a client, in bytes: half a second at 4 Mbit/s. Left to
// itself it grows to some megabytes, and it would take long to see that a client has stopped reading.
const liveBuffer = 256 << 10

// connKey finds a request's connection in its context.
type connKey struct{}

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
	err := answerBy(c, func(w http.ResponseWriter) { live.ServeHTTP(w, c.Request()) })
	var p *Problem
	if errors.As(err, &p) && p.Status == http.StatusServiceUnavailable {
		return tryLater(p.Status, clientsRetry, "all places for live streams are taken")
	}
	return err
}
