package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/refstream/refstream/analyzer/input"
	"github.com/refstream/refstream/analyzer/verify/score"
	"github.com/refstream/refstream/analyzer/verify/truth"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// scoreFlags are those of the command score.
type scoreFlags struct {
	truthFlags
	faultFlags
	reportFlags
	clock, format, offset, from, to string
	tolerance, maxError             time.Duration
	minPrecision, minRecall         float64
}

func newScore(stdout, _ io.Writer) *cobra.Command {
	var f scoreFlags
	cmd := &cobra.Command{
		Use:   "score DETECTIONS",
		Short: "Say how good a detector of events or a monitor of faults is",
		Long: `Compare a list of detections with the markers of a stream: precision, recall, and how early or late they are.

DETECTIONS is a file, or - for standard input: JSON, JSON Lines, CSV, or a log of ffmpeg.
  JSON    an array of numbers, or of objects with a member time, frame, pts, utc or gen_time
  CSV     a column of such a name, or start; without a header the first column; PySceneDetect's list of scenes
  ffmpeg  what blackdetect, freezedetect, silencedetect or scdet logs
A time is seconds from the epoch, such as 12.5, or 00:00:12.500. Detections and markers are paired one to one, as many
as are within the tolerance of each other. Tools that count from the first picture need --offset where that is not frame 0.

With --faults the alarms of a monitor are compared with labelled faults. An alarm has a name, a start and perhaps an end
and seen_at, when it was raised: objects with the members alarm, start, end and seen_at, columns of these names, or a
log of ffmpeg. A time is seconds from the epoch or UTC, such as 2026-01-31T12:00:00.5Z. An alarm finds a fault if it
begins during the fault, within the tolerance; its name is one that the fault's record has for alarms, that of the
fault's kind, or one of --alias. Faults that were not done are not missed, and what a fault implies or damages besides is
neither right nor wrong.

With --min-precision, --min-recall or --max-error, exit code 1 says that the detector is not as good as that; 2 that it
could not be told.`,
		Example: `  refstream score found.json --truth http://127.0.0.1:8080 --from 100 --to 400
  refstream score found.csv --truth clip --clock frame --tolerance 100ms --min-recall 0.95
  my-detector stream.ts | refstream score - --truth clip --json -
  ffmpeg -i clip/index.m3u8 -vf scdet=threshold=4 -f null - 2>&1 | refstream score - --truth clip
  ffmpeg -i faulty/index.m3u8 -vf freezedetect -f null - 2>&1 | refstream score - --faults faulty --kinds freeze
  refstream score alarms.csv --faults faults.jsonl --alias TR101290.1.4=ts.lose --min-recall 0.9 --html score.html`,
		Args: wants(cobra.ExactArgs(1), "give one file of detections, or - for standard input: refstream score found.json", noVerdict),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0], stdout) },
	}
	cmd.SetFlagErrorFunc(wrongFlag)
	flags := cmd.Flags()
	f.truthFlags.register(flags)
	f.faultFlags.register(flags)
	f.reportFlags.register(flags, "score", "")
	flags.StringVar(&f.clock, "clock", "", "what the detections are told on: time (seconds from the epoch), frame, pts, utc or\ngen_time; without it what they name, or time")
	flags.StringVar(&f.format, "format", "", "how they are written: json, csv or ffmpeg; without it by how the list begins")
	flags.DurationVar(&f.tolerance, "tolerance", 500*time.Millisecond, "how far a detection may be from its marker,\nor the start of an alarm before or after its fault")
	flags.StringVar(&f.offset, "offset", "0", "what to add to each detection: seconds, or with a unit, such as 40ms")
	flags.StringVar(&f.from, "from", "", "seconds from the epoch: only markers and faults from here on could be detected")
	flags.StringVar(&f.to, "to", "", "seconds from the epoch: only markers and faults up to here could be detected")
	flags.StringVar(&f.from, "ts-start", "", "the same as --from, by its name in the API")
	flags.StringVar(&f.to, "ts-end", "", "the same as --to, by its name in the API")
	flags.Float64Var(&f.minPrecision, "min-precision", 0, "the precision that is demanded, 0 to 1")
	flags.Float64Var(&f.minRecall, "min-recall", 0, "the recall that is demanded, 0 to 1")
	flags.DurationVar(&f.maxError, "max-error", 0, "the largest 95th percentile of errors, or of the times until a fault's alarm,\nthat is allowed; 0 for any")
	return cmd
}

