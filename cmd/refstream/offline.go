package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/refstream/refstream/clips"
	"github.com/refstream/refstream/encoder"
	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/internal/terminal"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/packager"
	"github.com/refstream/refstream/scenario"
	"github.com/refstream/refstream/server"
)

func newGenerate(stdout, stderr io.Writer) *cobra.Command {
	var o offlineFlags
	var e encodingFlags
	var out string
	var also []string
	var scenarioFile, twin string
	var quiet bool
	container, dash := string(packager.TS), false
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Write the stream and its truth into files, faster than real time",
		Long: `Write a stretch of the stream into a folder: index.m3u8 and master.m3u8 with their segments, markers.jsonl and
frames.jsonl with the truth about it, and truth.json with every option. With --also the same access units go into one
MPEG-TS or FLV file too. With --scenario the clip has the faults of a scenario file, and faults.jsonl says what was done
to which frames. The generator's clock is virtual, so the same
options give the same bytes, on the same ffmpeg and number of threads (--threads).`,
		Example: "  refstream generate --out clip --duration 60s\n  refstream generate --out wrap --start 26h30m --duration 60s --fps 59.94 --seed 7\n" +
			"  refstream generate --out - --also ts -q | refstream analyze -",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			said := stdout // what is printed, besides a stream
			switch {
			case quiet:
				said = io.Discard
			case out == "-":
				said = stderr
			}
			c, first, frames, err := o.stretch(time.Now())
			if err != nil {
				return err
			}
			if out == "" {
				return errors.New("--out is missing: name the folder to write, such as --out clip")
			}
			if err := clips.CheckFormats(also); err != nil {
				return err
			}
			switch {
			case out != "-":
			case len(also) != 1:
				return errors.New("--out -: name what goes to standard output: --also ts or --also flv")
			case terminal.File(stdout) != nil:
				return errors.New("--out -: a stream is no text for a terminal: pipe it, or name a folder")
			}
			containers, err := packager.ParseContainers(container)
			if err != nil {
				return fmt.Errorf("--container: %w", err)
			}
			if dash {
				containers = packager.WithDASH(containers)
			}
			var plan *scenario.Plan
			if scenarioFile != "" {
				if plan, err = planOf(scenarioFile, "--scenario: ", c); err != nil {
					return err
				}
				if err := clips.CheckFaults(plan, containers); err != nil {
					return err
				}
			} else if twin != "" {
				return errors.New("--twin: it is for a clip with faults: write --scenario too")
			}
			logger := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
			if err := e.parse(); err != nil {
				return err
			}
			if err := e.applyLadder(&o.streamFlags); err != nil {
				return err
			}
			enc := e.Options(c, cmd.Flags().Changed, logger)
			ffmpeg, err := encoder.Check(ctx, enc.FFmpeg, enc.Encoder, c.Audio)
			if err != nil {
				return err
			}
			if err := server.CheckEncoders(c, enc); err != nil {
				return err
			}
			fmt.Fprintf(said, "%s\n", describe(c))
			clip := clips.Options{
				Channel: c, First: first, Frames: frames, Encoder: enc, Containers: containers, DASH: dash, Formats: also, Version: version, FFmpeg: ffmpeg,
				Logger: logger,
			}
			if twin != "" {
				files := clip
				files.Formats = nil
				if out != "-" {
					files.Formats = also
				}
				if err := writeClip(ctx, said, twin, files); err != nil {
					return err
				}
			}
			clip.Scenario = plan
			if out != "-" {
				return writeClip(ctx, said, out, clip)
			}
			dir, err := os.MkdirTemp("", "refstream-*") // of the files, which nobody wants
			if err != nil {
				return fmt.Errorf("--out -: %w: name a folder that can be written in TMPDIR", err)
			}
			defer os.RemoveAll(dir)
			signal.Ignore(syscall.SIGPIPE) // a reader that goes away is an error, so that the folder is removed
			clip.Stream = stdout
			return writeClip(ctx, said, filepath.Join(dir, "clip"), clip)
		},
	}
	o.register(cmd.Flags())
	o.registerTracks(cmd.Flags())
	e.register(cmd.Flags())
	cmd.Flags().StringVar(&out, "out", "", "the folder to write, also --output; it must not hold anything yet. - is standard output, for the stream that --also names")
	registerContainer(cmd.Flags(), &container, &dash, packager.Manifest+" in the folder")
	cmd.Flags().StringSliceVar(&also, "also", nil, "write the stream as one file too: ts (stream.ts), flv (stream.flv) or ts,flv")
	registerScenario(cmd.Flags(), &scenarioFile)
	registerQuiet(cmd.Flags(), &quiet)
	cmd.Flags().StringVar(&twin, "twin", "", "with --scenario: write the same clip without faults into this folder too")
	return cmd
}

