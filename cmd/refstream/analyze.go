package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/refstream/refstream/analyzer"
)

// analyzeFlags are those of the command analyze.
type analyzeFlags struct {
	format          string
	follow, debug   bool
	duration, stall time.Duration
}

func newAnalyze(stdout, stderr io.Writer) *cobra.Command {
	var f analyzeFlags
	cmd := &cobra.Command{
		Use:   "analyze URL...",
		Short: "Say what streams state about time",
		Long: `Reads streams and writes one record for each statement about time in them: SEI (SMPTE timecode, MISB time stamps,
frame records and other known user data), AMF (onFI, onMetaData, onCuePoint, onTextData), timed ID3, and
PROGRAM-DATE-TIME and DATERANGE of HLS playlists. stream_time is PTS in seconds; what is in an access unit with a frame
record also has time, the HLS time that markers have. PTS of refstream begin at 1 s: there, stream_time is time + 1.
Streams are read side by side, and one that fails does not disturb the others.

A URL is an HLS playlist (live or not, MPEG-TS or MP4), MPEG-TS over http, tcp://host:port, tcp://host:port?listen or
udp://address:port, FLV over http, rtmp[s]://host/app/stream, or a file of such a kind; - is MPEG-TS, FLV or MP4 on standard
input. The kind is found from the name, and failing that from the first bytes.

Records go to standard output, what happens to the streams to standard error; where that is a terminal a summary is
shown there while they are read.`,
		Example: `  refstream analyze http://127.0.0.1:8080/hls/main/index.m3u8
  refstream analyze --format table --duration 10s rtmp://127.0.0.1/live/main recording.ts
  ffmpeg -v error -i clip/index.m3u8 -c copy -f mpegts - | refstream analyze -`,
		Args: wants(cobra.MinimumNArgs(1), "analyze: no stream is given: give the URL of a playlist or stream, or a file"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), args, stdout, stderr) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.format, "format", formatLines, "how records are written: jsonl (JSON Lines) or table")
	flags.BoolVar(&f.follow, "follow", false, "go on when a stream ends, breaks off or can't be had, and as files grow")
	flags.DurationVar(&f.duration, "duration", 0, "end after so long (0: at the end of the streams)")
	flags.DurationVar(&f.stall, "stall", 10*time.Second, "give up a connection on which nothing comes for so long")
	flags.BoolVar(&f.debug, "debug", false, "log each NAL unit and tag with its offset in bytes")
	return cmd
}

func (f *analyzeFlags) run(ctx context.Context, urls []string, stdout, stderr io.Writer) error {
	switch {
	case f.format != formatLines && f.format != formatTable:
		return fmt.Errorf("--format: %q is not a format: use %s or %s", f.format, formatLines, formatTable)
	case f.duration < 0:
		return fmt.Errorf("--duration: %v is negative", f.duration)
	case f.stall <= 0:
		return fmt.Errorf("--stall: %v is no time to wait: use one such as 10s", f.stall)
	}
	limitMemory()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	screen := newAnalyzeScreen(f.format, urls, stdout, stderr)
	var drawing sync.WaitGroup
	end := make(chan struct{})
	drawing.Go(func() { screen.run(end) })
	failed := make([]error, len(urls))
	var reading sync.WaitGroup
	for i, url := range urls {
		reading.Go(func() {
			err := f.read(ctx, url, i, screen)
			switch {
			case errors.Is(err, errScreen):
				stop(err) // nobody is left to read for
			case err != nil:
				failed[i] = fmt.Errorf("%s: %w", url, err)
				if ctx.Err() == nil {
					screen.note(i, analyzer.Note{Kind: "failed", Text: "failed: " + err.Error()})
				}
			}
		})
	}
	reading.Wait()
	close(end)
	drawing.Wait()
	screen.finish()
	return analyzed(ctx, failed)
}

// read reads one stream. A fault of this program that would end it ends this stream only.
func (f *analyzeFlags) read(ctx context.Context, url string, i int, screen *analyzeScreen) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("fault in refstream: %v\n%s", p, debug.Stack())
		}
	}()
	o := analyzer.Options{
		Now: time.Now, Follow: f.follow, Duration: f.duration, Stall: f.stall,
		Note: func(n analyzer.Note) { screen.note(i, n) },
		Unit: func(u analyzer.Unit) { screen.unit(i, u) },
	}
	if f.debug {
		o.Logger = slog.New(debugOnly{slog.NewTextHandler(screen, &slog.HandlerOptions{Level: slog.LevelDebug})})
	}
	if err := analyzer.Run(ctx, url, o, func(r analyzer.Record) error { return screen.record(i, r) }); err != nil {
		return err
	}
	return screen.empty(i)
}

// analyzed is the outcome of all streams, of which some may have failed.
func analyzed(ctx context.Context, failed []error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errScreen) {
		return cause
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	streams := len(failed)
	failed = slices.DeleteFunc(failed, func(err error) bool { return err == nil })
	switch {
	case len(failed) == 0:
		return nil
	case streams == 1:
		return fmt.Errorf("analyze %w", failed[0])
	}
	return fmt.Errorf("analyze: %d of %d streams failed:\n%w", len(failed), streams, errors.Join(failed...))
}

// debugOnly leaves out what the screen shows already.
type debugOnly struct{ slog.Handler }

func (h debugOnly) Handle(ctx context.Context, r slog.Record) error {
	if r.Level > slog.LevelDebug {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}
