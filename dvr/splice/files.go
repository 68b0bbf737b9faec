package splice

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
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

// Open opens the files of the session in folder, or makes them. What was not written to its end is cut off: a packet of the
// recording, a line of the log. The error is that of a file which can't be opened, or is something else.
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
