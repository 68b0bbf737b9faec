package clips

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/id3"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
	"github.com/refstream/refstream/stream"
)

// CheckFormats refuses what is no format. The error names the flag of generate.
func CheckFormats(names []string) error {
	for i, name := range names {
		if name != "ts" && name != "flv" {
			return fmt.Errorf("--also: %q is not a format: use ts, flv or ts,flv", name)
		}
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("--also: %s is there twice", name)
		}
	}
	return nil
}

// alsoFiles are the files besides HLS: stream.ts, stream.flv.
type alsoFiles []*alsoFile

type alsoFile struct {
	buf  *bufio.Writer
	file *os.File
	ts   *ts.Muxer // of MPEG-TS, else nil
	flv  *flv.Muxer
	tags *flv.Writer
	head bool // of FLV is written
	// faulty are the faults that the file has; nil for none.
	faulty *faulty
	tagged []id3.Timed // of frames that have no unit, for the next one
}

// newAlsoFiles creates the files in dir.
func newAlsoFiles(dir string, formats []string, plan *scenario.Plan, clock markers.Clock, o flv.Options) (a alsoFiles, err error) {
	for _, format := range formats {
		file, err := os.Create(filepath.Join(dir, "stream."+format))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("create %s file: %w", strings.ToUpper(format), err), a.close())
		}
		f := &alsoFile{buf: bufio.NewWriterSize(file, 1<<16), file: file, faulty: newFaulty(plan, clock, unreported)}
		if format == "ts" {
			f.ts = ts.NewMuxer()
			f.ts.Step = o.Rate.Ticks(1)
		} else {
			f.flv, f.tags = flv.NewMuxer(o), flv.NewWriter(f.buf)
		}
		a = append(a, f)
	}
	return a, nil
}

// Write packs a unit into the file.
func (f *alsoFile) Write(u stream.Unit) error {
	if f.faulty == nil {
		if f.ts == nil {
			return f.writeTags(f.flv.Unit(u.AccessUnit, annotate.Scripts(u.Record, u.Markers)))
		}
		b, err := f.ts.Unit(u.AccessUnit, annotate.ID3(u.Markers...)...)
		return f.write(b, err)
	}
	units, err := f.faulty.Unit(u.AccessUnit)
	if err != nil {
		return err
	}
	if f.ts == nil {
		for _, au := range units {
			if err := f.writeTags(f.flv.Faulty(au, annotate.Scripts(u.Record, u.Markers))); err != nil {
				return err
			}
			u.Markers = nil
		}
		return nil
	}
	f.tagged = append(f.tagged, annotate.ID3(u.Markers...)...)
	var packets []byte
	for _, au := range units {
		b, err := f.ts.Faulty(au, u.DTS, f.tagged...)
		if err != nil {
			return err
		}
		packets, f.tagged = append(packets, b...), nil
	}
	return f.write(f.faulty.Packets(u.Frame, packets), nil)
}

func (f *alsoFile) write(b []byte, err error) error {
	if err == nil {
		_, err = f.buf.Write(b)
	}
	return err
}

func (f *alsoFile) writeTags(chunk flv.Chunk, err error) error {
	if err != nil {
		return err
	}
	tags := chunk.Tags
	if !f.head {
		f.head = true
		tags = slices.Concat(chunk.Head, tags)
	}
	return f.tags.Write(tags...)
}

// close ends the files, and reports what failed. A file of no unit stays empty.
func (a alsoFiles) close() error {
	var errs []error
	for _, f := range a {
		if f.head {
			errs = append(errs, f.tags.Write(f.flv.Flush()...))
		}
		errs = append(errs, f.buf.Flush(), f.file.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	return nil
}