func (f *scoreFlags) run(cmd *cobra.Command, name string, stdout io.Writer) error {
	if err := f.check(); err != nil {
		return noVerdict(err)
	}
	if f.faults != "" {
		return f.runFaults(cmd, name, stdout)
	}
	report, err := f.compute(cmd, name)
	if err == nil {
		err = f.write(cmd.Context(), stdout, name, report)
	}
	if err != nil {
		return noVerdict(err)
	}
	return f.demand(report.Precision, report.Recall, report.P95,
		fmt.Sprintf("%d detections, %d markers, %d pairs", report.Detections, report.Markers, report.Matched))
}

// scoreReport is a report of a list of that name.
type scoreReport interface {
	WriteTable(w io.Writer) error
	WriteJUnit(w io.Writer, name string, at time.Time) error
	WriteHTML(w io.Writer, name string, at time.Time) error
}

// write writes a report in every form that is asked for.
func (f *scoreFlags) write(ctx context.Context, stdout io.Writer, name string, report scoreReport) error {
	at := time.Now()
	return f.reportFlags.write(ctx, stdout, report.WriteTable, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(report)
	}, func(w io.Writer) error { return report.WriteJUnit(w, name, at) }, func(w io.Writer) error { return report.WriteHTML(w, name, at) })
}

// check refuses demands that nothing could meet or miss.
func (f *scoreFlags) check() error {
	for _, d := range []struct {
		flag  string
		least float64
	}{{"min-precision", f.minPrecision}, {"min-recall", f.minRecall}} {
		if !(d.least >= 0 && d.least <= 1) { // NaN is neither
			return fmt.Errorf("--%s: %g is not from 0 to 1", d.flag, d.least)
		}
	}
	if f.maxError < 0 {
		return fmt.Errorf("--max-error: %v is negative", f.maxError)
	}
	return cmp.Or(f.reportFlags.check(), f.faultFlags.check())
}

// demand compares a score with what is demanded. p95 is of the errors, counted what was compared.
func (f *scoreFlags) demand(precision, recall *float64, p95 *media.Seconds, counted string) error {
	var short, none []string
	for _, d := range []struct {
		name  string
		value *float64
		least float64
	}{{"precision", precision, f.minPrecision}, {"recall", recall, f.minRecall}} {
		switch {
		case d.least <= 0:
		case d.value == nil:
			none = append(none, d.name)
		case *d.value < d.least:
			short = append(short, fmt.Sprintf("%s %.4f is below %g", d.name, *d.value, d.least))
		}
	}
	switch {
	case f.maxError == 0:
	case p95 == nil:
		none = append(none, "error")
	case *p95 > media.Seconds(f.maxError):
		short = append(short, fmt.Sprintf("the 95th percentile of the errors, %s s, is above %v", p95, f.maxError))
	}
	switch {
	case len(short) > 0:
		return notTrue("the detector falls short: %s", strings.Join(short, ", "))
	case len(none) > 0:
		return noVerdict(fmt.Errorf("there is no %s to measure: %s", strings.Join(none, " and no "), counted))
	}
	return nil
}

// options reads how lists are compared, and the clock of what is read.
func (f *scoreFlags) options() (o score.Options, clock score.Clock, err error) {
	o.Tolerance = media.Seconds(f.tolerance)
	if o.Offset, err = secondsOf(f.offset); err != nil {
		return o, "", fmt.Errorf("--offset: %w", err)
	}
	for _, bound := range []struct {
		flag, text string
		to         **media.Seconds
	}{{"from", f.from, &o.From}, {"to", f.to, &o.To}} {
		if bound.text == "" {
			continue
		}
		t, err := secondsOf(bound.text)
		if err != nil {
			return o, "", fmt.Errorf("--%s: %w", bound.flag, err)
		}
		*bound.to = &t
	}
	if f.clock != "" {
		if clock, err = score.ParseClock(f.clock); err != nil {
			return o, "", fmt.Errorf("--clock: %w", err)
		}
	}
	return o, clock, nil
}

