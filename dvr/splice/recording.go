package splice

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/refstream/refstream/format/ts"
)

// Paths in a session's folder.
const (
	RecordingFile   = "stream/recording.ts"
	ConnectionsFile = "stream/connections.jsonl"
)

// Files are the recording of a session and the log of its connections, open. They must belong to one process at a time.
type Files struct {
	folder      string // of the session
	recording   *recording
	connections *connectionLog
	resumed     int64 // bytes of the recording at the start
}

// Open opens or creates the files of the session in folder. An incomplete packet or line at the end is cut off.
func Open(folder string) (*Files, error) {
	if err := os.MkdirAll(filepath.Join(folder, filepath.Dir(RecordingFile)), 0o755); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	rec, err := openRecording(filepath.Join(folder, RecordingFile))
	if err != nil {
		return nil, err
	}
	log, err := openConnections(folder, rec)
	if err != nil {
		_ = rec.close() // nothing was written
		return nil, err
	}
	return &Files{folder: folder, recording: rec, connections: log, resumed: rec.size.Load()}, nil
}

// Resumed is how many bytes the recording had when it was opened.
func (f *Files) Resumed() int64 { return f.resumed }

// Close closes the files. Nobody may use them any more.
func (f *Files) Close() error { return errors.Join(f.recording.close(), f.connections.Close()) }

const (
	// tailSize is how much of a recording is read for its last time: some seconds at 10 Mbit/s. If that has no time stamp,
	// longTailSize is read, more than the largest picture.
	tailSize     = 8 << 20
	longTailSize = 64 << 20
	tailRead     = ts.PacketSize * 1024 // how much is read at once
)

// recording is the file that grows: whole packets at all times, but for a moment within a write.
type recording struct {
	name    string
	f       appender
	size    atomic.Int64 // bytes that are written
	touched time.Time    // when the file was written to last, before this process
}

// appender is a file that is only ever appended to.
type appender interface {
	io.WriteCloser
	Truncate(size int64) error
	Sync() error
}

// openRecording opens or creates a recording, and cuts it to whole packets. The error is also that it is another file.
func openRecording(name string) (*recording, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open recording: %w", err)
	}
	r := &recording{name: name, f: f}
	if err := r.adopt(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("open recording: %w", err)
	}
	return r, nil
}

// adopt takes what an earlier run left.
func (r *recording) adopt(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no file: use another session", r.name)
	}
	size := info.Size() - info.Size()%ts.PacketSize
	for _, at := range []int64{0, size - ts.PacketSize} {
		var b [1]byte
		if at < 0 || size == 0 {
			continue
		}
		if _, err := f.ReadAt(b[:], at); err != nil {
			return err
		}
		if b[0] != ts.SyncByte {
			return fmt.Errorf("%s has no transport stream packet at byte %d, so it is not a recording: use another session", r.name, at)
		}
	}
	if size != info.Size() {
		if err := f.Truncate(size); err != nil {
			return err
		}
	}
	r.touched = info.ModTime()
	r.size.Store(size)
	return nil
}

// write appends packets. After an error the file ends with the last whole packet that was written.
func (r *recording) write(packets []byte) error {
	n, err := r.f.Write(packets)
	whole := n - n%ts.PacketSize
	size := r.size.Add(int64(whole))
	if err == nil {
		return nil
	}
	err = fmt.Errorf("write recording: %w: the %d bytes before are kept; make room on that disk and resume the session", err, size)
	if whole != n {
		if cut := r.f.Truncate(size); cut != nil {
			err = errors.Join(err, fmt.Errorf("cut recording to whole packets: %w", cut))
		}
	}
	return err
}

// sync has the disk hold what was written.
func (r *recording) sync() error {
	if err := r.f.Sync(); err != nil {
		return fmt.Errorf("write recording to disk: %w", err)
	}
	return nil
}

func (r *recording) close() error { return r.f.Close() }

// tail is the time at the end of the recording, not known where there is none.
func (r *recording) tail() (*timeline, error) {
	f, err := os.Open(r.name)
	if err != nil {
		return nil, fmt.Errorf("read end of recording: %w", err)
	}
	defer f.Close()
	size := r.size.Load()
	for _, length := range []int64{tailSize, longTailSize} {
		t, err := readTimes(io.NewSectionReader(f, max(size-size%ts.PacketSize-length/ts.PacketSize*ts.PacketSize, 0), length))
		if err != nil {
			return nil, fmt.Errorf("read end of recording: %w", err)
		}
		if t.known || length >= size {
			return t, nil
		}
	}
	return &timeline{}, nil
}

func readTimes(r io.Reader) (*timeline, error) {
	t := &timeline{}
	b := make([]byte, tailRead)
	for {
		n, err := io.ReadFull(r, b)
		for p := b[:n-n%ts.PacketSize]; len(p) > 0; p = p[ts.PacketSize:] {
			if p[0] == ts.SyncByte {
				t.observe(ts.Packet(p[:ts.PacketSize]))
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return t, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
