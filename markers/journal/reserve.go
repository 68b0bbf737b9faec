package journal

import "github.com/refstream/refstream/markers"

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

// hold takes the room that the log keeps ahead of itself in the file of the next record, which is begun where it is not there
// yet. Where there is no room now there is none: nothing depends on it but a full disk.
func (f *logFiles) hold(next markers.ID) error {
	if f.reserve == 0 {
		return nil
	}
	err := f.prepare(next)
	if err == nil {
		f.extend()
	}
	return err
}

// extend takes more room when half of it is used.
func (f *logFiles) extend() {
	if f.reserve > 0 && f.reserved-f.size < f.reserve/2 {
		f.reserved = max(f.reserved, allocate(f.file, f.size, f.reserve))
	}
}
