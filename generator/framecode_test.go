package generator

import (
	"math"
	"math/rand/v2"
	"testing"
)

// greyFrame renders frame n and converts it to luma, full range.
func greyFrame(t testing.TB, o Options, n int64) []byte {
	t.Helper()
	r, err := NewRenderer(o)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, r.FrameSize())
	if err := r.Render(buf, n, Look{}); err != nil {
		t.Fatal(err)
	}
	return lumaOf(buf)
}

func lumaOf(rgb []byte) []byte {
	luma := make([]byte, len(rgb)/3)
	for i := range luma {
		p := rgb[3*i:]
		luma[i] = byte((2126*int(p[0]) + 7152*int(p[1]) + 722*int(p[2]) + 5000) / 10000)
	}
	return luma
}

// scaleBox is the picture averaged down (or repeated up) to another size.
func scaleBox(src []byte, w, h, toW, toH int) []byte {
	out := make([]byte, 0, toW*toH)
	for y := range toH {
		y0, y1 := y*h/toH, max((y+1)*h/toH, y*h/toH+1)
		for x := range toW {
			x0, x1 := x*w/toW, max((x+1)*w/toW, x*w/toW+1)
			sum := 0
			for yy := y0; yy < y1; yy++ {
				for xx := x0; xx < x1; xx++ {
					sum += int(src[yy*w+xx])
				}
			}
			out = append(out, byte(sum/((y1-y0)*(x1-x0))))
		}
	}
	return out
}

func testNumbers() []int64 {
	return []int64{
		0, 1, 2, 29, 30, 1800, 65535, 65536, 1<<30 - 1, 1 << 30, 0x555_5555_5555, 0xAAA_AAAA_AAAA, MaxFrame - 1, MaxFrame,
	}
}

// TestFrameCRC checks against the catalogue's check value of CRC-16/CCITT-FALSE with numbers of 6 bytes. The value of
// "123456" is from an independent bitwise division.
func TestFrameCRC(t *testing.T) {
	var n int64
	for _, c := range "123456" {
		n = n<<8 | int64(c)
	}
	if got := frameCRC(n); got != crcReference([]byte("123456")) {
		t.Errorf("CRC of 123456 = %#04x, want %#04x", got, crcReference([]byte("123456")))
	}
	if got := crcReference([]byte("123456789")); got != 0x29B1 {
		t.Errorf("reference CRC of 123456789 = %#04x, want 0x29B1", got)
	}
	if got, want := frameCRC(0), crcReference(make([]byte, 6)); got != want {
		t.Errorf("CRC of 0 = %#04x, want %#04x", got, want)
	}
}

// crcReference divides bit by bit, as the definition has it.
func crcReference(b []byte) uint16 {
	crc := uint32(0xFFFF)
	for _, v := range b {
		for bit := 7; bit >= 0; bit-- {
			top := crc>>15&1 ^ uint32(v>>bit&1)
			crc = crc << 1 & 0xFFFF
			if top == 1 {
				crc ^= 0x1021
			}
		}
	}
	return uint16(crc)
}

// TestFrameCodeLayout checks the pixels against the layout as other readers have it, bit by bit.
func TestFrameCodeLayout(t *testing.T) {
	for _, size := range [][2]int{{320, 180}, {1280, 720}, {176, 144}, {160, 90}, {854, 480}} {
		o := testOptions(size[0], size[1])
		const n = 0x123_4567_89AB
		luma := greyFrame(t, o, n)
		word := uint64(n)<<16 | uint64(crcReference([]byte{0x01, 0x23, 0x45, 0x67, 0x89, 0xAB}))
		bits := [2][]byte{{1, 0}, {0, 1}}
		for i := 59; i >= 0; i-- {
			row := (59 - i) / 30
			bits[row] = append(bits[row], byte(word>>i&1))
		}
		for y := range o.Height / 9 {
			for x := range o.Width {
				r := 0
				if y >= o.Height/18 {
					r = 1
				}
				c := 0
				for (c+1)*o.Width/32 <= x {
					c++
				}
				if got, want := luma[y*o.Width+x], bits[r][c]*255; got != want {
					t.Fatalf("%v: pixel %d,%d is %d, want %d (row %d, cell %d)", size, x, y, got, want, r, c)
				}
			}
		}
	}
}

