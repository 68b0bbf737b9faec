package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/refstream/refstream/internal/pause"
	"github.com/refstream/refstream/server"
)

type serveFlags struct {
	streamFlags
	encodingFlags
	config   server.Config // the rest
	sound    soundFlag
	logLevel string
}

// soundFlag is the value of serve --audio: true, false, or new, which is true where the data directory does not have a stream yet.
type soundFlag struct {
	on    *bool
	ifNew bool
}

func (s *soundFlag) Set(text string) (err error) {
	if s.ifNew = text == "new"; s.ifNew {
		*s.on = true
	} else if *s.on, err = strconv.ParseBool(text); err != nil {
		return fmt.Errorf("use true, false or new")
	}
	return err
}

func (s *soundFlag) String() string {
	switch {
	case s.ifNew:
		return "new"
	case s.on != nil && *s.on:
		return "true"
	}
	return "false"
}

// Type is what the help and the completion take it for: one that needs no value.
func (s *soundFlag) Type() string { return "bool" }

func newServe(stdout, stderr io.Writer) *cobra.Command {
	var s serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the live stream, its API and its page",
		Long: `Run the live stream, its API and its page until interrupted.

The stream begins at the epoch, which is the first start in a data directory unless it is given; a later start with the
same --data goes on at the frame that is due then. Flags that are left out are taken from the data directory.`,
		Example: "  refstream serve\n  refstream serve --fps 29.97 --size 640x360 --event-every 5s --data /var/lib/refstream\n" +
			"  refstream serve --role generator --redis redis://127.0.0.1:6379/0",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.run(cmd.Context(), cmd.Flags().Changed, stdout, stderr)
		},
	}
	f, d := cmd.Flags(), server.Defaults()
	f.StringVar(&s.config.Addr, "addr", "127.0.0.1:8080", "address to serve on")
	s.streamFlags.register(f, "now", "UTC of frame 0, such as 2026-01-31T12:00:00Z; now is the first start in the data directory",
		"random", "seed of the events, 0 to 2^53-1, or random")
	s.registerTracks(f)
	s.sound.on = &s.Audio
	audio := f.Lookup("audio")
	audio.Value = &s.sound
	audio.Usage += ";\n--audio=new: where the data directory has no stream yet"
	s.encodingFlags.register(f)
	s.config.Container = d.Container
	registerContainer(f, &s.config.Container, &s.config.DASH, "at /dash/CHANNEL/manifest.mpd")
	f.StringArrayVar(&s.config.Scenarios, "scenario", nil, "make a faulty twin, CHANNEL-NAME on every carrier, its truth at /faults: a scenario file, or a ready one's\n"+
		"name such as tr101290; may be repeated")
	registerOutputs(f, &s.config.Outputs)
	f.DurationVar(&s.Window, "window", d.Stream.Window, "how much of the stream can be played back (DVR); files are kept for twice as long:\n"+
		"at 1280x720 and 30 frames/s that is 15 MB for each minute")
	f.DurationVar(&s.config.KeepMarkers, "keep-markers", d.KeepMarkers, "how long markers are kept, at least the window")
	f.StringVar(&s.config.Redis, "redis", "", "keep the markers in this Redis too, such as redis://127.0.0.1:6379/0")
	f.StringVar(&s.config.Data, "data", d.Data, "data directory: journal and segments")
	f.StringVar((*string)(&s.config.Role), "role", string(d.Role), "all, generator (no page) or api (no generator; needs --redis)")
	f.StringSliceVar(&s.config.CORSOrigins, "cors-origin", nil, "origins whose pages may read the API, such as https://example.org, or *")
	f.StringVar(&s.config.Token, "token", "", "bearer token for triggering events; without one they are taken from this machine only")
	f.BoolVar(&s.config.Reset, "reset", false, "empty the channel's data (and its Redis records) before the start")
	f.StringVar(&s.logLevel, "log-level", "info", "debug, info, warn or error")
	return cmd
}

func registerContainer(f *pflag.FlagSet, container *string, dash *bool, where string) {
	f.StringVar(container, "container", *container, "what HLS segments are packed in: ts, fmp4, or both, such as ts,fmp4; index.m3u8 and\n"+
		"master.m3u8 are the first one's, the other's have -fmp4 (or -ts) in their names")
	f.BoolVar(dash, "dash", false, "publish a DASH manifest too, "+where+"; with it goes fmp4")
}

func registerOutputs(f *pflag.FlagSet, o *server.Outputs) {
	defer under(f, carrierTitle)()
	f.StringArrayVar(&o.Push, "push", nil, "send the stream to tcp://host:port (MPEG-TS) or rtmp[s]://host/app/key, or a faulty twin: CHANNEL-NAME=tcp://...;\n"+
		"may be repeated")
	f.StringVar(&o.ListenTS, "listen-ts", "", "serve MPEG-TS to whoever connects to this address, such as 127.0.0.1:4445")
	f.StringVar(&o.RTMP, "rtmp", "", "serve rtmp://address/live/CHANNEL to players, such as 127.0.0.1:1935")
	f.StringArrayVar(&o.Relay, "relay", nil, "run ffmpeg -c copy into this output: an address (srt, udp, rtp, rtsp, tcp), such as srt://host:9000,\n"+
		"or a file (.ts, .mp4, .mov, .mkv, .flv); may be repeated")
}

