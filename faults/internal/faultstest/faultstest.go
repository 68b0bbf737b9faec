// Package faultstest is test code that the layers of faults share: a channel, and plans on it.
package faultstest

import (
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// FPS is the channel's number of frames in a second.
const FPS = 25

// Channel is a small channel with segments of so many frames, and no event in its first minutes.
func Channel(framesPerSegment int64) markers.Channel {
	return markers.Channel{
		Name: "main", Run: 1, Width: 320, Height: 180, Rate: media.FrameRate{Num: FPS, Den: 1}, Epoch: time.Unix(1_700_000_000, 0).UTC(), Seed: 3,
		EventEvery: 10_000, EventLength: 2, FramesPerSegment: framesPerSegment, PTSOrigin: markers.PTSOrigin,
	}
}

// Plan lays the entries of a file's list of faults on a channel.
func Plan(t testing.TB, c markers.Channel, kinds []*scenario.Kind, entries string) *scenario.Plan {
	t.Helper()
	f, err := scenario.Parse("x.yaml", []byte("version: 1\nname: x\nseed: 5\nfaults: ["+entries+"]"), kinds)
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.Plan(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
