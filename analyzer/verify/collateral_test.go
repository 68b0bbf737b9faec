package verify

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/analyzer/verify/internal/verifytest"
	"github.com/refstream/refstream/analyzer/verify/report"
)

// damaged is the clip's transport stream with the packets of the video that drop wants gone: unit counts the access units
// in coding order, packet those of a unit.
func (c *clip) damaged(t *testing.T, drop func(unit, packet int) bool) string {
	t.Helper()
	whole, err := os.ReadFile(c.paths["ts"])
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	pid, unit, packet := -1, -1, 0
	for p := range slices.Chunk(whole, 188) {
		at, start := int(p[1]&0x1F)<<8|int(p[2]), p[1]&0x40 != 0
		payload := p[4:]
		if p[3]&0x20 != 0 {
			payload = payload[1+int(payload[0]):]
		}
		if start && bytes.HasPrefix(payload, []byte{0, 0, 1, 0xE0}) {
			pid, packet = at, 0
			unit++
		}
		if at != pid || !drop(unit, packet) {
			out.Write(p)
		}
		if at == pid {
			packet++
		}
	}
	path := filepath.Join(t.TempDir(), "a.ts")
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A lost picture is named as the one that is missing, and what refers to it as spoilt by that: whether ffmpeg shows it
// unreadable, shows an older one again or gives none. Each frame is counted once.
func TestLostReference(t *testing.T) {
	t.Parallel()
	for bFrames, units := range map[string][]int{
		"2": {34, 37, 38, 43, 46, 60, 61},     // P and B frames, and the key frame 60
		"0": {31, 34, 46, 52, 59, 60, 64, 65}, // after 46 and 60 no picture comes for a while, after 52 an old one
	} {
		c := newClipWith(t, bFrames)
		for i, n := range units {
			if testing.Short() && i%4 != 1 {
				continue
			}
			t.Run(fmt.Sprintf("%s B-frames, unit %d", bFrames, n), func(t *testing.T) {
				t.Parallel()
				kinds := c.judgeLoss(t, n, c.damaged(t, func(unit, _ int) bool { return unit == n }))
				if slices.Contains(kinds, report.Unreadable) || !slices.Contains(kinds, report.Missing) {
					t.Errorf("%v", kinds)
				}
			})
		}
		// A picture of which a part is lost is there, but it is no better for those that refer to it.
		t.Run(bFrames+" B-frames, a part", func(t *testing.T) {
			t.Parallel()
			c.judgeLoss(t, 34, c.damaged(t, func(unit, packet int) bool { return unit == 34 && packet == 1 }))
		})
	}
}

// judgeLoss verifies the clip without a unit, or a part of it: all that is said must be of this loss.
func (c *clip) judgeLoss(t *testing.T, unit int, path string) []report.Kind {
	t.Helper()
	r, err := Run(t.Context(), path, given{verifytest.Channel(), c.truth}, Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	lost, accounted := c.unitFrame(unit), int64(r.Readable)
	for _, f := range r.Findings {
		switch f.Kind {
		case report.Missing:
			if accounted += f.Count; f.Count != 1 || f.Places[0].First != lost {
				t.Errorf("frame %d: %s", lost, f.Text)
			}
		case report.Unreadable:
			accounted += f.Count
		case report.Collateral:
			accounted += f.Count
			for _, p := range f.Places {
				if p.First < lost-2 || p.Last >= (lost/30+1)*30 || p.First <= lost && p.Last >= lost {
					t.Errorf("frame %d: %s", lost, f.Text)
				}
			}
			if !strings.Contains(f.Text, fmt.Sprintf("spoilt by the loss of frame %d,", lost)) {
				t.Error(f.Text)
			}
		case report.ContinuityError:
		default:
			t.Errorf("frame %d: %s", lost, f.Text)
		}
	}
	if kinds := kindsOf(r); !slices.Contains(kinds, report.ContinuityError) || accounted != clipFrames {
		t.Errorf("frame %d: %d frames accounted for: %v", lost, accounted, textsOf(r))
	}
	return kindsOf(r)
}

// unitFrame is the frame of a unit of the clip, by its number in the order of coding.
func (c *clip) unitFrame(n int) int64 {
	frames := slices.Collect(maps.Keys(c.truth.Frames))
	slices.SortFunc(frames, func(a, b int64) int { return cmp.Compare(c.truth.Frames[a].DTS, c.truth.Frames[b].DTS) })
	return frames[n]
}
