package outputs

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/markers"
)

const (
	// defaultWriteTimeout is as long as a consumer may lag behind: whoever takes nothing for that long has lost the stream.
	defaultWriteTimeout = 5 * time.Second
	// defaultMaxClients of one output are more than a machine that encodes can feed, and far from its limit of open files.
	defaultMaxClients = 1000
)

// Options are what a [Hub] serves and how patiently.
type Options struct {
	// Channel is the one served; its Name is part of addresses.
	Channel markers.Channel
	// FLV describes the stream in onMetaData, in FLV and RTMP. With its track of sound MPEG-TS has sound too.
	FLV flv.Options
	// Faults makes the faults of a faulty stream, for each of its carriers; nil for a clean one.
	Faults func() ts.Faults
	// FFmpeg is the program that relays run, found in PATH; default "ffmpeg".
	FFmpeg string
	// Now is the clock; only differences count. Required.
	Now func() time.Time
	// Logger logs consumers that are dropped and changes of state. Default: none.
	Logger *slog.Logger
	// WriteTimeout is how long a consumer may take for one access unit. Default 5 s.
	WriteTimeout time.Duration
	// MaxClients bounds the consumers of each output. Default 1000.
	MaxClients int
}

func (o Options) withDefaults() (Options, error) {
	switch {
	case o.Channel.Name == "":
		return o, errors.New("the channel has no name")
	case o.Now == nil:
		return o, errors.New("there is no Now to tell the time")
	case o.WriteTimeout < 0:
		return o, fmt.Errorf("write timeout %v is negative", o.WriteTimeout)
	case o.MaxClients < 0:
		return o, fmt.Errorf("%d clients at the most", o.MaxClients)
	}
	if o.FFmpeg == "" {
		o.FFmpeg = "ffmpeg"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.WriteTimeout == 0 {
		o.WriteTimeout = defaultWriteTimeout
	}
	if o.MaxClients == 0 {
		o.MaxClients = defaultMaxClients
	}
	return o, nil
}

// Kinds of outputs.
const (
	KindHTTPTS  = "http-ts"
	KindHTTPFLV = "http-flv"
	KindTCPTS   = "tcp-ts"
	KindRTMP    = "rtmp"
	KindPush    = "push"
	KindRelay   = "relay"
)

// States of outputs.
const (
	StateListening  = "listening"  // for consumers
	StateConnecting = "connecting" // a push to its target
	StateConnected  = "connected"  // the push's stream flows
	StateRunning    = "running"    // the relay's program
	StateWaiting    = "waiting"    // to begin again after a failure
	StateEnded      = "ended"      // for good
)

// Status is what an output does and has done since it was made.
type Status struct {
	// Kind is one of Kind…, Name an address or path without passwords, stream keys and queries:
	// of a push, at most 200 bytes of printable UTF-8.
	Kind string `json:"kind"`
	Name string `json:"name"`
	// State is one of State….
	State string `json:"state"`
	// Clients is how many consumers there are now, ClientsTotal how many there have been. A push's target that takes the
	// stream, and a relay's program, are consumers.
	Clients      int   `json:"clients"`
	ClientsTotal int64 `json:"clients_total"`
	// Bytes were sent to all of them.
	Bytes int64 `json:"bytes"`
	// Dropped counts consumers that were cut off because they were too slow.
	Dropped int64 `json:"dropped"`
	// Reconnects is how often a push or relay was begun again, successfully or not.
	Reconnects int64 `json:"reconnects"`
	// LastError is what ended the last connection or attempt that failed, or empty.
	LastError string `json:"last_error"`
}

// kinds are in the order of Status.
func kinds() []string {
	return []string{KindHTTPTS, KindHTTPFLV, KindTCPTS, KindRTMP, KindPush, KindRelay}
}

// Status lists all outputs, by kind: http-ts, http-flv, tcp-ts, rtmp, push, relay; those of a kind in the order in which
// they were made.
func (h *Hub) Status() []Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]Status, len(h.outputs))
	for i, o := range h.outputs {
		list[i] = o.status()
	}
	order := kinds()
	slices.SortStableFunc(list, func(a, b Status) int {
		return slices.Index(order, a.Kind) - slices.Index(order, b.Kind)
	})
	return list
}
