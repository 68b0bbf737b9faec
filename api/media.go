package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/refstream/refstream/delivery"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/packager"
)

// fileOf is the file that a request is for: the manifest has a route of its own.
func fileOf(c echo.Context) string { return cmp.Or(c.Param("file"), packager.Manifest) }

// getPublished answers GET /hls/{channel}/{file} and /dash/{channel}/manifest.mpd.
func (s *Server) getPublished(c echo.Context) error {
	channel, name := c.Param("channel"), fileOf(c)
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

const (
	// faultyRoute is that of channels with the faults of an expression.
	faultyRoute = "/faulty/:expression/"
	// heldShare: of the connections, answers that are held back by a fault get a quarter, so that others have theirs.
	heldShare = 4
)

// answerFaulty answers with a file, and the faults of requests. An answer that is held back ends with the client, or the server.
func (s *Server) answerFaulty(c echo.Context, f *delivery.Faulty, client, name string, file *delivery.Resource) error {
	ctx, cancel := context.WithCancel(c.Request().Context())
	defer cancel()
	stop := context.AfterFunc(s.stopping, cancel)
	defer stop()
	r := c.Request().WithContext(ctx)
	rec, _ := c.Response().Writer.(*recorder) // wrap has put it there
	c.Response().Committed = true
	q := f.Request(client, name)
	q.Now, q.Places = s.cfg.Now, s.held
	f.Log.Serve(rec, r, q, func(w http.ResponseWriter) {
		if p := guard(&recorder{ResponseWriter: w}, func(w http.ResponseWriter) { file.Send(w, r) }); p != nil {
			writeProblem(w, r, p)
		}
	})
	return nil
}

// answerTwin answers with a file of a faulty twin.
func (s *Server) answerTwin(c echo.Context, f *delivery.Faulty, name string, file *delivery.Resource) error {
	q := &query{values: c.Request().URL.Query()} // others are ignored, as with the clean channel
	client := q.client()
	if q.err != nil {
		return q.err
	}
	file, err := file.WithClient(client)
	if err != nil {
		return err
	}
	return s.answerFaulty(c, f, client, name, file)
}

// getFaulty answers GET /faulty/{expression}/hls/{channel}/{file} and /faulty/{expression}/dash/{channel}/manifest.mpd.
func (s *Server) getFaulty(c echo.Context) error {
	name := c.Param("channel")
	if markers.CheckChannelName(name) != nil {
		return notFound("there is no channel %q", name)
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), requestTimeout)
	defer cancel()
	channel, twin, err := s.channelOrTwin(ctx, &query{values: url.Values{"channel": {name}}})
	if err != nil {
		return err
	}
	if twin != nil {
		return noExpression(twin)
	}
	x, err := s.expression(c, channel)
	if err != nil {
		return err
	}
	file, err := x.Open(fileOf(c))
	if err != nil {
		return err
	}
	defer file.Close()
	return s.answerFaulty(c, &x.Faulty, x.Client, fileOf(c), file)
}

// noExpression refuses an expression on a twin.
func noExpression(t *twinTruth) error {
	return badField("channel", "%s is a faulty twin, and an expression makes faults in a clean channel: use %s, or add faults to the twin with POST /faults",
		t.name, t.source.Name)
}

// expression is the channel with the faults of the request's expression.
func (s *Server) expression(c echo.Context, channel markers.Channel) (*delivery.Expression, error) {
	text, err := pathParam(c, "expression")
	var x *delivery.Expression
	if err == nil {
		x, err = s.faulty.Open(text, channel)
	}
	if err != nil {
		return nil, badField("expression", "%s", err)
	}
	return x, nil
}

// pathParam is a part of the path, which the router has as it was sent.
func pathParam(c echo.Context, name string) (string, error) {
	if c.Request().URL.RawPath == "" {
		return c.Param(name), nil
	}
	return url.PathUnescape(c.Param(name))
}

// getFaultyFaults answers GET /faulty/{expression}/faults.
func (s *Server) getFaultyFaults(c echo.Context) error {
	return s.answerFaults(c, func(q *query) (string, FaultLog, *delivery.Faulty, error) {
		channel, twin, err := s.channelOrTwin(c.Request().Context(), q)
		if err == nil && twin != nil {
			err = noExpression(twin)
		}
		if err != nil {
			return "", nil, nil, err
		}
		x, err := s.expression(c, channel)
		if err != nil {
			return "", nil, nil, err
		}
		return channel.Name, expressionLog{x}, &x.Faulty, nil
	})
}

// expressionLog is the log of an expression's faults.
type expressionLog struct{ *delivery.Expression }

func (l expressionLog) Clock() markers.Clock { return l.Expression.Clock }
func (l expressionLog) Newest() int64        { return l.Expression.Newest() }
func (l expressionLog) Faults(_ context.Context, first, last int64) ([]markers.FaultRecord, error) {
	return l.Records(first, last, l.Newest(), ""), nil
}
