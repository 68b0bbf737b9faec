package pictures

import (
	"bytes"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/refstream/refstream/faults/internal/faultstest"
	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

const fps = 25

func channel() markers.Channel { return faultstest.Channel(50) }

func plan(t testing.TB, entries string) *scenario.Plan {
	t.Helper()
	return faultstest.Plan(t, channel(), Kinds(), entries)
}

// encode is a clip of frames 0 to 299 with the plan's faults.
func encode(t *testing.T, p *scenario.Plan) []byte {
	t.Helper()
	const frames = 300
	c := channel()
	r, err := generator.NewRenderer(scenario.Picture(c))
	if err != nil {
		t.Fatal(err)
	}
	var raw bytes.Buffer
	frame := make([]byte, r.FrameSize())
	pictures := New(p, c.Clock())
	for n := range int64(frames) {
		look, _, _ := pictures.Look(n)
		if err := r.Render(frame, n, look); err != nil {
			t.Fatal(err)
		}
		raw.Write(frame)
	}
	encode := exec.Command("ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "320x180", "-r", strconv.Itoa(fps), "-i", "-",
		"-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast", "-qp", "10", "-g", "50", "-f", "matroska", "-")
	encode.Stdin = &raw
	var clip, printed bytes.Buffer
	encode.Stdout, encode.Stderr = &clip, &printed
	if err := encode.Run(); err != nil {
		t.Fatalf("%v: %s", err, &printed)
	}
	return clip.Bytes()
}

// detect is what a filter of ffmpeg prints of a clip.
func detect(t *testing.T, clip []byte, filter string) string {
	t.Helper()
	look := exec.Command("ffmpeg", "-hide_banner", "-nostats", "-i", "-", "-vf", filter, "-f", "null", "-")
	look.Stdin = bytes.NewReader(clip)
	out, err := look.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

// frames are the frame numbers of the times in a filter's output.
func frames(t *testing.T, output, pattern string) (list []int64) {
	t.Helper()
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(output, -1) {
		for _, text := range m[1:] {
			v, _, err := media.ParseDecimal(text, 9)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, channel().Rate.Frames(v))
		}
	}
	return list
}

const noFault = "{do: black, at: 1h, for: 1s}"

// ffmpeg's detectors find each kind at the frames of its label, and nothing in the clean pictures.
func TestDetectors(t *testing.T) {
	const (
		freeze = `freeze_(?:start|end): ([0-9.]+)`
		black  = `black_start:([0-9.]+) black_end:([0-9.]+)`
		// The frames that a threshold takes for the same as the one before are not printed.
		shown = `pts_time:([0-9.]+)`
	)
	cases := []struct {
		name, faults, filter, pattern string
		want                          []int64
	}{
		{"freeze", "{do: freeze, at: {frame: 100}, for: {frames: 75}}", "freezedetect=n=-70dB:d=1", freeze, []int64{100, 175}},
		{"freeze at a segment's edge", "{do: freeze, at: {frame: 149}, for: {frames: 51}}", "freezedetect=n=-70dB:d=1", freeze, []int64{149, 200}},
		{"black", "{do: black, at: {frame: 100}, for: {frames: 75}}", "blackdetect=d=1", black, []int64{100, 175}},
		{"black is frozen too", "{do: black, at: {frame: 100}, for: {frames: 75}}", "freezedetect=n=-70dB:d=1", freeze, []int64{100, 175}},
		{"fade", "{do: fade, at: {frame: 100}, for: {frames: 101}}", "blackdetect=d=0:pix_th=0.01", black, []int64{150, 151}},
	}
	clean := encode(t, plan(t, noFault))
	inClean := map[string]string{} // what each filter prints
	for _, c := range cases {
		if _, ok := inClean[c.filter]; !ok {
			inClean[c.filter] = detect(t, clean, c.filter)
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := frames(t, detect(t, encode(t, plan(t, c.faults)), c.filter), c.pattern); !slices.Equal(got, c.want) {
				t.Errorf("found at frames %d, want %d", got, c.want)
			}
		})
		if got := frames(t, inClean[c.filter], c.pattern); len(got) > 0 {
			t.Errorf("%s: found at frames %d of clean pictures", c.name, got)
		}
	}
	t.Run("repeat", func(t *testing.T) {
		t.Parallel()
		// What mpdecimate leaves are the pictures that are new.
		left := func(clip []byte) []int64 {
			return frames(t, detect(t, clip, "mpdecimate=hi=200:lo=100:frac=0.01,showinfo=checksum=0"), shown)
		}
		var want []int64
		for n := range int64(300) {
			if n < 90 || n > 209 || (n-90)%3 == 0 {
				want = append(want, n)
			}
		}
		if got := left(encode(t, plan(t, "{do: repeat, at: {frame: 90}, for: {frames: 120}, with: {hold: 3}}"))); !slices.Equal(got, want) {
			t.Errorf("new pictures %d, want %d", got, want)
		}
		if got := left(clean); len(got) != 300 {
			t.Errorf("%d of 300 clean pictures are new", len(got))
		}
	})
	t.Run("colour", func(t *testing.T) {
		t.Parallel()
		filter := "signalstats,metadata=mode=print:key=lavfi.signalstats.VAVG:file=-"
		red := func(clip []byte) (list []int64) {
			for i, m := range regexp.MustCompile(`VAVG=(\d+)`).FindAllStringSubmatch(detect(t, clip, filter), -1) {
				if v, err := strconv.Atoi(m[1]); err != nil || v > 140 {
					list = append(list, int64(i))
				}
			}
			return list
		}
		if got := red(encode(t, plan(t, "{do: colour, at: {frame: 60}, for: {frames: 40}}"))); len(got) != 40 || got[0] != 60 || got[39] != 99 {
			t.Errorf("red frames %d", got)
		}
		if got := red(clean); len(got) > 0 {
			t.Errorf("red frames %d of clean pictures", got)
		}
	})
}

