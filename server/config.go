package server

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/refstream/refstream/encoder"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/packager"
	"github.com/refstream/refstream/scenario"
)

// Role is the part of the work that a server does.
type Role string

// Roles.
const (
	All       Role = "all"
	Generator Role = "generator" // no page
	API       Role = "api"       // no stream: over the Redis of a generator
)

// Config says what a Server runs. Everything may be left out. Errors name a field as refstream serve names its flag:
// --event-every is Stream.EventEvery.
//
// A channel goes on where it left off when a Server is started with the same Data: a field of Stream that is left out is then
// what it was, and so are Container, DASH, Encoding.Bitrate, Encoding.RateControl and KeepMarkers.
type Config struct {
	// Stream says what the channel shows and how it is cut. What is left out: a channel main of 1280x720 at 30 frames/s with
	// segments of 2 s, events of 2 s every 20 s on average, a window of 10 min, a random seed, and the first start as epoch.
	Stream   scenario.Settings
	Encoding Encoding
	// Channels are several channels. Of each, Stream, Encoding, Container, DASH, Scenarios, Outputs, KeepMarkers and Given count; the
	// rest is that of this Config, of which those fields then do not count. Nil: there is one channel, of this Config.
	Channels []Config
	// Container is what HLS segments are packed in: ts (MPEG-TS), fmp4 (CMAF), or both with a comma between them, of which the
	// first has index.m3u8 and master.m3u8. Default: ts.
	Container string
	// DASH publishes a manifest too, and fragmented MP4 beside Container, where that does not name it.
	DASH bool
	// Scenarios are scenario files, or ready ones' names: each gives the channel a faulty twin, main-NAME. Default: none.
	Scenarios []string
	Outputs   Outputs
	// Addr is what the API and the page listen at. Default: 127.0.0.1 with a free port.
	Addr string
	// Data is the folder of the journal and the segments. Default: data.
	Data string
	// Redis keeps the markers too, such as redis://127.0.0.1:6379/0. Default: none.
	Redis string
	// Role is what the server does. Default: All.
	Role Role
	// Token is the bearer token for triggering events. Default: none, they are taken from this machine only.
	Token string
	// CORSOrigins are the origins whose pages may read the API, such as https://example.org, or *. Default: none.
	CORSOrigins []string
	// KeepMarkers is how long markers are kept, at least Stream.Window. Default: 24 h.
	KeepMarkers time.Duration
	// Reset empties the channel's data, and its Redis records, before the start.
	Reset bool
	// Version is the release that the API and the live outputs name. Default: dev.
	Version string
	// Logger is told what happens. Default: nobody is.
	Logger *slog.Logger
	// Given reports whether the flag of a name was given, so that its field counts even where it is zero. Stream.Audio that is set and
	// was not given is for a new data directory only. Default: fields that are not zero were given.
	Given func(flag string) bool

	given   map[string]bool // by the names of flags, once settle was called
	several bool            // it is of one of several channels
}

// Encoding says how the pictures are encoded: that changes the bits, never the truth.
type Encoding struct {
	// Encoder is ffmpeg's: libx264 or h264_nvenc. Default: libx264.
	Encoder string
	// Raw is the format that pictures are rendered in for ffmpeg: with yuv420p it has none to convert, and the stream differs by
	// at most a level in any sample. Default: rgb24.
	Raw media.PixelFormat
	// Preset is one of the encoder's. Default: veryfast of libx264, else the encoder's own.
	Preset string
	// Bitrate in bit/s. Default: 6000000.
	Bitrate int64
	// RateControl is capped, where Bitrate is an upper bound, or cbr, where every segment is filled up to it. Default: capped.
	RateControl string
	// BFrames is the number of consecutive B-frames, up to 16. Default: 2, with LowLatency and below 2 frames/s none.
	BFrames int
	// LowLatency is without lookahead.
	LowLatency bool
	// Threads of the encoder. Default: it chooses by the machine.
	Threads int
	// FFmpeg is the program. Default: the one of that name in the path.
	FFmpeg string
}

