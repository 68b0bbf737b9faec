package pipeline

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/encoder"
	"github.com/refstream/refstream/media"
)

// TestFiller fills GOPs of an encoder that uses all that it may, when it may, or little: each GOP has exactly its bytes, the
// last one, cut short, those of its frames, and what the encoder made is as it was. A GOP that is too large is reported.
func TestFiller(t *testing.T) {
	for _, rate := range []media.FrameRate{{Num: 30, Den: 1}, {Num: 60000, Den: 1001}, {Num: 25, Den: 2}} {
		for _, gop := range []int64{2, 15, 60} {
			for _, bitrate := range []int64{500_000, 3_000_000, 20_000_000} {
				o := encoder.Options{Rate: rate, GOP: gop, Bitrate: bitrate, Constant: true}
				b := o.Budget()
				if b.Rate < bitrate/4 || b.Buffer <= 0 {
					t.Errorf("%v: %+v", o, b)
				}
				const gops = 6
				rest := gop/2 + 1 // the last GOP
				f := &filler{budget: *b, rate: rate, gop: gop, end: gops*gop + rest}
				random := rand.New(rand.NewPCG(uint64(gop), uint64(bitrate)))
				perFrame := b.Rate * rate.Den / rate.Num // bits
				fullness, total := b.Buffer, int64(0)
				for n := int64(0); n < gops*gop+rest; n++ {
					size := fullness / 8
					switch n / gop { // all that there is; a part; little; all in the last frame; the rate alone; too much
					case 1:
						size = random.Int64N(size + 1)
					case 2:
						size = 20
					case 3:
						if n%gop < gop-1 {
							size = 20
						}
					case 4:
						size = perFrame / 8
					case 5:
						if n%gop == 0 {
							size = b.GOP
						}
					case gops: // what half of a GOP has room for
						size = perFrame / 16
					}
					fullness = max(0, min(b.Buffer, fullness-8*size+perFrame))
					u := media.Unit{Frame: n, Key: n%gop == 0, NALs: [][]byte{make([]byte, encoder.LabelBytes-10), bytes.Repeat([]byte{1}, int(max(size, 1)))}}
					out, over := f.fill(u)
					if len(out.NALs) > 3 || !bytes.Equal(out.NALs[1], u.NALs[1]) || len(out.NALs) == 3 && h264.TypeOf(out.NALs[2]) != h264.NALFiller {
						t.Fatalf("frame %d became %d NAL units", n, len(out.NALs))
					}
					total += int64(out.Size() + 4*len(out.NALs))
					last := n%gop == gop-1 || n == gops*gop+rest-1
					if tooLarge := n/gop == 5 && last; over > 0 != tooLarge {
						t.Fatalf("%v GOP %d %d bit/s, frame %d: %d bytes over", rate, gop, bitrate, n, over)
					}
					if !last {
						continue
					}
					want := b.GOP * (n%gop + 1) / gop
					if n/gop != 5 && (total > want || total < want-h264.MinFiller-nalPrefix) {
						t.Errorf("%v GOP %d %d bit/s: %d bytes to frame %d, want %d", rate, gop, bitrate, total, n, want)
					}
					total = 0
				}
			}
		}
	}
}

// TestFillerInChain: what is filled is what readers and records have, and segments that are too large are counted, and logged when
// that begins.
func TestFillerInChain(t *testing.T) {
	for _, large := range []bool{false, true} {
		inBubble(t, func(r *rig) {
			r.scripts = from(2, 1)
			budget := encoder.Budget{GOP: 100_000, Rate: 100_000, Buffer: 1000}
			if large {
				budget.GOP = 10
			}
			if err := r.generate(1010, 50, func(g *Generate) { g.Fill = &budget }); err != nil {
				r.t.Fatal(err)
			}
			bytes, filled, count := 0, 0, 0.0
			for _, u := range r.out.units {
				bytes += u.Size() + nalPrefix*len(u.NALs)
				if u.Record.Bytes == u.Size() && h264.TypeOf(u.NALs[len(u.NALs)-1]) == h264.NALFiller {
					filled++
				}
			}
			if large {
				count = 5
			}
			if got := r.counted("segments_oversized_total"); got != count || len(r.log.lines("larger than the bit rate")) != min(1, int(count)) {
				r.t.Errorf("%v segments are too large, want %v; log %q", got, count, r.log.lines())
			}
			if !large && (bytes != 5*100_000 || filled < 5) {
				r.t.Errorf("%d bytes, %d units with filler", bytes, filled)
			}
		})
	}
}

// TestOverlayFills: GOPs with faulty pictures are rendered as the encoder takes them, and filled like the clean ones.
func TestOverlayFills(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.scripts = from(2, 4)
		budget := encoder.Budget{GOP: 100_000, Rate: 100_000, Buffer: 1000}
		if err := r.generate(1010, 90, func(g *Generate) { g.Raw, g.Fill = media.YUV420P, &budget }); err != nil {
			r.t.Fatal(err)
		}
		black := fakePictures{1039, 1055}
		got, failed := r.overlaid(r.out.units, black, func(c *Channel) { c.Raw, c.Fill = media.YUV420P, &budget })
		size := map[int64]int{}
		for _, u := range got {
			size[u.Frame/10] += u.Size() + nalPrefix*len(u.NALs)
		}
		for gop, n := range size {
			if n != 100_000 {
				r.t.Errorf("GOP %d has %d bytes", gop, n)
			}
		}
		var wrong []int64
		for _, e := range r.encoders {
			wrong = append(wrong, e.wrong...)
		}
		if len(size) != 9 || len(r.encoders) < 2 || failed != nil || !slices.Equal(wrong, black) {
			r.t.Errorf("%d GOPs, %d encoders, errors %v, black are %v", len(size), len(r.encoders), failed, wrong)
		}
	})
}
