package encoder

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/media"
)

func TestEveryRateAndReordering(t *testing.T) {
	all := []int{0, 2, 3}
	for i, rate := range media.FrameRates() {
		for k, bframes := range all {
			if testing.Short() && k != i%len(all) {
				continue // each rate with one of them
			}
			t.Run(fmt.Sprintf("%s bframes %d", rate, bframes), func(t *testing.T) {
				o := testOptions()
				o.Rate, o.BFrames = rate, bframes
				frames := count(40, 75) // the last GOP is cut short
				units := encode(t, o, frames, picture)
				check(t, o, units, frames)
				checkPictures(t, o, units)
			})
		}
	}
}

func TestGOPLengths(t *testing.T) {
	presets := []string{"veryfast", "medium"} // medium: B-frames as references
	for i, gop := range []int64{1, 2, 3, 50} {
		for k, preset := range presets {
			if testing.Short() && k != i%len(presets) {
				continue // each length with one of them
			}
			t.Run(fmt.Sprint(gop, preset), func(t *testing.T) {
				o := testOptions()
				o.GOP, o.Preset, o.BFrames = gop, preset, 3
				frames := count(0, 60)
				units := encode(t, o, frames, picture)
				check(t, o, units, frames)
				checkPictures(t, o, units)
			})
		}
	}
}

func TestReordersInFact(t *testing.T) {
	units := encode(t, testOptions(), count(0, 30), picture)
	if slices.IsSortedFunc(units, func(a, b media.Unit) int { return int(a.Frame - b.Frame) }) {
		t.Error("no unit was out of order: the tests of the mapping test nothing")
	}
}

// TestSceneCuts: pictures that have nothing in common do not bring key frames, and the rate stays within its bound.
func TestSceneCuts(t *testing.T) {
	for _, o := range []Options{
		{BFrames: 0, Preset: "veryfast"}, {BFrames: 3, Preset: "veryfast"}, {BFrames: 2, Preset: "medium"}, {LowLatency: true},
	} {
		t.Run(fmt.Sprintf("%s %d %t", o.Preset, o.BFrames, o.LowLatency), func(t *testing.T) {
			p := testOptions()
			p.GOP, p.BFrames, p.Preset, p.LowLatency, p.Bitrate = 25, o.BFrames, o.Preset, o.LowLatency, 3_000_000
			p.Bounded = true
			frames := count(0, 100)
			units := encode(t, p, frames, noise)
			check(t, p, units, frames)
			var bits, worst int64
			for i, au := range units {
				bits += int64(au.Size()) * 8
				if i >= 25 {
					bits -= int64(units[i-25].Size()) * 8
				}
				worst = max(worst, bits)
			}
			if peak := p.PeakBitrate(25); worst > peak {
				t.Errorf("a second of %d bits, more than the bound of %d", worst, peak)
			}
		})
	}
}

// noise is a still picture with noise for 7 frames, then another.
func noise(o Options, n int64) []byte {
	rng := rand.New(rand.NewPCG(uint64(n/7), 0))
	rgb := make([]byte, o.FrameSize())
	base := rng.IntN(200)
	for i := 0; i < len(rgb); i += 16 {
		copy(rgb[i:], bytes.Repeat([]byte{byte(base + rng.IntN(55))}, 16))
	}
	return rgb
}

func TestSkipsWholeGOPs(t *testing.T) {
	for _, bframes := range []int{0, 2, 3} {
		t.Run(fmt.Sprint(bframes), func(t *testing.T) {
			o := testOptions()
			o.BFrames = bframes
			frames := slices.Concat(count(20, 40), count(70, 80), count(90, 110), count(1000, 1025))
			units := encode(t, o, frames, picture)
			check(t, o, units, frames)
			checkPictures(t, o, units)
		})
	}
}

func TestTimestampsBeyond33Bits(t *testing.T) {
	o := testOptions()
	first := (int64(1)<<33/3600/10 + 1) * 10 // a GOP after which the 33 bits have wrapped
	frames := count(first-20, first+20)
	check(t, o, encode(t, o, frames, func(o Options, n int64) []byte { return picture(o, n-first+20) }), frames)
}

