package scenes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/refstream/refstream/dvr/splice"
	"github.com/refstream/refstream/format/ts"
)

// readSize is how much of a recording is read at once: as many packets as fill a pipe.
const readSize = 348 * ts.PacketSize

// errAllRead is that the recording was read to its end, and will not grow.
var errAllRead = errors.New("all of the recording is read")

// source reads a recording that grows, in pieces that don't go beyond the end of a connection. It is used by one
// goroutine at a time.
type source struct {
	folder string // of the session
	f      *os.File
	// grown has something when there may be more; finished is closed when there will not be.
	grown    <-chan struct{}
	finished <-chan struct{}

	connections []splice.Connection
	logSize     int64 // of connections.jsonl when it was read
	buf         []byte
}

// next reads from offset at on, and waits until there is something: whole packets, valid until the next call. They are
// of the connection that has offset of, or begins there. The error is io.EOF when at is that connection's end, and
// errAllRead when it is the end of all.
func (s *source) next(ctx context.Context, of, at int64) ([]byte, error) {
	for {
		finished := false
		select {
		case <-s.finished: // before the end is looked for, so that nothing is missed
			finished = true
		default:
		}
		end, size, closed, err := s.end(of)
		if err != nil {
			return nil, err
		}
		if n := min(end-at, readSize); n >= ts.PacketSize {
			return s.read(at, n-n%ts.PacketSize)
		}
		switch {
		case finished && !(closed && size-at >= ts.PacketSize):
			return nil, errAllRead
		case closed:
			return nil, io.EOF
		}
		if err := s.wait(ctx); err != nil {
			return nil, err
		}
	}
}

// begins waits until there is something to read at offset at. The error is errAllRead when there will not be.
func (s *source) begins(ctx context.Context, at int64) error {
	for {
		if _, err := s.next(ctx, at, at); !errors.Is(err, io.EOF) {
			return err
		}
		if err := s.wait(ctx); err != nil { // a connection ended here, and the next has not begun
			return err
		}
	}
}

// wait waits until there may be more, or there will not be.
func (s *source) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.grown:
	case <-s.finished:
	}
	return nil
}

// after is where the connection behind the one that was read up to offset at begins: at itself where there is none yet.
func (s *source) after(at int64) int64 {
	for _, c := range s.connections {
		if c.FirstByte >= at {
			return c.FirstByte
		}
	}
	return at
}

// end is how far may be read of the connection that has offset of, whether it ends there, and how much there is of the
// recording. What tells the connection is where its reading began, not how far that came: the next one may be there
// already when its end is reached, or not yet.
func (s *source) end(of int64) (end, size int64, closed bool, err error) {
	info, err := s.f.Stat()
	if err != nil {
		return 0, 0, false, fmt.Errorf("read recording: %w", err)
	}
	// Connections are known before their bytes: what is read now covers all bytes that there were just now.
	if err := s.readConnections(); err != nil {
		return 0, 0, false, err
	}
	size = info.Size()
	for _, c := range s.connections {
		if c.FirstByte > of {
			return min(size, c.FirstByte), size, size >= c.FirstByte, nil
		}
	}
	if n := len(s.connections); n > 0 {
		if c := s.connections[n-1]; c.Ended != nil {
			return size, size, size >= c.FirstByte+c.Bytes, nil
		}
	}
	return size, size, false, nil
}

// readConnections reads connections.jsonl where it has changed.
func (s *source) readConnections() error {
	info, err := os.Stat(filepath.Join(s.folder, splice.ConnectionsFile))
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == s.logSize {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read connections: %w", err)
	}
	s.logSize = info.Size()
	s.connections, err = splice.Connections(s.folder)
	return err
}

func (s *source) read(at, n int64) ([]byte, error) {
	if s.buf == nil {
		s.buf = make([]byte, readSize)
	}
	b := s.buf[:n]
	if _, err := s.f.ReadAt(b, at); err != nil {
		return nil, fmt.Errorf("read recording: at byte %d: %w", at, err)
	}
	return b, nil
}
