package generator

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"testing"

	"github.com/refstream/refstream/encoder"
	"github.com/refstream/refstream/media"
)

// compareYUV gives ffmpeg count RGB pictures, which it converts as it does for the encoder, and compares what it makes with own
// pictures. It fails where a sample is off by more than a level, and returns how many are off by one.
func compareYUV(t *testing.T, width, height, count int, rgb func(i int, dst []byte), own func(i int, dst []byte), name func(i int) string) (off int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", fmt.Sprintf("%dx%d", width, height),
		"-i", "-", "-vf", encoder.Conversion, "-f", "rawvideo", "-")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err := cmd.Start(); inErr != nil || outErr != nil || err != nil {
		t.Fatal(inErr, outErr, err)
	}
	written := make(chan error, 1)
	go func() {
		defer in.Close()
		buf := make([]byte, media.RGB24.FrameSize(width, height))
		for i := range count {
			rgb(i, buf)
			if _, err := in.Write(buf); err != nil {
				written <- err
				return
			}
		}
		written <- nil
	}()
	want := make([]byte, media.YUV420P.FrameSize(width, height))
	got := make([]byte, len(want))
	for i := range count {
		if _, err := io.ReadFull(out, want); err != nil {
			t.Fatalf("read picture %d of ffmpeg: %v: %s", i, err, stderr.Bytes())
		}
		own(i, got)
		if bytes.Equal(got, want) {
			continue
		}
		for k, v := range want {
			if d := int(got[k]) - int(v); d < -1 || d > 1 {
				t.Errorf("%s: sample %d is %d, ffmpeg's %d", name(i), k, got[k], v)
				break
			} else if d != 0 {
				off++
			}
		}
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("ffmpeg: %v: %s", err, stderr.Bytes())
	}
	return off
}

// TestYUVLikeFFmpeg renders pictures of many sizes at all offsets of the board, with and without event and noise, and in every
// look that faults have, and compares each sample with what ffmpeg makes of the RGB picture.
func TestYUVLikeFFmpeg(t *testing.T) {
	boards := testBoards()
	for i := range boards {
		o := &boards[i]
		o.Rate = media.FrameRates()[i%len(media.FrameRates())]
		o.DropFrame = o.Rate.DropFrame()
		o.Channel = "a-channel_with_a_long_name-01234"
		if i%2 == 1 {
			o.Noise = 1 << (i % 7)
		}
	}
	if testing.Short() { // an odd edge between code and board, and three rows of text; noise; drop-frame timecode
		a, b, c := testOptions(162, 100), testOptions(320, 190), testOptions(426, 240)
		a.Rate, b.Noise = media.FrameRate{Num: 120, Den: 1}, 40
		c.Rate, c.DropFrame = media.FrameRate{Num: 30000, Den: 1001}, true
		boards = []Options{a, b, c}
	}
	const mostBytes = 400 << 20 // of a board's RGB pictures
	for _, o := range boards {
		t.Run(fmt.Sprintf("%dx%d noise %d block %d roll %d", o.Width, o.Height, o.Noise, o.BlockSide, o.RollStep), func(t *testing.T) {
			t.Parallel()
			type shown struct {
				n    int64
				look Look
			}
			list := []shown{
				{MaxFrame, Look{Event: true}}, {MaxFrame - 1, Look{}}, {9, Look{Black: true}}, {9, Look{}}, {10, Look{Event: true}},
				{100, Look{Dark: 77, Event: true}}, {99, Look{Tint: RedTint}}, {99, Look{Tint: BlueTint, Dark: 200, Event: true}}, {98, Look{Dark: FullDark}},
				{97, Look{Instead: true, Shows: 1234, Event: true}}, {1 << 40, Look{Black: true, Event: true}},
			}
			offsets, seen := 0, make(map[int]bool)
			for n := int64(995); len(list) < mostBytes/(o.Width*o.Height*3) && n < int64(995+2*o.Width); n++ {
				if at := o.offset(n); !seen[at] {
					seen[at] = true
					offsets++
					list = append(list, shown{n, Look{Event: n%2 == 0}}, shown{n, Look{Event: n%2 == 1}})
				}
			}
			rgb := newTestRenderer(t, o)
			planar, err := NewRendererIn(media.YUV420P, o)
			if err != nil {
				t.Fatal(err)
			}
			render := func(r *Renderer) func(int, []byte) {
				return func(i int, dst []byte) {
					if err := r.Render(dst, list[i].n, list[i].look); err != nil {
						t.Error(err)
					}
				}
			}
			off := compareYUV(t, o.Width, o.Height, len(list), render(rgb), render(planar), func(i int) string { return fmt.Sprintf("%+v", list[i]) })
			t.Logf("%d pictures, %d offsets: %d samples are off by one", len(list), offsets, off)
		})
	}
	t.Run("random pixels", func(t *testing.T) {
		t.Parallel()
		const width, height = 640, 360
		src := rand.NewChaCha8([32]byte{1})
		pictures := make([][]byte, 3)
		for i := range pictures {
			pictures[i] = make([]byte, media.RGB24.FrameSize(width, height))
			src.Read(pictures[i])
		}
		off := compareYUV(t, width, height, len(pictures), func(i int, dst []byte) { copy(dst, pictures[i]) },
			func(i int, dst []byte) { yuvOf(dst, width, height).convert(pictures[i], 0, 0, width, height) }, func(int) string { return "random" })
		t.Logf("%d samples are off by one", off)
	})
}

