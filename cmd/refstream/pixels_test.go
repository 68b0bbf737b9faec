package main

import (
	"io"
	"math"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
)

// checkPixels decodes the stream and holds each picture's frame code against the ledger, and the block against the
// markers: in every frame inside a marker's interval it is there, within the box, and in none outside.
func (c clip) checkPixels(t *testing.T) {
	t.Helper()
	w, h := c.truth.Channel.Width, c.truth.Channel.Height
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", c.stream, "-fps_mode", "passthrough",
		"-f", "rawvideo", "-pix_fmt", "rgb24", "-")
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	list := readLines[markers.Marker](t, filepath.Join(c.dir, "markers.jsonl"))
	rgb, luma := make([]byte, w*h*3), make([]byte, w*h)
	for _, f := range c.frames {
		if _, err := io.ReadFull(pipe, rgb); err != nil {
			t.Fatalf("frame %d: %v", f.Frame, err)
		}
		for i := range luma {
			luma[i] = byte((int(rgb[3*i])*2126 + int(rgb[3*i+1])*7152 + int(rgb[3*i+2])*722) / 10000)
		}
		if n, ok := generator.ReadFrameCode(luma, w, w, h); !ok || n != f.Frame {
			t.Fatalf("frame %d: pixels say %d, %v", f.Frame, n, ok)
		}
		var active *markers.Marker
		for i := range list {
			if list[i].Frame <= f.Frame && f.Frame <= list[i].LastFrame {
				active = &list[i]
			}
		}
		checkBlock(t, f, active, rgb, w, h)
	}
	if _, err := io.ReadFull(pipe, rgb); err == nil {
		t.Errorf("more pictures than the %d in the ledger", len(c.frames))
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("decode: %v", err)
	}
}

// checkBlock looks for cyan pixels: with an active marker they fill the inside of the block, and lie in its box;
// without one there are none.
func checkBlock(t *testing.T, f markers.FrameRecord, m *markers.Marker, rgb []byte, w, h int) {
	t.Helper()
	cyan := func(x, y int) bool {
		p := rgb[3*(y*w+x):]
		return p[0] < 60 && p[1] > 195 && p[2] > 195
	}
	if (m != nil) != (f.Event != "") || m != nil && m.ID != f.Event {
		t.Fatalf("frame %d: ledger's event %q, marker %v", f.Frame, f.Event, m)
	}
	// Chroma is at half resolution, so colour bleeds two pixels over an edge.
	const edge = 4
	for y := range h {
		for x := range w {
			inBox := m != nil && x >= m.Box.X && x < m.Box.X+m.Box.Width && y >= m.Box.Y-edge && y < m.Box.Y+m.Box.Height+edge
			if cyan(x, y) && !inBox {
				t.Fatalf("frame %d: cyan pixel at %d,%d; marker %v", f.Frame, x, y, m)
			}
		}
	}
	if m == nil {
		return
	}
	left := m.Block.X - m.Block.Roll*int(f.Frame-m.Frame)
	var sum [3]int
	count := 0
	for y := m.Block.Y + edge; y < m.Block.Y+m.Block.Height-edge; y++ {
		for x := left + edge; x < left+m.Block.Width-edge; x++ {
			p := rgb[3*(y*w+((x%w)+w)%w):]
			for i := range sum {
				sum[i] += int(p[i])
			}
			count++
		}
	}
	for i, want := range [3]int{0, 255, 255} {
		if got := float64(sum[i]) / float64(count); math.Abs(got-float64(want)) > 6 {
			t.Fatalf("frame %d: block's channel %d is %.1f on average, want %d within 6", f.Frame, i, got, want)
		}
	}
}
