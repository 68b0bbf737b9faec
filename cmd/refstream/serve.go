package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/refstream/refstream/api"
	"github.com/refstream/refstream/encoder"
	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/packager"
	"github.com/refstream/refstream/pipeline"
	"github.com/refstream/refstream/static"
)

// Roles of a process.
const (
	roleAll       = "all"
	roleGenerator = "generator"
	roleAPI       = "api"
)

// startLead is how far ahead the epoch of a first run is set, so that all is up when frame 0 is due.
const startLead = 500 * time.Millisecond

type serveFlags struct {
	streamFlags
	encodingFlags
	carrierFlags
	addr, redis, data, role, token, logLevel string
	corsOrigins                              []string
	keepMarkers                              time.Duration
	reset                                    bool
}

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
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.run(cmd.Context(), cmd.Flags().Changed, stdout, stderr)
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.addr, "addr", "127.0.0.1:8080", "address to serve on")
	s.streamFlags.register(f, "now", "UTC of frame 0, such as 2026-01-31T12:00:00Z; now is the first start in the data directory",
		"random", "seed of the events, 0 to 2^53-1, or random")
	s.encodingFlags.register(f)
	s.carrierFlags.register(f)
	f.DurationVar(&s.Window, "window", 10*time.Minute, "how much of the stream can be played back (DVR); files are kept for twice as long:\n"+
		"at 1280x720 and 30 frames/s some 440 MB an hour are written and 150 MB held, 15 MB for each minute")
	f.DurationVar(&s.keepMarkers, "keep-markers", 24*time.Hour, "how long markers are kept, at least the window: some 0.5 kB each, on disk and in memory")
	f.StringVar(&s.redis, "redis", "", "keep the markers in this Redis too, such as redis://127.0.0.1:6379/0")
	f.StringVar(&s.data, "data", "data", "data directory: journal and segments")
	f.StringVar(&s.role, "role", roleAll, "all, generator (no page) or api (no generator; needs --redis)")
	f.StringSliceVar(&s.corsOrigins, "cors-origin", nil, "origins whose pages may read the API, such as https://example.org, or *")
	f.StringVar(&s.token, "token", "", "bearer token for triggering events; without one they are taken from this machine only")
	f.BoolVar(&s.reset, "reset", false, "empty the channel's data (and its Redis records) before the start")
	f.StringVar(&s.logLevel, "log-level", "info", "debug, info, warn or error")
	return cmd
}

// run serves until ctx ends. given tells which flags were set by the command line or the environment.
func (s *serveFlags) run(ctx context.Context, given func(string) bool, stdout, stderr io.Writer) error {
	logger, err := newLogger(stderr, s.logLevel)
	if err != nil {
		return err
	}
	defer endLog(logger)
	c, err := s.channelInfo(time.Now())
	if err != nil {
		return err
	}
	if err := s.check(c); err != nil {
		return err
	}
	var ffmpeg string
	if s.role != roleAPI {
		o, err := s.options(c, given, logger)
		if err != nil {
			return err
		}
		if ffmpeg, err = checkEncoder(ctx, o); err != nil {
			if ctx.Err() != nil {
				return nil // a stop before the start is a stop like any other
			}
			return err
		}
	}
	// The address is taken before anything is written, so that a second server in the same place changes nothing.
	listener, err := net.Listen("tcp", s.addr)
	if err != nil {
		return fmt.Errorf("--addr: %w: name a free address such as 127.0.0.1:8081", err)
	}
	defer listener.Close()
	carriers, err := s.carrierFlags.open(c, s.hlsDir(c.Name), logger)
	if err != nil {
		return err
	}
	defer carriers.close()

	stores, err := s.openStores(ctx, c.Name, logger)
	if err != nil {
		return err
	}
	err = s.serve(ctx, c, given, stores, listener, carriers, ffmpeg, logger, stdout)
	return errors.Join(err, stores.close())
}

