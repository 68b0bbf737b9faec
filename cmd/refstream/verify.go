package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/refstream/refstream/analyzer/verify"
	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/analyzer/verify/truth"
	"github.com/refstream/refstream/markers"
)

// verifyFlags are those of the command verify.
type verifyFlags struct {
	truthFlags
	reportFlags
	duration        time.Duration
	allow           []string
	faults          string
	ffmpeg, ffprobe string
}

func newVerify(stdout, stderr io.Writer) *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify URL",
		Short: "Hold a stream against the truth, frame by frame",
		Long: `Hold a stream of refstream, as it is or after it went through somebody's transcoder, packager or CDN, against the
truth. ffmpeg decodes it, the code in the pixels says which frame each picture shows, and from there everything is
checked: frames that are missing, repeated, out of order, frozen or black; time stamps and every clock that the stream
carries, which may be exact, off by a constant, drifting, jumping or gone; events against their markers.

The truth comes from a running server, from a truth.json, or from the seed, epoch, frame rate and so on that the stream
was made with. Without --truth and --seed it is looked for beside a file, and on the server that a stream comes from.

Where the truth has labelled faults, as that of a faulty twin or clip has, what they explain is no finding, and each of them
that can be seen in this carrier must be found. --faults ignore leaves the labels out.

Exit code 0: the stream is true; 1: it is not; 2: it could not be told. What --allow can name: refstream help allow.`,
		Example: `  refstream verify http://127.0.0.1:8080/hls/main/index.m3u8
  refstream verify clip/index.m3u8 --html report.html
  refstream verify transcoded.ts --truth clip --allow transcode
  ffmpeg -v error -i clip/index.m3u8 -c copy -f mpegts - | refstream verify - --truth clip
  refstream verify http://127.0.0.1:8080/hls/main-tr101290/index.m3u8
  refstream verify rtmp://127.0.0.1/live/main --seed 7 --epoch 2026-01-31T12:00:00Z --fps 25`,
		Args: wants(cobra.ExactArgs(1), "give one stream: refstream verify clip/index.m3u8", noVerdict),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0], stdout, stderr) },
	}
	cmd.SetFlagErrorFunc(wrongFlag)
	flags := cmd.Flags()
	f.truthFlags.register(flags)
	f.reportFlags.register(flags, "report", "with plots ")
	flags.DurationVar(&f.duration, "duration", 30*time.Second, "how much of a live stream is read; files are read to their end")
	flags.StringSliceVar(&f.allow, "allow", nil, "findings that are as they should be: remux, transcode, or kinds such as resized,missing=3")
	flags.StringVar(&f.faults, "faults", "", "labelled faults: a file such as faults.jsonl, the folder that it is in, or ignore;\nwithout it those that the truth has")
	flags.StringVar(&f.ffmpeg, "ffmpeg", "ffmpeg", "the ffmpeg program")
	flags.StringVar(&f.ffprobe, "ffprobe", "ffprobe", "the ffprobe program")
	return cmd
}