// writeClip writes a clip into a folder, and shows how far it has got.
func writeClip(ctx context.Context, stdout io.Writer, out string, o clips.Options) error {
	screen, began, frames := terminal.NewScreen(stdout, time.Now), time.Now(), int64(0)
	speed := func() float64 { return float64(frames) / time.Since(began).Seconds() }
	o.Progress = func(done int64) {
		frames = done
		left := time.Duration(float64(time.Since(began)) * float64(o.Frames-done) / float64(done))
		screen.Show(fmt.Sprintf("%d of %d frames, %.0f frames/s, %v to go", done, o.Frames, speed(), left.Round(time.Second)))
	}
	events, err := clips.Write(ctx, out, o)
	screen.Clear()
	if err == nil {
		fmt.Fprintf(stdout, "%d frames and %d markers in %v, %.0f frames/s\n", frames, events, time.Since(began).Round(10*time.Millisecond), speed())
	}
	return err
}

// offlineFlags are those of the commands that work without a clock.
type offlineFlags struct {
	streamFlags
	start, duration time.Duration
}

func (o *offlineFlags) register(f *pflag.FlagSet) {
	o.streamFlags.register(f, offlineEpoch, "UTC of frame 0, or now", offlineSeed, "seed of the events, 0 to 2^53-1, or random")
	f.DurationVar(&o.start, "start", 0, "where to begin, in time since the epoch, to the nearest segment")
	f.DurationVar(&o.duration, "duration", time.Minute, "how much of the stream, to the nearest whole frame")
}

// stretch makes the channel's description and the frames that are asked for.
func (o *offlineFlags) stretch(now time.Time) (c markers.Channel, first, frames int64, err error) {
	c, err = o.channelInfo(now)
	if err != nil {
		return c, 0, 0, err
	}
	c.Window = 0
	first, frames, err = scenario.Stretch(c, o.start, o.duration)
	return c, first, frames, err
}

func newTruth(stdout io.Writer) *cobra.Command {
	var o offlineFlags
	var scenarioFile string
	cmd := &cobra.Command{
		Use:   "truth",
		Short: "Print the markers of a stretch of time, without rendering it",
		Long: `Print the markers of a stretch of time as JSON Lines, the same that generate writes into markers.jsonl for the same
flags, and that serve writes for the same seed and epoch but for the times at which frames were really produced. With
--scenario it prints the faults of a scenario file in their place, as generate --scenario plans them.`,
		Example: "  refstream truth --seed 7 --duration 1h\n  refstream truth --seed 7 --start 240h --duration 10m --fps 29.97",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, first, frames, err := o.stretch(time.Now())
			if err != nil {
				return err
			}
			out := bufio.NewWriter(stdout)
			enc := json.NewEncoder(out)
			if scenarioFile != "" {
				plan, err := planOf(scenarioFile, "--scenario: ", c)
				if err != nil {
					return err
				}
				if err = errors.Join(printFaults(out, plan.Between(first, first+frames-1), c), out.Flush()); err != nil {
					return fmt.Errorf("print faults: %w", err)
				}
				return nil
			}
			err = scenario.Markers(c, first, first+frames-1, func(m markers.Marker) error {
				return errors.Join(cmd.Context().Err(), enc.Encode(m))
			})
			if err = errors.Join(err, out.Flush()); err != nil {
				return fmt.Errorf("print markers: %w", err)
			}
			return nil
		},
	}
	o.register(cmd.Flags())
	o.registerTracks(cmd.Flags())
	registerScenario(cmd.Flags(), &scenarioFile)
	return cmd
}

func newFrame(stdout io.Writer) *cobra.Command {
	var o streamFlags
	var out string
	cmd := &cobra.Command{
		Use:   "frame N",
		Short: "Write the reference picture of a frame as PNG",
		Long: `Write the picture of frame N as PNG, exactly as it goes into the encoder of a stream with the same flags. Events that
somebody triggered by hand are not known here: see /frames/{n}.png of a running server.`,
		Example: "  refstream frame 600 --seed 7 --out frame.png",
		Args:    wants(cobra.ExactArgs(1), "give one frame number: refstream frame 600 --out frame.png"),
		RunE: func(_ *cobra.Command, args []string) error {
			n, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || n < 0 || n > generator.MaxFrame {
				return fmt.Errorf("frame number %q is not a whole number from 0 to %d", args[0], int64(generator.MaxFrame))
			}
			c, err := o.channelInfo(time.Now())
			if err != nil {
				return err
			}
			shows, err := scenario.New(c)
			if err != nil {
				return err
			}
			renderer, err := generator.NewRenderer(shows.Picture)
			if err != nil {
				return err
			}
			_, event := shows.At(n)
			picture, err := renderer.Image(n, generator.Look{Event: event})
			if err != nil {
				return fmt.Errorf("render frame %d: %w", n, err)
			}
			switch {
			case out != "-":
				return writeFile(out, func(w io.Writer) error { return png.Encode(w, picture) })
			case terminal.File(stdout) != nil:
				return errors.New("a picture is no text for a terminal: name a file, such as --out frame.png")
			}
			return png.Encode(stdout, picture)
		},
	}
	o.register(cmd.Flags(), offlineEpoch, "UTC of frame 0, or now", offlineSeed, "seed of the events, 0 to 2^53-1, or random")
	cmd.Flags().StringVar(&out, "out", "-", "the PNG file; - is standard output")
	return cmd
}
