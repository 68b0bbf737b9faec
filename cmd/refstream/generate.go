package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/refstream/refstream/encoder"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/packager"
	"github.com/refstream/refstream/pipeline"
)

func newGenerate(stdout, stderr io.Writer) *cobra.Command {
	var o offlineFlags
	var e encodingFlags
	var out string
	var also []string
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Write the stream and its truth into files, faster than real time",
		Long: `Write a stretch of the stream into a folder: index.m3u8 and master.m3u8 with their segments, markers.jsonl and
frames.jsonl with the truth about it, and truth.json with every option. With --also the same access units go into one
MPEG-TS or FLV file too. The generator's clock is virtual, so the same
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
			if err := checkAlso(also); err != nil {
				return err
			}
			logger := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
			enc, err := e.options(c, cmd.Flags().Changed, logger)
			if err != nil {
				return err
			}
			ffmpeg, err := checkEncoder(ctx, enc)
			if err != nil {
				return err
			}
			g := generation{channel: c, first: first, frames: frames, encoder: enc, ffmpeg: ffmpeg, also: also, logger: logger}
			fmt.Fprintf(stdout, "%s\n", describe(c))
			return intoFolder(out, func(dir string) error { return g.write(ctx, dir, stdout) })
		},
	}
	o.register(cmd.Flags())
	e.register(cmd.Flags())
	cmd.Flags().StringVar(&out, "out", "", "the folder to write, also --output; it must not hold anything yet")
	cmd.Flags().StringSliceVar(&also, "also", nil, "write the stream as one file too: ts (stream.ts), flv (stream.flv) or ts,flv")
	return cmd
}

// checkEncoder fails unless ffmpeg is there with the encoder that is asked for; it returns ffmpeg's version.
func checkEncoder(ctx context.Context, o encoder.Options) (string, error) {
	ffmpeg, err := encoder.Check(ctx, o.FFmpeg, o.Encoder)
	if err != nil {
		return "", err
	}
	_, err = encoder.New(o)
	return ffmpeg, err
}

// intoFolder has write fill a new folder next to out, and gives it the name out when all of it is there.
func intoFolder(out string, write func(dir string) error) error {
	if list, err := os.ReadDir(out); err == nil && len(list) > 0 {
		return fmt.Errorf("--out: %s is not empty: name another folder, or remove it", out)
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("--out: %w: name a folder that can be written", err)
	}
	out = filepath.Clean(out)
	made, err := makeParents(filepath.Dir(out))
	if err != nil {
		return fmt.Errorf("--out: %w: name a folder that can be written", err)
	}
	fail := func(err error) error {
		for i := len(made) - 1; i >= 0; i-- {
			os.Remove(made[i]) // only those that were made for this, and only while empty
		}
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(out), "."+filepath.Base(out)+"-*")
	if err != nil {
		return fail(fmt.Errorf("--out: %w: name a folder that can be written", err))
	}
	err = write(dir)
	if err == nil {
		_ = os.Remove(out) // an empty folder has to make room; one that is not empty by now stays, and the next step fails
		err = errors.Join(os.Chmod(dir, 0o755), os.Rename(dir, out))
	}
	if err != nil {
		os.RemoveAll(dir)
		return fail(err)
	}
	return nil
}

// generation is one run of generate.
type generation struct {
	channel       markers.Channel
	first, frames int64
	encoder       encoder.Options
	ffmpeg        string
	also          []string // formats besides HLS
	logger        *slog.Logger
}

func (g *generation) write(ctx context.Context, dir string, stdout io.Writer) error {
	clock := g.channel.Clock()
	began := clock.UTC(g.first)
	playlist, err := packager.New(packager.Options{Dir: dir, Channel: g.channel,
		Now: func() time.Time { return began }})
	if err != nil {
		return fmt.Errorf("open playlist: %w", err)
	}
	files, err := newTruthFiles(dir)
	if err != nil {
		return err
	}
	also, err := newAlsoFiles(dir, g.also, flvOptions(g.channel, g.encoder))
	if err != nil {
		return errors.Join(err, files.close())
	}
	show := newProgress(stdout, g.frames)
	run := pipeline.Generate{
		Channel: pipeline.Channel{
			Info: g.channel, HLS: playlist, Store: files, Logger: g.logger,
			Output:  also,
			Encoder: pipeline.FFmpeg(g.encoder), Metrics: pipeline.NewMetrics(prometheus.NewRegistry(), g.channel.Name),
		},
		First: g.first, Frames: g.frames, Progress: show.update,
	}
	err = run.Run(ctx)
	if closeErr := errors.Join(files.close(), also.close()); err == nil {
		err = closeErr
	}
	if err != nil {
		show.stop()
		return err
	}
	err = writeFile(filepath.Join(dir, "truth.json"), func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(g.truth(files))
	})
	show.finish(files.markersWritten)
	return err
}

// truthFile is the content of truth.json: all that the files depend on, and what they hold.
type truthFile struct {
	Channel markers.Channel `json:"channel"`
	Encoder truthEncoder    `json:"encoder"`
	First   int64           `json:"first_frame"`
	Last    int64           `json:"last_frame"`
	Frames  int64           `json:"frames"`
	Markers int64           `json:"markers"`
	Seconds markers.Seconds `json:"seconds"`
	Version truthVersions   `json:"versions"`
}

type truthEncoder struct {
	Name       string `json:"name"`
	Preset     string `json:"preset"`
	Bitrate    int64  `json:"bitrate"`
	BFrames    int    `json:"bframes"`
	LowLatency bool   `json:"low_latency"`
	Threads    int    `json:"threads"`
}

type truthVersions struct {
	Refstream string `json:"refstream"`
	FFmpeg    string `json:"ffmpeg"`
	Go        string `json:"go"`
}

func (g *generation) truth(files *truthFiles) truthFile {
	e := g.encoder
	return truthFile{
		Channel: g.channel,
		Encoder: truthEncoder{e.Encoder, e.Preset, e.Bitrate, e.BFrames, e.LowLatency, e.Threads},
		First:   g.first, Last: g.first + g.frames - 1, Frames: g.frames, Markers: files.markersWritten,
		Seconds: g.channel.Clock().Time(g.frames),
		Version: truthVersions{version, g.ffmpeg, runtime.Version()},
	}
}

// truthFiles writes records as JSON Lines.
type truthFiles struct {
	frames, markers *lines
	markersWritten  int64
	failed          error // the first failure, which close reports
}

type lines struct {
	*json.Encoder
	buf  *bufio.Writer
	file *os.File
}

func newLines(name string) (*lines, error) {
	f, err := os.Create(name)
	if err != nil {
		return nil, fmt.Errorf("create truth file: %w", err)
	}
	w := bufio.NewWriterSize(f, 1<<16)
	return &lines{json.NewEncoder(w), w, f}, nil
}

func (l *lines) close() error { return errors.Join(l.buf.Flush(), l.file.Close()) }

func newTruthFiles(dir string) (*truthFiles, error) {
	f, err := newLines(filepath.Join(dir, "frames.jsonl"))
	if err != nil {
		return nil, err
	}
	m, err := newLines(filepath.Join(dir, "markers.jsonl"))
	if err != nil {
		return nil, errors.Join(err, f.close())
	}
	return &truthFiles{frames: f, markers: m}, nil
}

// Append writes the frames and markers of a batch. It serves the pipeline, which gives it those from one goroutine.
func (t *truthFiles) Append(_ context.Context, _ string, b markers.Batch) error {
	for _, r := range b.Frames {
		t.note(t.frames.Encode(r))
	}
	for _, m := range b.Markers {
		t.note(t.markers.Encode(m))
		t.markersWritten++
	}
	return nil
}

func (t *truthFiles) note(err error) {
	if t.failed == nil && err != nil {
		t.failed = fmt.Errorf("write truth: %w", err)
	}
}

// close reports the first failure since the files were made.
func (t *truthFiles) close() error {
	t.note(t.frames.close())
	t.note(t.markers.close())
	return t.failed
}
