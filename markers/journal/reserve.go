package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/refstream/refstream/markers"
)

// missingReserve is how much room on the disk the log of missing frames keeps ahead of itself: that segments can't be
// published because the disk is full is what it has to hold then. It is some ten minutes of segments of 2 s, each lost.
const missingReserve = 64 << 10

// reserves is the room that a log of a kind keeps ahead of itself. The other logs grow with every frame: what little could
// be kept for them would be gone in no time.
func reserves(k markers.Kind) int64 {
	if k == markers.Missing {
		return missingReserve
	}
	return 0
}

func (f *logFiles) sparePath() string { return filepath.Join(f.dir, ".spare-"+string(f.kind)) }

// hold takes the room that the log keeps ahead of itself: in its last file, or, where the next record begins a new one, in
// a spare file that becomes it. Where there is no room now there is none: nothing depends on it but a full disk.
func (f *logFiles) hold() error {
	if f.reserve == 0 {
		return nil
	}
	if n := len(f.parts); n > 0 && f.lines < f.limit {
		if err := f.prepare(f.parts[n-1].start.Next()); err != nil {
			return err
		}
		f.extend()
		return nil
	}
	file, err := f.open(f.sparePath(), os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("make spare file of the journal: %w", err)
	}
	f.spare = file
	f.reserved = allocate(file, 0, f.reserve)
	return nil
}

// begin makes the file whose first record has the given ID.
func (f *logFiles) begin(first markers.ID) (journalFile, error) {
	if f.spare != nil {
		file := f.spare
		err := os.Rename(f.sparePath(), f.path(first))
		if err == nil {
			f.spare = nil
			return file, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		f.spare, f.reserved = nil, 0 // somebody has removed it
		if err := file.Close(); err != nil {
			return nil, err
		}
	}
	return f.open(f.path(first), os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o644)
}

// extend takes more room when half of it is used.
func (f *logFiles) extend() {
	if f.reserve > 0 && f.reserved-f.size < f.reserve/2 {
		f.reserved = max(f.reserved, allocate(f.file, f.size, f.reserve))
	}
}

// dropSpare gives the room of the spare file back.
func (f *logFiles) dropSpare() error {
	if f.spare == nil {
		return nil
	}
	err := f.spare.Close()
	f.spare = nil
	if e := os.Remove(f.sparePath()); err == nil && !errors.Is(e, fs.ErrNotExist) {
		err = e
	}
	return err
}
