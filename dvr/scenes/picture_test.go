package scenes

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"testing"
)

func TestReadPicture(t *testing.T) {
	// 4x2 pixels: two lines of luma, one of Cb and Cr.
	one := []byte("P5\n4 3\n255\nabcdefghUuVv")
	r := bufio.NewReader(bytes.NewReader(append(bytes.Clone(one), one...)))
	var p picture
	for range 2 {
		if err := p.read(r); err != nil {
			t.Fatal(err)
		}
		if p.width != 4 || p.height != 2 || string(p.y) != "abcdefgh" || string(p.u[:2]) != "Uu" || string(p.v[:2]) != "Vv" {
			t.Errorf("%dx%d %q %q %q", p.width, p.height, p.y, p.u, p.v)
		}
	}
	if err := p.read(r); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	for n := 1; n < len(one); n++ {
		if err := p.read(bufio.NewReader(bytes.NewReader(one[:n]))); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut off after %d bytes: %v", n, err)
		}
	}
}

func FuzzReadPicture(f *testing.F) {
	f.Add([]byte("P5\n4 3\n255\nabcdefghUuVv"))
	f.Add([]byte("P5\n16384 26112\n255\n"))
	f.Add([]byte("P5 0 0 255 "))
	f.Fuzz(func(t *testing.T, b []byte) {
		var p picture
		if err := p.read(bufio.NewReader(bytes.NewReader(b))); err != nil {
			return
		}
		if len(p.y) != p.width*p.height || len(p.v) < (p.height/2-1)*p.chromaStride+p.width/2 {
			t.Errorf("%dx%d with %d, %d and %d bytes", p.width, p.height, len(p.y), len(p.u), len(p.v))
		}
		lookAt(&p)
	})
}
