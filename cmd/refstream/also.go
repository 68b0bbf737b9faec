package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/refstream/refstream/outputs"
	"github.com/refstream/refstream/outputs/flv"
	"github.com/refstream/refstream/outputs/ts"
)

// alsoFormats are the formats of generate besides HLS, each with what begins its file.
func alsoFormats(o flv.Options) map[string]func() container {
	return map[string]func() container{
		"ts":  func() container { return tsContainer{ts.NewMuxer()} },
		"flv": func() container { return &flvContainer{muxer: flv.NewMuxer(o)} },
	}
}

// container packs units into one file.
type container interface {
	// unit is the bytes of the next unit.
	unit(u outputs.Unit) ([]byte, error)
	// end is the bytes after the last one.
	end() []byte
}

type tsContainer struct{ muxer *ts.Muxer }

func (c tsContainer) unit(u outputs.Unit) ([]byte, error) { return c.muxer.Unit(u) }
func (c tsContainer) end() []byte                         { return nil }

type flvContainer struct {
	muxer *flv.Muxer
	begun bool
}

func (c *flvContainer) unit(u outputs.Unit) ([]byte, error) {
	chunk, err := c.muxer.Unit(u)
	if err != nil {
		return nil, err
	}
	var b []byte
	if !c.begun {
		c.begun = true
		b = flv.FileHeader()
		for _, t := range chunk.Head {
			b = flv.AppendTag(b, t)
		}
	}
	for _, t := range chunk.Tags {
		b = flv.AppendTag(b, t)
	}
	return b, nil
}

func (c *flvContainer) end() (b []byte) {
	for _, t := range c.muxer.Flush() {
		b = flv.AppendTag(b, t)
	}
	return b
}

// alsoFiles are the files of generate besides HLS: stream.ts, stream.flv.
type alsoFiles struct {
	files []*alsoFile
}

type alsoFile struct {
	container
	buf  *bufio.Writer
	file *os.File
}

// checkAlso refuses what is no format.
func checkAlso(names []string) error {
	formats := alsoFormats(flv.Options{})
	for i, name := range names {
		if formats[name] == nil {
			return fmt.Errorf("--also: %q is not a format: use ts, flv or ts,flv", name)
		}
		for _, other := range names[:i] {
			if other == name {
				return fmt.Errorf("--also: %s is there twice", name)
			}
		}
	}
	return nil
}

// newAlsoFiles creates the files in dir.
func newAlsoFiles(dir string, names []string, o flv.Options) (*alsoFiles, error) {
	a := &alsoFiles{}
	for _, name := range names {
		f, err := os.Create(filepath.Join(dir, "stream."+name))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("create %s file: %w", strings.ToUpper(name), err), a.close())
		}
		a.files = append(a.files, &alsoFile{alsoFormats(o)[name](), bufio.NewWriterSize(f, 1<<16), f})
	}
	return a, nil
}

// Write packs a unit into every file.
func (a *alsoFiles) Write(u outputs.Unit) error {
	for _, f := range a.files {
		b, err := f.unit(u)
		if err != nil {
			return err
		}
		if _, err := f.buf.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// close ends the files, and reports the first failure.
func (a *alsoFiles) close() error {
	var errs []error
	for _, f := range a.files {
		_, err := f.buf.Write(f.end())
		errs = append(errs, err, f.buf.Flush(), f.file.Close())
	}
	a.files = nil
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	return nil
}
