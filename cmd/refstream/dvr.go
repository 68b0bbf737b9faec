package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/dvr"
	"github.com/refstream/refstream/internal/terminal"
	"github.com/refstream/refstream/server"
)

// dvrFlags are those of the command dvr.
type dvrFlags struct {
	sessionFlags
	listen, session, ffmpeg, logLevel string
	scene                             float64
	minScene, maxInterval             time.Duration
}

func newDVR(stdout, stderr io.Writer) *cobra.Command {
	var f dvrFlags
	cmd := &cobra.Command{
		Use:   "dvr",
		Short: "Record MPEG-TS that comes over TCP, and keep a frame of each scene",
		Long: `Waits for a sender of MPEG-TS and records what it sends into SESSION/stream/recording.ts, which a player can open at
once: it may be watched at the live edge and scrubbed while it grows. Each frame is decoded once, as it comes, and where
the scene changes it is kept: SESSION/frames/F0001.jpg and so on, listed with their time stamps in
SESSION/frames/index.json. Frames of refstream are listed with their numbers too, and with time, the HLS time that markers
have; timestamp is the PTS of the recording, which refstream begins at 1 s.

A sender that goes away may come back: the session goes on. So does one that is named with --session and is there.
Everything ends with Ctrl+C.`,
		Example: `  refstream dvr &
  refstream serve --push tcp://127.0.0.1:4444
  ffmpeg -re -i film.mp4 -c copy -f mpegts tcp://127.0.0.1:4444
  mpv sessions/*/stream/recording.ts`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), cmd.Flags().Changed, stdout, stderr)
		},
	}
	flags := cmd.Flags()
	f.registerOut(flags)
	flags.StringVarP(&f.session, "session", "s", "", "name of the session (default: the time, as "+sessionName+")")
	flags.StringVar(&f.listen, "listen", "tcp://127.0.0.1:4444", "where the sender connects")
	flags.Float64Var(&f.scene, "scene", 0.3, "how much must change for a new scene, from 0 (nothing) to 1 (everything)")
	flags.DurationVar(&f.minScene, "min-scene", 0, "keep the frame of a scene when it has lasted so long, and none of shorter ones")
	flags.DurationVar(&f.maxInterval, "max-interval", 30*time.Second, "keep a frame at least so often, in time of the stream")
	flags.StringVar(&f.ffmpeg, "ffmpeg", "ffmpeg", "the ffmpeg program")
	flags.StringVar(&f.logLevel, "log-level", "info", "what to log: debug, info, warn or error")
	return cmd
}

func (f *dvrFlags) run(ctx context.Context, given func(string) bool, stdout, stderr io.Writer) error {
	// The package takes 0 for its defaults.
	if given("scene") && f.scene == 0 {
		return fmt.Errorf("--scene: 0 would keep every frame: use more, up to 1")
	}
	if given("max-interval") && f.maxInterval <= 0 {
		return fmt.Errorf("--max-interval: %v is no length of time: use one such as 30s", f.maxInterval)
	}
	screen := terminal.NewScreen(stderr, time.Now)
	logger, err := newLogger(screen, f.logLevel)
	if err != nil {
		return err
	}
	defer endLog(logger)
	var last dvr.Progress
	err = dvr.Run(ctx, dvr.Options{
		Listen: f.listen, Dir: f.folder, Session: f.session, Scene: f.scene, MinScene: f.minScene, MaxInterval: f.maxInterval, FFmpeg: f.ffmpeg,
		Now: time.Now, Logger: logger,
		Ready: func(s dvr.Session) {
			address := s.Address
			if tcp, err := net.ResolveTCPAddr("tcp", strings.TrimPrefix(address, "tcp://")); err == nil {
				address = "tcp://" + server.Reachable(tcp)
			}
			fmt.Fprintf(stdout, "listening on %s, recording into %s\n", address, s.Folder)
			if s.Resumed > 0 {
				fmt.Fprintf(stdout, "the session goes on after %s\n", size(s.Resumed))
			}
		},
		Progress: func(p dvr.Progress) {
			last = p
			screen.Show(dvrLine(p))
		},
	})
	screen.Clear()
	if err != nil {
		return fmt.Errorf("dvr: %w", err)
	}
	fmt.Fprintf(stdout, "stopped: %s, %s, %s in the index\n", size(last.Bytes), report.Plural(int64(last.Connections), "connection"), report.Plural(int64(last.Frames), "frame"))
	return nil
}

func dvrLine(p dvr.Progress) string {
	sender := p.Sender
	if sender == "" {
		sender = "nobody sends"
	}
	line := fmt.Sprintf("%s: %s, %s", sender, size(p.Bytes), report.Plural(int64(p.Frames), "frame"))
	if behind := p.Bytes - p.Scanned; behind > 0 {
		line += ", " + size(behind) + " to look at"
	}
	return line
}