// TestYUV checks what does not depend on a conversion: that every byte is written, the frame code, what is refused and that nothing
// is allocated.
func TestYUV(t *testing.T) {
	for i, size := range testSizes() {
		if testing.Short() && i%5 != 3 {
			continue
		}
		o := testOptions(size[0], size[1])
		o.Noise = i % 2 * 30
		r, err := NewRendererIn(media.YUV420P, o)
		if err != nil {
			t.Fatal(err)
		}
		if r.FrameSize() != o.Width*o.Height*3/2 {
			t.Fatalf("%v: FrameSize() = %d", size, r.FrameSize())
		}
		a, b := make([]byte, r.FrameSize()), bytes.Repeat([]byte{0xFF}, r.FrameSize())
		for _, n := range []int64{0, 59, 1_000_001, MaxFrame} {
			for _, dst := range [][]byte{a, b} {
				if err := r.Render(dst, n, Look{Event: n%2 == 1}); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(a, b) {
				t.Errorf("%v, frame %d: not every byte is written", size, n)
			}
			if got, ok := ReadFrameCode(a, o.Width, o.Width, o.Height); !ok || got != n {
				t.Errorf("%v: frame %d says %d, %v", size, n, got, ok)
			}
		}
	}
	o := testOptions(320, 180)
	o.Noise = 5
	r, err := NewRendererIn(media.YUV420P, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Render(make([]byte, media.RGB24.FrameSize(320, 180)), 1, Look{}); err == nil {
		t.Error("it renders into a buffer for RGB")
	}
	buf := make([]byte, r.FrameSize())
	n := int64(0)
	if got := testing.AllocsPerRun(100, func() {
		n += 12_345
		if err := r.Render(buf, n, Look{Event: n%2 == 0}); err != nil {
			t.Error(err)
		}
	}); got != 0 {
		t.Errorf("Render allocates %v times", got)
	}
	if _, err := NewRendererIn(media.YUV420P, testOptions(321, 180)); err == nil {
		t.Error("a picture of odd width")
	}
	rgb, err := newTestRenderer(t, o).Image(7, Look{})
	if err != nil {
		t.Fatal(err)
	}
	if img, err := r.Image(7, Look{}); err != nil || !bytes.Equal(img.Pix, rgb.Pix) {
		t.Errorf("Image is another one (%v)", err)
	}
}
