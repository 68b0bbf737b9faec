package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/refstream/refstream/clips"
	"github.com/refstream/refstream/encoder"
	"github.com/refstream/refstream/packager"
	"github.com/refstream/refstream/scenario"
)

func newGenerate(stdout, stderr io.Writer) *cobra.Command {
	var o offlineFlags
	var e encodingFlags
	var out string
	var also []string
	var scenarioFile, twin string
	container := string(packager.TS)
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Write the stream and its truth into files, faster than real time",
		Long: `Write a stretch of the stream into a folder: index.m3u8 and master.m3u8 with their segments, markers.jsonl and
frames.jsonl with the truth about it, and truth.json with every option. With --also the same access units go into one
MPEG-TS or FLV file too. With --scenario the clip has the faults of a scenario file, and faults.jsonl says what was done
to which frames. The generator's clock is virtual, so the same
options give the same bytes, on the same ffmpeg and number of threads (--threads).`,
		Example: "  refstream generate --out clip --duration 60s\n  refstream generate --out wrap --start 26h30m --duration 60s --fps 59.94 --seed 7",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
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
			containers, err := packager.ParseContainers(container)
			if err != nil {
				return fmt.Errorf("--container: %w", err)
			}
			var plan *scenario.Plan
			if scenarioFile != "" {
				if plan, err = planOf(scenarioFile, c); err != nil {
					return err
				}
			} else if twin != "" {
				return errors.New("--twin: it is for a clip with faults: write --scenario too")
			}
			logger := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
			if err := e.parse(); err != nil {
				return err
			}
			enc := e.Options(c, cmd.Flags().Changed, logger)
			ffmpeg, err := encoder.Check(ctx, enc.FFmpeg, enc.Encoder)
			if err != nil {
				return err
			}
			if _, err := encoder.New(enc); err != nil {
				return err
			}
			fmt.Fprintf(stdout, "%s\n", describe(c))
			clip := clips.Options{
				Channel: c, First: first, Frames: frames, Encoder: enc, Containers: containers, Formats: also, Version: version, FFmpeg: ffmpeg,
				Logger: logger,
			}
			if twin != "" {
				if err := writeClip(ctx, stdout, twin, clip); err != nil {
					return err
				}
			}
			clip.Scenario = plan
			return writeClip(ctx, stdout, out, clip)
		},
	}
	o.register(cmd.Flags())
	e.register(cmd.Flags())
	cmd.Flags().StringVar(&out, "out", "", "the folder to write, also --output; it must not hold anything yet")
	registerContainer(cmd.Flags(), &container)
	cmd.Flags().StringSliceVar(&also, "also", nil, "write the stream as one file too: ts (stream.ts), flv (stream.flv) or ts,flv")
	registerScenario(cmd.Flags(), &scenarioFile)
	cmd.Flags().StringVar(&twin, "twin", "", "with --scenario: write the same clip without faults into this folder too")
	return cmd
}

// writeClip writes a clip into a folder, and shows how far it has got.
func writeClip(ctx context.Context, stdout io.Writer, out string, o clips.Options) error {
	show := newProgress(stdout, o.Frames)
	o.Progress = show.update
	events, err := clips.Write(ctx, out, o)
	if err != nil {
		show.stop()
		return err
	}
	show.finish(events)
	return nil
}
