package units

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/faults"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// ffprobe reads the time stamps that a fault makes, and those of the clean stream beside it; the PCRs are those of the clean stream.
func TestStamps(t *testing.T) {
	origin := testChannel().Clock().PTS
	type fault struct {
		text        string
		first, last int64
		want        func(n int64, pts, dts int64) (int64, int64)
	}
	streams := [][]fault{
		{
			{"do: pts.drift, at: {frame: 5}, for: {frames: 12}, with: {ppm: 5000}", 5, 16, func(n, pts, dts int64) (int64, int64) {
				return pts + (n-5)*18, dts + max(0, dts-origin(5))/200
			}},
			{"do: pts.step, at: {msn: 1}, for: {segments: 1}, with: {by: 2s}", 25, 49, func(_, pts, dts int64) (int64, int64) { return pts + 180_000, dts + 180_000 }},
			{"do: pts.equal, at: {frame: 74}, for: {frames: 3}", 74, 76, func(_, _, dts int64) (int64, int64) { return origin(76), dts }},
			{"do: dts.after_pts, at: {frame: 80}, for: {frames: 2}, with: {by: 60ms}", 80, 81, func(_, pts, _ int64) (int64, int64) { return pts, pts + 5400 }},
		},
		{
			{"do: pts.drift, at: {frame: 20}, for: {frames: 40}, with: {ppm: -5000}", 20, 59, func(n, pts, dts int64) (int64, int64) {
				return pts - (n-20)*18, dts - max(0, dts-origin(20))/200
			}},
			{"do: pts.step, at: {frame: 61}, for: {frames: 3}, with: {by: -1500ms}", 75, 99, func(_, pts, dts int64) (int64, int64) { return pts - 135_000, dts - 135_000 }},
		},
	}
	for k, list := range streams {
		for _, bframes := range []int{0, 2} {
			t.Run(fmt.Sprintf("%d, %d B-frames", k, bframes), func(t *testing.T) {
				t.Parallel()
				var text []string
				for _, f := range list {
					text = append(text, "{"+f.text+"}")
				}
				w := rewrite(t, bframes, strings.Join(text, ", "))
				file := pack(t, w.faulty, w.clock)
				got := packets(t, file)
				if len(got) != testFrames {
					t.Fatalf("%d packets", len(got))
				}
				for i, au := range w.clean {
					want := [2]int64{au.PTS, au.DTS}
					for _, f := range list {
						if au.Frame >= f.first && au.Frame <= f.last {
							want[0], want[1] = f.want(au.Frame, au.PTS, au.DTS)
						}
					}
					if got[i] != want {
						t.Errorf("frame %d: PTS and DTS %d, want %d", au.Frame, got[i], want)
					}
				}
				if clean := pcrs(t, pack(t, w.clean, nil)); !slices.Equal(pcrs(t, file), clean) || len(clean) < testFrames {
					t.Error("the PCRs are others than those of the clean stream")
				}
			})
		}
	}
}

// Jitter moves every frame by no more than it is to, and leaves the order.
func TestJitter(t *testing.T) {
	for _, bframes := range []int{0, 2} {
		w := rewrite(t, bframes, "{do: pts.jitter, at: {frame: 20}, for: {frames: 60}, with: {by: 19ms}}")
		got := packets(t, pack(t, w.faulty, w.clock))
		moved, lowest, highest := 0, int64(0), int64(0)
		for i, au := range w.clean {
			off := got[i][0] - au.PTS
			if off != 0 {
				moved++
			}
			lowest, highest = min(lowest, off), max(highest, off)
			if got[i][1] > got[i][0] || i > 0 && got[i][1] <= got[i-1][1] {
				t.Errorf("frame %d: PTS and DTS %d after %d", au.Frame, got[i], got[i-1])
			}
		}
		if moved != 60 || lowest < -1710 || highest > 1710 || lowest > -1000 || highest < 1000 {
			t.Errorf("%d frames are moved by %d to %d ticks", moved, lowest, highest)
		}
	}
}

// pcrs are the PCRs of a transport stream (H.222.0, 2.4.3.4), as six bytes each.
func pcrs(t *testing.T, file string) (list []string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for p := range slices.Chunk(b, 188) {
		if p[3]&0x20 != 0 && p[4] >= 7 && p[5]&0x10 != 0 {
			list = append(list, string(p[6:12]))
		}
	}
	return list
}

