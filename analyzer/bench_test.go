package analyzer

import (
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/codec/h264"
)

// BenchmarkHLS reads an HLS stream of 1280x720 at 25 frames/s with a time stamp, a frame record and pic_timing in each
// unit, and writes the records; in the same run ffprobe shows the same frames. x-ffprobe is how many times as fast this
// is.
func BenchmarkHLS(b *testing.B) {
	path := encodeHLS(b, "20", "-s", "1280x720")
	for n := range 20 { // each segment with SEI of our own in it
		name := filepath.Join(filepath.Dir(path), fmt.Sprintf("index%d.ts", n))
		units := unitsOf(b, name)
		for i := range units {
			rec := annotate.Record{Frame: int64(25*n + i), Channel: "main", Run: 1, GenNS: 1769860800123456789, PTS: units[i].PTS}
			units[i] = withSEI(b, units[i], -1,
				h264.SEIMessage{Type: h264.SEIUserDataUnregistered, Payload: h264.MISBTime{Status: h264.MISBLocked, Micros: 1769860800123456}.Append(nil)},
				h264.SEIMessage{Type: h264.SEIUserDataUnregistered, Payload: append([]byte(annotate.RecordUUID), rec.AppendJSON(nil)...)})
		}
		ffmpeg(b, "-i", writeTS(b, units), "-c", "copy", "-copyts", "-muxdelay", "0", name)
	}
	began := time.Now()
	if err := exec.Command("ffprobe", "-v", "error", "-select_streams", "v", "-show_frames", "-of", "json", path).Run(); err != nil {
		b.Fatal(err)
	}
	ffprobe := time.Since(began)
	var line []byte
	records := 0
	b.ReportAllocs()
	for b.Loop() {
		records = 0
		err := Run(b.Context(), path, Options{Now: time.Now}, func(r Record) error {
			records++
			line = append(r.AppendJSON(line[:0]), '\n')
			_, err := io.Discard.Write(line)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	if records != 3*500 {
		b.Fatalf("%d records", records)
	}
	each := b.Elapsed() / time.Duration(b.N)
	b.ReportMetric(float64(ffprobe)/float64(each), "x-ffprobe")
	b.ReportMetric(500/each.Seconds(), "frames/s")
	b.ReportMetric(500/ffprobe.Seconds(), "ffprobe-frames/s")
}
