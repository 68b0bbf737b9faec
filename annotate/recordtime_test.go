package annotate

import (
	"testing"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// The time of a record is that of the clock at every rate, also where PTS is rounded; without a rate it is that of PTS.
func TestRecordTime(t *testing.T) {
	for _, rate := range append(media.FrameRates(), media.FrameRate{Num: 25, Den: 2}, media.FrameRate{Num: 240000, Den: 1001}) {
		c := markers.Clock{Rate: rate}
		for _, n := range []int64{0, 1, 2, 3, 499, 1<<40 + 1} {
			r := Record{Frame: n, PTS: c.PTS(n)}
			for _, vui := range []*h264.VUI{
				{TimeScale: uint32(2 * rate.Num), NumUnitsInTick: uint32(rate.Den)}, {TimeScale: uint32(rate.Num), NumUnitsInTick: uint32(rate.Den)},
			} {
				if got, want := r.Time(vui), c.Time(n); got != want {
					t.Errorf("frame %d at %v: %v, want %v", n, rate, got, want)
				}
			}
			for _, vui := range []*h264.VUI{nil, {}, {TimeScale: 7, NumUnitsInTick: 1}} {
				if off := c.Time(n) - r.Time(vui); off < 0 || off > 11112 {
					t.Errorf("frame %d at %v without its rate: %d ns off", n, rate, off)
				}
			}
		}
	}
	// Frame numbers of another origin have the time that their PTS says.
	if got := (&Record{Frame: 5, PTS: 90_000 + 45_000}).Time(&h264.VUI{TimeScale: 60, NumUnitsInTick: 1}); got != 500_000_000 {
		t.Error(got)
	}
}
