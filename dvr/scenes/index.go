package scenes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/refstream/refstream/internal/atomicfile"
	"github.com/refstream/refstream/media"
)

// Paths in a session's folder.
const (
	framesFolder = "frames"
	indexFile    = "frames/index.json"
)

// Reasons for which a frame is in the index.
const (
	// ReasonFirst is that it is the recording's first.
	ReasonFirst = "first"
	// ReasonScene is that it differs much from the ones before it.
	ReasonScene = "scene"
	// ReasonInterval is that Options.MaxInterval passed without a frame.
	ReasonInterval = "interval"
)

// Frame is an entry of index.json, an array in the order of discovery. Other programs may change an entry's fields except ID, PTS
// and Path, and add fields: all that is kept. They must replace the whole file by renaming. Removed entries are put back.
type Frame struct {
	// ID is F and the number of the frame in the index from 1, of 4 digits at least.
	ID string `json:"id"`
	// Timestamp is PTS in seconds, rounded to whole microseconds: the clock of the stream, which begins anywhere.
	Timestamp json.Number `json:"timestamp"`
	// Time is the frame's position on the HLS clock of a refstream, in seconds, as in markers: that of the stream's frame record,
	// even if time stamps were changed on the way. Those of refstream begin at 1 s, so Timestamp is a second more. Nil in other
	// streams.
	Time *media.Seconds `json:"time,omitempty"`
	// Position is the presentation time after the recording's first picture, in seconds, rounded to microseconds: that of a player's
	// seek bar and of ffmpeg's option -ss. After -i that is exact; before it ffmpeg moves to the next key frame. If audio begins
	// before the first picture, often some hundredths of a second, players count from there. Position is negative where time stamps
	// went back before the first.
	Position json.Number `json:"position"`
	// PTS is the presentation time in 90 kHz ticks, as in recording.ts, but not wrapped at 2^33.
	PTS int64 `json:"pts"`
	// Path is that of the JPEG file, from the session's folder.
	Path string `json:"path"`
	// SentToAgent is false. It is for the program that passes frames on.
	SentToAgent bool `json:"sent_to_agent"`
	// Number is the frame number that the pixels carry as this project's frame code; nil where they don't.
	Number *int64 `json:"frame,omitempty"`
	// Score is how much the frame differs from the ones before it, 0 to 1.
	Score float64 `json:"score"`
	// Reason is one of ReasonFirst, ReasonScene and ReasonInterval.
	Reason string `json:"reason"`
}

// index is the frames that were taken, and their files. It is used by one goroutine.
type index struct {
	folder  string // of the session
	log     *slog.Logger
	entries []indexEntry // as they were in the file last, or as they were added
	number  int          // that of the last frame
}

// indexEntry is an entry with all its fields, also those that are not known here.
type indexEntry struct {
	id  string
	pts int64
	raw json.RawMessage
}

// openIndex opens the index of the session in folder, or begins one. No id is reused: of an entry, of a picture without an entry,
// or up to number.
func openIndex(folder string, number int, log *slog.Logger) (*index, error) {
	x := &index{folder: folder, log: log, number: number}
	if err := os.MkdirAll(filepath.Join(folder, framesFolder), 0o755); err != nil {
		return nil, fmt.Errorf("make folder of frames: %w", err)
	}
	if err := x.merge(); err != nil {
		return nil, err
	}
	files, err := os.ReadDir(filepath.Join(folder, framesFolder))
	if err != nil {
		return nil, fmt.Errorf("list frames: %w", err)
	}
	for _, f := range files {
		x.number = max(x.number, frameNumber(strings.TrimSuffix(f.Name(), ".jpg")))
	}
	return x, nil
}

// frameNumber is the number of a frame's id, 0 where it is none.
func frameNumber(id string) int {
	digits, ok := strings.CutPrefix(id, "F")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 0 || len(digits) < 4 {
		return 0
	}
	return n
}

