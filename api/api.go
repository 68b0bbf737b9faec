// Package api serves a stream's truth and its published files over HTTP: markers, the frame ledger, clocks, reference
// pictures, HLS playlists and segments, metrics and the page.
//
// It reads a [markers.Store] and a directory of published files and keeps nothing of its own, so any number of
// processes can serve one stream. The one thing it writes is a trigger, which asks the generator for an event.
//
// Formats: JSON (RFC 8259), CSV (RFC 4180), JSON Lines, WebVTT (W3C, with the X-TIMESTAMP-MAP of RFC 8216, 3.5),
// server-sent events (HTML, 9.2), problem details (RFC 9457), content negotiation (RFC 9110, 12.5.1), bearer tokens
// (RFC 6750). The interface is described by the OpenAPI document that /openapi.yaml serves.
package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/refstream/refstream/delivery"
	"github.com/refstream/refstream/markers"
)

// Config says what a Server serves. Store, HLSDir and Now are needed; the rest has defaults.
type Config struct {
	Store markers.Store
	// HLSDir is the directory of a channel's published files, or empty where there is none. The name it is given
	// consists of letters, digits, '.', '_' and '-' and does not begin with a '.'.
	HLSDir func(channel string) string
	// Page answers what no other route does, GET and HEAD only; its 404s become problem documents. Nil: no page.
	Page http.Handler
	// Token allows triggering events. Empty: triggers come from this machine only (see authorize).
	Token string
	// CORSOrigins are the origins whose pages may read the answers, such as https://example.org, or "*". Never with
	// credentials. Empty: none. The media, /hls and /live, are open to all in any case.
	CORSOrigins []string
	// Generator is the id of the generator whose files HLSDir has (markers.Channel.Generator), empty where that is not
	// known: what other generators measured does not hold for those files, and is answered as null. Nil: every record in
	// Store is of that generator.
	Generator func(channel string) string
	// Now is the clock.
	Now func() time.Time
	// Gatherer is what /metrics shows and Registerer where the server's own metrics go. Both nil: a registry of its own.
	Gatherer   prometheus.Gatherer
	Registerer prometheus.Registerer
	// Version is in the answer of /healthz.
	Version string
	// Logger gets one line a request at debug level, and failures. Nil: nothing is logged.
	Logger *slog.Logger
	// Ready adds a reason not to be ready to those of the store and to that of a channel which Live finds: that it is not
	// published yet. Nil: none.
	Ready func(ctx context.Context) error
	// Stream is where a channel is that this process generates; ok is false for others, of which the newest records have to
	// say it. Nil: it generates none.
	Stream func(channel string) (p Position, ok bool)
	// Live finds the handler of a channel's endless stream in a format, ts or flv; nil where this process has none. Nil: it
	// never has.
	Live func(channel, format string) http.Handler
	// Faults finds the log of a faulty twin's faults, nil where there is no such twin. Nil: there is none.
	Faults func(ctx context.Context, twin string) (FaultLog, error)
	// RequestFaults finds the faults of requests of a faulty twin, nil for other channels. Nil: there is none.
	RequestFaults func(channel string) *delivery.Faulty
	// Outputs lists the outputs of a channel or twin for /channels; nil where this process has none. Nil: it never has.
	Outputs func(channel string) []Output
	// TriggerLead is how far ahead of now a triggered event begins at the earliest: the generator must not have rendered
	// its first frame when the trigger arrives. Default 500 ms, at most 10 s.
	TriggerLead time.Duration
	// Heartbeat is the distance of comments on an event stream that has nothing to say. Default 15 s: proxies commonly
	// give up on a silent connection after 30 s or 60 s.
	Heartbeat time.Duration
	// MaxConnections is the largest number of connections at once that Run serves. One more takes the place of the one that has
	// been silent for longest; where none is, it waits. Each may take four files: itself, and for a moment three more. Default
	// 4096.
	MaxConnections int
	// StreamClients is the largest number of event streams at once, of which one address gets half. Default 256.
	StreamClients int
	// StreamWriteTimeout is how long a client of an event stream may take to accept a message. Default 5 s.
	StreamWriteTimeout time.Duration
}

// Position is where a channel is, as its generator says.
type Position struct {
	// Now is the stream's clock, which steps of the wall clock do not move.
	Now time.Time
	// Starting: it is not known yet at which frame the stream goes on.
	Starting bool
	// Next is the first frame that is not rendered yet: no event can begin before it.
	Next int64
	// Begins is when the stream begins, where it waits for its clock, the zero time otherwise. Newest is the frame that the
	// clock has to get beyond, -1 where there is none.
	Begins time.Time
	Newest int64
}

const (
	defaultTriggerLead        = 500 * time.Millisecond
	maxTriggerLead            = 10 * time.Second
	defaultHeartbeat          = 15 * time.Second
	defaultMaxConnections     = 4096 // more than a machine that encodes can serve
	defaultStreamClients      = 256
	defaultStreamWriteTimeout = 5 * time.Second
)

// withDefaults checks c and fills in what is left out.
func (c Config) withDefaults() (Config, error) {
	switch {
	case c.Store == nil:
		return c, errors.New("configure api: Store is missing")
	case c.HLSDir == nil:
		return c, errors.New("configure api: HLSDir is missing")
	case c.Now == nil:
		return c, errors.New("configure api: Now is missing: give time.Now")
	case c.TriggerLead < 0 || c.TriggerLead > maxTriggerLead:
		return c, fmt.Errorf("configure api: TriggerLead %v is not in 0 to %v", c.TriggerLead, maxTriggerLead)
	case c.Heartbeat < 0 || c.MaxConnections < 0 || c.StreamClients < 0 || c.StreamWriteTimeout < 0:
		return c, errors.New("configure api: Heartbeat, MaxConnections, StreamClients and StreamWriteTimeout must not be negative")
	case (c.Gatherer == nil) != (c.Registerer == nil):
		return c, errors.New("configure api: give both Gatherer and Registerer, or neither")
	}
	for _, o := range c.CORSOrigins {
		if err := checkOrigin(o); err != nil {
			return c, fmt.Errorf("configure api: %w", err)
		}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Gatherer == nil {
		r := prometheus.NewRegistry()
		c.Gatherer, c.Registerer = r, r
	}
	if c.Ready == nil {
		c.Ready = func(context.Context) error { return nil }
	}
	if c.RequestFaults == nil {
		c.RequestFaults = func(string) *delivery.Faulty { return nil }
	}
	if c.Outputs == nil {
		c.Outputs = func(string) []Output { return nil }
	}
	c.TriggerLead = cmp.Or(c.TriggerLead, defaultTriggerLead)
	c.Heartbeat = cmp.Or(c.Heartbeat, defaultHeartbeat)
	c.MaxConnections = cmp.Or(c.MaxConnections, defaultMaxConnections)
	c.StreamClients = cmp.Or(c.StreamClients, defaultStreamClients)
	c.StreamWriteTimeout = cmp.Or(c.StreamWriteTimeout, defaultStreamWriteTimeout)
	return c, nil
}

// checkOrigin refuses what a browser would never send as an Origin, for it would silently match nothing.
func checkOrigin(o string) error {
	if o == "*" {
		return nil
	}
	u, err := url.Parse(o)
	if err != nil || u.Scheme == "" || u.Host == "" || u.Scheme+"://"+u.Host != o {
		return fmt.Errorf("CORS origin %q is not an origin: write scheme and host without a path, such as "+
			"https://example.org, or *", o)
	}
	return nil
}
