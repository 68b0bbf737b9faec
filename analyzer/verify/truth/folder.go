package truth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/refstream/refstream/internal/jsonlines"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// Folder is the truth that refstream generate writes: truth.json with frames.jsonl and markers.jsonl beside it. name is
// that of the folder or of its truth.json.
func Folder(name string) Source {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		name = filepath.Join(name, "truth.json")
	}
	return folder{name}
}

type folder struct{ name string }

// truthFile is truth.json, as far as it is needed here.
type truthFile struct {
	Channel *markers.Channel `json:"channel"`
	First   *int64           `json:"first_frame"`
	Last    *int64           `json:"last_frame"`
	Frames  *int64           `json:"frames"`
}

func (f folder) read() (truthFile, error) {
	var t truthFile
	data, err := os.ReadFile(f.name)
	if err != nil {
		return t, fmt.Errorf("%w: name a folder that refstream generate wrote", err)
	}
	if err := json.Unmarshal(data, &t); err != nil {
		return t, fmt.Errorf("%s: %w", f.name, err)
	}
	if t.Channel == nil || t.First == nil || t.Last == nil {
		return t, fmt.Errorf("%s has no channel, first_frame or last_frame: name a file that refstream generate wrote", f.name)
	}
	if err = CheckChannel(*t.Channel); err == nil {
		err = t.check()
	}
	if err != nil {
		return t, fmt.Errorf("%s: %w", f.name, err)
	}
	return t, nil
}

func (f folder) Channel(context.Context) (markers.Channel, error) {
	t, err := f.read()
	if err != nil {
		return markers.Channel{}, err
	}
	return *t.Channel, nil
}

// Stretch is the stretch of the stream that is in the folder, on the HLS clock.
func (f folder) Stretch() (from, to media.Seconds, err error) {
	t, err := f.read()
	if err != nil {
		return 0, 0, err
	}
	clock := t.Channel.Clock()
	return clock.Time(*t.First), clock.Time(*t.Last + 1), nil
}

func (f folder) Between(ctx context.Context, first, last int64) (Truth, error) {
	file, err := f.read()
	if err != nil {
		return Truth{}, err
	}
	t := Truth{Bounded: true, First: *file.First, Last: *file.Last, Frames: map[int64]markers.FrameRecord{}}
	dir := filepath.Dir(f.name)
	err = eachLine(ctx, filepath.Join(dir, "frames.jsonl"), func(r markers.FrameRecord) error {
		if r.Frame >= first && r.Frame <= last {
			if _, twice := t.Frames[r.Frame]; twice {
				return fmt.Errorf("frame %d is there twice", r.Frame)
			}
			t.Frames[r.Frame] = r
		}
		return file.checkFrame(r)
	})
	if err != nil {
		return Truth{}, err
	}
	t.Markers, err = f.Markers(ctx, first, last)
	return t, err
}

func (f folder) Markers(ctx context.Context, first, last int64) (list []markers.Marker, err error) {
	file, err := f.read()
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	err = eachLine(ctx, filepath.Join(filepath.Dir(f.name), "markers.jsonl"), func(m markers.Marker) error {
		if known[m.ID] {
			return fmt.Errorf("marker %.40q is there twice", m.ID)
		}
		known[m.ID] = true
		if m.LastFrame >= first && m.Frame <= last {
			list = append(list, m)
		}
		return file.checkMarker(m)
	})
	return list, err
}

func (f folder) faults(ctx context.Context, first, last int64) ([]markers.FaultRecord, error) {
	list, err := FaultsIn(ctx, filepath.Join(filepath.Dir(f.name), "faults.jsonl"), first, last)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return list, err
}

