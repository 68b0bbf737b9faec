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

const readSize = 348 * ts.PacketSize // how much of a recording is read at once: as many packets as fill a pipe

// errAllRead is that the recording was read to its end, and will not grow.
var errAllRead = errors.New("all of the recording is read")

// source reads a growing recording, in pieces within one connection. It is used by one goroutine at a time.
type source struct {
	folder   string // of the session
	f        *os.File
	grown    <-chan struct{} // has something when there may be more
	finished <-chan struct{} // closed when there will not be

	connections []splice.Connection
	logSize     int64 // of connections.jsonl when it was read
	buf         []byte
}

// next reads whole packets from offset at, valid until the next call, and waits for them. They are of the connection that contains
// or begins at offset of. The error is io.EOF at that connection's end, and errAllRead at the end of the recording.
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

// end is how far the connection at offset of may be read, whether it ends there, and the size of the recording. The connection is
// identified by where reading began, because the next one may exist already.
func (s *source) end(of int64) (end, size int64, closed bool, err error) {
	info, err := s.f.Stat()
	if err != nil {
		return 0, 0, false, fmt.Errorf("read recording: %w", err)
	}
	// Connections are logged before their bytes are written: the log covers all bytes of the size above.
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