// TestReadFrameCode reads codes that were scaled, flattened and disturbed.
func TestReadFrameCode(t *testing.T) {
	type picture struct {
		luma []byte
		w, h int
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	damages := map[string]func(byte) byte{
		"as is":         func(v byte) byte { return v },
		"limited range": func(v byte) byte { return byte(16 + int(v)*219/255) },
		"dim":           func(v byte) byte { return byte(60 + int(v)*90/255) },
		"noise":         func(v byte) byte { return byte(min(255, max(0, int(v)+rnd.IntN(121)-60))) },
		"noise, limited range": func(v byte) byte {
			return byte(min(255, max(0, 16+int(v)*219/255+rnd.IntN(101)-50)))
		},
	}
	sizes := [][2]int{{1920, 1080}, {1280, 720}, {320, 180}, {160, 90}, {854, 480}, {7680, 90}, {160, 1280}}
	targets := [][2]int{{320, 180}, {160, 90}, {640, 360}, {426, 240}, {321, 181}, {64, 36}}
	for _, size := range sizes {
		for i, n := range testNumbers() {
			if size[0]*size[1] > 1e6 && i%4 != 0 {
				continue // large pictures take long and differ little
			}
			luma := greyFrame(t, testOptions(size[0], size[1]), n)
			pictures := []picture{{luma, size[0], size[1]}}
			for _, to := range targets {
				if to[0] <= size[0] && to[1] <= size[1] {
					pictures = append(pictures, picture{scaleBox(luma, size[0], size[1], to[0], to[1]), to[0], to[1]})
				}
			}
			for _, p := range pictures {
				for name, damage := range damages {
					if p.w < 160 && name != "as is" {
						continue // 2x2 pixels a cell leave nothing to average
					}
					stride := p.w + i
					b := make([]byte, stride*p.h)
					for y := range p.h {
						for x := range p.w {
							b[y*stride+x] = damage(p.luma[y*p.w+x])
						}
					}
					if got, ok := ReadFrameCode(b, stride, p.w, p.h); !ok || got != n {
						t.Errorf("%v at %dx%d, %s: read %d, %v, want %d", size, p.w, p.h, name, got, ok, n)
					}
				}
			}
		}
	}
}

// TestReadFrameCodeRefuses shows pictures without a code, and arguments that describe none.
func TestReadFrameCodeRefuses(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	const w, h = 320, 180
	luma := make([]byte, w*h)
	kinds := map[string]func(x, y int) byte{
		"noise":        func(int, int) byte { return byte(rnd.Uint32()) },
		"random cells": nil,
		"black":        func(int, int) byte { return 0 },
		"white":        func(int, int) byte { return 255 },
		"gradient":     func(x, _ int) byte { return byte(x * 255 / w) },
		"stripes":      func(x, _ int) byte { return byte(x / 10 % 2 * 255) },
		"board":        func(x, y int) byte { return byte((x/10 + y/10 + 1) % 2 * 255) },
	}
	for name, kind := range kinds {
		for range 300 {
			cells := [2]uint32{rnd.Uint32(), rnd.Uint32()}
			for i := range luma {
				x, y := i%w, i/w
				if kind == nil {
					luma[i] = byte(cells[min(y/10, 1)]>>(x/10)&1) * 255
				} else {
					luma[i] = kind(x, y)
				}
			}
			if n, ok := ReadFrameCode(luma, w, w, h); ok {
				t.Fatalf("%s: read %d from a picture without a code", name, n)
			}
		}
	}

	// Any single wrong cell is noticed.
	good := greyFrame(t, testOptions(w, h), 123456789)
	for r := range 2 {
		for c := range 32 {
			copy(luma, good)
			for y := r * 10; y < r*10+10; y++ {
				for x := c * 10; x < c*10+10; x++ {
					luma[y*w+x] ^= 0xFF
				}
			}
			if n, ok := ReadFrameCode(luma, w, w, h); ok {
				t.Errorf("cell %d,%d inverted: read %d", r, c, n)
			}
		}
	}

	for _, c := range []struct{ length, stride, w, h int }{
		{w * h, w, w, h + 1}, {w*h - 1, w, w, h}, {w * h, w - 1, w, h}, {0, 0, 0, 0}, {w * h, w, -w, h}, {w * h, w, w, -h},
		{w * h, -w, w, h}, {w * h, math.MaxInt, w, h}, {w * h, w, w, math.MaxInt}, {w * h, math.MaxInt, math.MaxInt, h}, {w * h, w, 63, h},
		{w * h, w, w, 35},
	} {
		if n, ok := ReadFrameCode(good[:c.length], c.stride, c.w, c.h); ok {
			t.Errorf("%+v: read %d", c, n)
		}
	}
	if n, ok := ReadFrameCode(good[:w*(h-1)+w], w, w, h); !ok || n != 123456789 {
		t.Errorf("exact length: read %d, %v", n, ok)
	}
}

func FuzzReadFrameCode(f *testing.F) {
	small := scaleBox(greyFrame(f, testOptions(320, 180), 4242), 320, 180, 64, 36)
	f.Add(small, 64, 64, 36)
	f.Add(small, 128, 64, 18)
	f.Add([]byte{}, 0, 0, 0)
	f.Add(small, math.MaxInt, math.MaxInt, math.MaxInt)
	f.Fuzz(func(t *testing.T, luma []byte, stride, width, height int) {
		n, ok := ReadFrameCode(luma, stride, width, height)
		if n < 0 || n > MaxFrame || !ok && n != 0 {
			t.Errorf("ReadFrameCode = %d, %v", n, ok)
		}
	})
}

func BenchmarkReadFrameCode1080p(b *testing.B) {
	luma := greyFrame(b, testOptions(1920, 1080), 123456)
	for b.Loop() {
		if _, ok := ReadFrameCode(luma, 1920, 1920, 1080); !ok {
			b.Fatal("not read")
		}
	}
}
