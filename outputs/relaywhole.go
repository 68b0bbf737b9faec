package outputs

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// maxPlaylist bounds what is read of a playlist: an hour of segments is some 100 KB.
const maxPlaylist = 4 << 20

// errNotWhole means that what ffmpeg has written is not whole. Its hls and dash muxers don't look whether what they write
// arrives: on a full disk they go on as if all were well, and the files are empty or cut off.
var errNotWhole = errors.New("what ffmpeg wrote is empty or cut off: the disk may be full")

// relayWhole looks at the newest files of a relay to hls or dash, once they are whole by their names.
type relayWhole struct {
	list string // the playlist or manifest; empty: nothing is looked at
	dash bool
	ts   bool // segments are MPEG-TS, else MP4

	pattern string    // of this run's segments of dash
	before  time.Time // the list was of the run before
}

// whole is for a run that begins at a DTS.
func (s RelaySpec) whole(start int64) relayWhole {
	if s.dir == "" {
		return relayWhole{}
	}
	w := relayWhole{list: s.output, dash: s.muxer == "dash", ts: s.muxer == "hls" && !s.fmp4}
	w.pattern = filepath.Join(filepath.Dir(s.output), fmt.Sprintf("chunk-%d-*.m4s", start))
	if info, err := os.Stat(w.list); err == nil {
		w.before = info.ModTime()
	}
	return w
}

// check returns an error that is errNotWhole and names the file.
func (w relayWhole) check() error {
	if w.list == "" {
		return nil
	}
	info, err := os.Stat(w.list)
	switch {
	case err != nil, info.ModTime().Equal(w.before):
		return nil // no segment has ended yet
	case info.Size() == 0:
		return fmt.Errorf("%w: %s", errNotWhole, w.list)
	}
	segment := w.newest()
	if segment == "" {
		return nil
	}
	f, err := os.Open(segment)
	if err != nil {
		return nil // deleted by now, or elsewhere
	}
	defer f.Close()
	if !isWhole(f, w.ts) {
		return fmt.Errorf("%w: %s", errNotWhole, segment)
	}
	return nil
}

// newest is the file of the newest segment, or empty.
func (w relayWhole) newest() string {
	if w.dash {
		names, err := filepath.Glob(w.pattern)
		if err != nil || len(names) == 0 {
			return ""
		}
		return names[len(names)-1] // they are sorted
	}
	f, err := os.Open(w.list)
	if err != nil {
		return ""
	}
	defer f.Close()
	last := ""
	lines := bufio.NewScanner(io.LimitReader(f, maxPlaylist))
	for lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); line != "" && line[0] != '#' {
			last = line
		}
	}
	switch {
	case last == "":
		return ""
	case filepath.IsAbs(last):
		return last
	}
	return filepath.Join(filepath.Dir(w.list), last)
}

// isWhole says whether a segment is not empty and ends where a packet of a transport stream, or a box of MP4, ends.
func isWhole(f *os.File, ts bool) bool {
	info, err := f.Stat()
	if err != nil {
		return true
	}
	size := info.Size()
	switch {
	case size == 0:
		return false
	case ts:
		return size%188 == 0
	}
	// ISO/IEC 14496-12, 4.2: each box begins with its size in 32 bits and its type; none of these is larger.
	at := int64(0)
	for at < size {
		var head [8]byte
		if _, err := f.ReadAt(head[:], at); err != nil {
			return false
		}
		n := int64(binary.BigEndian.Uint32(head[:]))
		if n < int64(len(head)) {
			return false
		}
		at += n
	}
	return at == size
}
