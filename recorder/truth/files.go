// Package truth records the truth of a refstream server about a stream, its frames and markers, into the session with the
// stream, and replays it with the session.
package truth

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/refstream/refstream/analyzer/verify/truth"
	"github.com/refstream/refstream/faults/verdict"
	"github.com/refstream/refstream/internal/atomicfile"
	"github.com/refstream/refstream/internal/jsonlines"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// folder of a session holds the truth about the stream: channel.json, and frames.jsonl, missing.jsonl and markers.jsonl with the
// records of /frames and /markers, one a line; of a faulty twin faults.jsonl too, with the records of /faults once they are done, and
// those that are not at the end of a recording. Of several of one fault the last one holds.
const folder = "truth"

// Channel is channel.json.
type Channel struct {
	markers.Channel
	// ServerAhead is how far the clock of the server was ahead of the recorder's when the session began, in s.
	ServerAhead media.Seconds `json:"server_ahead"`
}

// files are the files of a truth that grows.
type files struct {
	frames  *recordLog[markers.FrameRecord]
	missing *recordLog[markers.MissingRecord]
	markers *recordLog[markers.Marker]
	faults  *jsonlines.Log[markers.FaultRecord] // nil until there is one
	settled map[string]bool                     // the faults that it has, done or not
	pending map[string]markers.FaultRecord      // those of which it is not known yet what became
	dir     string
}

// recordLog is one file of records in the order of their IDs.
type recordLog[T identified] struct {
	*jsonlines.Log[T]
	last markers.ID
}

// openFiles opens the truth in a folder, or begins it. What is there must be about the same channel.
func openFiles(dir string, c Channel) (*files, error) {
	old, err := readChannel(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := writeChannel(dir, c); err != nil {
			return nil, fmt.Errorf("write truth: %w", err)
		}
	case err != nil:
		return nil, err
	case !slices.Equal(c.Identity(), old.Identity()):
		return nil, fmt.Errorf("the server's channel %s is not the one whose truth is in %s: record it as another session", c.Name, dir)
	}
	t := &files{dir: dir, settled: map[string]bool{}, pending: map[string]markers.FaultRecord{}}
	var errs [3]error
	t.frames, errs[0] = openRecordLog[markers.FrameRecord](dir, "frames")
	t.missing, errs[1] = openRecordLog[markers.MissingRecord](dir, "missing")
	t.markers, errs[2] = openRecordLog[markers.Marker](dir, "markers")
	if err := errors.Join(errs[:]...); err != nil {
		return nil, errors.Join(fmt.Errorf("open truth: %w", err), t.close())
	}
	return t, nil
}

func readChannel(dir string) (c Channel, err error) {
	data, err := os.ReadFile(filepath.Join(dir, "channel.json"))
	if err != nil {
		return c, fmt.Errorf("read truth: %w", err)
	}
	if err = json.Unmarshal(data, &c); err == nil {
		err = truth.CheckChannel(c.Channel)
	}
	if err != nil {
		return c, fmt.Errorf("read truth: %s: %w", filepath.Join(dir, "channel.json"), err)
	}
	return c, nil
}

func writeChannel(dir string, c Channel) error {
	if err := atomicfile.Folder(dir); err != nil {
		return err
	}
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, "channel.json"), "channel.json.tmp", atomicfile.Bytes(append(data, '\n')))
}

type identified interface{ RecordID() markers.ID }

func openRecordLog[T identified](dir, kind string) (l *recordLog[T], err error) {
	l = &recordLog[T]{}
	l.Log, err = jsonlines.Open(filepath.Join(dir, kind+".jsonl"), func(r T) error {
		l.last = r.RecordID()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

// appendNew writes the records that are after the newest, in one piece. Where that fails, they can be given again.
func (l *recordLog[T]) appendNew(records []T) error {
	last := l.last
	fresh := slices.DeleteFunc(slices.Clone(records), func(r T) bool {
		if r.RecordID().Compare(last) <= 0 {
			return true
		}
		last = r.RecordID()
		return false
	})
	if err := l.Append(fresh...); err != nil {
		return fmt.Errorf("write truth: %w", err)
	}
	l.last = last
	return nil
}

func (t *files) append(b markers.Batch) error {
	return errors.Join(t.frames.appendNew(b.Frames), t.missing.appendNew(b.Missing), t.markers.appendNew(b.Markers))
}

// appendFaults writes the records of faults of which it is known what became, and keeps all others for the end.
func (t *files) appendFaults(list []markers.FaultRecord) (err error) {
	for _, f := range list {
		key := faultKey(f)
		if t.settled[key] {
			continue
		}
		if t.pending[key] = f; f.State != markers.FaultDone && f.State != markers.FaultNotDone {
			continue
		}
		if f.State == markers.FaultNotDone && f.Layer == verdict.LayerRequest { // a request may still meet it
			continue
		}
		if err := t.writeFault(f); err != nil {
			return err
		}
		t.settled[key] = true
		delete(t.pending, key)
	}
	return nil
}

// faultKey is the same for all records of a fault.
func faultKey(f markers.FaultRecord) string { return fmt.Sprint(f.ID, " ", f.Frame) }

func (t *files) writeFault(f markers.FaultRecord) (err error) {
	if t.faults == nil {
		if t.faults, err = jsonlines.Open(filepath.Join(t.dir, "faults.jsonl"), func(markers.FaultRecord) error { return nil }); err != nil {
			return fmt.Errorf("open truth: %w", err)
		}
	}
	if err := t.faults.Append(f); err != nil {
		return fmt.Errorf("write truth: %w", err)
	}
	return nil
}

func (t *files) lastFrame() int64 { return t.frames.last.Frame }

func (t *files) close() error {
	err := errors.Join(t.frames.close(), t.missing.close(), t.markers.close())
	for _, f := range t.pending {
		err = errors.Join(err, t.writeFault(f))
	}
	if t.faults != nil {
		err = errors.Join(err, t.faults.Close())
	}
	return err
}

// close does nothing to a log that was never opened.
func (l *recordLog[T]) close() error {
	if l == nil {
		return nil
	}
	return l.Close()
}