// add writes a frame's picture, and then the index with f in it. It sets f's ID, Path and Timestamp. After an error the index is
// unchanged, and add may be repeated.
func (x *index) add(f Frame, picture []byte) error {
	if err := x.merge(); err != nil {
		return err
	}
	f.ID = fmt.Sprintf("F%04d", x.number+1)
	f.Path = framesFolder + "/" + f.ID + ".jpg"
	f.Timestamp = seconds(f.PTS)
	if err := writeWhole(filepath.Join(x.folder, filepath.FromSlash(f.Path)), picture); err != nil {
		return err
	}
	raw, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("write index: %w", err)
	}
	entries := append(slices.Clip(x.entries), indexEntry{f.ID, f.PTS, raw})
	if err := writeWhole(filepath.Join(x.folder, indexFile), indexText(entries)); err != nil {
		return err
	}
	x.entries = entries
	x.number++
	return nil
}

// indexText is the file: an entry a line.
func indexText(entries []indexEntry) []byte {
	b := []byte("[\n")
	for i, e := range entries {
		if i > 0 {
			b = append(b, ",\n"...)
		}
		b = append(b, e.raw...)
	}
	return append(b, "\n]\n"...)
}

// merge takes over what others have changed in the file. One that is no index is kept aside.
func (x *index) merge() error {
	name := filepath.Join(x.folder, indexFile)
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read index: %w", err)
	}
	theirs, err := parseIndex(b)
	if err != nil {
		return x.putAside(name, err)
	}
	known := make(map[string]bool, len(theirs))
	for _, e := range theirs {
		known[e.id] = true
		x.number = max(x.number, frameNumber(e.id))
	}
	for i, e := range x.entries { // what they left out, where it was
		if !known[e.id] {
			theirs = slices.Insert(theirs, min(i, len(theirs)), e)
		}
	}
	x.entries = theirs
	return nil
}

// putAside renames an index that can't be read. What is known is written again with the next frame.
func (x *index) putAside(name string, why error) error {
	for n := 1; ; n++ {
		aside := fmt.Sprintf("%s.broken%d", name, n)
		if _, err := os.Lstat(aside); err == nil {
			continue
		}
		if err := os.Rename(name, aside); err != nil {
			return fmt.Errorf("keep broken index aside: %w", err)
		}
		x.log.Error("the index of frames is broken: it was kept aside, and continues with what is known",
			"file", name, "kept", aside, "error", why, "frames", len(x.entries))
		return nil
	}
}

// parseIndex reads an index. Entries that have no id of ours are kept like others.
func parseIndex(b []byte) ([]indexEntry, error) {
	var raw []json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return nil, err
	}
	entries := make([]indexEntry, 0, len(raw))
	for i, r := range raw {
		var f struct {
			ID  string `json:"id"`
			PTS int64  `json:"pts"`
		}
		if err := json.Unmarshal(r, &f); err != nil {
			return nil, fmt.Errorf("entry %d: %w", i+1, err)
		}
		var line bytes.Buffer
		_ = json.Compact(&line, r) // it was read as JSON
		entries = append(entries, indexEntry{f.ID, f.PTS, line.Bytes()})
	}
	return entries, nil
}

// writeWhole replaces a file atomically and durably: the old content, or the new one when it returns nil.
func writeWhole(name string, content []byte) error {
	if err := atomicfile.WriteSynced(name, filepath.Base(name)+".tmp", content); err != nil {
		return fmt.Errorf("write %s: %w: make room on that disk, or make it writable, and resume the session", name, err)
	}
	return nil
}

// seconds is a time stamp of 90 kHz ticks in seconds, rounded to whole microseconds.
func seconds(ticks int64) json.Number {
	sign := ""
	if ticks < 0 {
		sign, ticks = "-", -ticks
	}
	s, rest := ticks/media.TicksPerSecond, ticks%media.TicksPerSecond
	micros := (rest*1_000_000 + media.TicksPerSecond/2) / media.TicksPerSecond
	return json.Number(fmt.Sprintf("%s%d.%06d", sign, s, micros))
}
