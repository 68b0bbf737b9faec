package generator

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
)

// transcode encodes frames first..first+count-1 with x264 and returns them decoded to pixels of the format given.
//
// A buffer of one second and -qmax 51 make the test a hard one. Without -qmax, x264 goes up to a quantiser of 69 when
// its buffer runs dry, which means to code a picture as a repetition of the one before: then what is decoded carries
// the number of another frame, readable and wrong.
func transcode(t *testing.T, o Options, first int64, count int, bitrate, format string,
	event func(n int64) bool) []byte {
	t.Helper()
	r := newTestRenderer(t, o)
	var raw bytes.Buffer
	buf := make([]byte, r.FrameSize())
	for i := range int64(count) {
		if err := r.Render(buf, first+i, Look{Event: event(first + i)}); err != nil {
			t.Fatal(err)
		}
		raw.Write(buf)
	}
	file := filepath.Join(t.TempDir(), "encoded.ts")
	gop := fmt.Sprint(2 * o.Rate.Base())
	run := func(in *bytes.Buffer, args ...string) []byte {
		cmd := exec.CommandContext(t.Context(), "ffmpeg", append([]string{"-v", "error", "-y"}, args...)...)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if in != nil {
			cmd.Stdin = in
		}
		if err := cmd.Run(); err != nil {
			t.Fatalf("run ffmpeg %q: %v: %s", args, err, stderr.Bytes())
		}
		return stdout.Bytes()
	}
	run(&raw, "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", fmt.Sprintf("%dx%d", o.Width, o.Height), "-r", o.Rate.String(),
		"-i", "-", "-vf", "scale=out_color_matrix=bt709:out_range=tv", "-pix_fmt", "yuv420p", "-colorspace", "bt709",
		"-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv", "-c:v", "libx264", "-preset", "veryfast",
		"-b:v", bitrate, "-maxrate", bitrate, "-bufsize", bitrate, "-qmax", "51", "-g", gop, "-keyint_min", gop, "-sc_threshold", "0",
		"-bf", "2", file)
	return run(nil, "-i", file, "-vf", "scale=in_color_matrix=bt709", "-f", "rawvideo", "-pix_fmt", format, "-")
}

// TestFrameCodeSurvivesEncoding reads every frame's number back from 300 kbit/s, at the size it was rendered in and
// scaled down to 320x180.
func TestFrameCodeSurvivesEncoding(t *testing.T) {
	for _, c := range []struct{ width, height, count int }{{320, 180, 60}, {1280, 720, 30}} {
		o := testOptions(c.width, c.height)
		const first = 0x7AB_CDEF_0123 // many cells of both colours
		grey := transcode(t, o, first, c.count, "300k", "gray", func(n int64) bool { return n%20 < 10 })
		size := c.width * c.height
		if len(grey) != size*c.count {
			t.Fatalf("%dx%d: decoded %d bytes, want %d frames", c.width, c.height, len(grey), c.count)
		}
		for i := range c.count {
			luma := grey[i*size:][:size]
			if n, ok := ReadFrameCode(luma, c.width, c.width, c.height); !ok || n != first+int64(i) {
				t.Errorf("%dx%d: frame %d reads %d, %v", c.width, c.height, i, n-first, ok)
			}
			small := scaleBox(luma, c.width, c.height, 320, 180)
			if n, ok := ReadFrameCode(small, 320, 320, 180); !ok || n != first+int64(i) {
				t.Errorf("%dx%d, scaled: frame %d reads %d, %v", c.width, c.height, i, n-first, ok)
			}
		}
	}
}

// TestBlockSurvivesEncoding finds the block cyan, within 6 levels, in every frame of an event and nowhere else.
func TestBlockSurvivesEncoding(t *testing.T) {
	o := testOptions(320, 180)
	event := func(n int64) bool { return n%60 >= 20 && n%60 < 45 }
	const first, count = 600, 70
	rgb := transcode(t, o, first, count, "6M", "rgb24", event)
	size := o.Width * o.Height * 3
	if len(rgb) != size*count {
		t.Fatalf("decoded %d bytes, want %d frames", len(rgb), count)
	}
	for i := range int64(count) {
		b := o.BlockAt(first + i)
		frame := rgb[i*int64(size):][:size]
		// The middle half of the block, which no neighbour's chroma reaches.
		for y := b.Y + b.Height/4; y < b.Y+b.Height*3/4; y++ {
			for dx := b.Width / 4; dx < b.Width*3/4; dx++ {
				x := (b.X + dx) % o.Width
				p := frame[(y*o.Width+x)*3:]
				cyan := p[0] <= 6 && p[1] >= 249 && p[2] >= 249
				if cyan != event(first+i) {
					t.Fatalf("frame %d, event %v: pixel %d,%d of block %+v is %v", i, event(first+i), x, y, b, p[:3])
				}
			}
		}
	}
}