// FaultsIn reads the records of a file such as faults.jsonl that are about one of the frames first to last. The error wraps
// io.ErrUnexpectedEOF where the last record is not whole; those before it are returned.
func FaultsIn(ctx context.Context, name string, first, last int64) (list []markers.FaultRecord, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// Not by lines: those of faults with very many runs of frames are long.
	for d := json.NewDecoder(f); ctx.Err() == nil; {
		var r markers.FaultRecord
		if err := d.Decode(&r); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return list, fmt.Errorf("%s: at byte %d: %w", name, d.InputOffset(), err)
		}
		if err := CheckFault(r); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if r.LastFrame >= first && r.Frame <= last {
			list = append(list, r)
		}
	}
	return nil, ctx.Err()
}

// eachLine gives the records of a file to each, also the last one where an editor has left out its newline.
func eachLine[T any](ctx context.Context, name string, each func(T) error) error {
	rest, err := jsonlines.Read(name, func(v T) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return each(v)
	})
	if err != nil || len(rest) == 0 {
		return err
	}
	var v T
	if err = json.Unmarshal(rest, &v); err == nil {
		err = each(v)
	}
	if err != nil {
		return fmt.Errorf("%s: the last line: %w", name, err)
	}
	return nil
}

// check refuses a truth.json that contradicts itself.
func (t truthFile) check() error {
	first, last := *t.First, *t.Last
	switch {
	case first < 0 || last > maxFrame:
		return fmt.Errorf("frames %d to %d can't be: frames count from 0 to %d", first, last, int64(maxFrame))
	case last < first:
		return fmt.Errorf("last_frame %d is before first_frame %d", last, first)
	case t.Frames != nil && *t.Frames != last-first+1:
		return fmt.Errorf("it counts %d frames, but frames %d to %d are %d", *t.Frames, first, last, last-first+1)
	}
	return nil
}

// contradiction is by how much two instants that should be the same may differ: they are written in nanoseconds, rounded.
const contradiction = time.Microsecond

// checkFrame refuses a line of frames.jsonl that truth.json contradicts. What a line does not say contradicts nothing.
func (t truthFile) checkFrame(r markers.FrameRecord) error {
	if r.Frame < *t.First || r.Frame > *t.Last {
		return fmt.Errorf("frame %d is not one of %d to %d", r.Frame, *t.First, *t.Last)
	}
	clock := t.Channel.Clock()
	if pts := clock.PTS(r.Frame); r.PTS != 0 && r.PTS != pts {
		return fmt.Errorf("frame %d has PTS %d, but by truth.json it is %d", r.Frame, r.PTS, pts)
	}
	return checkUTC(clock, r.Frame, r.UTC)
}

// checkMarker does so with a line of markers.jsonl.
func (t truthFile) checkMarker(m markers.Marker) error {
	if err := checkEvent(m); err != nil {
		return err
	}
	if m.Channel != "" && m.Channel != t.Channel.Name {
		return fmt.Errorf("marker %s is one of channel %s, not %s", m.ID, m.Channel, t.Channel.Name)
	}
	if err := checkUTC(t.Channel.Clock(), m.Frame, m.UTC); err != nil {
		return fmt.Errorf("marker %s: %w", m.ID, err)
	}
	return nil
}

// checkEvent refuses a marker whose numbers can't be.
func checkEvent(m markers.Marker) error {
	if m.LastFrame < m.Frame {
		return fmt.Errorf("marker %.40q can't be from frame %d to %d", m.ID, m.Frame, m.LastFrame)
	}
	if err := m.Validate(); err != nil {
		return fmt.Errorf("marker %.40q: %w", m.ID, err)
	}
	return nil
}

func checkUTC(clock markers.Clock, frame int64, said time.Time) error {
	if said.IsZero() {
		return nil
	}
	utc := clock.UTC(frame)
	if d := said.Sub(utc); d > contradiction || d < -contradiction {
		return fmt.Errorf("frame %d is at %s, but by the epoch of truth.json it is at %s: the files are not of one stream",
			frame, said.Format(time.RFC3339Nano), utc.Format(time.RFC3339Nano))
	}
	return nil
}
