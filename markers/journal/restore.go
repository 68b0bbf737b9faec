package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/refstream/refstream/internal/atomicfile"
	"github.com/refstream/refstream/markers"
)

// Somebody may remove files of the journal while it is written, or put others in their places. An open file continues to take records
// then, and with the process they are gone. So before each write it is looked whether the last file still is the one that is open,
// and once a segment whether all files are there.
//
// A file that was removed is written again: memory holds every record that was not trimmed, so nothing is lost. One that is
// another's is left alone, since nobody here knows what it is for: the records wait in memory, and Ready reports it, until it is
// removed.

// errTampered is what an error wraps that somebody else brought about in the data directory.
var errTampered = errors.New("somebody else changed the data directory")

// restoredChecks is for how many checks, one a segment, Ready reports that a file was written again: long enough that who asks
// now and then learns of it.
const restoredChecks = 15

// look reports what has become of a file: nil, an error that wraps fs.ErrNotExist where it was removed, or another one.
func (f *logFiles) look(i int) error {
	name := f.path(f.parts[i].start)
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return fmt.Errorf("look at journal: %w", err)
	case !os.SameFile(info, f.parts[i].info):
		return fmt.Errorf("%w: %s is not the file that was written here: remove it, and the journal's own is written again",
			errTampered, filepath.Base(name))
	case i == len(f.parts)-1 && info.Size() < f.size:
		return fmt.Errorf("%w: %s was cut: remove it, and it is written again", errTampered, filepath.Base(name))
	}
	return nil
}

// rewrite writes a file again that was removed: n lines, or none where all of its records were trimmed.
func (f *logFiles) rewrite(i int, lines []byte, n int) error {
	last := i == len(f.parts)-1
	if last {
		if err := f.close(); err != nil {
			return err
		}
		f.size, f.lines, f.torn, f.reserved = int64(len(lines)), n, false, 0
	}
	if n == 0 {
		if last {
			f.lines = f.limit // the next record begins another file
		}
		f.parts = slices.Delete(f.parts, i, i+1)
		return nil
	}
	name := f.path(f.parts[i].start)
	err := atomicfile.WriteSynced(name, ".again-"+string(f.kind), lines)
	if err == nil {
		f.parts[i].info, err = os.Stat(name)
	}
	if err != nil {
		return fmt.Errorf("write records again: %w", err)
	}
	return nil
}

// restore sees that the files from one on are those that were written here, and writes those again that were removed.
func (l *kindLog) restore(from int) error {
	for i := from; i < len(l.files.parts); i++ {
		err := l.files.look(i)
		if err == nil {
			continue
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = l.regain()
		}
		if err != nil {
			return err
		}
		start, end := l.files.parts[i].start, l.written.Next()
		if i+1 < len(l.files.parts) {
			end = l.files.parts[i+1].start
		}
		recs := slices.DeleteFunc(l.read(markers.Range{From: start, To: end}), func(r markers.Record) bool { return r.RecordID() == end })
		lines, err := l.encode(recs)
		if err != nil {
			return err
		}
		name := filepath.Base(l.files.path(start))
		if err := l.files.rewrite(i, lines, len(recs)); err != nil {
			return err
		}
		if len(recs) == 0 {
			i--
		}
		l.restored = fmt.Errorf("%w: %s was removed, and its %d records were written again from memory", errTampered, name, len(recs))
		l.checks = restoredChecks
		l.log.Error("a file of the journal was removed by somebody: it was written again from memory", "file", name, "records", len(recs))
	}
	return nil
}

// check is restore of all files, once a segment.
func (l *kindLog) check() error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if l.files == nil || l.closed {
		return nil
	}
	if l.checks--; l.checks <= 0 {
		l.restored, l.checks = nil, 0
	}
	if err := l.restore(0); err != nil {
		return l.fail(err)
	}
	return nil
}

// tampered is what was found lately, and mended.
func (l *kindLog) tampered() error {
	l.writing.Lock()
	defer l.writing.Unlock()
	return l.restored
}
