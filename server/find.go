package server

import (
	"context"
	"errors"
	"net/http"

	"github.com/refstream/refstream/api"
	"github.com/refstream/refstream/delivery"
)

// What the API asks about channels by their names, and about twins by theirs.

// ready is why not all channels are ready.
func (s *Server) ready(ctx context.Context) error {
	var errs []error
	for _, c := range s.channels.ready() {
		errs = append(errs, c.cfg.problem(c.live.Ready(ctx)))
	}
	return errors.Join(errs...)
}

// requestFaults has the faults of requests of a twin, nil for other channels.
func (s *Server) requestFaults(name string) *delivery.Faulty {
	if _, t := s.channels.find(name); t != nil {
		return t.answers
	}
	return nil
}

// liveStream finds the endless stream of a channel or of a twin.
func (s *Server) liveStream(name, format string) http.Handler {
	c, t := s.channels.find(name)
	if c == nil {
		return nil
	}
	hub := c.carriers.hub
	if t != nil {
		hub = t.hub
	}
	switch format {
	case "ts":
		return hub.TS()
	case "flv":
		return hub.FLV()
	}
	return nil
}

// outputs lists those of a channel or of a twin for /channels.
func (s *Server) outputs(name string) (list []api.Output) {
	c, t := s.channels.find(name)
	if c == nil {
		return nil
	}
	hub := c.carriers.hub
	if t != nil {
		hub = t.hub
	}
	for _, o := range distinct(hub.Status()) {
		list = append(list, api.Output(o))
	}
	return list
}
