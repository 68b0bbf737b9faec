package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/refstream/refstream/markers"
)

const (
	reachedName = "reached"
	// reachedFormat has a fixed length, so that one value is written over another: 19 digits hold any frame number.
	reachedFormat = "%019d\n"
)

// Reached remembers the newest frame of a channel that may have been sent to anybody, in a file DIR/CHANNEL/reached of the data
// directory. Its room on the disk is taken when it is made, and it is written in place: that works on a disk that is full
// (unless the file system copies what it writes), where the journal can't be written. It is used by one goroutine.
type Reached struct {
	file  *os.File
	frame int64
}

// OpenReached opens the channel's file, whose folder must be there, and makes it where it is missing.
func OpenReached(dir, channel string) (*Reached, error) {
	if err := markers.CheckChannelName(channel); err != nil {
		return nil, err
	}
	name := filepath.Join(dir, channel, reachedName)
	text, err := os.ReadFile(name)
	if err != nil && !os.IsNotExist(err) {
		return nil, fmt.Errorf("read the newest frame that was sent: %w", err)
	}
	r := &Reached{frame: -1}
	if len(text) > 0 { // a disk that was full may have left an empty one
		if r.frame, err = strconv.ParseInt(strings.TrimSuffix(string(text), "\n"), 10, 64); err != nil || r.frame > markers.MaxFrame {
			return nil, fmt.Errorf("read the newest frame that was sent: %s holds %.40q, not a frame number: delete the file; frames "+
				"that were sent while the disk was full may then be rendered again", name, text)
		}
	}
	if r.file, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o644); err != nil {
		return nil, fmt.Errorf("open the newest frame that was sent: %w", err)
	}
	// What is synced has its room.
	if err = r.Reach(r.frame); err == nil {
		if err = r.file.Sync(); err == nil {
			return r, nil
		}
		err = fmt.Errorf("write the newest frame that was sent: %w", err)
	}
	r.file.Close()
	return nil, err
}

// Frame is the newest frame that may have been sent, -1 where none was.
func (r *Reached) Frame() int64 { return r.frame }

// Reach writes that frames up to n may be sent from now on.
func (r *Reached) Reach(n int64) error {
	if _, err := r.file.WriteAt(fmt.Appendf(nil, reachedFormat, n), 0); err != nil {
		return fmt.Errorf("write the newest frame that was sent: %w", err)
	}
	r.frame = n
	return nil
}

// Close closes the file.
func (r *Reached) Close() error { return r.file.Close() }
