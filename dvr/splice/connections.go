package splice

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/refstream/refstream/internal/jsonlines"
)

// Connection is a line of connections.jsonl. A sender's first line is written before its first byte, without Ended and Bytes, and
// another at its end: the last line with a Number counts. Without the second the connection lasts, or the recording was killed
// and not resumed: all bytes from FirstByte on are its.
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

// Connections reads connections.jsonl of the session in folder, in the order of their starts, without an incomplete last line.
// None if the file is missing. Errors name the line.
func Connections(folder string) ([]Connection, error) {
	var all connections
	if _, err := jsonlines.Read(filepath.Join(folder, ConnectionsFile), all.add); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, brokenConnections(err)
	}
	return all.list, nil
}

// connections collects the lines of a log: the last one of each connection counts.
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

type connectionLog struct {
	*jsonlines.Log[Connection]
	number    int       // that of the last connection
	lastEnded time.Time // when the last connection ended that has bytes in the recording, zero where there is none
}

// openConnections opens the log of the session in folder, and cuts off an incomplete last line. A connection without end, since
// the recording was killed, gets one: all of rec, at the time of its last write.
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

func (l *connectionLog) append(c Connection) error {
	if err := l.Append(c); err != nil {
		return fmt.Errorf("write connections: %w: make room on that disk and resume the session", err)
	}
	return nil
}
