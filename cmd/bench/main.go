// Command bench measures refstream against what limits it, and prints one table: rendering against copying bytes,
// encoding against ffmpeg alone on the same frames, serving against nginx, and so on. Figures of one row, and ratios
// above all, come from one run on one machine, with the measurements of the two sides taking turns.
//
// It needs Linux (it reads /proc), ffmpeg, and for the rows about serving also nginx and wrk.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

func main() {
	if os.Getenv(tapLog) != "" {
		code, err := tap(os.Args[1:])
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench tap:", err)
		}
		os.Exit(code)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures what the flags select and prints the table. A row that falls short of its target is a result; a
// measurement that fails is an error, after the others are done.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	refstream := flags.String("refstream", "bin/refstream", "the refstream program to measure")
	ffmpeg := flags.String("ffmpeg", "ffmpeg", "the ffmpeg program that it is compared with, and uses")
	only := flags.String("only", "", "measure only what matches this regular expression: "+measurementNames())
	asJSON := flags.Bool("json", false, "print JSON instead of a table")
	short := flags.Bool("short", false, "measure for a shorter time: for trying the bench, not for its figures")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q: bench takes flags only, see -help", flags.Arg(0))
	}
	wanted, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	l, err := newLab(*refstream, *ffmpeg, *short, stderr)
	if err != nil {
		return err
	}
	defer l.close()
	rows, err := l.measure(ctx, wanted)
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	if len(rows) == 0 && err == nil {
		return fmt.Errorf("-only %q matches nothing: use one of %s", *only, measurementNames())
	}
	show := printTable
	if *asJSON {
		show = printJSON
	}
	return errors.Join(show(stdout, l.machine(ctx), rows), err)
}

// lab is where measurements are made: the programs, and a place for files that is removed at the end.
type lab struct {
	refstream, ffmpeg string
	// dir is on the disk that temporary files are on; memory is a folder of a file system in memory.
	dir, memory string
	short       bool
	log         io.Writer
}

func newLab(refstream, ffmpeg string, short bool, log io.Writer) (*lab, error) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		return nil, errors.New("bench needs Linux: it reads processor time and memory of processes from /proc")
	}
	l := &lab{short: short, log: log}
	var err error
	if l.refstream, err = exec.LookPath(refstream); err != nil {
		return nil, fmt.Errorf("find refstream: %w: build it with make build", err)
	}
	if l.refstream, err = filepath.Abs(l.refstream); err != nil {
		return nil, fmt.Errorf("find refstream: %w", err)
	}
	if l.ffmpeg, err = exec.LookPath(ffmpeg); err != nil {
		return nil, fmt.Errorf("find ffmpeg: %w", err)
	}
	if l.dir, err = os.MkdirTemp("", "refstream-bench-"); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	if l.memory, err = os.MkdirTemp("/dev/shm", "refstream-bench-"); err != nil {
		l.close()
		return nil, fmt.Errorf("make folder in memory: %w", err)
	}
	return l, nil
}

// close removes every file.
func (l *lab) close() {
	for _, dir := range []string{l.dir, l.memory} {
		if dir == "" {
			continue
		}
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(l.log, "bench: remove files:", err)
		}
	}
}

// logf logs progress for people.
func (l *lab) logf(format string, args ...any) { fmt.Fprintf(l.log, "bench: "+format+"\n", args...) }

// folder makes an empty folder on the disk.
func (l *lab) folder(name string) (string, error) {
	dir := filepath.Join(l.dir, name)
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o755)
}

// pick is the first value, or the second in a short run.
func pick[T any](l *lab, full, short T) T {
	if l.short {
		return short
	}
	return full
}

// measurement fills one or more rows of the table. Its name is what -only selects.
type measurement struct {
	name string
	run  func(*lab, context.Context) ([]row, error)
}

// measurements lists all, in the order of the table.
func measurements() []measurement {
	return []measurement{
		{"render", (*lab).render}, {"generate", (*lab).generate}, {"planar", (*lab).planar}, {"ladder", (*lab).ladder}, {"annotate", (*lab).annotate},
		{"live", (*lab).live}, {"latency", (*lab).latency}, {"serve", (*lab).serve}, {"carriers", (*lab).carriers}, {"analyze", (*lab).analyze},
		{"recording", (*lab).recording}, {"memory", (*lab).memoryUse},
	}
}

func measurementNames() string {
	var names []string
	for _, m := range measurements() {
		names = append(names, m.name)
	}
	return strings.Join(names, ", ")
}

// measure runs the measurements whose names match, one after the other. A failure doesn't stop those that follow.
func (l *lab) measure(ctx context.Context, wanted *regexp.Regexp) ([]row, error) {
	var rows []row
	var failed error
	for _, m := range measurements() {
		if !wanted.MatchString(m.name) || ctx.Err() != nil {
			continue
		}
		l.logf("%s ...", m.name)
		r, err := m.run(l, ctx)
		rows = append(rows, r...)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("measure %s: %w", m.name, err))
		}
	}
	return rows, failed
}