// The ways to keep to a bit rate.
const (
	Capped = "capped"
	CBR    = "cbr"
)

// Outputs are the live outputs besides HLS and HTTP. Default: none.
type Outputs struct {
	// Push sends the stream to tcp://host:port (MPEG-TS) or rtmp[s]://host/app/key, that of a faulty twin as CHANNEL-NAME=ADDRESS.
	Push []string
	// ListenTS serves MPEG-TS to whoever connects to this address, RTMP rtmp://address/live/CHANNEL to players.
	ListenTS, RTMP string
	// Relay runs ffmpeg -c copy into each of these: an address (srt, udp, rtp, rtsp, tcp) or a file.
	Relay []string
}

// Defaults is the Config of everything that is left out.
func Defaults() Config {
	c := Config{
		Stream:    scenario.DefaultSettings(),
		Encoding:  Encoding{Encoder: encoder.X264, Raw: media.RGB24, Preset: "veryfast", Bitrate: 6_000_000, RateControl: Capped, BFrames: 2},
		Container: string(packager.TS),
		Addr:      "127.0.0.1:0", Data: "data", Role: All, KeepMarkers: 24 * time.Hour, Version: "dev",
		Logger: slog.New(slog.DiscardHandler),
	}
	c.Stream.Window = 10 * time.Minute
	return c
}

// each is the Config of each channel, with what is left out filled in.
func (c *Config) each() []Config {
	if c.Channels == nil {
		return []Config{*c}
	}
	list := make([]Config, len(c.Channels))
	for i, one := range c.Channels {
		list[i] = c.with(one)
	}
	return list
}

// with is the Config of one of several channels.
func (c *Config) with(one Config) Config {
	one.Addr, one.Data, one.Redis, one.Role, one.Reset, one.Version, one.Logger = c.Addr, c.Data, c.Redis, c.Role, c.Reset, c.Version, c.Logger
	one.several = true
	one.settle()
	one.Data, one.Role = c.Data, c.Role // also where a Given of its own does not know them
	return one
}

// problem names the channel that an error is of, where there are several.
func (c *Config) problem(err error) error {
	place := "channel " + c.Stream.Name + ": "
	if err == nil || !c.several || strings.HasPrefix(err.Error(), place) { // some name it by themselves
		return err
	}
	return fmt.Errorf("%s%w", place, err)
}

// settle fills in what is left out, and notes what was given.
func (c *Config) settle() {
	d := Defaults()
	c.given = map[string]bool{}
	s, e := &c.Stream, &c.Encoding
	settle(c, "channel", &s.Name, d.Stream.Name)
	settle(c, "size", &s.Width, d.Stream.Width)
	settle(c, "size", &s.Height, d.Stream.Height)
	settle(c, "fps", &s.Rate, d.Stream.Rate)
	settle(c, "segment", &s.Segment, d.Stream.Segment)
	settle(c, "window", &s.Window, d.Stream.Window)
	settle(c, "drop-frame", &s.DropFrame, false)
	settle(c, "seed", &s.Seed, 0)
	settle(c, "epoch", &s.Epoch, time.Time{})
	settle(c, "event-every", &s.EventEvery, d.Stream.EventEvery)
	settle(c, "event-length", &s.EventLength, d.Stream.EventLength)
	settle(c, "noise", &s.Noise, 0)
	settle(c, "block", &s.Block, 0)
	settle(c, "roll", &s.Roll, 0)
	settle(c, "audio", &s.Audio, s.Audio)
	if c.given["ladder"] = s.Ladder != nil; c.Given != nil {
		c.given["ladder"] = c.Given("ladder")
	}
	settle(c, "encoder", &e.Encoder, d.Encoding.Encoder)
	settle(c, "raw", &e.Raw, d.Encoding.Raw)
	settle(c, "preset", &e.Preset, d.Encoding.Preset)
	settle(c, "bitrate", &e.Bitrate, d.Encoding.Bitrate)
	settle(c, "rate", &e.RateControl, d.Encoding.RateControl)
	settle(c, "bframes", &e.BFrames, d.Encoding.BFrames)
	settle(c, "container", &c.Container, d.Container)
	settle(c, "dash", &c.DASH, false)
	settle(c, "data", &c.Data, d.Data)
	settle(c, "role", &c.Role, d.Role)
	settle(c, "keep-markers", &c.KeepMarkers, d.KeepMarkers)
	c.Addr, c.Version = cmp.Or(c.Addr, d.Addr), cmp.Or(c.Version, d.Version) // also where a flag with another default was not given
	if c.Logger == nil {
		c.Logger = d.Logger
	}
}

