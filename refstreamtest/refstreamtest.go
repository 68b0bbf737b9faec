// Package refstreamtest gives a Go test a live stream whose truth is known, or a clip of one: a server in the test's own process,
// ready when Start returns, and gone with its port, its ffmpeg and its files when the test ends.
//
//	func TestReader(t *testing.T) {
//		s := refstreamtest.Start(t, refstreamtest.Options{})
//		event := s.WaitMarker(t.Context(), 0)                         // the first event, once it is published
//		found := detect(s.HLS())                                      // the program that is tested, until it has found something
//		if early := found - s.Time(event.Frame); early.Abs() > 100*time.Millisecond {
//			t.Errorf("the event at %v was found %v off", s.Time(event.Frame), early)
//		}
//	}
//
// It needs ffmpeg in the path. What goes wrong fails the test at once, as t.Fatal does: call it all from the test's own goroutine.
package refstreamtest

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/analyzer/verify/truth"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
	"github.com/refstream/refstream/server"
)

// Options say what the stream is. Everything may be left out: that is a small picture, which takes few per cent of a core, with short
// segments and an event every 2 s on average, at the same frames in each run.
type Options struct {
	// Width and Height are in pixels, both even. Default: 320 and 180.
	Width, Height int
	// Rate is in frames/s. Default: 25.
	Rate media.FrameRate
	// Segment is the length of a segment. Default: 1 s.
	Segment time.Duration
	// EventEvery is the mean time between the starts of events. Default: 2 s, or 5 times EventLength where that is given.
	EventEvery time.Duration
	// EventLength is how long an event is. Default: 400 ms, or a fifth of EventEvery where that is given.
	EventLength time.Duration
	// Seed decides where events are, 1 to 2^53-1. Default: 1.
	Seed uint64
	// Audio is with sound.
	Audio bool
	// Ladder are further renditions, smaller ones, of the same frames.
	Ladder []markers.Rendition
	// Container is ts, fmp4 or both with a comma between them. Default: ts.
	Container string
	// DASH publishes a manifest too.
	DASH bool
	// Bitrate is in bit/s. Default: 1000000.
	Bitrate int64
	// Scenarios are files of faults, or ready ones' names such as tr101290: each gives a server a faulty twin, see Server.Twin. A
	// clip has the faults of the only one.
	Scenarios []string
	// Log gets the server's warnings. Default: t.Output().
	Log io.Writer
}

// settings fills in what is left out.
func (o *Options) settings() scenario.Settings {
	o.Width, o.Height = cmp.Or(o.Width, 320), cmp.Or(o.Height, 180)
	o.EventLength = cmp.Or(o.EventLength, o.EventEvery/5, 400*time.Millisecond)
	s := scenario.DefaultSettings()
	s.Width, s.Height = o.Width, o.Height
	s.Rate = cmp.Or(o.Rate, media.FrameRate{Num: 25, Den: 1})
	s.Segment = cmp.Or(o.Segment, time.Second)
	s.EventLength, s.EventEvery = o.EventLength, cmp.Or(o.EventEvery, 5*o.EventLength)
	s.Seed = cmp.Or(o.Seed, 1)
	s.Audio, s.Ladder = o.Audio, o.Ladder
	return s
}

// encoding is of one thread, for tests are many.
func (o *Options) encoding() server.Encoding {
	e := server.Defaults().Encoding
	e.Threads, e.Bitrate = 1, cmp.Or(o.Bitrate, 1_000_000)
	return e
}

func (o *Options) logger(t testing.TB) *slog.Logger {
	if o.Log == nil {
		o.Log = t.Output()
	}
	return slog.New(slog.NewTextHandler(o.Log, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// Server is a stream that runs until its test ends.
type Server struct {
	Stream
	info   server.Info
	name   string // of the channel or the twin
	client *http.Client
}

// readyTime is how long a server may take until its first segments are out.
const readyTime = 60 * time.Second

// Start starts a server, and waits until a player can load its stream. It listens on free ports of 127.0.0.1.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	c := server.Config{
		Stream: o.settings(), Encoding: o.encoding(), Container: o.Container, DASH: o.DASH, Scenarios: o.Scenarios,
		Outputs: server.Outputs{RTMP: "127.0.0.1:0"}, Data: t.TempDir(), Logger: o.logger(t),
	}
	ctx, stop := context.WithCancel(context.Background())
	running, err := server.New(ctx, c)
	if err != nil {
		stop()
		t.Fatalf("start refstream: %v", err)
	}
	s := &Server{info: running.Info(), client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	s.Stream, s.name = Stream{t: t, channel: s.info.Channel}, s.info.Channel.Name
	if s.source, err = truth.Server(s.info.URL, s.name, s.client); err != nil {
		err = errors.Join(err, running.Run(canceled()))
		stop()
		t.Fatalf("start refstream: %v", err)
	}
	ended := make(chan struct{})
	var failed error
	go func() {
		defer close(ended)
		failed = running.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
		if failed != nil {
			t.Errorf("refstream: %v", failed)
		}
	})
	wait, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		last := s.ready(wait)
		if last == nil {
			return s
		}
		select {
		case <-tick.C:
		case <-ended:
			t.Fatalf("refstream has ended before it was ready: %v", last)
		case <-wait.Done():
			t.Fatalf("refstream is not ready: %v", last)
		}
	}
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// ready is an error until a player can load the stream and its twins.
func (s *Server) ready(ctx context.Context) error {
	urls := []string{s.URL() + "/readyz", s.HLS()}
	for _, twin := range s.info.Twins {
		urls = append(urls, s.of(twin).HLS())
	}
	for _, url := range urls {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return err
		}
		res, err := s.client.Do(req)
		if err != nil {
			return err
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK && strings.HasSuffix(url, "/readyz") || res.StatusCode == http.StatusNotFound {
			return errors.New(url + ": " + res.Status)
		}
	}
	return nil
}

// of is the server with a twin in the place of the clean channel.
func (s *Server) of(twin string) *Server {
	copied := *s
	copied.name = twin
	return &copied
}

// Twin is the server's faulty twin of a scenario's name: its HLS, TS and RTMP have the faults, and Faults the truth about them.
func (s *Server) Twin(scenario string) *Server {
	s.t.Helper()
	for _, name := range s.info.Twins {
		if name == s.info.Channel.Name+"-"+scenario {
			twin := s.of(name)
			var err error
			if twin.source, err = truth.Server(s.info.URL, name, s.client); err != nil {
				s.t.Fatalf("twin %s: %v", scenario, err)
			}
			return twin
		}
	}
	s.t.Fatalf("there is no twin of scenario %q: Options.Scenarios made %q", scenario, s.info.Twins)
	return nil
}

// URL is the base of the API's addresses, such as http://127.0.0.1:8080.
func (s *Server) URL() string { return s.info.URL }

// HLS is the address of the multivariant playlist.
func (s *Server) HLS() string { return s.info.URL + "/hls/" + s.name + "/master.m3u8" }

// TS is the address of the stream without end as MPEG-TS over HTTP.
func (s *Server) TS() string { return s.info.URL + "/live/" + s.name + ".ts" }

// RTMP is the address that players have of the stream.
func (s *Server) RTMP() string { return "rtmp://" + s.info.RTMP + "/live/" + s.name }
