// Package jsonlines reads and appends JSON Lines: one JSON value a line. A last line without its newline is incomplete.
package jsonlines

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/refstream/refstream/internal/atomicfile"
)

const (
	// usualLine is room for most lines: records have less than 1 kB each, but for the texts of events.
	usualLine = 64 << 10
	// maxLine bounds a line: the record of a fault that was done to every other frame of an hour has 5 MB.
	maxLine = 16 << 20
)

// Error is why a line can't be read.
type Error struct {
	Line int // from 1
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

func (e *Error) Unwrap() error { return e.Err }

// Each gives the value of each whole line to each, in order. whole is the length of those lines in bytes, rest the last
// line where it has no newline. An error of a line is an *Error.
func Each[T any](r io.Reader, each func(T) error) (whole int64, rest []byte, err error) {
	in := bufio.NewReaderSize(r, usualLine)
	for n := 1; ; n++ {
		line, err := readLine(in)
		switch {
		case errors.Is(err, io.EOF):
			return whole, line, nil
		case errors.Is(err, bufio.ErrBufferFull):
			return whole, nil, &Error{n, fmt.Errorf("it is longer than %d bytes", maxLine)}
		}
		if err != nil {
			return whole, nil, err
		}
		var v T
		if err = json.Unmarshal(line, &v); err == nil {
			err = each(v)
		}
		if err != nil {
			return whole, nil, &Error{n, err}
		}
		whole += int64(len(line))
	}
}

// readLine reads a line with its newline, or what is left at the end. It is valid until the next read.
func readLine(in *bufio.Reader) ([]byte, error) {
	line, err := in.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, err
	}
	long := bytes.Clone(line)
	for errors.Is(err, bufio.ErrBufferFull) && len(long) <= maxLine {
		line, err = in.ReadSlice('\n')
		long = append(long, line...)
	}
	if len(long) > maxLine {
		err = bufio.ErrBufferFull
	}
	return long, err
}

// Append appends values to buf, each as a line.
func Append[T any](buf []byte, values ...T) ([]byte, error) {
	for _, v := range values {
		line, err := json.Marshal(v)
		if err != nil {
			return buf, fmt.Errorf("write JSON: %w", err)
		}
		buf = append(append(buf, line...), '\n')
	}
	return buf, nil
}

// File is what a Log needs of its file, opened with O_APPEND.
type File interface {
	io.WriteCloser
	Truncate(size int64) error
}

// Log is a file that grows by whole lines.
type Log[T any] struct {
	File File
	size int64
}

// Open opens a file to append to it, or makes it. The values that it holds are given to each; a last line without its
// newline is cut off. The error names the file and, where that is why, the line.
func Open[T any](name string, each func(T) error) (*Log[T], error) {
	f, err := atomicfile.Open(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	whole, rest, err := Each(f, each)
	if err == nil && len(rest) > 0 {
		err = f.Truncate(whole)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), f.Close())
	}
	return &Log[T]{f, whole}, nil
}

// Append writes values in one piece. After an error the file ends where it did before.
func (l *Log[T]) Append(values ...T) error {
	lines, err := Append(nil, values...)
	if err != nil || len(lines) == 0 {
		return err
	}
	if n, err := l.File.Write(lines); err != nil {
		if n > 0 {
			err = errors.Join(err, l.File.Truncate(l.size))
		}
		return err
	}
	l.size += int64(len(lines))
	return nil
}

// Close closes the file.
func (l *Log[T]) Close() error { return l.File.Close() }

// Read gives the values of a file to each. The error names the file and, where that is why, the line.
func Read[T any](name string, each func(T) error) (rest []byte, err error) {
	b, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	if _, rest, err = Each(b, each); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return bytes.TrimSpace(rest), nil
}