// run serves until ctx ends. given reports which flags were set by the command line or the environment.
func (s *serveFlags) run(ctx context.Context, given func(string) bool, stdout, stderr io.Writer) error {
	logger, err := newLogger(stderr, s.logLevel)
	if err != nil {
		return err
	}
	defer endLog(logger)
	if err := s.streamFlags.parse(time.Now()); err != nil {
		return err
	}
	if err := s.encodingFlags.parse(); err != nil {
		return err
	}
	if err := s.applyLadder(&s.streamFlags); err != nil {
		return err
	}
	c := s.config
	c.Stream, c.Encoding, c.Version, c.Logger = s.Settings, s.Encoding, version, logger
	c.Given = func(flag string) bool { // now and random ask for nothing in particular
		switch flag {
		case "epoch":
			return given(flag) && s.epoch != "now"
		case "seed":
			return given(flag) && s.seed != "random"
		case "audio":
			return given(flag) && !s.sound.ifNew
		case "size": // the ladder begins with it
			return given(flag) || s.Ladder != nil
		case "bitrate":
			return given(flag) || s.firstBitrate != 0
		}
		return given(flag)
	}
	running, err := server.New(ctx, c)
	if err != nil {
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return nil // a stop before the start is a stop like any other
		}
		return err
	}
	announce(stdout, c, running.Info())
	defer fmt.Fprintln(stdout, "stopped")
	return running.Run(ctx)
}

// announce prints what runs and where.
func announce(w io.Writer, c server.Config, i server.Info) {
	name := i.Channel.Name
	if c.Role == server.API {
		fmt.Fprintf(w, "refstream %s: API over %s\n", version, c.Data)
	} else {
		fmt.Fprintf(w, "refstream %s, ffmpeg %s\n%s, run %d\n", version, i.FFmpeg, describe(i.Channel), i.Channel.Run)
	}
	if c.Role != server.Generator {
		fmt.Fprintf(w, "page      %s/\nplaylist  %s/hls/%s/master.m3u8\nmarkers   %s/markers\n", i.URL, i.URL, name, i.URL)
	} else {
		fmt.Fprintf(w, "health    %s/readyz\n", i.URL)
	}
	if i.Channel.DASH {
		fmt.Fprintf(w, "dash      %s/dash/%s/manifest.mpd\n", i.URL, name)
	}
	if c.Role != server.API {
		fmt.Fprintf(w, "live      %s/live/%s.ts, %s.flv\n", i.URL, name, name)
	}
	for _, twin := range i.Twins {
		fmt.Fprintf(w, "faulty    %s/hls/%s/index.m3u8, /live/%s.ts, /faults?channel=%s\n", i.URL, twin, twin, twin)
		if i.RTMP != "" {
			fmt.Fprintf(w, "          rtmp://%s/live/%s\n", i.RTMP, twin)
		}
	}
	if i.TS != "" {
		fmt.Fprintf(w, "mpeg-ts   tcp://%s\n", i.TS)
	}
	if i.RTMP != "" {
		fmt.Fprintf(w, "rtmp      rtmp://%s/live/%s\n", i.RTMP, name)
	}
	if i.Elsewhere != "" {
		fmt.Fprintf(w, "elsewhere %s/\n", i.Elsewhere)
	}
}

// healthTimeout bounds the question: a server that takes longer is not well.
const healthTimeout = 3 * time.Second

func newHealth(stdout io.Writer) *cobra.Command {
	var addr string
	var wait time.Duration
	var quiet bool
	cmd := &cobra.Command{
		Use:     "health",
		Short:   "Ask a running server whether it is ready; fails if it is not",
		Example: "  refstream health --addr 127.0.0.1:8080\n  refstream health --wait 30s -q",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, _, err := net.SplitHostPort(addr); err != nil {
				return fmt.Errorf("--addr: %q is not an address such as 127.0.0.1:8080", addr)
			}
			if wait < 0 {
				return fmt.Errorf("--wait: %v is not a length of time such as 30s", wait)
			}
			enough := time.Now().Add(wait)
			err := askReady(cmd.Context(), addr)
			for err != nil && time.Until(enough) > 0 && cmd.Context().Err() == nil {
				_ = pause.For(cmd.Context(), min(healthEvery, time.Until(enough)))
				err = askReady(cmd.Context(), addr)
			}
			if err == nil && !quiet {
				_, err = fmt.Fprintln(stdout, "ready")
			}
			return err
		},
	}
	cmd.Flags().StringVar(&addr, "addr", "127.0.0.1:8080", "the server's address")
	cmd.Flags().DurationVar(&wait, "wait", 0, "how long to ask again while it is not ready, or not there yet, such as 30s")
	registerQuiet(cmd.Flags(), &quiet)
	return cmd
}

// healthEvery is how often health --wait asks.
const healthEvery = 200 * time.Millisecond

// askReady is an error unless the server at an address is ready.
func askReady(ctx context.Context, addr string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/readyz", nil)
	if err != nil {
		return fmt.Errorf("--addr: %q is not an address such as 127.0.0.1:8080", addr)
	}
	res, err := (&http.Client{Timeout: healthTimeout}).Do(req)
	if err != nil {
		return fmt.Errorf("ask %s: %w", addr, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("read answer of %s: %w", addr, err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s is not ready: %s", addr, bytes.TrimSpace(body))
	}
	return nil
}

// registerQuiet registers -q: nothing on standard output but what was asked for.
func registerQuiet(f *pflag.FlagSet, quiet *bool) {
	f.BoolVarP(quiet, "quiet", "q", false, "print nothing but errors: the exit code says it")
}
