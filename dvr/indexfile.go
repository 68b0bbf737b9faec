package dvr

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// writeWhole replaces a file: it has the old content or the new one at any moment, whatever happens, and the new one for
// good when writeWhole returns nil.
func writeWhole(name string, content []byte) error {
	temp := name + ".tmp"
	if err := writeSynced(temp, content); err != nil {
		_ = os.Remove(temp) // it may take room that others need
		return fmt.Errorf("write %s: %w: make room on that disk, or make it writable, and go on with the same session", name, err)
	}
	if err := os.Rename(temp, name); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return syncFolder(filepath.Dir(name))
}

func writeSynced(name string, content []byte) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncFolder makes renamings in a folder last.
func syncFolder(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync folder %s: %w", name, err)
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
