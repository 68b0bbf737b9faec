package dvr

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Connections reads what connections.jsonl of the session in folder says, in the order in which they began. A last line
// that was not written to its end is left out. Where the file is missing there are none. Errors name the line.
func Connections(folder string) ([]Connection, error) {
	name := filepath.Join(folder, connectionsFile)
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read connections: %w", err)
	}
	var all []Connection
	at := map[int]int{}
	for line := 1; ; line++ {
		text, rest, whole := bytes.Cut(b, []byte{'\n'})
		if !whole {
			return all, nil
		}
		b = rest
		var c Connection
		if err := json.Unmarshal(text, &c); err != nil {
			return nil, fmt.Errorf("read connections: line %d of %s: %w: mend the line, or use another session", line, name, err)
		}
		if i, known := at[c.Number]; known {
			all[i] = c
			continue
		}
		at[c.Number] = len(all)
		all = append(all, c)
	}
}

// connectionLog appends to connections.jsonl.
type connectionLog struct {
	f    appender
	size int64
	// number is that of the last connection.
	number int
	// lastEnded is when the last connection ended that has bytes in the recording, zero where there is none.
	lastEnded time.Time
}

// openConnections opens the log of the session in folder. A last line that was not written to its end is cut off. A
// connection that has no end since the recording was killed gets it: all of rec, at the time when that was written last.
func openConnections(folder string, rec *recording) (*connectionLog, error) {
	all, err := Connections(folder)
	if err != nil {
		return nil, err
	}
	name := filepath.Join(folder, connectionsFile)
	b, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read connections: %w", err)
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open connections: %w", err)
	}
	l := &connectionLog{f: f, size: int64(bytes.LastIndexByte(b, '\n') + 1)}
	if l.size != int64(len(b)) {
		if err := f.Truncate(l.size); err != nil {
			f.Close()
			return nil, fmt.Errorf("cut connections to whole lines: %w", err)
		}
	}
	for i, c := range all {
		l.number = max(l.number, c.Number)
		if c.Ended == nil {
			end := rec.size.Load()
			if i+1 < len(all) {
				end = all[i+1].FirstByte
			}
			at := rec.touched.UTC()
			c.Ended, c.Bytes, c.Error = &at, max(end-c.FirstByte, 0), "the recording was broken off"
			if err := l.append(c); err != nil {
				f.Close()
				return nil, err
			}
		}
		if c.Bytes > 0 {
			l.lastEnded = *c.Ended
		}
	}
	return l, nil
}

// append appends a line. After an error the file ends with the last whole line.
func (l *connectionLog) append(c Connection) error {
	line, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("write connections: %w", err)
	}
	line = append(line, '\n')
	if n, err := l.f.Write(line); err != nil {
		err = fmt.Errorf("write connections: %w: make room on that disk and go on with the same session", err)
		if n > 0 {
			err = errors.Join(err, l.f.Truncate(l.size))
		}
		return err
	}
	l.size += int64(len(line))
	return nil
}

func (l *connectionLog) close() error { return l.f.Close() }
