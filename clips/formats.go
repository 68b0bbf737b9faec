package clips

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/stream"
)

// alsoFormats are the formats of generate besides HLS, each with what packs units into a file of it.
func alsoFormats(o flv.Options) map[string]func(io.Writer) container {
	return map[string]func(io.Writer) container{
		"ts": func(w io.Writer) container {
			m := ts.NewMuxer()
			m.Step = o.Rate.Ticks(1)
			return tsContainer{w, m}
		},
		"flv": func(w io.Writer) container { return &flvContainer{muxer: flv.NewMuxer(o), w: flv.NewWriter(w)} },
	}
}

// container packs units into one file.
type container interface {
	// unit writes the next unit.
	unit(u stream.Unit) error
	// end writes what comes after the last one.
	end() error
}

type tsContainer struct {
	w     io.Writer
	muxer *ts.Muxer
}

func (c tsContainer) unit(u stream.Unit) error {
	b, err := c.muxer.Unit(u)
	if err == nil {
		_, err = c.w.Write(b)
	}
	return err
}

func (c tsContainer) end() error { return nil }

type flvContainer struct {
	muxer *flv.Muxer
	w     *flv.Writer
	begun bool
}

func (c *flvContainer) unit(u stream.Unit) error {
	chunk, err := c.muxer.Unit(u)
	if err != nil {
		return err
	}
	tags := chunk.Tags
	if !c.begun {
		c.begun = true
		tags = slices.Concat(chunk.Head, tags)
	}
	return c.w.Write(tags...)
}

func (c *flvContainer) end() error {
	if !c.begun {
		return nil // there was no unit, and a file of nothing says so
	}
	return c.w.Write(c.muxer.Flush()...)
}

// alsoFiles are the files of generate besides HLS: stream.ts, stream.flv.
type alsoFiles []*alsoFile

type alsoFile struct {
	container
	buf  *bufio.Writer
	file *os.File
}

// CheckFormats refuses what is no format. The error names the flag of generate.
func CheckFormats(names []string) error {
	formats := alsoFormats(flv.Options{})
	for i, name := range names {
		if formats[name] == nil {
			return fmt.Errorf("--also: %q is not a format: use ts, flv or ts,flv", name)
		}
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("--also: %s is there twice", name)
		}
	}
	return nil
}

// newAlsoFiles creates the files in dir.
func newAlsoFiles(dir string, names []string, o flv.Options) (a alsoFiles, err error) {
	for _, name := range names {
		f, err := os.Create(filepath.Join(dir, "stream."+name))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("create %s file: %w", strings.ToUpper(name), err), a.close())
		}
		buf := bufio.NewWriterSize(f, 1<<16)
		a = append(a, &alsoFile{alsoFormats(o)[name](buf), buf, f})
	}
	return a, nil
}

// Write packs a unit into every file.
func (a alsoFiles) Write(u stream.Unit) error {
	for _, f := range a {
		if err := f.unit(u); err != nil {
			return err
		}
	}
	return nil
}

// close ends the files, and reports what failed.
func (a alsoFiles) close() error {
	var errs []error
	for _, f := range a {
		errs = append(errs, f.end(), f.buf.Flush(), f.file.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	return nil
}
