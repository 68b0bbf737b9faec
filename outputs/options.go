package outputs

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/markers"
)

const (
	// defaultWriteTimeout is as long as a consumer may lag behind: whoever takes nothing for that long has lost the stream.
	defaultWriteTimeout = 5 * time.Second
	// defaultMaxClients of one output are more than a machine that encodes can feed, and far from its limit of open files.
	defaultMaxClients = 1000
)

// Options say what a [Hub] serves and how patiently.
type Options struct {
	// Channel is the one served; its Name is part of addresses.
	Channel markers.Channel
	// FLV describes the stream in onMetaData, in FLV and RTMP.
	FLV flv.Options
	// FFmpeg is the program that relays run, found in PATH; default "ffmpeg".
	FFmpeg string
	// Now tells the time; only differences count. Required.
	Now func() time.Time
	// Logger is told of consumers that are dropped and of changes of state. Default: nobody is.
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