func (f *scoreFlags) compute(cmd *cobra.Command, name string) (r score.Report, err error) {
	ctx := cmd.Context()
	o, clock, err := f.options()
	if err != nil {
		return r, err
	}
	source, err := f.source("", cmd.Flags().Changed)
	if err != nil {
		return r, err
	}
	channel, err := source.Channel(ctx)
	if err != nil {
		return r, fmt.Errorf("read truth: %w", err)
	}
	detections, err := f.read(ctx, name, cmd.InOrStdin(), score.Reading{Channel: channel, Clock: clock})
	if err != nil {
		return r, err
	}
	list, err := markersIn(ctx, source, channel, &o, detections)
	if err != nil {
		return r, fmt.Errorf("read truth: %w", err)
	}
	return score.Compute(detections, list, o)
}

// secondsOf reads seconds, such as 1.5, or a duration with units, such as 1.5s or 40ms, as other flags take them.
func secondsOf(text string) (media.Seconds, error) {
	if d, err := time.ParseDuration(text); err == nil {
		return media.Seconds(d), nil
	}
	return media.ParseSeconds(text)
}

// markersIn reads the markers of the range. A schedule has no end: without one of the range, it is the last detection.
func markersIn(ctx context.Context, source truth.Source, c markers.Channel, o *score.Options, l score.List) ([]markers.Marker, error) {
	first, last := int64(0), int64(markers.MaxFrame)
	// The range may be one of GEN times, which are near the nominal ones.
	const slack = media.Seconds(time.Minute)
	if o.From != nil {
		first = max(0, c.Rate.FrameAtNanos(int64(*o.From-min(slack, *o.From))))
	}
	if o.To == nil && truth.Endless(source) {
		var latest media.Seconds
		for _, at := range l.At {
			latest = max(latest, at+o.Offset)
		}
		latest += o.Tolerance
		o.To = &latest
	}
	if o.To != nil {
		last = min(last, c.Rate.FrameAtNanos(int64(*o.To+slack)))
	}
	return source.Markers(ctx, first, last)
}

// maxDetectionBytes bounds a list of detections: the most there may be, each an object of some 600 bytes.
const maxDetectionBytes = 64 << 20

// read reads the detections from a file or standard input, until ctx ends.
func (f *scoreFlags) read(ctx context.Context, name string, stdin io.Reader, in score.Reading) (l score.List, err error) {
	err = readText(ctx, name, stdin, "detections", func(text *bufio.Reader) error {
		if in.Format, err = f.formatOf(text); err == nil {
			l, err = in.Read(text)
		}
		return err
	})
	return l, err
}

// readText gives read a file, or standard input where its name is -, until ctx ends. what is in it.
func readText(ctx context.Context, name string, stdin io.Reader, what string, read func(*bufio.Reader) error) error {
	list, open := stdin.(*os.File)
	var file *input.File
	var err error
	switch {
	case name != "-":
		file, err = input.OpenFile(ctx, name)
	case open:
		file, err = input.WaitOn(ctx, list)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", what, err)
	}
	if file != nil {
		defer file.Close()
		stdin = file
	}
	bounded := &io.LimitedReader{R: stdin, N: maxDetectionBytes + 1}
	if err := read(bufio.NewReader(bounded)); bounded.N > 0 {
		return err
	}
	return errors.New("the list has more than 64 MiB: give detections only")
}

// formatOf is how a list is written: by the flag, or by how it begins.
func (f *scoreFlags) formatOf(text *bufio.Reader) (score.Format, error) {
	switch format := score.Format(f.format); format {
	case score.JSON, score.CSV, score.FFmpeg:
		return format, nil
	case "":
		return score.FormatOf(text), nil
	}
	return "", fmt.Errorf("--format: %q is not a format: use json, csv or ffmpeg", f.format)
}
