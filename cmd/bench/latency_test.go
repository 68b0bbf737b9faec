package main

import (
	"testing"

	"github.com/refstream/refstream/media"
)

func TestLeftAt(t *testing.T) {
	ntsc := media.FrameRate{Num: 30000, Den: 1001}
	// As they leave the encoder: I P B B, with an origin of their own.
	got, ahead, err := leftAt([]tapLine{
		{PTS: 6006, Left: 1}, {PTS: 15015, Left: 2}, {PTS: 9009, Left: 3}, {PTS: 12012, Left: 4}, {PTS: 18018, Left: 5},
	}, 600, ntsc)
	if err != nil {
		t.Fatal(err)
	}
	for frame, left := range map[int64]int64{600: 1, 603: 2, 601: 3, 602: 4, 604: 5} {
		if got[frame] != left {
			t.Errorf("frame %d left at %d, want %d", frame, got[frame], left)
		}
	}
	for frame, want := range map[int64]bool{600: false, 603: true, 601: false, 602: false, 604: false} {
		if ahead[frame] != want {
			t.Errorf("frame %d ahead of its turn: %v, want %v", frame, ahead[frame], want)
		}
	}
	if _, _, err := leftAt([]tapLine{{PTS: 0}, {PTS: 1500}}, 0, ntsc); err == nil {
		t.Error("a picture between two frames is no error")
	}
	if _, _, err := leftAt([]tapLine{{PTS: 0}, {PTS: 3003}, {PTS: 3003}}, 0, ntsc); err == nil {
		t.Error("two pictures for one frame are no error")
	}
}
