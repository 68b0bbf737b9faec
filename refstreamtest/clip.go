package refstreamtest

import (
	"cmp"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/refstream/refstream/analyzer/verify/truth"
	"github.com/refstream/refstream/clips"
	"github.com/refstream/refstream/encoder"
	"github.com/refstream/refstream/faults/catalogue"
	"github.com/refstream/refstream/packager"
	"github.com/refstream/refstream/scenario"
	"github.com/refstream/refstream/server"
)

// Clip is a stretch of a stream in files, which are gone when the test ends.
type Clip struct {
	Stream
	// Dir is the folder, with markers.jsonl and frames.jsonl too, as refstream generate writes it.
	Dir string
}

// HLS is the file of the multivariant playlist.
func (c *Clip) HLS() string { return filepath.Join(c.Dir, "master.m3u8") }

// TS is the stream as one file of MPEG-TS.
func (c *Clip) TS() string { return filepath.Join(c.Dir, "stream.ts") }

// Generate writes the first part of a stream into files, as long as is asked for to the nearest frame, without a server: many times
// faster than it plays, and the same in each run.
func Generate(t testing.TB, o Options, length time.Duration) *Clip {
	t.Helper()
	clip, err := generate(t, o, length)
	if err != nil {
		t.Fatalf("generate: %v", err)
	}
	return clip
}

func generate(t testing.TB, o Options, length time.Duration) (*Clip, error) {
	settings, logger := o.settings(), o.logger(t)
	settings.Epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // as generate has it
	channel, err := settings.Channel()
	if err != nil {
		return nil, err
	}
	first, frames, err := scenario.Stretch(channel, 0, length)
	if err != nil {
		return nil, err
	}
	e := o.encoding().Options(channel, func(string) bool { return false }, logger)
	w := clips.Options{
		Channel: channel, First: first, Frames: frames, Encoder: e, DASH: o.DASH, Formats: []string{"ts"}, Version: server.Defaults().Version,
		Logger: logger,
	}
	if w.Containers, err = packager.ParseContainers(cmp.Or(o.Container, server.Defaults().Container)); err != nil {
		return nil, err
	}
	if o.DASH {
		w.Containers = packager.WithDASH(w.Containers)
	}
	if w.FFmpeg, err = encoder.Check(t.Context(), e.FFmpeg, e.Encoder, channel.Audio); err != nil {
		return nil, err
	}
	if err := server.CheckEncoders(channel, e); err != nil {
		return nil, err
	}
	if len(o.Scenarios) > 1 {
		return nil, errors.New("a clip has the faults of one scenario: give Options.Scenarios one name")
	}
	for _, name := range o.Scenarios {
		file, err := catalogue.Load(name)
		if err != nil {
			return nil, err
		}
		if w.Scenario, err = file.Plan(channel); err != nil {
			return nil, err
		}
	}
	dir := filepath.Join(t.TempDir(), "clip")
	if _, err := clips.Write(t.Context(), dir, w); err != nil {
		return nil, err
	}
	return &Clip{Stream{t, truth.Folder(dir), channel}, dir}, nil
}
