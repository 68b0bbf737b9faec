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

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/faults/catalogue"
	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/ts"
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
	file io.WriteCloser
	ts   *ts.Muxer // of MPEG-TS, else nil
	flv  *flv.Muxer
	tags *flv.Writer
	head bool // of FLV is written
}

// unclosed stays open: others write to it too.
type unclosed struct{ io.Writer }

func (unclosed) Close() error { return nil }

// newAlsoFiles creates the files in dir, or writes to the clip's Stream.
func newAlsoFiles(dir string, clip Options, o flv.Options) (a alsoFiles, err error) {
	plan, clock := clip.Scenario, clip.Channel.Clock()
	for _, format := range clip.Formats {
		var file io.WriteCloser = unclosed{clip.Stream}
		if clip.Stream == nil {
			file, err = os.Create(filepath.Join(dir, "stream."+format))
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("create %s file: %w", strings.ToUpper(format), err), a.close())
		}
		f := &alsoFile{buf: bufio.NewWriterSize(file, 1<<16), file: file}
		if format == "ts" {
			f.ts = ts.NewMuxer()
			f.ts.Step, f.ts.Sound = o.Rate.Ticks(1), o.Sound != nil
		} else {
			f.flv, f.tags = flv.NewMuxer(o), flv.NewWriter(f.buf)
			if o.Sound != nil {
				f.tags.SetSound()
			}
		}
		if plan != nil {
			faults := catalogue.NewStream(plan, clock, nil)
			if f.ts != nil {
				f.ts.Faults = faults
			} else {
				f.flv.Faults = faults
			}
		}
		a = append(a, f)
	}
	return a, nil
}

// Write packs a unit into the file, of the first rendition or of the sound.
func (f *alsoFile) Write(u stream.Unit) error {
	if !u.OfMain() {
		return nil
	}
	if f.ts != nil {
		b, err := f.ts.Unit(u.Unit, annotate.ID3(u.Markers...)...)
		if err == nil {
			_, err = f.buf.Write(b)
		}
		return err
	}
	chunk, err := f.flv.Unit(u.Unit, annotate.Scripts(u.Record, u.Markers))
	if err != nil {
		return err
	}
	tags := chunk.Tags
	if !f.head && chunk.Head != nil {
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