// settle gives one field its default unless the flag of that name was given.
func settle[T comparable](c *Config, flag string, field *T, otherwise T) {
	var zero T
	given := *field != zero
	if c.Given != nil {
		given = c.Given(flag)
	}
	if c.given[flag] = c.given[flag] || given; !given {
		*field = otherwise
	}
}

// adopt takes over from the stored channel what was not given.
func (c *Config) adopt(old markers.Channel) {
	length := func(frames int64) time.Duration { return time.Duration(old.Rate.Nanos(frames)) }
	s := &c.Stream
	adopt(c, "fps", &s.Rate, old.Rate)
	if !c.given["size"] {
		s.Width, s.Height = old.Width, old.Height
	}
	adopt(c, "seed", &s.Seed, old.Seed)
	adopt(c, "epoch", &s.Epoch, old.Epoch)
	adopt(c, "drop-frame", &s.DropFrame, old.DropFrame)
	adopt(c, "segment", &s.Segment, length(old.FramesPerSegment))
	adopt(c, "event-every", &s.EventEvery, length(old.EventEvery))
	adopt(c, "event-length", &s.EventLength, length(old.EventLength))
	adopt(c, "noise", &s.Noise, old.Noise)
	adopt(c, "block", &s.Block, old.Block)
	adopt(c, "roll", &s.Roll, old.Roll)
	if s.Audio && !old.Audio && !c.given["audio"] {
		c.Logger.Warn("no sound: the data directory has a stream without, which stays as it is; another --data, or --reset, begins one with sound",
			"channel", old.Name, "data", c.Data)
	}
	adopt(c, "audio", &s.Audio, old.Audio)
	adopt(c, "ladder", &s.Ladder, old.Ladder)
	adopt(c, "window", &s.Window, time.Duration(old.Window)*length(old.FramesPerSegment))
	if old.Container != "" {
		adopt(c, "container", &c.Container, old.Container)
	}
	adopt(c, "dash", &c.DASH, old.DASH)
	if old.Bitrate != 0 { // 0: an earlier version did not note it
		adopt(c, "bitrate", &c.Encoding.Bitrate, old.Bitrate)
	}
	if old.RateControl != "" {
		adopt(c, "rate", &c.Encoding.RateControl, old.RateControl)
	}
	if old.KeepMarkers != 0 {
		adopt(c, "keep-markers", &c.KeepMarkers, time.Duration(old.KeepMarkers))
	}
}

func adopt[T any](c *Config, flag string, field *T, stored T) {
	if !c.given[flag] {
		*field, c.given[flag] = stored, true
	}
}

// channel describes the channel. An epoch or a seed that nobody gave is now, or random.
func (c *Config) channel(now time.Time) (markers.Channel, error) {
	s := c.Stream
	if !c.given["epoch"] {
		s.Epoch = now.UTC().Truncate(time.Millisecond)
	}
	if !c.given["seed"] {
		var err error
		if s.Seed, err = scenario.RandomSeed(); err != nil {
			return markers.Channel{}, err
		}
	}
	return s.Channel()
}

