package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/refstream/refstream/internal/jsonlines"
	"github.com/refstream/refstream/markers"
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
	if err := CheckChannel(*t.Channel); err != nil {
		return t, fmt.Errorf("%s: %w", f.name, err)
	}
	if err := t.check(); err != nil {
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
