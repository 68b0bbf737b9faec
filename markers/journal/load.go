package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sort"

	"github.com/refstream/refstream/internal/jsonlines"
	"github.com/refstream/refstream/markers"
)

// load reads a log back from its files, which are among those of the channel. A last line that was not written to its end is cut off. Any other line that can't be read
// is an error: to leave it out would be to state that its record never was.
func (l *kindLog) load(all []fileName) error {
	f := l.files
	if err := f.list(all); err != nil {
		return err
	}
	for i, p := range f.parts {
		name, isLast := f.path(p.start), i == len(f.parts)-1
		data, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("read journal: %w", err)
		}
		lines, good, err := readLines(f.kind, data, l.newest)
		if err == nil && good < len(data) && !isLast {
			err = &jsonlines.Error{Line: len(lines) + 1, Err: errors.New("the line has no end, and more files follow")}
		}
		if err != nil {
			return fmt.Errorf("read journal %s: %w: put the file back from a copy, or correct or delete the "+
				"line by hand if its record may be lost, or start with an empty data directory", name, err)
		}
		if len(lines) > 0 {
			l.newest = lines[len(lines)-1].RecordID()
		}
		trimmed := sort.Search(len(lines), func(i int) bool { return lines[i].RecordID().Compare(p.start) >= 0 })
		l.recs = append(l.recs, lines[trimmed:]...)
		if good < len(data) {
			l.log.Warn("journal ended in the middle of a line, which was cut off", "file", name, "offset", good,
				"bytes", len(data)-good)
			if err := os.Truncate(name, int64(good)); err != nil {
				return fmt.Errorf("cut off a half written line: %w", err)
			}
		}
		f.size, f.lines = int64(good), len(lines)
	}
	l.written = l.newest
	if err := f.dropEmpty(); err != nil {
		return err
	}
	if f.reserve > 0 { // the file of the next record is begun: it has the room
		if err := f.prepare(l.newest.Next()); err != nil {
			l.log.Warn("the journal has no room in reserve", "error", err)
		}
	}
	return nil
}

// dropEmpty removes a last file that was begun and holds nothing, so that every name tells of a record.
func (f *logFiles) dropEmpty() error {
	last := len(f.parts) - 1
	if last < 0 || f.lines > 0 {
		return nil
	}
	if err := os.Remove(f.path(f.parts[last].start)); err != nil {
		return fmt.Errorf("remove empty journal file: %w", err)
	}
	f.parts = f.parts[:last]
	f.lines = f.limit // nothing more goes into the file before
	return nil
}

// readLines reads the whole lines of a journal file, whose IDs must rise and be after the given one. good is their length
// in bytes: what follows is a line that was not written to its end. The error is a *jsonlines.Error.
func readLines(k markers.Kind, data []byte, after markers.ID) (recs []markers.Record, good int, err error) {
	whole, _, err := jsonlines.Each(bytes.NewReader(data), func(line json.RawMessage) error {
		r, err := k.Decode(line)
		if err != nil {
			return err
		}
		id := r.RecordID()
		if id.Compare(after) <= 0 {
			return fmt.Errorf("record %s comes after record %s", id, after)
		}
		recs, after = append(recs, r), id
		return nil
	})
	return recs, int(whole), err
}
