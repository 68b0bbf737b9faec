package packager

import (
	"fmt"
	"testing"

	"github.com/refstream/refstream/stream"
)

// nowhere takes files and forgets them.
type nowhere struct{}

func (nowhere) WriteFile(string, []byte) error { return nil }
func (nowhere) Rename(string, string) error    { return nil }
func (nowhere) Remove(string) error            { return nil }

// BenchmarkWrite is the cost of a frame of 6 Mbit/s, muxing included, without the disk.
func BenchmarkWrite(b *testing.B) {
	w, err := newWriter(testOptions(b.TempDir(), testChannel(ntsc, 60), 300), nowhere{})
	if err != nil {
		b.Fatal(err)
	}
	body := unit(w.clock, 1, 25_000).NALs
	b.ReportAllocs()
	for n := int64(0); b.Loop(); n++ {
		au := unit(w.clock, n, 1)
		if !au.Key {
			au.NALs = body
		}
		if _, err := w.Write(stream.Unit{Unit: au}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPlaylist renders a live playlist with as many gaps as segments, and 30 events.
func BenchmarkPlaylist(b *testing.B) {
	for _, n := range []int64{30, 300, 3000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w, err := newWriter(testOptions(b.TempDir(), testChannel(ntsc, 60), n), nowhere{})
			if err != nil {
				b.Fatal(err)
			}
			for i := range int64(30) {
				w.addMarker(event(w.clock, fmt.Sprint("main-e", i), i*60, i*60+59))
			}
			for msn := int64(0); msn < n; msn += 2 {
				put(b, w, msn)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				p, _ := w.timeline.media(0, w.events.shown, false, w.list)
				w.list, w.text = p.Media.Segments, p.Append(w.text[:0])
			}
		})
	}
}
