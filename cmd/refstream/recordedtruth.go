package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/refstream/refstream/internal/atomicfile"
	"github.com/refstream/refstream/markers"
)

// truthFolder is the folder of a session with the truth about the stream: channel.json, and frames.jsonl, missing.jsonl
// and markers.jsonl with the records as /frames and /markers give them, one a line.
const truthFolder = "truth"

// recordedChannel is channel.json.
type recordedChannel struct {
	markers.Channel
	// ServerAhead is how far the clock of the server was ahead of the recorder's when the session began, in s.
	ServerAhead markers.Seconds `json:"server_ahead"`
}

// recordedTruth are the files of a truth that grows.
type recordedTruth struct {
	frames, missing, markers *recordLog
}

// recordLog is one file of records in the order of their IDs.
type recordLog struct {
	file *os.File
	last markers.ID
}

// openRecordedTruth opens the truth in a folder, or begins it. What is there must be about the same channel.
func openRecordedTruth(dir string, c recordedChannel) (*recordedTruth, error) {
	old, err := readTruthChannel(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := writeTruthChannel(dir, c); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	case differs(c.Channel, old.Channel, dir) != nil:
		return nil, fmt.Errorf("the server's channel %s is not the one whose truth is in %s: record it as another session", c.Name, dir)
	}
	t := &recordedTruth{}
	for _, f := range []struct {
		to   **recordLog
		name string
		id   func([]byte) (markers.ID, error)
	}{
		{&t.frames, "frames", idOf[markers.FrameRecord]}, {&t.missing, "missing", idOf[markers.MissingRecord]},
		{&t.markers, "markers", idOf[markers.Marker]},
	} {
		if *f.to, err = openRecordLog(filepath.Join(dir, f.name+".jsonl"), f.id); err != nil {
			return nil, errors.Join(err, t.close())
		}
	}
	return t, nil
}

func readTruthChannel(dir string) (c recordedChannel, err error) {
	data, err := os.ReadFile(filepath.Join(dir, "channel.json"))
	if err != nil {
		return c, fmt.Errorf("read truth: %w", err)
	}
	if err = json.Unmarshal(data, &c); err == nil {
		err = c.Validate()
	}
	if err != nil {
		return c, fmt.Errorf("read truth: %s: %w", filepath.Join(dir, "channel.json"), err)
	}
	return c, nil
}

func writeTruthChannel(dir string, c recordedChannel) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write truth: %w", err)
	}
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("write truth: %w", err)
	}
	err = atomicfile.Write(filepath.Join(dir, "channel.json"), "channel.json.tmp", atomicfile.Bytes(append(data, '\n')))
	if err != nil {
		return fmt.Errorf("write truth: %w", err)
	}
	return nil
}

// identified is a record of any kind.
type identified interface{ RecordID() markers.ID }

func idOf[T identified](line []byte) (markers.ID, error) {
	var r T
	err := json.Unmarshal(line, &r)
	return r.RecordID(), err
}

// openRecordLog opens a file to append to it. A last line that was half written is cut off.
func openRecordLog(name string, id func([]byte) (markers.ID, error)) (*recordLog, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open truth: %w", err)
	}
	t := &recordLog{file: f}
	in, whole := bufio.NewReader(f), int64(0)
	var newest []byte
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			if !errors.Is(err, io.EOF) {
				return nil, errors.Join(fmt.Errorf("read truth: %w", err), f.Close())
			}
			break
		}
		whole += int64(len(line))
		newest = line
	}
	if newest != nil {
		if t.last, err = id(newest); err != nil {
			return nil, errors.Join(fmt.Errorf("read truth: the last line of %s: %w", name, err), f.Close())
		}
	}
	if err := f.Truncate(whole); err != nil {
		return nil, errors.Join(fmt.Errorf("open truth: %w", err), f.Close())
	}
	if _, err := f.Seek(whole, io.SeekStart); err != nil {
		return nil, errors.Join(fmt.Errorf("open truth: %w", err), f.Close())
	}
	return t, nil
}

// appendRecords writes the records that are after the newest, in one piece. Where that fails, what was written of it is
// taken back, and they can be given again.
func appendRecords[T identified](t *recordLog, records []T) error {
	var b bytes.Buffer
	last := t.last
	for _, r := range records {
		if r.RecordID().Compare(last) <= 0 {
			continue
		}
		line, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("write truth: %w", err)
		}
		b.Write(line)
		b.WriteByte('\n')
		last = r.RecordID()
	}
	if b.Len() == 0 {
		return nil
	}
	at, err := t.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return fmt.Errorf("write truth: %w", err)
	}
	if _, err := t.file.Write(b.Bytes()); err != nil {
		_, back := t.file.Seek(at, io.SeekStart)
		return errors.Join(fmt.Errorf("write truth: %w", err), t.file.Truncate(at), back)
	}
	t.last = last
	return nil
}

func (t *recordedTruth) append(b markers.Batch) error {
	return errors.Join(appendRecords(t.frames, b.Frames), appendRecords(t.missing, b.Missing), appendRecords(t.markers, b.Markers))
}

// lastFrame is the newest frame that is there.
func (t *recordedTruth) lastFrame() int64 { return t.frames.last.Frame }

func (t *recordedTruth) close() error {
	var errs []error
	for _, f := range []*recordLog{t.frames, t.missing, t.markers} {
		if f != nil {
			errs = append(errs, f.file.Close())
		}
	}
	return errors.Join(errs...)
}