// check refuses combinations that can't work.
func (s *serveFlags) check(c markers.Channel) error {
	least := packager.MinWindow(c.Clock())
	switch {
	case s.role != roleAll && s.role != roleGenerator && s.role != roleAPI:
		return fmt.Errorf("--role: %q is not a role: use %s, %s or %s", s.role, roleAll, roleGenerator, roleAPI)
	case s.role == roleAPI && s.redis == "":
		return errors.New("--role api reads the markers of another process: give the --redis that it writes to")
	case s.role == roleAPI && s.reset:
		return errors.New("--reset is for the process that generates: leave it out with --role api")
	case s.role == roleAPI && s.carrierFlags.given():
		return errors.New("--push, --listen-ts, --rtmp and --relay… are for the process that generates: leave them out with --role api")
	case c.Window < least:
		return fmt.Errorf("--window: %v is too short for players: use %v or more", s.Window,
			time.Duration(c.Rate.Nanos(least*c.FramesPerSegment)))
	case s.keepMarkers < 0:
		return fmt.Errorf("--keep-markers: %v is not a length of time such as 24h", s.keepMarkers)
	}
	return nil
}

// serve runs what the role asks for until ctx ends or something fails for good.
func (s *serveFlags) serve(ctx context.Context, c markers.Channel, given func(string) bool, stores *stores,
	listener net.Listener, carriers *carriers, ffmpeg string, logger *slog.Logger, stdout io.Writer) error {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	stores.register(registry)
	var live *pipeline.Live
	if s.role != roleAPI {
		var err error
		if c, err = s.enter(ctx, stores, given); err != nil {
			return err
		}
		if live, err = s.live(ctx, c, given, stores, carriers, registry, logger); err != nil {
			return err
		}
		// Only now, when all of it has proved to fit, is the channel written.
		if err := stores.main().PutChannel(ctx, c); err != nil {
			return fmt.Errorf("write channel: %w", err)
		}
	}
	server, err := s.api(c, live, carriers, stores.main(), registry, logger)
	if err != nil {
		return err
	}
	if s.role != roleGenerator && !static.Built() {
		logger.Warn("the page's player library is not in this program: build it with make build")
	}
	s.announce(stdout, c, carriers, listener.Addr(), ffmpeg)
	defer fmt.Fprintln(stdout, "stopped")
	if live != nil {
		if err := carriers.start(c); err != nil {
			return err
		}
	}

	// The stream stops first, then its live outputs, and the API last, so that players see the end of the playlist; the
	// copy to Redis ends in between, when there is nothing more to copy.
	group, ctx := errgroup.WithContext(ctx)
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	copying, stopCopying := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServing()
	defer stopCopying()
	group.Go(func() error {
		err := server.Run(serving, listener)
		if serving.Err() != nil && (err == nil || errors.Is(err, context.Canceled)) {
			return nil
		}
		return fmt.Errorf("serve %s: %w", listener.Addr(), err)
	})
	if stores.mirror != nil {
		group.Go(func() error {
			if err := stores.mirror.Run(copying); err != nil && !errors.Is(err, context.Canceled) {
				return fmt.Errorf("copy to Redis: %w", err)
			}
			return nil
		})
	}
	group.Go(func() error {
		defer stopServing()
		defer stopCopying()
		if live == nil {
			<-ctx.Done()
			return nil
		}
		asked := make(chan time.Time, 1)
		context.AfterFunc(ctx, func() { asked <- time.Now() })
		err := live.Run(ctx)
		var stopping time.Duration
		select {
		case t := <-asked:
			stopping = time.Since(t)
		default: // it ended by itself
		}
		carriers.end(stopping)
		stores.drain()
		return err
	})
	return group.Wait()
}

// live makes the generator's half.
func (s *serveFlags) live(ctx context.Context, c markers.Channel, given func(string) bool, stores *stores,
	carriers *carriers, registry *prometheus.Registry, logger *slog.Logger) (*pipeline.Live, error) {
	options, err := s.options(c, given, logger)
	if err != nil {
		return nil, err
	}
	options.Stall, options.Bounded = encoderStall, true
	if _, err := encoder.New(options); err != nil { // the data directory may have brought another size or rate
		return nil, err
	}
	store := stores.main()
	segments, err := store.Segments(ctx, c.Name, markers.Range{})
	if err != nil {
		return nil, fmt.Errorf("read segments: %w", err)
	}
	events, err := store.Markers(ctx, c.Name, markers.Range{})
	if err != nil {
		return nil, fmt.Errorf("read markers: %w", err)
	}
	lost, err := s.withdrawLost(ctx, c, store, logger)
	if err != nil {
		return nil, err
	}
	pacer, err := generator.NewPacer(c.Epoch, c.Rate, time.Now, generator.SystemSleep)
	if err != nil {
		return nil, err
	}
	playlist, err := packager.New(packager.Options{Dir: s.hlsDir(c.Name), Channel: c, Window: c.Window,
		Bitrate:  options.PeakBitrate(c.FramesPerSegment),
		Segments: segments, Markers: events, Now: pacer.Now})
	if err != nil {
		return nil, fmt.Errorf("open playlist: %w", err)
	}
	if err := carriers.makeHub(c, options, s.clientLimits()); err != nil {
		return nil, err
	}
	registry.MustRegister(newCarrierMetrics(c.Name, carriers.status))
	live := &pipeline.Live{
		Channel: pipeline.Channel{
			Info: c, Encoder: pipeline.FFmpeg(options), HLS: playlist, Store: store,
			Output: carriers.hub,
			Logger: logger, Metrics: pipeline.NewMetrics(registry, c.Name), Now: time.Now,
		},
		Records: store, Pacer: pacer, KeepMarkers: s.keepMarkers, Lost: lost,
	}
	if stores.reached != nil {
		live.Reached = stores.reached
	}
	return live, nil
}

