package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/refstream/refstream/faults/verdict"
	"github.com/refstream/refstream/internal/redact"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/recorder"
	"github.com/refstream/refstream/recorder/gaps"
	"github.com/refstream/refstream/recorder/truth"
)

// gapsFlags are those of the command gaps.
type gapsFlags struct {
	sessionFlags
	threshold, playlist, json, plot string
	faults                          string
	allow                           []string
	tolerance, lateness             time.Duration
	show                            bool
}

func newGaps(stdout io.Writer) *cobra.Command {
	var f gapsFlags
	cmd := &cobra.Command{
		Use:   "gaps SESSION",
		Short: "Find what was wrong with a recorded stream",
		Long: `Looks through a session that record wrote for neighbouring versions of a playlist that are too far apart, and for what
else a monitor would flag: playlists that went stale, slow or could not be had, media sequence numbers that went back or
jumped, segments that came late, changed, or were missing, EXTINF that is not what the segment's time stamps say, and
PROGRAM-DATE-TIME that jumps. Numbers after # are rows of the table versions in session.db.

The labelled faults of a faulty twin are recorded with it: what they explain is no finding, and each of them that gaps can see
must be found. --faults ignore leaves the labels out.

Exit code 0: nothing was found; 1: something was, or a fault was not; 2: it could not be told.`,
		Example: `  refstream gaps monday
  refstream gaps monday -t 4 -p index.m3u8 --json gaps.json --plot gaps.svg`,
		Args: wantsSession("gaps", cobra.ExactArgs(1), noVerdict),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0], stdout) },
	}
	cmd.SetFlagErrorFunc(wrongFlag)
	flags := cmd.Flags()
	f.registerIn(flags)
	flags.StringVarP(&f.threshold, "threshold", "t", "0", "how far apart versions may be: seconds, or such as 2.5s\n(0: one and a half target durations); also --time")
	flags.StringVarP(&f.playlist, "playlist", "p", "", "look at this playlist only: its URL, the end of its path, its name or id (in replay -p is --http-port)")
	flags.DurationVar(&f.tolerance, "tolerance", 100*time.Millisecond, "how far EXTINF and PROGRAM-DATE-TIME may be off")
	flags.DurationVar(&f.lateness, "lateness", 0, "how long after it was named a segment may be there\n(0: its duration and one target duration)")
	flags.StringSliceVar(&f.allow, "allow", nil, "kinds of findings that are as they should be, such as request_failed,segment_late")
	flags.StringVar(&f.faults, "faults", "", "labelled faults: a file such as faults.jsonl, or ignore; without it those that were recorded")
	flags.BoolVar(&f.show, "show", false, "print the two versions of the playlist around each finding, whole; in the JSON too")
	flags.StringVar(&f.json, "json", "", "write the report as JSON into this file; - is standard output, without the table")
	flags.StringVar(&f.plot, "plot", "", "draw update intervals and lateness over time into this file, .svg or .png")
	return cmd
}

func (f *gapsFlags) run(cmd *cobra.Command, name string, stdout io.Writer) error {
	o := gaps.Options{Playlist: f.playlist, Tolerance: f.tolerance, Lateness: f.lateness, Show: f.show}
	var err error
	o.Threshold, err = parseLength(f.threshold)
	format := strings.TrimPrefix(strings.ToLower(filepath.Ext(f.plot)), ".")
	switch {
	case err != nil:
		return noVerdict(fmt.Errorf("--threshold: %q is not a length of time: use seconds, or such as 2.5s", f.threshold))
	case f.tolerance <= 0:
		return noVerdict(fmt.Errorf("--tolerance: %v is not a length of time such as 100ms", f.tolerance))
	case f.lateness < 0:
		return noVerdict(fmt.Errorf("--lateness: %v is not a length of time such as 10s", f.lateness))
	case f.plot != "" && format != "svg" && format != "png":
		return noVerdict(fmt.Errorf("--plot: %q is neither .svg nor .png: name the file so", f.plot))
	}
	for _, kind := range f.allow {
		if !slices.Contains(gaps.Kinds(), gaps.Kind(kind)) {
			return noVerdict(fmt.Errorf("--allow: %q is no kind of finding: use some of %s", kind, kinds()))
		}
	}
	dir, err := f.dir(name)
	if err != nil {
		return noVerdict(err)
	}
	session, err := recorder.Open(cmd.Context(), dir)
	if err != nil {
		return noVerdict(fmt.Errorf("gaps: %w", err))
	}
	defer session.Close()
	if o.Faults, o.Ahead, err = f.labels(cmd, dir); err != nil {
		return noVerdict(err)
	}
	report, err := gaps.Find(cmd.Context(), session, o)
	if err != nil {
		return noVerdict(err)
	}
	plot := func(w io.Writer) error {
		var b bytes.Buffer // so that a plot that fails leaves no half of it
		err := report.Plot(&b, format)
		_, writeErr := b.WriteTo(w)
		return errors.Join(err, writeErr)
	}
	err = writeReports(cmd.Context(), stdout, report.WriteTable, namedReport{f.json, report.WriteJSON}, namedReport{f.plot, plot})
	if err != nil {
		return noVerdict(err)
	}
	for kind, n := range report.Counts {
		if n > 0 && !slices.Contains(f.allow, string(kind)) {
			return notTrue("gaps: there are findings about %s", redact.Address(session.Info().URL))
		}
	}
	if n := verdict.Count(report.Faults, verdict.NotSeen); n > 0 {
		return notTrue("gaps: %d labelled faults were not seen in %s", n, redact.Address(session.Info().URL))
	}
	return nil
}

// labels are the labelled faults of a session, and how far the clock of the server was ahead of the recorder's.
func (f *gapsFlags) labels(cmd *cobra.Command, dir string) (list []markers.FaultRecord, ahead time.Duration, err error) {
	if f.faults == "ignore" {
		return nil, 0, nil
	}
	list, c, err := truth.Faults(cmd.Context(), dir)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // the stream has no truth
	}
	if err == nil && f.faults != "" {
		list, err = readFaults(cmd, f.faults)
	}
	return list, time.Duration(c.ServerAhead), err
}

func kinds() string {
	var list []string
	for _, k := range gaps.Kinds() {
		list = append(list, string(k))
	}
	return strings.Join(list, ", ")
}
