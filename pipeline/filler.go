package pipeline

import (
	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/encoder"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// nalPrefix is what a NAL unit has in front on every carrier: a start code, or its length.
const nalPrefix = 4

// filler brings each GOP to the bytes of a constant bit rate, with filler data behind the slices. It sees annotated units in
// decoding order.
type filler struct {
	budget encoder.Budget
	rate   media.FrameRate
	gop    int64
	end    int64 // the frame after the last one that there will be, 0 where there is no end

	count, units int64 // of the GOP: its units, and how many of them were seen
	used         int64 // bytes of these
}

// newFiller makes the filler of a budget, nil for none.
func newFiller(b *encoder.Budget, clock markers.Clock) *filler {
	if b == nil {
		return nil
	}
	return &filler{budget: *b, rate: clock.Rate, gop: clock.FramesPerSegment}
}

// complete reports whether the GOP's last unit was filled.
func (f *filler) complete() bool { return f.units == f.count }

// fill returns the unit with its filler. over is by how many bytes a GOP that is complete is too large.
//
// Within a GOP it fills no more than leaves room for all that the encoder may still put out, so that the GOP ends at its size.
func (f *filler) fill(u media.Unit) (out media.Unit, over int64) {
	if u.Key {
		f.count, f.units, f.used = f.gop, 0, 0
		if f.end > 0 {
			f.count = min(f.gop, f.end-u.Frame)
		}
	}
	f.units++
	f.used += int64(u.Size() + nalPrefix*len(u.NALs))
	whole, left := f.budget.GOP*f.count/f.gop, f.count-f.units
	target := whole
	if left > 0 {
		target -= f.budget.Buffer/8 + left*(f.budget.Rate*f.rate.Den/(8*f.rate.Num)+encoder.LabelBytes)
	}
	if n := target - f.used - nalPrefix; n >= h264.MinFiller {
		u.NALs = append(u.NALs[:len(u.NALs):len(u.NALs)], h264.Filler(int(n)))
		f.used = target
	}
	if left > 0 {
		return u, 0
	}
	return u, max(0, f.used-whole)
}