// withdrawLost finds what is gone of earlier runs' segments, and removes the files that the ledger can't speak for any more:
// the playlist shows gaps in their place. It returns the frames that are lost with them.
func (s *serveFlags) withdrawLost(ctx context.Context, c markers.Channel, store markers.Store, logger *slog.Logger) ([]markers.MissingRecord, error) {
	lost, withdrawn, err := pipeline.Audit(ctx, store, c, func(seg markers.SegmentRecord) bool {
		info, err := os.Stat(filepath.Join(s.hlsDir(c.Name), seg.URI))
		return err == nil && info.Size() == seg.Bytes
	})
	if err != nil {
		return nil, err
	}
	for _, l := range lost {
		logger.Warn("frames of an earlier run are lost: there is a gap in their place", "channel", c.Name, "first", l.Frame,
			"last", l.LastFrame, "detail", l.Detail)
	}
	for _, seg := range withdrawn {
		if err := os.Remove(filepath.Join(s.hlsDir(c.Name), seg.URI)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("withdraw segment %d: %w", seg.MSN, err)
		}
	}
	return lost, nil
}

// encoderStall is how long ffmpeg may take frames without giving any back before it is taken for hung: longer than any
// lookahead at a tenth of real time.
const encoderStall = 15 * time.Second

func (s *serveFlags) api(c markers.Channel, live *pipeline.Live, carriers *carriers, store markers.Store,
	registry *prometheus.Registry, logger *slog.Logger) (*api.Server, error) {
	config := api.Config{
		Store: store, HLSDir: s.hlsDir, Page: static.Handler(), Token: s.token, CORSOrigins: s.corsOrigins, Now: time.Now,
		Gatherer: registry, Registerer: registry, Version: version, Logger: logger,
	}
	limits := s.clientLimits()
	config.MaxConnections, config.StreamClients = limits.connections, limits.eventStreams
	if live == nil {
		config.Generator = func(channel string) string { return generatorOf(s.data, channel, logger) }
	} else {
		config.Stream = func(channel string) (api.Position, bool) { return api.Position(live.Position()), channel == c.Name }
		config.Ready, config.Live, config.Outputs = live.Ready, carriers.handler(c.Name), carriers.outputs(c.Name)
	}
	if s.role == roleGenerator {
		config.Page = nil
	}
	return api.New(config)
}

// hlsDir is where a channel's playlists and segments are published.
func (s *serveFlags) hlsDir(channel string) string { return filepath.Join(s.data, channel, "hls") }

// announce tells people what runs and where.
func (s *serveFlags) announce(w io.Writer, c markers.Channel, carriers *carriers, addr net.Addr, ffmpeg string) {
	base := "http://" + reachable(addr)
	if s.role == roleAPI {
		fmt.Fprintf(w, "refstream %s: API over %s\n", version, s.data)
	} else {
		fmt.Fprintf(w, "refstream %s, ffmpeg %s\n%s, run %d\n", version, ffmpeg, describe(c), c.Run)
	}
	if s.role != roleGenerator {
		fmt.Fprintf(w, "page      %s/\nplaylist  %s/hls/%s/master.m3u8\nmarkers   %s/markers\n", base, base, c.Name, base)
	} else {
		fmt.Fprintf(w, "health    %s/readyz\n", base)
	}
	if s.role != roleAPI {
		carriers.announce(w, c.Name, base)
	}
	if other := elsewhere(addr); other != "" {
		fmt.Fprintf(w, "elsewhere http://%s/\n", other)
	}
}
