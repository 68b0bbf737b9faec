package scenes

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/refstream/refstream/dvr/internal/dvrtest"
	"github.com/refstream/refstream/format/ts"
)

// TestScanSizeChanges has a sender change the size, and change it back, within a connection, with times that go on.
func TestScanSizeChanges(t *testing.T) {
	t.Parallel()
	small, large := ourOptions(320, 180, rate30), ourOptions(640, 360, rate30)
	for name, args := range map[string][]string{
		"H.264":  {"-c:v", "libx264", "-preset", "ultrafast", "-bf", "2"},
		"MPEG-2": {"-c:v", "mpeg2video", "-b:v", "2M", "-bf", "2"},
		"HEVC":   {"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error"},
	} {
		if testing.Short() && name != "H.264" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := func(seconds int) []string {
				return append(slices.Clone(args), "-output_ts_offset", fmt.Sprint(seconds))
			}
			s := newScanSession(t)
			s.append(bytes.Join([][]byte{ourStream(t, small, 0, 90, at(10)...), ourStream(t, large, 90, 90, at(13)...),
				ourStream(t, small, 180, 90, at(16)...)}, nil))
			list := s.scan()
			want := changes(t, small, 0, 270)
			for _, n := range []int64{90, 180} { // another size is not a scene
				if i, found := slices.BinarySearch(want, n); found {
					want = slices.Delete(want, i, i+1)
				}
			}
			if got := numbers(list); !slices.Equal(got, want) {
				t.Errorf("frames %d, want %d", got, want)
			}
			sizes := map[int]bool{}
			for _, f := range list {
				wide := s.picture(f).Bounds().Dx()
				sizes[wide] = true
				if n := *f.Number; wide != map[bool]int{true: 640, false: 320}[n/90 == 1] {
					t.Errorf("frame %d is %d pixels wide", n, wide)
				}
				if shift := f.PTS - list[0].PTS; shift != *f.Number*3000 {
					t.Errorf("frame %d is %d ticks behind the first", *f.Number, shift)
				}
			}
			if len(sizes) != 2 {
				t.Errorf("sizes %v", sizes)
			}
			s.silent()
		})
	}
}

// TestFormat compares with what ffmpeg was told to make.
func TestFormat(t *testing.T) {
	t.Parallel()
	all := []struct {
		kind   string
		format format
		args   []string
	}{
		{"libx264", format{320, 180, matrixBT709}, []string{"-colorspace", "bt709"}},
		{"libx264", format{322, 182, matrixUnspecified}, nil},
		{"libx265", format{320, 180, matrixBT601}, []string{"-colorspace", "smpte170m", "-x265-params", "log-level=error"}},
		{"libx265", format{322, 182, matrixUnspecified}, []string{"-x265-params", "log-level=error"}},
		{"libx265", format{640, 360, matrixBT2020}, []string{"-colorspace", "bt2020nc", "-pix_fmt", "yuv422p10le", "-x265-params", "log-level=error:temporal-layers=2:scaling-list=default"}},
		{"mpeg2video", format{720, 576, matrixUnspecified}, nil},
		{"mpeg2video", format{4160, 64, matrixBT709}, []string{"-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"}},
	}
	// One run of ffmpeg makes all of them.
	dir, args, outputs := t.TempDir(), []string{"-v", "error"}, []string(nil)
	name := func(i int) string { return filepath.Join(dir, fmt.Sprintf("%d.ts", i)) }
	for i, c := range all {
		args = append(args, "-f", "lavfi", "-i", fmt.Sprintf("color=gray:s=%dx%d:r=25:d=0.12", c.format.width, c.format.height))
		outputs = append(append(append(outputs, "-map", fmt.Sprint(i), "-c:v", c.kind), c.args...), name(i))
	}
	dvrtest.Command(t, "ffmpeg", append(args, outputs...)...)
	for i, c := range all {
		b, err := os.ReadFile(name(i))
		if err != nil {
			t.Fatal(err)
		}
		k := picker{}
		for at := 0; at < len(b) && k.format == (format{}); at += ts.PacketSize {
			k.take(nil, b[at:at+ts.PacketSize], int64(at))
		}
		if k.format != c.format {
			t.Errorf("%s: %+v, want %+v", c.kind, k.format, c.format)
		}
	}
}

func FuzzFormat(f *testing.F) {
	f.Add(uint8(kindH265), []byte{0, 0, 1, 0x42, 1, 1, 1, 0x60, 0, 0, 3, 0, 0x90, 0, 0, 3, 0, 0, 3, 0, 0x3C, 0xA0, 0x0A, 8, 0xF1, 0x65})
	f.Add(uint8(kindMPEG2), []byte{0, 0, 1, 0xB3, 0x14, 0, 0xB4, 0x13, 0, 0, 1, 0xB5, 0x14, 0x8A, 0, 1})
	f.Add(uint8(kindH264), []byte{0, 0, 1, 0x67, 0x42, 0xC0, 0x0A, 0xDA})
	f.Fuzz(func(t *testing.T, kind uint8, b []byte) {
		before := bytes.Clone(b)
		f, ok := readFormat(kind, b)
		if !ok && f != (format{}) && kind > kindMPEG2 {
			t.Errorf("%+v, but not ok", f)
		}
		wholeHead(kind, b)
		if !bytes.Equal(b, before) {
			t.Error("the head was changed")
		}
	})
}
