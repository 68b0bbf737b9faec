package outputs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/rtmp"
	"github.com/refstream/refstream/stream"
)

// rtmpApp is the application that players name.
const rtmpApp = "live"

// ListenRTMP serves rtmp://…/live/CHANNEL to players, each from a key frame on, and the channels of other hubs beside, which end with this
// one. It returns as ListenTS does.
func (h *Hub) ListenRTMP(ctx context.Context, l net.Listener, others ...*Hub) error {
	hubs := map[string]*Hub{h.o.Channel.Name: h}
	for _, other := range others {
		hubs[other.o.Channel.Name] = other
	}
	o := h.newOutput(KindRTMP, "rtmp://"+l.Addr().String()+"/"+rtmpApp+"/"+h.o.Channel.Name)
	return h.listen(ctx, l, o, func(ctx context.Context, conn net.Conn) error { return h.serveRTMP(ctx, conn, o, hubs) })
}

// serveRTMP serves one connection, to one of the hubs by their channels' names, and closes it.
func (h *Hub) serveRTMP(ctx context.Context, conn net.Conn, o *output, hubs map[string]*Hub) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Who has not asked for the stream when it ends gets nothing more; others get what is left.
	stop := context.AfterFunc(h.closed, cancel)
	defer stop()
	server := rtmp.Server{Options: rtmp.Options{WriteTimeout: h.o.WriteTimeout}, Play: func(app, stream string) (rtmp.Source, error) {
		hub := hubs[stream]
		if app != rtmpApp || hub == nil {
			return nil, fmt.Errorf("there is only %s/%s", rtmpApp, strings.Join(slices.Sorted(maps.Keys(hubs)), ", "))
		}
		return &tagSource{hub: hub, begun: func() { stop() }}, nil
	}}
	return server.ServeConn(ctx, counted{conn, o})
}

// tagSource is the stream as RTMP takes it, from a key frame on.
type tagSource struct {
	hub *Hub
	// begun is called once, when the first tags are asked for.
	begun  func()
	reader *stream.Reader[*flvChunk]
	first  bool
}

// Next returns the tags of the next access unit; the first ones begin with onMetaData and the sequence header.
func (s *tagSource) Next(ctx context.Context) ([]flv.Tag, error) {
	if s.reader == nil {
		s.begun()
		s.reader, s.first = s.hub.flv.Join(), true
	}
	c, err := s.reader.Next(ctx)
	if err != nil {
		return nil, err
	}
	if s.first {
		s.first = false
		return c.Payload.begin(), nil
	}
	return c.Payload.tags, nil
}

// counted is a connection that counts what is written to it.
type counted struct {
	net.Conn
	o *output
}

func (c counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.o.sent(n)
	return n, err
}

// CloseWrite ends the stream to the peer.
func (c counted) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
