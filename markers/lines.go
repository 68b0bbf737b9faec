package markers

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// lineError says which line of a journal file can't be read, and why.
type lineError struct {
	line int // from 1
	err  error
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %v", e.line, e.err) }

func (e *lineError) Unwrap() error { return e.err }

// appendLine adds a record to buf as one line of JSON.
func appendLine[T any](buf []byte, r T) ([]byte, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return buf, fmt.Errorf("write record as JSON: %w", err)
	}
	return append(append(buf, b...), '\n'), nil
}

// readLines reads the whole lines of a journal file (JSON Lines: one JSON value a line, each ended by a newline), whose
// IDs must rise and be after the given one. good is their length in bytes: what follows is a line that was not written
// to its end. The error is a *lineError.
func readLines[T record[T]](data []byte, after ID) (recs []T, good int, err error) {
	for {
		line, _, whole := bytes.Cut(data[good:], []byte{'\n'})
		if !whole {
			return recs, good, nil
		}
		var r T
		if err := json.Unmarshal(line, &r); err != nil {
			return recs, good, &lineError{len(recs) + 1, err}
		}
		if err := r.Validate(); err != nil {
			return recs, good, &lineError{len(recs) + 1, err}
		}
		id := r.RecordID()
		if id.Compare(after) <= 0 {
			return recs, good, &lineError{len(recs) + 1, fmt.Errorf("record %s comes after record %s", id, after)}
		}
		recs, after, good = append(recs, r.wire()), id, good+len(line)+1
	}
}