// What a frame shows is what its code says, and what is not labelled shows itself.
func TestLooks(t *testing.T) {
	p := New(plan(t, "{do: freeze, at: {frame: 10}, for: {frames: 3}}, {do: cut, at: {frame: 20}, for: {frames: 2}, with: {by: -2s}},"+
		"{id: ahead, do: cut, at: {frame: 60}, for: {frames: 2}, with: {by: 10s}}, {do: repeat, at: {frame: 70}, for: {frames: 5}},"+
		"{do: black, at: {frame: 80}, for: {frames: 1}}, {do: fade, at: {frame: 90}, for: {frames: 4}}"), channel().Clock())
	ids := []string{"freeze", "cut", "ahead", "repeat", "black", "fade"}
	want := map[int64]string{10: "10", 11: "10", 12: "10", 20: "0", 21: "0", 60: "310", 61: "311", 70: "70", 71: "70", 72: "72", 73: "72", 74: "74",
		80: "black", 90: "dark 128", 91: "dark 256", 92: "dark 256", 93: "dark 128"}
	for n := range int64(120) {
		look, f, ok := p.Look(n)
		got := ""
		switch {
		case look.Instead:
			got = fmt.Sprint(look.Shows)
		case look.Black:
			got = "black"
		case look.Dark > 0:
			got = fmt.Sprint("dark ", look.Dark)
		}
		if got != want[n] || ok != (got != "") || ok && !slices.Contains(ids, f.ID) {
			t.Errorf("frame %d shows %q of fault %q, want %q", n, got, f.ID, want[n])
		}
	}
}

// What a fault does to a frame stays the same where it is ended early, by the plan and by its record.
func TestEndedEarly(t *testing.T) {
	plan, clock := plan(t, "{do: fade, at: {frame: 90}, for: {frames: 40}}"), channel().Clock()
	p, key := New(plan, clock), plan.At(90, scenario.LayerPicture)[0].Key()
	before, _, _ := p.Look(99)
	plan.End(key, 99)
	f := plan.At(99, scenario.LayerPicture)[0]
	record := markers.FaultRecord{Kind: "fade", Span: clock.Span(f.First, f.Last), MeantLast: f.Meant}
	after, _, _ := p.Look(99)
	of, ok := LookOf(record, 99, clock)
	if _, _, more := p.Look(100); more || !ok || before.Dark != 128 || after != before || of != before {
		t.Errorf("frame 99 is %+v, %+v, by its record %+v", before, after, of)
	}
}

// What would change no picture is refused.
func TestChecks(t *testing.T) {
	for faults, want := range map[string]string{
		"{do: freeze, at: {frame: 9}, for: {frames: 1}}":                         "freeze: a single frame",
		"{do: repeat, at: 1s, for: 40ms}":                                        "repeat: a single frame",
		"{do: cut, at: 1s, for: 1s, with: {by: 0s}}":                             "cut: by is less than a frame",
		"{do: cut, at: 1s, for: 1s, with: {by: -10ms}}":                          "cut: by is less than a frame",
		"{do: cut, at: 1s, for: {frames: 1}, with: {by: 40ms}}":                  "",
		"{do: black, at: 1s, for: {frames: 1}}, {do: freeze, at: 2s, for: 80ms}": "",
	} {
		f, err := scenario.Parse("x.yaml", []byte("version: 1\nname: x\nfaults: ["+faults+"]"), Kinds())
		if err != nil {
			t.Fatal(err)
		}
		if _, err = f.Plan(channel()); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", faults, err, want)
		}
	}
}