func TestParameterSets(t *testing.T) {
	units := encode(t, testOptions(), count(0, 20), picture)
	for _, au := range units {
		if h264.TypeOf(au.NALs[0]) != h264.NALAccessUnitDelim {
			t.Errorf("frame %d does not begin with a delimiter", au.Frame)
		}
		sps := slices.IndexFunc(au.NALs, func(nal []byte) bool { return h264.TypeOf(nal) == h264.NALSPS })
		if au.Key != (sps >= 0) {
			t.Errorf("frame %d: key %t, parameter sets %t", au.Frame, au.Key, sps >= 0)
		}
		if sps >= 0 && !bytes.Equal(au.NALs[sps], units[0].NALs[1]) {
			t.Errorf("frame %d has another SPS", au.Frame)
		}
	}
	sps, err := h264.ParseSPS(units[0].NALs[1])
	if err != nil {
		t.Fatal(err)
	}
	if v := sps.VUI; v == nil || !v.FixedFrameRate || v.TimeScale != 50*v.NumUnitsInTick {
		t.Errorf("the VUI of 25 frames/s is %+v", v)
	}
}

func TestSamePicturesSameBytes(t *testing.T) {
	o := testOptions()
	o.Threads, o.Preset = 3, "veryfast"
	first := mux(t, encode(t, o, count(0, 60), noise))
	if !bytes.Equal(first, mux(t, encode(t, o, count(0, 60), noise))) {
		t.Error("the second run gave other bytes")
	}
}

// TestColour: what is said of the colours is true. A decoder that takes it at its word shows what was given.
func TestColour(t *testing.T) {
	o := testOptions()
	o.Bitrate = 4_000_000
	colours := map[string][3]byte{
		"cyan": {0, 255, 255}, "black": {0, 0, 0}, "white": {255, 255, 255}, "red": {255, 0, 0}, "blue": {0, 0, 255},
		"green": {0, 255, 0}, "grey": {128, 128, 128},
	}
	for name, c := range colours {
		t.Run(name, func(t *testing.T) {
			units := encode(t, o, count(0, 3), func(o Options, n int64) []byte {
				return bytes.Repeat(c[:], o.Width*o.Height)
			})
			for _, p := range decode(t, o, units, "rgb24", o.FrameSize()) {
				for _, at := range []int{0, o.FrameSize() / 2 / 3 * 3, o.FrameSize() - 3} {
					for i := range c {
						if d := int(p[at+i]) - int(c[i]); d > 6 || d < -6 {
							t.Fatalf("byte %d: decoded %d, want %d", at, p[at:at+3], c)
						}
					}
				}
			}
		})
	}
	units := encode(t, o, count(0, 3), picture)
	var doc struct {
		Streams []map[string]any
		Frames  []map[string]any
	}
	out := run(t, mux(t, units), "ffprobe", "-v", "error", "-select_streams", "v", "-show_streams", "-show_frames", "-of", "json", "-f", "mpegts", "pipe:0")
	if err := json.Unmarshal(out, &doc); err != nil {
		t.Fatal(err)
	}
	for _, m := range append(doc.Streams, doc.Frames...) {
		for key, want := range map[string]string{"color_range": "tv", "color_space": "bt709", "color_transfer": "bt709",
			"color_primaries": "bt709", "pix_fmt": "yuv420p"} {
			if m[key] != want {
				t.Errorf("%s is %v, want %s", key, m[key], want)
			}
		}
	}
	if rate := doc.Streams[0]["r_frame_rate"]; rate != "25/1" {
		t.Errorf("frame rate is said to be %v", rate)
	}
}

