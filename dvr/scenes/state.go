package scenes

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/internal/atomicfile"
)

const stateFile = "frames/scan.json" // where scanning continues when a session is resumed

// place is where a decoder may begin, in bytes of the recording.
type place struct {
	// Tables is the place of a PAT and PMT, and Video of the first packet of video, which begins a PES packet. Tables <= Video.
	Tables int64 `json:"tables"`
	Video  int64 `json:"video"`
}

// scanState makes a scan continue as if it had not stopped. It is written after the index, and may be older: frames that are found
// again are in the index already.
type scanState struct {
	// From is where to begin. Pictures from there on up to the last one done are only there to compare with.
	From place `json:"from"`
	// Stretch is where the stretch began in which Done lies: from From on, pictures are of that stretch once it has begun.
	Stretch int64 `json:"stretch"`
	// Done is the PTS of the last picture that was dealt with, 90 kHz ticks, not wrapped.
	Done int64 `json:"done"`
	// Number is that of the last frame in the index then, and Taken its PTS.
	Number int   `json:"number"`
	Taken  int64 `json:"taken"`
	// Waiting is where a scene began that has not lasted long enough yet, as Done is, and Score what it began with; nil for none.
	Waiting *int64  `json:"waiting,omitempty"`
	Score   float64 `json:"score,omitempty"`
	// First is the PTS of the first picture, 90 kHz ticks, nil before one: then no other field is set.
	First *int64 `json:"first"`
}

func (s scanState) begun() bool { return s.First != nil }

// forget removes the state of the session in folder durably: all is scanned again.
func forget(folder string) error {
	name := filepath.Join(folder, stateFile)
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget where scanning stopped: %w", err)
	}
	return atomicfile.SyncFolder(filepath.Dir(name))
}

// readState reads the state of the session in folder. The zero state replaces a missing or broken one: all is scanned again, and
// compared with the index. size is that of the recording.
func readState(folder string, size int64, log *slog.Logger) scanState {
	var s scanState
	b, err := os.ReadFile(filepath.Join(folder, stateFile))
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err == nil && (s.From.Tables < 0 || s.From.Video < s.From.Tables || s.From.Video > size || s.From.Tables%ts.PacketSize != 0) {
		err = fmt.Errorf("byte %d is no packet of the recording's %d bytes", s.From.Video, size)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("where scanning stopped is not known: the recording is scanned from its beginning", "error", err)
	}
	if err != nil || !s.begun() { // there is nothing more to know
		return scanState{}
	}
	return s
}

func (s scanState) write(folder string) error {
	b, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("write state of scanning: %w", err)
	}
	return writeWhole(filepath.Join(folder, stateFile), append(b, '\n'))
}
