package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"github.com/refstream/refstream/internal/atomicfile"
	"github.com/refstream/refstream/internal/pause"
)

const (
	// maxLinks is how many symbolic links in a row are followed, as Linux does: path_resolution(7).
	maxLinks = 40
	// readerEvery is how often a FIFO that nobody reads is tried again: people take it for at once.
	readerEvery = 50 * time.Millisecond
)

// namedReport is a report and the name of its file, or - for standard output, or empty for none.
type namedReport struct {
	name  string
	write func(io.Writer) error
}

// reportFlags name the files of a report.
type reportFlags struct {
	json, junit, html string
}

func (f *reportFlags) register(flags *pflag.FlagSet, what, page string) {
	flags.StringVar(&f.json, "json", "", "write the "+what+" as JSON into this file; - is standard output, without the table")
	flags.StringVar(&f.junit, "junit", "", "write the "+what+" as JUnit XML into this file; - is standard output, without the table")
	flags.StringVar(&f.html, "html", "", "write the "+what+" as one page "+page+"into this file")
}

func (f *reportFlags) check() error {
	if f.json == "-" && f.junit == "-" {
		return errors.New("--json, --junit: only one report can go to standard output: name a file for the other")
	}
	return nil
}

// write writes what is asked for.
func (f *reportFlags) write(ctx context.Context, stdout io.Writer, table, json, junit, html func(io.Writer) error) error {
	return writeReports(ctx, stdout, table, namedReport{f.json, json}, namedReport{f.junit, junit}, namedReport{f.html, html})
}

// writeReports writes reports, and the table to standard output unless one of them goes there.
func writeReports(ctx context.Context, stdout io.Writer, table func(io.Writer) error, list ...namedReport) error {
	for _, r := range list {
		if err := writeReport(ctx, r.name, stdout, r.write); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(list, func(r namedReport) bool { return r.name == "-" }) {
		return nil
	}
	return table(stdout)
}

// writeReport writes a report into a file, or to standard output where the name is -; nothing where it is empty. A file is
// there in full or not at all; what is there and is no regular file, as a device or FIFO, is written into.
func writeReport(ctx context.Context, name string, stdout io.Writer, write func(io.Writer) error) error {
	switch name {
	case "":
		return nil
	case "-":
		return write(stdout)
	}
	info, err := os.Stat(name)
	switch {
	case err == nil && isFile(stdout, info): // /dev/stdout, which may be a file that a shell has opened
		return write(stdout)
	case err == nil && !info.Mode().IsRegular():
		return writeInto(ctx, name, write)
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("write %s: %w", name, err)
	}
	name, err = linked(name)
	if err != nil {
		return err
	}
	return writeFile(name, write)
}

// isFile reports whether w is the file of info.
func isFile(w io.Writer, info os.FileInfo) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	own, err := f.Stat()
	return err == nil && os.SameFile(own, info)
}

// writeInto writes into what exists. It waits for the reader of a FIFO for as long as ctx lasts.
func writeInto(ctx context.Context, name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_WRONLY|syscall.O_NONBLOCK, 0)
	for errors.Is(err, syscall.ENXIO) { // open(2): nobody has the FIFO open for reading
		if err := pause.For(ctx, readerEvery); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		f, err = os.OpenFile(name, os.O_WRONLY|syscall.O_NONBLOCK, 0)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	stop := context.AfterFunc(ctx, func() { f.Close() }) // a reader need not read
	err = write(f)
	if !stop() && ctx.Err() != nil {
		return fmt.Errorf("write %s: %w", name, ctx.Err())
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// linked is the name of the file that a symbolic link leads to, whether it is there or not.
func linked(name string) (string, error) {
	for at, i := name, 0; i < maxLinks; i++ {
		to, err := os.Readlink(at)
		if err != nil { // no link, or nothing there
			return at, nil
		}
		if filepath.IsAbs(to) {
			at = to
		} else {
			at = filepath.Dir(at) + string(filepath.Separator) + to // .. in it starts from what the folder really is
		}
	}
	return "", fmt.Errorf("write %s: more than %d symbolic links", name, maxLinks)
}

// writeFile writes a file in full or leaves nothing behind.
func writeFile(name string, write func(io.Writer) error) error {
	err := atomicfile.Write(name, ".refstream-*", write)
	switch failed := new(fs.PathError); {
	case errors.As(err, &failed) && failed.Op == "open":
		return fmt.Errorf("create %s: %w: choose a folder that can be written", name, err)
	case err != nil:
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// size is a number of bytes in the unit that suits it.
func size(bytes int64) string {
	switch {
	case bytes < 1e3:
		return fmt.Sprintf("%d B", bytes)
	case bytes < 1e6:
		return fmt.Sprintf("%.1f kB", float64(bytes)/1e3)
	case bytes < 1e9:
		return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
	}
	return fmt.Sprintf("%.2f GB", float64(bytes)/1e9)
}