// TestLowLatency: each picture comes out before the next goes in.
func TestLowLatency(t *testing.T) {
	o := testOptions()
	o.LowLatency, o.BFrames = true, 0
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	out := make(chan int64)
	running := start(t, e, func(au media.Unit) error {
		out <- au.Frame
		return nil
	})
	ctx := testContext(t)
	for n := range int64(25) {
		if err := e.Write(ctx, n, picture(o, n)); err != nil {
			t.Fatal(err)
		}
		select {
		case got := <-out:
			if got != n {
				t.Fatalf("frame %d came out, want %d", got, n)
			}
		case <-ctx.Done():
			t.Fatalf("frame %d did not come out", n)
		}
	}
	e.CloseInput()
	if err := <-running; err != nil {
		t.Error(err)
	}
}

func TestWriteTakesACopy(t *testing.T) {
	o := testOptions()
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	var units []media.Unit
	running := start(t, e, func(au media.Unit) error {
		units = append(units, au)
		return nil
	})
	rgb := make([]byte, o.FrameSize())
	for n := range int64(30) {
		copy(rgb, picture(o, n))
		if err := e.Write(testContext(t), n, rgb); err != nil {
			t.Fatal(err)
		}
		clear(rgb)
	}
	e.CloseInput()
	if err := <-running; err != nil {
		t.Fatal(err)
	}
	checkPictures(t, o, units)
}

func TestWriteRefuses(t *testing.T) {
	o := testOptions()
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	running := start(t, e, func(media.Unit) error { return nil })
	ctx := testContext(t)
	refuse := func(n int64, rgb []byte, want string) {
		t.Helper()
		err := e.Write(ctx, n, rgb)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), fmt.Sprintf("frame %d", n)) {
			t.Errorf("Write(%d): %v, want %q", n, err, want)
		}
	}
	write := func(frames ...int64) {
		t.Helper()
		for _, n := range frames {
			if err := e.Write(ctx, n, picture(o, n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	refuse(-10, picture(o, 0), "not negative")
	refuse(5, picture(o, 5), "multiple of 10")
	refuse(10, picture(o, 5)[1:], "172799 bytes")
	write(10, 11)
	refuse(11, picture(o, 11), "does not come after frame 11")
	refuse(3, picture(o, 3), "does not come after frame 11")
	refuse(13, picture(o, 13), "only whole GOPs")
	refuse(20, picture(o, 20), "only whole GOPs")
	write(count(12, 20)...)
	refuse(21, picture(o, 21), "only whole GOPs")
	refuse(35, picture(o, 35), "only whole GOPs")
	write(30)
	e.CloseInput()
	refuse(31, picture(o, 31), "input is closed")
	if err := <-running; err != nil {
		t.Error(err)
	}
	refuse(31, picture(o, 31), "the encoder has ended")
	if err := e.Run(ctx, nil); err == nil {
		t.Error("Run works twice")
	}
}

func TestNoFrames(t *testing.T) {
	e, err := New(testOptions())
	if err != nil {
		t.Fatal(err)
	}
	e.CloseInput() // before Run
	if err := e.Run(testContext(t), nil); err != nil {
		t.Error(err)
	}
	if err := e.Write(testContext(t), 0, picture(testOptions(), 0)); err == nil {
		t.Error("Write works after the end")
	}
}

// TestRawYUV: pictures in YUV420P give the same stream as the same pictures in RGB24, bit by bit: so too its parameter sets and
// their description of colours. Black and white are the same by any conversion.
func TestRawYUV(t *testing.T) {
	rgb := testOptions()
	rgb.Threads = 1
	want := encode(t, rgb, count(0, 25), picture)
	yuv := rgb
	yuv.Raw = media.YUV420P
	got := encode(t, yuv, count(0, 25), func(o Options, n int64) []byte {
		out := bytes.Repeat([]byte{128}, o.FrameSize())
		for i := range o.Width * o.Height {
			out[i] = byte(16 + 219*(n>>(i%o.Width*bars/o.Width)&1))
		}
		return out
	})
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%d units of YUV are not the %d of RGB", len(got), len(want))
	}
	e, err := New(yuv)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Write(testContext(t), 0, picture(rgb, 0)); err == nil || !strings.Contains(err.Error(), "yuv420p") {
		t.Errorf("an RGB picture: %v", err)
	}
}
