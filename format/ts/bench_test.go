package ts

import (
	"bytes"
	"context"
	"testing"

	"github.com/asticode/go-astits"

	"github.com/refstream/refstream/media"
)

func BenchmarkReader25kB(b *testing.B) {
	stream := benchStream(b)
	b.ReportAllocs()
	for b.Loop() {
		if n := len(readAll(b, NewReader(bytes.NewReader(stream)))); n != 100 {
			b.Fatal(n)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/100, "µs/unit")
}

// BenchmarkAstitsReader25kB is the same with the library, for comparison.
func BenchmarkAstitsReader25kB(b *testing.B) {
	stream := benchStream(b)
	b.ReportAllocs()
	for b.Loop() {
		d := astits.NewDemuxer(context.Background(), bytes.NewReader(stream), astits.DemuxerOptPacketSize(188))
		for {
			if _, err := d.NextData(); err != nil {
				break
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/100, "µs/unit")
}

func benchStream(b *testing.B) []byte {
	var units []media.Unit
	for i := range int64(100) {
		au := unitOfSize(i, 25000)
		au.Key = i == 0
		units = append(units, au)
	}
	return writeAll(b, units)
}
