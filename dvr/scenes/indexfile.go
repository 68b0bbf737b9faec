package scenes

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/refstream/refstream/internal/atomicfile"
)

// writeWhole replaces a file: it has the old content or the new one at any moment, whatever happens, and the new one for
// good when writeWhole returns nil.
func writeWhole(name string, content []byte) error {
	if err := atomicfile.WriteSynced(name, filepath.Base(name)+".tmp", content); err != nil {
		return fmt.Errorf("write %s: %w: make room on that disk, or make it writable, and go on with the same session", name, err)
	}
	return nil
}

// compact is valid JSON in one line.
func compact(raw json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return raw
	}
	return b.Bytes()
}

// seconds is a time stamp of 90 kHz ticks in seconds, rounded to whole microseconds.
func seconds(ticks int64) json.Number {
	sign := ""
	if ticks < 0 {
		sign, ticks = "-", -ticks
	}
	s, rest := ticks/ticksPerSecond, ticks%ticksPerSecond
	micros := (rest*1_000_000 + ticksPerSecond/2) / ticksPerSecond
	return json.Number(fmt.Sprintf("%s%d.%06d", sign, s, micros))
}
