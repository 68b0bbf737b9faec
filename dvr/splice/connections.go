package splice

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/refstream/refstream/internal/jsonlines"
)

// Connection is what connections.jsonl says of a sender's connection. A line is appended before its first byte is in the
// recording, without Ended and Bytes, and another when it is over: of several lines with one Number the last counts.
// Where the second is missing, the connection lasts, or the recording was killed and not resumed: its bytes are all
// those from FirstByte on.
type Connection struct {
	// Number counts the connections of the session from 1.
	Number int `json:"connection"`
	// From is the address of the sender.
	From string `json:"from"`
	// Began is when the connection was made, in UTC.
	Began time.Time `json:"began"`
	// Ended is when it was over, in UTC; nil while it lasts.
	Ended *time.Time `json:"ended,omitempty"`
	// FirstByte is where in recording.ts its packets begin.
	FirstByte int64 `json:"first_byte"`
	// Bytes is how much of recording.ts it has; 0 also for a connection that brought no transport stream.
	Bytes int64 `json:"bytes"`
	// ShiftTicks was added to its time stamps, modulo 2^33: ticks of 90 kHz, -2^32 to 2^32 - 1.
	ShiftTicks int64 `json:"shift_ticks"`
	// Error is why it ended, empty where the sender closed it or the recording was stopped.
	Error string `json:"error,omitempty"`
}

// Connections reads what connections.jsonl of the session in folder says, in the order in which they began. A last line
// that was not written to its end is left out. Where the file is missing there are none. Errors name the line.
func Connections(folder string) ([]Connection, error) {
	var all connections
	if _, err := jsonlines.Read(filepath.Join(folder, ConnectionsFile), all.add); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, brokenConnections(err)
	}
	return all.list, nil
}

// connections are those that lines of a log tell of: the newest line of each counts.
type connections struct {
	list []Connection
	at   map[int]int
}

func (c *connections) add(line Connection) error {
	if i, known := c.at[line.Number]; known {
		c.list[i] = line
		return nil
	}
	if c.at == nil {
		c.at = map[int]int{}
	}
	c.at[line.Number] = len(c.list)
	c.list = append(c.list, line)
	return nil
}

func brokenConnections(err error) error {
	var line *jsonlines.Error
	if errors.As(err, &line) {
		return fmt.Errorf("read connections: %w: mend the line, or use another session", err)
	}
	return fmt.Errorf("read connections: %w", err)
}

// connectionLog appends to connections.jsonl.
type connectionLog struct {
	*jsonlines.Log[Connection]
	// number is that of the last connection.
	number int
	// lastEnded is when the last connection ended that has bytes in the recording, zero where there is none.
	lastEnded time.Time
}

// openConnections opens the log of the session in folder. A last line that was not written to its end is cut off. A
// connection that has no end since the recording was killed gets it: all of rec, at the time when that was written last.
func openConnections(folder string, rec *recording) (*connectionLog, error) {
	var all connections
	log, err := jsonlines.Open(filepath.Join(folder, ConnectionsFile), all.add)
	if err != nil {
		return nil, brokenConnections(err)
	}
	l := &connectionLog{Log: log}
	for i, c := range all.list {
		l.number = max(l.number, c.Number)
		if c.Ended == nil {
			end := rec.size.Load()
			if i+1 < len(all.list) {
				end = all.list[i+1].FirstByte
			}
			at := rec.touched.UTC()
			c.Ended, c.Bytes, c.Error = &at, max(end-c.FirstByte, 0), "the recording was broken off"
			if err := l.append(c); err != nil {
				return nil, errors.Join(err, l.Close())
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
	if err := l.Append(c); err != nil {
		return fmt.Errorf("write connections: %w: make room on that disk and go on with the same session", err)
	}
	return nil
}
