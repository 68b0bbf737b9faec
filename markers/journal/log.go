package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/refstream/refstream/internal/jsonlines"
	"github.com/refstream/refstream/markers"
)

// retryLines is how many records that could not be written are tried in one write. It bounds what each Append costs
// while a disk is full: coding so many takes about half a millisecond.
const retryLines = 256

// errRefused is what the error of records that were not taken in wraps.
var errRefused = errors.New("records are refused")

// kindLog is one log of the journal: all of it that was not trimmed in memory, and the same on disk but for what could
// not be written yet.
type kindLog struct {
	kind markers.Kind
	*memLog

	writing sync.Mutex // held by whoever changes the log; readers need memLog's lock only
	files   *logFiles  // nil when the journal is in memory only
	written markers.ID // of the last record on disk
	failed  error      // why the records after written are not on disk
	closed  bool
	leftOut atomic.Int64 // records that came twice or too late

	log      *slog.Logger
	regain   func() error // sees that the folder belongs to this process, where something in it was removed
	restored error        // what was removed lately, and written again; for how many checks to come
	checks   int
}

func newKindLog(k markers.Kind, log *slog.Logger) *kindLog {
	return &kindLog{kind: k, memLog: &memLog{changed: make(chan struct{})}, log: log}
}

// append writes the records that the log lacks and then shows them to readers. Where the disk fails they are shown all
// the same, and written with the next append, an empty one too, or flush. late is what Admit reports.
func (l *kindLog) append(recs []markers.Record) (late, err error) {
	l.writing.Lock()
	defer l.writing.Unlock()
	if l.closed {
		return nil, errClosed
	}
	if len(recs) == 0 {
		return nil, l.catchUp()
	}
	fresh, late, _ := l.kind.Admit(recs, l.last(), func(r markers.Range) ([]markers.Record, error) { return l.read(r), nil })
	l.leftOut.Add(int64(len(recs) - len(fresh)))
	if l.files == nil {
		l.add(fresh)
		return late, nil
	}
	lines, err := l.encode(fresh)
	if err != nil {
		return late, fmt.Errorf("%w: %w", errRefused, err)
	}
	if err = l.catchUp(); err == nil && len(fresh) > 0 {
		err = l.put(fresh, lines)
	}
	l.add(fresh)
	return late, err
}

func (l *kindLog) encode(recs []markers.Record) (lines []byte, err error) {
	for _, r := range recs {
		if lines, err = jsonlines.Append(lines, r); err != nil {
			return nil, fmt.Errorf("%s %s: %w", l.kind, r.RecordID(), err)
		}
	}
	return lines, nil
}

// catchUp writes what earlier appends could not.
func (l *kindLog) catchUp() error {
	for l.failed != nil {
		recs := l.read(markers.Range{From: l.written.Next(), Limit: retryLines})
		if len(recs) == 0 {
			return l.fail(l.restore(0))
		}
		lines, err := l.encode(recs)
		if err != nil {
			return err
		}
		if err := l.put(recs, lines); err != nil {
			return err
		}
	}
	return nil
}

// fail remembers why records can't be written, nil where they can.
func (l *kindLog) fail(err error) error {
	if l.failed = err; err != nil {
		l.failed = fmt.Errorf("%s: %w", l.kind, err)
	}
	return l.failed
}

func (l *kindLog) put(recs []markers.Record, lines []byte) error {
	err := l.restore(max(0, len(l.files.parts)-1))
	if err == nil {
		err = l.files.write(recs[0].RecordID(), lines, len(recs))
		if errors.Is(err, fs.ErrNotExist) { // the folder was removed before the first file in it
			if err = l.regain(); err == nil {
				err = l.files.write(recs[0].RecordID(), lines, len(recs))
			}
		}
	}
	if err != nil {
		return l.fail(err)
	}
	l.written = recs[len(recs)-1].RecordID()
	return nil
}

func (l *kindLog) trim(before markers.ID) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if l.closed {
		return errClosed
	}
	l.memLog.trim(before)
	if l.files == nil {
		return nil
	}
	return l.files.trim(before, l.written)
}

// keep trims the log to its newest n records once it holds a tenth more: seldom, since a trim renames a file.
func (l *kindLog) keep(n int) error {
	const tenth = 10
	if l.count(markers.Range{}) <= int64(n+n/tenth) {
		return nil
	}
	newest := l.read(markers.Range{Limit: n, Desc: true})
	return l.trim(newest[len(newest)-1].RecordID())
}

// flush writes what earlier appends could not, and brings all to the disk.
func (l *kindLog) flush() error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if l.closed {
		return errClosed
	}
	return l.flushLocked()
}

func (l *kindLog) flushLocked() error {
	if l.files == nil {
		return nil
	}
	if err := l.catchUp(); err != nil {
		return err
	}
	if err := l.restore(0); err != nil {
		return err
	}
	return l.files.sync()
}

// backlog is the number of records that are not on disk, and why.
func (l *kindLog) backlog() (int64, error) {
	l.writing.Lock()
	defer l.writing.Unlock()
	if l.files == nil || l.failed == nil {
		return 0, nil
	}
	return l.count(markers.Range{From: l.written.Next()}), l.failed
}

func (l *kindLog) close() error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if l.closed || l.files == nil {
		l.closed = true
		return nil
	}
	l.closed = true
	err := l.flushLocked()
	if err != nil {
		err = fmt.Errorf("%d records were not written: %w", l.count(markers.Range{From: l.written.Next()}), err)
	}
	if e := l.files.end(); err == nil {
		err = e
	}
	return err
}
