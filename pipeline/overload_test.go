package pipeline

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// An encoder that is too slow: as many whole segments are skipped as it takes to reach the next one that begins in the
// future, no more. The encoder goes on, so there is no discontinuity.
func TestSkip(t *testing.T) {
	for _, c := range []struct {
		// Frame 1025, which is due 200 ms before segment 1030, takes so long.
		takes time.Duration
		skips int64
	}{
		{500 * time.Millisecond, 0},
		{200*time.Millisecond + segmentTime, 0}, // late by a segment to the nanosecond: it can still catch up
		{200*time.Millisecond + segmentTime + 1, 2},
		{200*time.Millisecond + 2*segmentTime - 1, 2},
		{200*time.Millisecond + 2*segmentTime, 3},
		{200*time.Millisecond + 5*segmentTime + frameTime, 6},
	} {
		for _, b := range []int{0, 2} {
			t.Run(fmt.Sprintf("%v with %d B pictures", c.takes, b), func(t *testing.T) {
				inBubble(t, func(r *rig) {
					r.scripts = []script{{b: b, slow: map[int64]time.Duration{15: c.takes}}}
					r.start()
					next := 1030 + 10*c.skips
					r.until(next + 19)
					account := "1010-1019, 1020-1029"
					if c.skips > 0 {
						account += fmt.Sprintf(", 1030-%d skipped", next-1)
					}
					account += fmt.Sprintf(", %d-%d, %d-%d", next, next+9, next+10, next+19)
					r.want(account)
					r.stop()
					r.check()
					r.checkTotals()
					if len(r.encoders) != 1 || r.hls.abandoned != 0 {
						t.Errorf("%d encoders, abandoned %d times", len(r.encoders), r.hls.abandoned)
					}
					late := c.takes - 200*time.Millisecond
					detail := fmt.Sprintf("the generator was %v late", late.Round(time.Millisecond))
					if c.skips > 0 && (r.lost(0).Detail != detail || len(r.log.lines("skipping segments", fmt.Sprint("late=", late), "first=1030", fmt.Sprint("last=", next-1))) != 1) {
						t.Errorf("missing %+v, log %q", r.missing(), r.log.lines())
					}
				})
			})
		}
	}
}

// Frames inside of a segment are never left out, however late: a segment is published whole or not at all.
func TestLateInsideSegment(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.scripts = []script{{slow: map[int64]time.Duration{12: 3 * time.Second, 13: time.Second}}}
		r.start()
		r.until(1149)
		// Frame 1022 was due at 480 ms and 1030 at 800 ms: at 4480 ms that is 3680 ms late, 9 segments and a bit.
		r.want("1010-1019, 1020-1029, 1030-1129 skipped, 1130-1139, 1140-1149")
		r.stop()
		r.check()
		r.checkTotals()
	})
}

// The record of a skip waits for the fate of the segments before it, which are still in the encoder.
func TestSkipWithSegmentsInEncoder(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.scripts = []script{{lookahead: 15, slow: map[int64]time.Duration{25: 1010 * time.Millisecond}}}
		r.start()
		// Frame 1035 was taken at 1060.25, and 1040 to 1069 are skipped.
		r.until(1069)
		if got := r.missing(); len(got) > 0 || len(r.log.lines("skipping segments")) != 1 {
			t.Errorf("missing %+v before the segments that come first are there: %q", got, r.account())
		}
		r.until(1084)
		r.want("1010-1019, 1020-1029, 1030-1039, 1040-1069 skipped")
		r.until(1100)
		r.stop()
		r.check()
		r.checkTotals()
	})
}

// The encoder ends while a skip is held back: each slot keeps the reason that came first, in order.
func TestEncoderDiesBeforeSkip(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.scripts = []script{{lookahead: 15, fate: dies, after: 33, slow: map[int64]time.Duration{25: 1010 * time.Millisecond}}}
		r.start()
		r.until(1110)
		// Given back were 1010 to 1027; 1070 to 1072 are lost too.
		r.want("1010-1019, 1020-1039 encoder, 1040-1069 skipped, 1070-1079 encoder, |1080-1089, 1090-1099, 1100-1109")
		r.stop()
		r.check()
		r.checkTotals()
	})
}

// The wall clock goes forward: the stream follows at the next segment, and what lies between is skipped.
func TestWallClockForward(t *testing.T) {
	for name, c := range map[string]struct {
		step    time.Duration
		until   int64
		account string
	}{
		"a segment": {segmentTime, 1039, "1010-1019, 1020-1029, 1030-1039"},
		// The clock is looked at when frame 1029 is written, 40 ms before 1030 is due.
		"more, made up for":        {segmentTime + frameTime, 1049, "1010-1019, 1020-1029, 1030-1039, 1040-1049"},
		"more than can be made up": {segmentTime + frameTime + 1, 1059, "1010-1019, 1020-1029, 1030-1049 skipped, 1050-1059"},
		"ten segments":             {4 * time.Second, 1139, "1010-1019, 1020-1029, 1030-1129 skipped, 1130-1139"},
		// A clock that goes back is not followed: no frame is ever rendered twice.
		"back": {-time.Hour, 1039, "1010-1019, 1020-1029, 1030-1039"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.start()
				r.until(1025)
				r.pacer.step.Store(int64(c.step))
				r.until(1029)
				r.until(c.until)
				r.want(c.account)
				r.stop()
				r.check()
				if n := len(r.log.lines("the wall clock ", "by="+c.step.String())); n != 1 {
					t.Errorf("log %q", r.log.lines())
				}
			})
		})
	}
}

// Metrics tell how late frames are made, and how long the encoder keeps them.
func TestDelaysAreCounted(t *testing.T) {
	for name, c := range map[string]struct {
		script
		metric string
		sum    float64 // in milliseconds
	}{
		// Frames 1013, 1014, 1015 come 90, 50 and 10 ms late, the others at once.
		"late": {script{slow: map[int64]time.Duration{2: 130 * time.Millisecond}}, "refstream_frame_late_seconds", 150},
		// 1010 to 1024 leave with the fifth frame after them, the others at the stop, half a frame after the last.
		"latency": {script{lookahead: 5}, "refstream_encoder_latency_seconds", 15*200 + 180 + 140 + 100 + 60 + 20},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.scripts = []script{c.script}
				r.start()
				r.until(1029)
				r.stop()
				families, err := r.registry.Gather()
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range families {
					if f.GetName() != c.metric {
						continue
					}
					if h := f.GetMetric()[0].GetHistogram(); h.GetSampleCount() != 20 || math.Round(1000*h.GetSampleSum()) != c.sum {
						t.Errorf("%v", h)
					}
				}
			})
		})
	}
}
