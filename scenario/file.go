package scenario

import (
	"fmt"
	"slices"
	"time"
)

// Limits of a scenario file: far more than anybody writes by hand, and few enough to be looked through for every frame.
const (
	MaxFileSize = 1 << 20 // bytes
	maxFaults   = 1000
	maxRepeat   = 366 * 24 * time.Hour
	maxWhole    = 1 << 39 // for numbers, of frames for example: 290 years at 60 frames/s; products with segments fit into 64 bits
)

// File is a scenario file: faults and their times, before they are laid on a channel.
type File struct {
	// Path is what errors name.
	Path string
	// Name is the file's name for itself: the twin's is the channel's with it.
	Name string
	// Pictures asks for an encoder of the twin's own, so that faults of pictures can be added while it runs.
	Pictures bool

	seed     uint64
	repeat   int64 // nanoseconds; 0: once
	nameLine int
	brief    bool  // it is an expression, which has characters in the place of lines
	compared int64 // how many occurrences of a fault are looked at to find those that overlap; 0: maxPlanned
	faults   []fault
}

// fault is an entry of a file.
type fault struct {
	line          int
	id            string
	decoy         bool
	kinds         []choice // one, or those to choose from
	at            point
	every, jitter int64 // nanoseconds
	mean          int64 // nanoseconds; 0: not random
	times         int64 // 0: without end
	length        Span  // zero: the kind's
	on            Resource
}

// choice is a kind with its parameters, and its weight among several.
type choice struct {
	kind   *Kind
	params Params
	weight uint64
}

// Span is the length of a fault. One of its members is set, or none.
type Span struct{ Nanos, Frames, Segments, Requests int64 }

// String is the length in words, empty for none.
func (s Span) String() string {
	switch {
	case s.Nanos > 0:
		return time.Duration(s.Nanos).String()
	case s.Frames > 0:
		return fmt.Sprintf("%d frames", s.Frames)
	case s.Segments > 0:
		return fmt.Sprintf("%d segments", s.Segments)
	case s.Requests > 0:
		return fmt.Sprintf("%d requests", s.Requests)
	}
	return ""
}

// point is when a fault begins.
type point struct {
	kind pointKind
	n    int64 // nanoseconds, frame or media sequence number
	utc  time.Time
}

type pointKind uint8

const (
	atTime pointKind = iota
	atFrame
	atMSN
	atUTC
)

// Twin is the name of a channel's faulty twin.
func (f *File) Twin(channel string) string { return channel + "-" + f.Name }

// Repeat is after what time the faults come again, 0 where they do not.
func (f *File) Repeat() time.Duration { return time.Duration(f.repeat) }

// Needs reports whether a fault of the file is of one of some layers.
func (f *File) Needs(layers ...Layer) bool {
	return slices.ContainsFunc(f.faults, func(e fault) bool {
		return slices.ContainsFunc(e.kinds, func(k choice) bool { return slices.Contains(layers, k.kind.Layer) })
	})
}

// Hidden lists the kinds of the file that a carrier does not show; all reports whether these are all of its kinds.
func (f *File) Hidden(c Carrier) (kinds []string, all bool) {
	all = true
	for _, e := range f.faults {
		for _, k := range e.kinds {
			switch shown := k.kind.Carriers == nil || slices.Contains(k.kind.Carriers, c); {
			case shown:
				all = false
			case !slices.Contains(kinds, k.kind.Name):
				kinds = append(kinds, k.kind.Name)
			}
		}
	}
	return kinds, all
}

// problem is what is wrong at a line of a file.
type problem struct {
	path string
	line int
	text string
}

func (p *problem) Error() string { return fmt.Sprintf("%s:%d: %s", p.path, p.line, p.text) }

// place is a line as messages name it.
func (f *File) place(line int) string {
	if f.brief {
		return fmt.Sprintf("character %d", line)
	}
	return fmt.Sprintf("line %d", line)
}

func (f *File) problem(line int, format string, args ...any) error {
	return &problem{f.Path, line, fmt.Sprintf(format, args...)}
}
