package scenes

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/refstream/refstream/dvr/internal/dvrtest"
)

// TestColours compares a frame's JPEG, as decoders of JPEG take it, with the colours that the picture was made of.
func TestColours(t *testing.T) {
	for name, c := range map[string]struct {
		size string
		args []string
		long bool // not with -short
	}{
		"BT.709":              {"320x180", []string{"-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p", "-colorspace", "bt709", "-c:v", "libx264"}, true},
		"BT.601":              {"1280x720", []string{"-vf", "scale=out_color_matrix=bt601:out_range=tv,format=yuv420p", "-colorspace", "smpte170m", "-c:v", "libx264"}, false},
		"BT.2020":             {"320x180", []string{"-vf", "scale=out_color_matrix=bt2020:out_range=tv,format=yuv420p", "-colorspace", "bt2020nc", "-c:v", "libx264"}, false},
		"small, not said":     {"320x180", []string{"-vf", "scale=out_color_matrix=bt601:out_range=tv,format=yuv420p", "-c:v", "libx264"}, true},
		"large, not said":     {"1280x720", []string{"-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p", "-c:v", "libx264"}, true},
		"full range":          {"320x180", []string{"-vf", "scale=out_color_matrix=bt709:out_range=pc,format=yuvj420p", "-colorspace", "bt709", "-color_range", "pc", "-c:v", "libx264"}, false},
		"MPEG-2, BT.709":      {"320x180", []string{"-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-c:v", "mpeg2video", "-q:v", "1"}, true},
		"HEVC, large":         {"1280x720", []string{"-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error"}, true},
		"HEVC, BT.601":        {"1280x720", []string{"-vf", "scale=out_color_matrix=bt601:out_range=tv,format=yuv420p", "-colorspace", "smpte170m", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error"}, true},
		"HEVC, small, BT.709": {"320x180", []string{"-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p", "-colorspace", "bt709", "-c:v", "libx265", "-preset", "medium", "-x265-params", "log-level=error:scaling-list=default"}, false},
		"4:4:4 and odd sizes": {"321x181", []string{"-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv444p", "-colorspace", "bt709", "-c:v", "libx264"}, false},
	} {
		if c.long && testing.Short() {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Bars of all primaries and their mixes, with nothing fine that 4:2:0 would lose.
			source := []string{"-f", "lavfi", "-i", "rgbtestsrc=complement=1:s=" + c.size + ":r=25:d=0.2"}
			want := made.Get(t, "bars "+c.size, func() ([]byte, error) {
				return dvrtest.Output(exec.Command("ffmpeg", slices.Concat([]string{"-v", "error"}, source,
					[]string{"-frames:v", "1", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"})...))
			})
			s := newScanSession(t)
			s.append(ffmpegTS(t, append(source, c.args...)...))
			list := s.scan()
			if len(list) != 1 {
				t.Fatalf("%d frames\n%s", len(list), s.log)
			}
			m := s.picture(list[0])
			b, width := m.Bounds(), len(want)/3/map[string]int{"320x180": 180, "1280x720": 720, "321x181": 181}[c.size]
			if b.Dx() != width&^1 {
				t.Errorf("the picture is %v, want %d wide", b, width)
			}
			for x := 0; x < b.Dx(); x += b.Dx() / 16 {
				for y := b.Dy() / 12; y < b.Dy(); y += b.Dy() / 6 {
					r, g, bl, _ := m.At(x, y).RGBA()
					for i, v := range []uint32{r, g, bl} {
						w := int(want[(y*width+x)*3+i])
						if d := int(v>>8) - w; d < -12 || d > 12 {
							t.Fatalf("pixel %d,%d: channel %d is %d, want %d", x, y, i, v>>8, w)
						}
					}
				}
			}
		})
	}
}

// TestCyan finds the block of an event cyan, and the blocks beside it grey.
func TestCyan(t *testing.T) {
	o := ourOptions(640, 360, rate30)
	s := newScanSession(t)
	s.append(ourStream(t, o, 0, 30, "-c:v", "libx264", "-preset", "ultrafast"))
	list := s.scan()
	if len(list) != 2 {
		t.Fatalf("%d frames", len(list))
	}
	block := o.BlockAt(*list[1].Number)
	r, g, b, _ := s.picture(list[1]).At((block.X+block.Width/2)%o.Width, block.Y+block.Height/2).RGBA()
	if r>>8 > 8 || g>>8 < 247 || b>>8 < 247 {
		t.Errorf("the block is #%02x%02x%02x", r>>8, g>>8, b>>8)
	}
	r, g, b, _ = s.picture(list[1]).At((block.X+block.Width*3/2)%o.Width, block.Y+block.Height/2).RGBA()
	if max(r, g, b)-min(r, g, b) > 12<<8 {
		t.Errorf("the block beside it is #%02x%02x%02x", r>>8, g>>8, b>>8)
	}
	// Other programs read the file too.
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-show_entries", "stream=width,height,pix_fmt", "-of", "csv=p=0",
		filepath.Join(s.folder, list[1].Path)).CombinedOutput()
	if err != nil || !bytes.Equal(bytes.TrimSpace(out), []byte("640,360,yuvj420p")) {
		t.Errorf("ffprobe says %q, %v", out, err)
	}
}
