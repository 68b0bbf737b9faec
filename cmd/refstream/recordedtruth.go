package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/refstream/refstream/markers"
)

// truthFolder is the folder of a session with the truth about the stream: channel.json, and frames.jsonl, missing.jsonl
// and markers.jsonl with the records as /frames and /markers give them, one a line.
const truthFolder = "truth"

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
func openRecordedTruth(dir string, c markers.Channel) (*recordedTruth, error) {
	old, err := readTruthChannel(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := writeTruthChannel(dir, c); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	case differs(c, old, dir) != nil:
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

func readTruthChannel(dir string) (c markers.Channel, err error) {
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

func writeTruthChannel(dir string, c markers.Channel) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write truth: %w", err)
	}
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("write truth: %w", err)
	}
	name := filepath.Join(dir, "channel.json")
	if err := os.WriteFile(name+".tmp", append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("write truth: %w", err)
	}
	if err := os.Rename(name+".tmp", name); err != nil {
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

// truthBatch is how many records are put into a store at once.
const truthBatch = 4096

// loadTruth reads the truth of a session into a store in memory. The error wraps fs.ErrNotExist where there is none.
func loadTruth(ctx context.Context, dir string) (store *markers.Journal, c markers.Channel, err error) {
	if c, err = readTruthChannel(dir); err != nil {
		return nil, c, err
	}
	if store, err = markers.OpenJournal(markers.JournalOptions{}); err != nil {
		return nil, c, err
	}
	if err = store.PutChannel(ctx, c); err == nil {
		put := func(b markers.Batch) error { return store.Append(ctx, c.Name, b) }
		err = errors.Join(
			loadRecords(ctx, filepath.Join(dir, "frames.jsonl"), func(r []markers.FrameRecord) error { return put(markers.Batch{Frames: r}) }),
			loadRecords(ctx, filepath.Join(dir, "missing.jsonl"), func(r []markers.MissingRecord) error { return put(markers.Batch{Missing: r}) }),
			loadRecords(ctx, filepath.Join(dir, "markers.jsonl"), func(r []markers.Marker) error { return put(markers.Batch{Markers: r}) }))
	}
	if err != nil {
		return nil, c, errors.Join(fmt.Errorf("read truth: %w", err), store.Close())
	}
	return store, c, nil
}

// loadRecords reads the records of a file. A last line that is not whole yet, or never will be, is none.
func loadRecords[T any](ctx context.Context, name string, put func([]T) error) error {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the recorder was killed before it made this one
	}
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReader(f)
	var list []T
	for number := 1; ; number++ {
		line, err := in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if err != nil || len(list) == truthBatch {
			if e := put(list); e != nil {
				return fmt.Errorf("%s: %w", name, e)
			}
			list = nil
		}
		if err != nil {
			return ctx.Err()
		}
		var r T
		if e := json.Unmarshal(line, &r); e != nil {
			return fmt.Errorf("%s: line %d: %w", name, number, e)
		}
		list = append(list, r)
	}
}