func (f *verifyFlags) run(cmd *cobra.Command, url string, stdout, stderr io.Writer) error {
	if err := f.check(); err != nil {
		return noVerdict(err)
	}
	if f.duration <= 0 {
		return noVerdict(fmt.Errorf("--duration: %v is no length of time: use one such as 30s", f.duration))
	}
	o := verify.Options{
		Now: time.Now, FFmpeg: f.ffmpeg, FFprobe: f.ffprobe, Duration: f.duration,
		Logger: slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	for _, kind := range f.allow {
		list, err := report.ParseAllowance(kind)
		if err != nil {
			return noVerdict(fmt.Errorf("--allow: %w", err))
		}
		o.Allow = append(o.Allow, list...)
	}
	source, err := f.source(url, cmd.Flags().Changed)
	if err == nil && f.faults != "" {
		o.Faults, err = faultsOf(cmd, f.faults)
	}
	if err != nil {
		return noVerdict(err)
	}
	r, err := verify.Run(cmd.Context(), url, source, o)
	if err != nil {
		return noVerdict(f.hint(err))
	}
	if err := f.write(cmd.Context(), stdout, r.WriteTable, r.WriteJSON, r.WriteJUnit, r.WriteHTML); err != nil {
		return noVerdict(err)
	}
	switch r.Verdict {
	case report.True:
		return nil
	case report.NotTrue:
		return notTrue("%s is not true", url)
	}
	return noVerdict(fmt.Errorf("whether %s is true could not be told: %s", url, strings.Join(r.Notes, "; ")))
}

// faultsOf reads the records of faults from a file or folder, none where its name is ignore.
func faultsOf(cmd *cobra.Command, name string) (func(context.Context, truth.Source, int64, int64) ([]markers.FaultRecord, error), error) {
	var list []markers.FaultRecord
	if name != "ignore" {
		var err error
		if list, err = readFaults(cmd, name); err != nil {
			return nil, err
		}
	}
	return func(context.Context, truth.Source, int64, int64) ([]markers.FaultRecord, error) { return list, nil }, nil
}

// hint adds a hint about a program that could not be started, where the error does not.
func (f *verifyFlags) hint(err error) error {
	for _, program := range []struct{ flag, name string }{{"ffmpeg", f.ffmpeg}, {"ffprobe", f.ffprobe}} {
		hint := fmt.Sprintf("is %s installed?", program.flag)
		var lookup *exec.Error
		var start *fs.PathError
		missing := errors.As(err, &lookup) && lookup.Name == program.name ||
			errors.As(err, &start) && start.Op == "fork/exec" && start.Path == program.name
		if missing && !strings.Contains(err.Error(), hint) {
			return fmt.Errorf("%w: %s", err, hint)
		}
	}
	return err
}

// truthFlags name the truth about a stream.
type truthFlags struct {
	streamFlags
	truth string
}

func (t *truthFlags) register(f *pflag.FlagSet) {
	f.StringVar(&t.truth, "truth", "", "the truth: the address of the server that made the stream, or the folder or truth.json\nthat generate wrote")
	t.streamFlags.register(f, offlineEpoch, "without --truth: UTC of frame 0", offlineSeed, "without --truth: seed of the events")
}

// source finds the truth about a stream or, where of is empty, about nothing in particular; given reports which flags were
// set. Without a flag it is looked for beside a file, and on the server of the stream's address. The channel is that of the
// flag, or else of the stream's address, or else that of the stream's frame records.
func (t *truthFlags) source(of string, given func(flag string) bool) (truth.Source, error) {
	base, named := truth.ServerOf(of)
	channel := named
	if given("channel") {
		channel = t.Name
	}
	client := &http.Client{Timeout: truthTimeout}
	if t.truth != "" {
		if !strings.HasPrefix(t.truth, "http://") && !strings.HasPrefix(t.truth, "https://") {
			return truth.Folder(t.truth), nil
		}
		if of == "" || given("channel") {
			return truth.Server(t.truth, channel, client)
		}
		return truth.Unnamed{Find: func(ctx context.Context, name string) (truth.Source, error) {
			return truth.ServerWith(ctx, t.truth, client, named, name, "") // without a name it is the only channel
		}}, nil
	}
	if given("seed") || given("epoch") {
		if of == "" || channel != "" {
			return t.seeded(channel)
		}
		return truth.Unnamed{Find: func(_ context.Context, name string) (truth.Source, error) { return t.seeded(name) }}, nil
	}
	if base != "" {
		return truth.Server(base, channel, client)
	}
	if of != "" && of != "-" { // nothing is beside standard input
		path := strings.TrimPrefix(of, "file://")
		if _, err := os.Stat(path); err != nil && !strings.Contains(of, "://") {
			return nil, fmt.Errorf("read stream: %w", err)
		}
		beside := filepath.Join(filepath.Dir(path), "truth.json")
		if _, err := os.Stat(beside); err == nil {
			return truth.Folder(beside), nil
		}
	}
	return nil, errors.New("where is the truth? give --truth with a server's address or a truth.json, or --seed with the other flags that the stream was made with")
}

// seeded is the truth that follows from the flags; an empty channel is that of the flag.
func (t *truthFlags) seeded(channel string) (truth.Source, error) {
	c, err := t.channelInfo(time.Now())
	if err != nil {
		return nil, err
	}
	if channel != "" {
		c.Name = channel
	}
	return truth.Seeded(c), nil
}

// truthTimeout bounds each question to a server.
const truthTimeout = 30 * time.Second
