package clips

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/refstream/refstream/faults"
	"github.com/refstream/refstream/faults/pictures"
	"github.com/refstream/refstream/internal/jsonlines"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// Truth is the content of truth.json: all that the files depend on, and what they hold.
type Truth struct {
	Channel markers.Channel `json:"channel"`
	Encoder Encoder         `json:"encoder"`
	First   int64           `json:"first_frame"`
	Last    int64           `json:"last_frame"`
	Frames  int64           `json:"frames"`
	Markers int64           `json:"markers"`
	Seconds media.Seconds   `json:"seconds"`
	// Scenario is the name of the scenario whose faults are in it (faults.jsonl), empty for none.
	Scenario string   `json:"scenario,omitempty"`
	Version  Versions `json:"versions"`
}

// Encoder is how the pictures were encoded.
type Encoder struct {
	Name       string `json:"name"`
	Raw        string `json:"raw"` // the format of the pictures that it took
	Preset     string `json:"preset"`
	Bitrate    int64  `json:"bitrate"`
	Constant   bool   `json:"constant_bitrate,omitempty"`
	BFrames    int    `json:"bframes"`
	LowLatency bool   `json:"low_latency"`
	Threads    int    `json:"threads"`
}

// Versions are those of the programs that wrote a clip.
type Versions struct {
	Refstream string `json:"refstream"`
	FFmpeg    string `json:"ffmpeg"`
	Go        string `json:"go"`
}

func (o Options) truth(events int64) Truth {
	e := o.Encoder
	name := ""
	if o.Scenario != nil {
		name = o.Scenario.File.Name
	}
	return Truth{
		Channel: o.Channel,
		Encoder: Encoder{e.Encoder, string(e.Raw), e.Preset, e.Bitrate, e.Constant, e.BFrames, e.LowLatency, e.Threads},
		First:   o.First, Last: o.First + o.Frames - 1, Frames: o.Frames, Markers: events,
		Seconds: o.Channel.Clock().Time(o.Frames), Scenario: name,
		Version: Versions{o.Version, o.FFmpeg, runtime.Version()},
	}
}

// truthFiles are frames.jsonl and markers.jsonl.
type truthFiles struct {
	mu             sync.Mutex
	frames         *jsonlines.Log[markers.FrameRecord]
	markers        *jsonlines.Log[markers.Marker]
	markersWritten int64
	failed         error // the first failure, which close reports
	// label writes what faults do into the records; nil: there are none.
	label func(markers.Batch) markers.Batch
}

func newTruthFiles(dir string) (t *truthFiles, err error) {
	t = &truthFiles{}
	if t.frames, err = jsonlines.Open[markers.FrameRecord](filepath.Join(dir, "frames.jsonl"), nil); err != nil {
		return nil, fmt.Errorf("create truth file: %w", err)
	}
	if t.markers, err = jsonlines.Open[markers.Marker](filepath.Join(dir, "markers.jsonl"), nil); err != nil {
		return nil, errors.Join(fmt.Errorf("create truth file: %w", err), t.frames.Close())
	}
	return t, nil
}

// Append writes the frames and markers of a batch. The pipeline calls it from the goroutines of the encoder and of the publisher.
func (t *truthFiles) Append(_ context.Context, _ string, b markers.Batch) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.label != nil {
		b = t.label(b)
	}
	t.note(t.frames.Append(b.Frames...))
	t.note(t.markers.Append(b.Markers...))
	t.markersWritten += int64(len(b.Markers))
	return nil
}

func (t *truthFiles) note(err error) {
	if t.failed == nil && err != nil {
		t.failed = fmt.Errorf("write truth: %w", err)
	}
}

// close reports the first failure since the files were made.
func (t *truthFiles) close() error {
	t.note(t.frames.Close())
	t.note(t.markers.Close())
	return t.failed
}

// writeFaults writes faults.jsonl: what became of each fault of the scenario in the clip's frames.
func (o Options) writeFaults(dir string, ledger *faults.Ledger, shown *pictures.Pictures) error {
	last := o.First + o.Frames - 1
	for n := o.First; n <= last; n++ {
		if _, f, ok := shown.Look(n); ok {
			ledger.Report(faults.Change{Fault: f.Key(), Frame: n, Spoiled: n})
		}
	}
	for _, f := range o.Scenario.Between(o.First, last, scenario.LayerPlaylist, scenario.LayerRequest) {
		ledger.Report(faults.Change{Fault: f.Key(), Frame: f.First, NotDone: "the files of a clip are written once, and nobody requests them: use refstream serve"})
	}
	log, err := jsonlines.Open[markers.FaultRecord](filepath.Join(dir, "faults.jsonl"), nil)
	if err != nil {
		return fmt.Errorf("create truth file: %w", err)
	}
	if err := errors.Join(log.Append(ledger.Records(o.First, last, math.MaxInt64)...), log.Close()); err != nil {
		return fmt.Errorf("write truth: %w", err)
	}
	return nil
}