// check refuses combinations that can't work.
func (c *Config) check(channel markers.Channel) error {
	least := packager.MinWindow(channel.Clock())
	rates := c.Encoding.Check()
	_, containers := packager.ParseContainers(c.Container)
	switch {
	case containers != nil:
		return fmt.Errorf("--container: %w", containers)
	case c.Role != All && c.Role != Generator && c.Role != API:
		return fmt.Errorf("--role: %q is not a role: use %s, %s or %s", c.Role, All, Generator, API)
	case c.Role == API && c.Redis == "":
		return errors.New("--role api reads the markers of another process: give the --redis that it writes to")
	case c.Role == API && c.Reset:
		return errors.New("--reset is for the process that generates: leave it out with --role api")
	case c.Role == API && c.Outputs.some():
		return errors.New("--push, --listen-ts, --rtmp and --relay are for the process that generates: leave them out with --role api")
	case rates != nil:
		return rates
	case channel.Window < least:
		return fmt.Errorf("--window: %v is too short for players: use %v or more", c.Stream.Window,
			time.Duration(channel.Rate.Nanos(least*channel.FramesPerSegment)))
	case c.KeepMarkers < 0:
		return fmt.Errorf("--keep-markers: %v is not a length of time such as 24h", c.KeepMarkers)
	}
	return nil
}

// published is how a channel's segments are packed, and what its manifest names; nil for no manifest. source is the clean channel.
func (c *Config) published(channel, source string) ([]packager.Container, *packager.DASH, error) {
	containers, err := packager.ParseContainers(c.Container)
	if err != nil || !c.DASH {
		return containers, nil, err
	}
	// The manifest is at /dash/CHANNEL/manifest.mpd, the segments at /hls/CHANNEL/.
	return packager.WithDASH(containers), &packager.DASH{BaseURL: "../../hls/" + channel + "/", TimeURL: "../../time?channel=" + source}, nil
}

// hlsDir is where a channel's playlists and segments are published.
func (c *Config) hlsDir(channel string) string { return filepath.Join(c.Data, channel, "hls") }

// Check refuses what Options can't take.
func (e Encoding) Check() error {
	if e.RateControl != Capped && e.RateControl != CBR {
		return fmt.Errorf("--rate: %q is no rate control: use %s or %s", e.RateControl, Capped, CBR)
	}
	if err := e.Raw.Validate(); err != nil {
		return fmt.Errorf("--raw: %w", err)
	}
	return nil
}

// Options makes the encoder's options for a channel. given reports whether the flag of a name was given; of those that were
// not, BFrames and Preset depend on the rest.
func (e Encoding) Options(c markers.Channel, given func(flag string) bool, logger *slog.Logger) encoder.Options {
	bframes, preset := e.BFrames, e.Preset
	if (e.LowLatency || c.Rate.Num < 2*c.Rate.Den) && !given("bframes") {
		bframes = 0
	}
	if e.Encoder != encoder.X264 && !given("preset") {
		preset = "" // the default is x264's; other encoders have their own
	}
	return encoder.Options{
		FFmpeg: e.FFmpeg, Encoder: e.Encoder, Width: c.Width, Height: c.Height, Raw: e.Raw, Rate: c.Rate, GOP: c.FramesPerSegment,
		Preset: preset, Bitrate: e.Bitrate, Constant: e.RateControl == CBR, BFrames: bframes, LowLatency: e.LowLatency, Threads: e.Threads,
		PTSOrigin: c.PTSOrigin, Logger: logger,
	}
}

// CheckEncoders refuses options of the first rendition's encoder that it or those of the other renditions can't have.
func CheckEncoders(c markers.Channel, o encoder.Options) error {
	if _, err := encoder.New(o); err != nil {
		return err
	}
	if len(c.Ladder) > 0 && o.Bitrate < c.Ladder[0].Bitrate {
		first := markers.Rendition{Width: c.Width, Height: c.Height, Bitrate: o.Bitrate}
		return fmt.Errorf("--ladder: %s has a higher bit rate than %s: give a smaller picture fewer bits", c.Ladder[0], first)
	}
	for _, r := range c.Ladder {
		o.Width, o.Height, o.Bitrate = r.Width, r.Height, r.Bitrate
		if _, err := encoder.New(o); err != nil {
			return fmt.Errorf("--ladder: %s: %w", r, err)
		}
	}
	return nil
}

// some reports whether there are any.
func (o Outputs) some() bool {
	return len(o.Push)+len(o.Relay) > 0 || o.ListenTS+o.RTMP != ""
}