// Every kind is described.
func TestKinds(t *testing.T) {
	for _, k := range Kinds() {
		if k.Name == "" || !strings.HasSuffix(k.Doc, ".") || !slices.Contains(layers(), k.Layer) || k.Property == "" || k.Oracle == "" ||
			k.Default == (scenario.Span{}) || k.Decoy != (len(k.Alarms) == 0) {
			t.Errorf("%s: %+v", k.Name, k)
		}
		word := map[bool]string{true: "decoy", false: "do"}[k.Decoy]
		if k.Name != "sei.offset" { // which needs a parameter
			testPlan(t, "{"+word+": "+k.Name+", at: 1h}")
		}
	}
}

// A whole number of frames is that number at every rate and place.
func TestOffsetFrames(t *testing.T) {
	for _, r := range media.FrameRates() {
		for n := range int64(2000) {
			for _, k := range []int64{1, -1, 7, -1000, 100_000} {
				if got := r.Frames(r.Nanos(n+k) - r.Nanos(n)); got != k {
					t.Fatalf("%v: %d frames from %d are %d", r, k, n, got)
				}
			}
		}
	}
}

// What a channel cannot have is refused when the plan is made.
func TestChecks(t *testing.T) {
	for _, c := range []struct{ fault, want string }{
		{"do: pts.step, at: 1s, with: {by: -2s}", "x.yaml:4: pts.step: the time stamps would be before the first of the stream: begin later, or use a shorter step"},
		{"do: pts.step, at: 1s, with: {by: 0s}", "x.yaml:4: pts.step: nothing would change: use another value than 0"},
		{"do: pts.jitter, at: 1s, with: {by: 20ms}", "x.yaml:4: pts.jitter: by is half of a frame or more: use less than 20 ms, so that frames stay in order"},
		{"do: pts.equal, at: 1s, for: {frames: 1}", "x.yaml:4: pts.equal: it has one frame, and no other to have an equal PTS: use two frames or more"},
		{"do: pts.drift, at: 1s, with: {ppm: 0}", "x.yaml:4: pts.drift: nothing would change: use another value than 0"},
		{"do: sei.drift, at: 1s, with: {ppm: 0}", "x.yaml:4: sei.drift: nothing would change: use another value than 0"},
		{"do: sei.offset, at: 1s", "x.yaml:4: sei.offset: nothing would change: use another value than 0"},
		{"do: sei.offset, at: 1s, with: {frames: 1, by: 1s}", "x.yaml:4: sei.offset: there are frames and by: use one of them"},
		{"do: sei.offset, at: 1s, with: {frames: -26}", "x.yaml:4: sei.offset: the messages would be of a time before the epoch: begin later, or use a smaller offset"},
	} {
		f, err := scenario.Parse("x.yaml", []byte("version: 1\nname: x\nfaults:\n- {"+c.fault+"}"), Kinds())
		if err == nil {
			_, err = f.Plan(testChannel())
		}
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %q", c.fault, err, c.want)
		}
	}
}

// A stream that is joined at a later GOP has the same faults there, those of SEI that look back but for one GOP more.
func TestRewriterIsPure(t *testing.T) {
	const all = "{do: unit.drop, at: {frame: 60}, for: {frames: 20}, with: {units: 2}}, {do: sei.late, at: {frame: 52}, for: {frames: 30}, with: {frames: 5}}," +
		"{do: pts.jitter, at: {frame: 55}, for: {frames: 20}}, {id: two, do: unit.corrupt, at: {frame: 85}, for: {frames: 5}, with: {bytes: 3}}"
	whole := rewrite(t, 2, all).faulty
	r := New(testPlan(t, all), testChannel().Clock(), func(faults.Change) {})
	var part []media.Unit
	for _, au := range clip(t, 2)[testGOP:] {
		list, err := r.Unit(au)
		if err != nil {
			t.Fatal(err)
		}
		part = append(part, list...)
	}
	if rest := whole[testGOP:]; !slices.EqualFunc(part, rest, same) {
		t.Error("the stream that begins later has other units")
	}
	if _, err := r.Unit(media.Unit{Track: &media.Track{Codec: media.HEVC}}); err == nil || !strings.Contains(err.Error(), "HEVC") {
		t.Errorf("HEVC: error %v", err)
	}
}
