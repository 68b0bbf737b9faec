package generator

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/refstream/refstream/media"
)

var update = flag.Bool("update", false, "write testdata anew from what is rendered now")

func newTestRenderer(t testing.TB, o Options) *Renderer {
	t.Helper()
	r, err := NewRenderer(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func renderFrame(t testing.TB, r *Renderer, n int64, event bool) []byte {
	t.Helper()
	buf := make([]byte, r.FrameSize())
	if err := r.Render(buf, n, Look{Event: event}); err != nil {
		t.Fatal(err)
	}
	return buf
}

// testSizes are common sizes and extreme ones.
func testSizes() [][2]int {
	return [][2]int{
		{320, 180}, {1280, 720}, {1920, 1080}, {160, 90}, {162, 92}, {176, 144}, {270, 480}, {278, 90}, {280, 90}, {282, 4320},
		{320, 90}, {320, 240}, {322, 182}, {426, 240}, {480, 270}, {640, 360}, {640, 480}, {720, 576}, {720, 1280},
		{854, 480}, {1000, 1000}, {2560, 1080}, {7680, 90}, {160, 4320},
	}
}

// TestRenderGolden compares with the pictures in testdata, pixel by pixel.
func TestRenderGolden(t *testing.T) {
	ntsc := testOptions(320, 180)
	ntsc.Rate, ntsc.DropFrame, ntsc.Channel = media.FrameRate{Num: 30000, Den: 1001}, true, "a-channel_with_a_long_name-01234"
	cases := []struct {
		name  string
		o     Options
		n     int64
		event bool
	}{
		{"first", testOptions(320, 180), 0, false},
		{"event", testOptions(320, 180), 1234, true},
		{"drop-frame", ntsc, 107892, false},
		{"last", testOptions(320, 180), MaxFrame, false},
		{"small-event", testOptions(160, 90), 1 << 33, true},
		{"portrait", testOptions(270, 480), 5, true},
		{"larger", testOptions(640, 360), 86400 * 30, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := newTestRenderer(t, c.o).Image(c.n, Look{Event: c.event})
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", c.name+".png")
			if *update {
				var b bytes.Buffer
				if err := png.Encode(&b, got); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			want, err := png.Decode(f)
			if err != nil {
				t.Fatal(err)
			}
			if want.Bounds() != got.Bounds() {
				t.Fatalf("size %v, want %v", got.Bounds(), want.Bounds())
			}
			for y := range c.o.Height {
				for x := range c.o.Width {
					r, g, b, a := want.At(x, y).RGBA()
					gr, gg, gb, ga := got.At(x, y).RGBA()
					if r != gr || g != gg || b != gb || a != ga {
						t.Fatalf("pixel %d,%d is %v, want %v", x, y, got.At(x, y), want.At(x, y))
					}
				}
			}
		})
	}
}

// TestRenderWritesEveryByte renders over two different fillings, in every size and rate.
func TestRenderWritesEveryByte(t *testing.T) {
	for i, size := range testSizes() {
		o := testOptions(size[0], size[1])
		o.Rate = media.FrameRates()[i%len(media.FrameRates())]
		o.DropFrame = o.Rate.DropFrame()
		o.Channel = "a-channel_with_a_long_name-01234"
		r := newTestRenderer(t, o)
		for _, n := range []int64{0, 59, 1_000_001, MaxFrame} {
			a := bytes.Repeat([]byte{0x00}, r.FrameSize())
			b := bytes.Repeat([]byte{0xFF}, r.FrameSize())
			for _, dst := range [][]byte{a, b} {
				if err := r.Render(dst, n, Look{Event: n%2 == 1}); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(a, b) {
				t.Errorf("%v, frame %d: not every byte is written", size, n)
			}
			if !bytes.Equal(a, renderFrame(t, newTestRenderer(t, o), n, n%2 == 1)) {
				t.Errorf("%v, frame %d: another renderer gives another picture", size, n)
			}
		}
	}
}

// TestRenderArguments gives Render what it must refuse.
func TestRenderArguments(t *testing.T) {
	r := newTestRenderer(t, testOptions(320, 180))
	if r.FrameSize() != 320*180*3 {
		t.Errorf("FrameSize() = %d", r.FrameSize())
	}
	for _, c := range []struct {
		size int
		n    int64
	}{{0, 1}, {320*180*3 - 1, 1}, {320*180*3 + 1, 1}, {320 * 180 * 3, -1}, {320 * 180 * 3, MaxFrame + 1}} {
		if err := r.Render(make([]byte, c.size), c.n, Look{}); err == nil {
			t.Errorf("Render(%d bytes, %d): no error", c.size, c.n)
		}
	}
	if _, err := r.Image(-1, Look{}); err == nil {
		t.Error("Image(-1): no error")
	}
}

// testBoards are options of all sizes, and some with a board of their own.
func testBoards() (list []Options) {
	for _, size := range testSizes() {
		list = append(list, testOptions(size[0], size[1]))
	}
	for _, c := range []struct{ width, height, block, roll int }{
		{320, 180, 16, -2}, {1280, 720, 48, -640}, {1280, 720, 32, 0}, {1280, 720, 560, 640}, {160, 90, 50, -80}, {1920, 1080, 48, 6},
		{162, 92, 16, 80}, {7680, 90, 0, -2}, {270, 480, 99, 4},
	} {
		o := testOptions(c.width, c.height)
		o.BlockSide, o.RollStep = c.block, c.roll
		list = append(list, o)
	}
	return list
}

// TestRenderBlock checks that an event changes exactly the pixels of BlockAt, to cyan, within Band, and that nothing
// else in any picture comes near cyan.
func TestRenderBlock(t *testing.T) {
	for _, o := range testBoards() {
		size := []int{o.Width, o.Height, o.BlockSide, o.RollStep}
		r := newTestRenderer(t, o)
		band := o.Band()
		if band.X != 0 || band.Width != o.Width || band.Y < o.Height/9 || band.Y%2 != 0 || band.Height%2 != 0 {
			t.Errorf("%v: band %+v", size, band)
		}
		if roll := o.Roll(); roll%2 != 0 || o.RollStep == 0 && roll < 2 || o.RollStep != 0 && roll != o.RollStep {
			t.Errorf("%v: rolls %d pixels", size, roll)
		}
		frames := []int64{0, 1, 17, int64(o.Width / max(o.Roll(), -o.Roll())), MaxFrame}
		// A frame in which the block wraps around the right edge.
		for n := int64(0); n < int64(o.Width); n++ {
			if b := o.BlockAt(n); b.X+b.Width > o.Width {
				frames = append(frames, n)
				break
			}
		}
		for _, n := range frames {
			block := o.BlockAt(n)
			if block.Y != band.Y || block.Height != band.Height || block.X < 0 || block.X >= o.Width || block.X%2 != 0 ||
				block.Width%2 != 0 || block.Width < 16 || block.Width > o.Width/2 {
				t.Fatalf("%v, frame %d: block %+v in band %+v", size, n, block, band)
			}
			if next := o.BlockAt(n + 1).X; (next+o.Roll()+o.Width)%o.Width != block.X {
				t.Errorf("%v, frame %d: block goes from %d to %d, rolls %d", size, n, block.X, next, o.Roll())
			}
			plain, event := renderFrame(t, r, n, false), renderFrame(t, r, n, true)
			for i := 0; i < len(plain); i += 3 {
				x, y := i/3%o.Width, i/3/o.Width
				dx := (x - block.X + o.Width) % o.Width
				inside := dx < block.Width && y >= block.Y && y < block.Y+block.Height
				p, e := [3]byte(plain[i:]), [3]byte(event[i:])
				if inside && e != [3]byte{0, 255, 255} || !inside && e != p {
					t.Fatalf("%v, frame %d: pixel %d,%d is %v in an event and %v outside, block %+v", size, n, x, y, e, p, block)
				}
				// Squared distance from (0,255,255): 200 levels apart at least.
				r, g, b := int(p[0]), 255-int(p[1]), 255-int(p[2])
				if r*r+g*g+b*b < 200*200 {
					t.Fatalf("%v, frame %d: pixel %d,%d is %v, too near cyan", size, n, x, y, p)
				}
			}
		}
	}
}

// TestBoardRolls checks that each frame's board is the one before, moved left by Roll pixels, without a seam.
func TestBoardRolls(t *testing.T) {
	for _, o := range testBoards() {
		size := []int{o.Width, o.Height, o.BlockSide, o.RollStep}
		r := newTestRenderer(t, o)
		g, stride, roll := o.grid(), o.Width*3, (o.Roll()+o.Width)%o.Width*3
		if rows := (g.bottom - g.top) / g.rows; o.BlockSide > 0 && (rows < o.BlockSide*2/3 || rows > o.BlockSide*3/2) {
			t.Errorf("%v: %d rows of %d lines", size, g.rows, rows)
		}
		if g.columns%2 != 0 || g.rows%2 != 1 {
			t.Errorf("%v: %d columns, %d rows", size, g.columns, g.rows)
		}
		for n := range int64(3) {
			a, b := renderFrame(t, r, n, true), renderFrame(t, r, n+1, true)
			for y := g.top; y < g.bottom; y++ {
				was, is := a[y*stride:][:stride], b[y*stride:][:stride]
				if !bytes.Equal(is[:stride-roll], was[roll:]) || !bytes.Equal(is[stride-roll:], was[:roll]) {
					t.Fatalf("%v, frame %d: line %d is not the line before, rolled", size, n+1, y)
				}
			}
		}
	}
}

// TestGeometryOfInvalidOptions must not panic: pages ask before they validate.
func TestGeometryOfInvalidOptions(t *testing.T) {
	var o Options
	if o.Roll() != 2 {
		t.Errorf("Roll() = %d, want 2", o.Roll())
	}
	o.BlockAt(5)
	o.Band()
	o.Width, o.Height = -5, -9
	o.BlockAt(-5)
	o.Band()
}

// TestTextStaysInPlace checks that texts keep within the bar and clear of each other at their longest.
func TestTextStaysInPlace(t *testing.T) {
	var sizes [][2]int
	step := 14
	if testing.Short() {
		step = 70
	}
	for w := 160; w <= 2000; w += step {
		sizes = append(sizes, [2]int{w, 90 + w%100*6}, [2]int{w, w * 9 / 16 &^ 1})
	}
	sizes = append(sizes, testSizes()...)
	narrow := len(sizes)
	sizes = append(sizes, sizes...) // again with a timecode of 12 characters
	for i, size := range sizes {
		o := testOptions(size[0], size[1])
		if o.Height < minHeight {
			continue
		}
		timecode, number := "00:00:00:00", "#17592186044415"
		if i >= narrow {
			o.Rate = media.FrameRate{Num: 120, Den: 1}
			timecode, number = "00:00:00:000", "#9999999999999" // 2600 years of frames
		}
		text, err := newTextBar(o)
		if err != nil {
			t.Fatal(err)
		}
		b := o.bar()
		p := text.place(b, o.Width)
		s, l := text.small.metrics, text.large.metrics
		box := func(at point, m metrics, chars, below int) image.Rectangle {
			if at.x < 0 {
				at.x += o.Width - chars*m.advance
			}
			return image.Rect(at.x, at.y, at.x+chars*m.advance, at.y+m.capital+below)
		}
		boxes := map[string]image.Rectangle{
			"timecode": box(p.timecode, l, len(timecode), l.below),
			"number":   box(p.number, s, len(number), s.below),
			"utc":      box(p.utc, s, len("2024-01-02 03:04:05.678Z"), s.below),
			"channel":  box(p.channel, s, p.channelChars, s.below),
		}
		if b.stacked { // where its field ends
			boxes["number"] = boxes["number"].Add(image.Pt((numberChars-len(number))*s.advance, 0))
		}
		if tail := box(p.timecode, l, len(timecode), l.tail).Max.Y; tail > b.height {
			t.Errorf("%v: the semicolon ends at line %d of %d", size, tail, b.height)
		}
		bar := image.Rect(0, 0, o.Width, b.height)
		for name, a := range boxes {
			if a.Empty() || !a.In(bar) {
				t.Errorf("%v: %s at %v leaves the bar %v", size, name, a, bar)
			}
			for other, c := range boxes {
				if name != other && a.Overlaps(c) {
					t.Errorf("%v: %s at %v overlaps %s at %v", size, name, a, other, c)
				}
			}
		}
		if p.channelChars < 8 {
			t.Errorf("%v: only %d characters of the channel's name fit", size, p.channelChars)
		}
		if b.height%2 != 0 || b.height > max(30, o.Height/9) {
			t.Errorf("%v: bar of %d lines", size, b.height)
		}
	}
}

// TestTexts compares the texts with what the standard library and the media package write.
func TestTexts(t *testing.T) {
	for _, rate := range append(media.FrameRates(), media.FrameRate{Num: 25, Den: 2}, media.FrameRate{Num: 120000, Den: 1001}, media.FrameRate{Num: 240000, Den: 239999}) {
		o := testOptions(320, 180)
		o.Rate, o.DropFrame, o.Epoch = rate, rate.DropFrame(), o.Epoch.Add(999*time.Millisecond)
		text, err := newTextBar(o)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int64{0, 1, 2, 29, 30, 1799, 1800, 17982, 107892, 2_589_408, 1 << 31, 1 << 37, MaxFrame} {
			if got, want := string(text.timecodeText(n)), media.TimecodeAt(n, rate, o.DropFrame).String(); got != want {
				t.Errorf("%s, frame %d: timecode %s, want %s", rate, n, got, want)
			}
			if got, want := string(text.numberText(n)), fmt.Sprintf("#%d", n); got != want {
				t.Errorf("frame %d: number %s, want %s", n, got, want)
			}
			s, rem := n*rate.Den/rate.Num, n*rate.Den%rate.Num // a Duration holds 292 years
			at := time.Unix(o.Epoch.Unix()+s, int64(o.Epoch.Nanosecond())+rem*1e9/rate.Num).UTC()
			want := at.Format("2006-01-02 15:04:05.000Z")
			if at.Year() > 9999 {
				want = ">9999"
			}
			if got := string(text.utcText(n)); got != want {
				t.Errorf("%s, frame %d: UTC %s, want %s", rate, n, got, want)
			}
		}
	}
	for _, c := range []struct {
		name  string
		chars int
		want  string
	}{{"main", 4, "main"}, {"main", 3, "ma…"}, {"main", 1, "…"}, {"main", 0, ""}, {"main", -3, ""}} {
		if got := string(cut(c.name, c.chars)); got != c.want {
			t.Errorf("cut(%q, %d) = %q, want %q", c.name, c.chars, got, c.want)
		}
	}
}

func TestRenderDoesNotAllocate(t *testing.T) {
	r := newTestRenderer(t, testOptions(320, 180))
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
}
