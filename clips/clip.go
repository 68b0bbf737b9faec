// Package clips writes a stretch of a channel into a folder, as fast as the machine can: HLS, the same access units in one file
// of MPEG-TS or FLV, and the truth about it.
package clips

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/refstream/refstream/encoder"
	"github.com/refstream/refstream/faults"
	"github.com/refstream/refstream/faults/catalogue"
	"github.com/refstream/refstream/faults/pictures"
	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/internal/atomicfile"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/packager"
	"github.com/refstream/refstream/pipeline"
	"github.com/refstream/refstream/scenario"
)

// Options describe a clip. All but Containers, DASH, Formats, Stream, Scenario, Logger and Progress must be set.
type Options struct {
	Channel markers.Channel
	// First is the first frame, on the segment grid; Frames how many there are, at least one.
	First, Frames int64
	Encoder       encoder.Options
	// Containers are what HLS segments are packed in, the first one's playlists under the plain names; none for MPEG-TS alone.
	Containers []packager.Container
	// DASH writes a manifest too; Containers have fragmented MP4 then.
	DASH bool
	// Formats are those besides HLS: ts (stream.ts), flv (stream.flv).
	Formats []string
	// Stream is where the only one of Formats goes, in place of a file; nil for a file.
	Stream io.Writer
	// Scenario has the faults that the clip is to have; nil for none.
	Scenario *scenario.Plan
	// Version is the release of refstream, FFmpeg that of ffmpeg: the truth names them.
	Version, FFmpeg string
	// Logger logs what fails; nil for no log.
	Logger *slog.Logger
	// Progress is called now and then with the number of frames that have left the encoder; nil for nobody.
	Progress func(done int64)
}

// Write writes a clip into a folder that is not there yet, or empty: all of it or nothing. It returns the number of markers.
func Write(ctx context.Context, out string, o Options) (events int64, err error) {
	if err := CheckFaults(o.Scenario, o.Containers); err != nil {
		return 0, err
	}
	err = intoFolder(out, func(dir string) error {
		events, err = o.write(ctx, dir)
		return err
	})
	return events, err
}

// CheckFaults refuses a plan, which may be nil, with faults that a container does not have. The error names the flag of generate.
func CheckFaults(plan *scenario.Plan, containers []packager.Container) error {
	if plan != nil && slices.Contains(containers, packager.FMP4) &&
		plan.File.Needs(scenario.LayerUnit, scenario.LayerSEI, scenario.LayerStamps, scenario.LayerSound, scenario.LayerPackets) {
		return errors.New("--container: fragmented MP4 has no faults but those of pictures: use --container ts without --dash, or a scenario of pictures alone")
	}
	return nil
}

// intoFolder has write fill a new folder next to out, and gives it the name out when all of it is there.
func intoFolder(out string, write func(dir string) error) error {
	if list, err := os.ReadDir(out); err == nil && len(list) > 0 {
		return fmt.Errorf("--out: %s is not empty: name another folder, or remove it", out)
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("--out: %w: name a folder that can be written", err)
	}
	out = filepath.Clean(out)
	dir := ""
	undo, err := atomicfile.Folders(filepath.Dir(out))
	if err == nil {
		dir, err = os.MkdirTemp(filepath.Dir(out), "."+filepath.Base(out)+"-*")
	}
	if err != nil {
		undo()
		return fmt.Errorf("--out: %w: name a folder that can be written", err)
	}
	err = write(dir)
	if err == nil {
		_ = os.Remove(out) // an empty folder has to make room; one that is not empty by now stays, and the next step fails
		err = errors.Join(os.Chmod(dir, 0o755), os.Rename(dir, out))
	}
	if err != nil {
		os.RemoveAll(dir)
		undo()
	}
	return err
}

func (o Options) write(ctx context.Context, dir string) (events int64, err error) {
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	clock := o.Channel.Clock()
	hls := packager.Options{Dir: dir, Channel: o.Channel, Containers: o.Containers, Now: func() time.Time { return clock.UTC(o.First) }}
	if o.DASH {
		hls.DASH = &packager.DASH{}
	}
	var ledger *faults.Ledger
	if o.Scenario != nil {
		ledger = faults.NewLedger(o.Scenario, o.Channel)
		hls.Faults = catalogue.NewStream(o.Scenario, clock, ledger.Report)
	}
	playlist, err := packager.New(hls)
	if err != nil {
		return 0, fmt.Errorf("open playlist: %w", err)
	}
	files, err := newTruthFiles(dir)
	if err != nil {
		return 0, err
	}
	carrier := flv.Options{Rate: o.Channel.Rate, Encoder: o.Encoder.Encoder, Version: "refstream " + o.Version, Channel: o.Channel.Name}
	if o.Channel.Audio {
		carrier.Sound, err = encoder.SoundTrack(markers.SoundRendition)
	}
	var also alsoFiles
	if err == nil {
		also, err = newAlsoFiles(dir, o, carrier)
	}
	if err != nil {
		return 0, errors.Join(err, files.close())
	}
	var shown *pictures.Pictures
	if o.Scenario != nil {
		shown = pictures.New(o.Scenario, clock)
		files.label = pictures.Looks(shown.Looks).Label
	}
	run := pipeline.Generate{
		Channel: pipeline.Channel{
			Info: o.Channel, HLS: playlist, Store: files, Logger: o.Logger, Metrics: pipeline.NewMetrics(prometheus.NewRegistry(), o.Channel.Name),
		},
		First: o.First, Frames: o.Frames, Progress: o.Progress,
	}
	run.Encode(o.Encoder)
	if shown != nil {
		run.Pictures = shown
	}
	for _, f := range also {
		run.Outputs = append(run.Outputs, f)
	}
	err = run.Run(ctx)
	if closeErr := errors.Join(files.close(), also.close()); err == nil {
		err = closeErr
	}
	if err != nil {
		return 0, err
	}
	if ledger != nil {
		if err := o.writeFaults(dir, ledger, shown); err != nil {
			return 0, err
		}
	}
	name := filepath.Join(dir, "truth.json")
	err = atomicfile.Write(name, ".refstream-*", func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(o.truth(files.markersWritten))
	})
	if err != nil {
		return 0, fmt.Errorf("write %s: %w", name, err)
	}
	return files.markersWritten, nil
}
