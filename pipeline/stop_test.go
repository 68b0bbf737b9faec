package pipeline

import (
	"testing"
	"time"
)

// At a stop what was rendered still comes out, and the last segment is published as far as it goes.
func TestStop(t *testing.T) {
	for name, c := range map[string]struct {
		script
		account string
	}{
		"nothing in the encoder": {script{}, "1010-1019, 1020-1024"},
		"B pictures":             {script{b: 3}, "1010-1019, 1020-1024"},
		"a full lookahead":       {script{b: 2, lookahead: 40}, "1010-1019, 1020-1024"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.scripts = []script{c.script}
				r.start()
				r.until(1024)
				if took := r.stop(); took != 0 {
					t.Errorf("the stop took %v, though the encoder gives all at once", took)
				}
				r.want(c.account)
				r.check()
				r.checkTotals()
				if lines := r.log.lines("level=ERROR"); len(lines) > 0 {
					t.Errorf("log %q", lines)
				}
			})
		})
	}
}

// A stop is over in time whatever the encoder does. A frame that is being written is written to its end if the encoder
// takes it soon: half a frame would spoil the encoder's input, and with it what it still has to give.
func TestStopWithBusyEncoder(t *testing.T) {
	for name, c := range map[string]struct {
		script
		at      int64 // the frame after which the stop comes
		took    time.Duration
		account string
	}{
		"stuck at the end of its input":   {script{stuck: true, lookahead: 2}, 1024, drainTime, "1010-1019, 1020-1022"},
		"hangs between frames":            {script{fate: hangs, after: 15}, 1024, drainTime, "1010-1019, 1020-1024"},
		"hangs while frames come":         {script{fate: hangs, after: 13}, 1024, writeTime + drainTime, "1010-1019, 1020-1022"},
		"hangs in a frame":                {script{slow: map[int64]time.Duration{14: time.Hour}}, 1024, writeTime, "1010-1019, 1020-1023"},
		"hangs in a frame, then for good": {script{slow: map[int64]time.Duration{14: time.Hour}, stuck: true}, 1024, writeTime + drainTime, "1010-1019, 1020-1023"},
		"takes the frame in time":         {script{slow: map[int64]time.Duration{14: 500 * time.Millisecond}}, 1024, 480 * time.Millisecond, "1010-1019, 1020-1024"},
		"keeps a B picture for ever":      {script{b: 2, lookahead: 1, stuck: true}, 1026, drainTime, "1010-1019, 1020-1029 publish"},
		"was stuck in the first frame":    {script{fate: hangs}, 1024, writeTime + drainTime, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.scripts = []script{c.script}
				r.start()
				r.until(c.at)
				if took := r.stop(); took != c.took {
					t.Errorf("the stop took %v, want %v", took, c.took)
				}
				r.want(c.account)
				r.check()
				r.checkTotals()
			})
		})
	}
}

// What a hung encoder is killed for is logged, and the stop is a good one all the same.
func TestStopLogsHungEncoder(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.scripts = []script{{stuck: true}}
		r.start()
		r.until(1024)
		r.stop()
		if len(r.log.lines("stop encoder", "context canceled")) != 1 {
			t.Errorf("log %q", r.log.lines())
		}
	})
}

// A stop in the pause before the next start of an encoder ends it.
func TestStopInPause(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.scripts = []script{{fate: dies, after: 13}}
		r.start()
		r.until(1025)
		if took := r.stop(); took != 0 || len(r.encoders) != 1 {
			t.Errorf("the stop took %v, %d encoders were started", took, len(r.encoders))
		}
		// The segment that is due now is lost in any case.
		r.want("1010-1019, 1020-1029 encoder")
		r.check()
	})
}

// A stop before the first frame is due leaves nothing behind.
func TestStopBeforeFirstFrame(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.start()
		if took := r.stop(); took != 0 || len(r.segments())+len(r.missing())+len(r.frames()) > 0 {
			t.Errorf("the stop took %v; account %q", took, r.account())
		}
	})
}

// What ends the process before anything was made is said: options that can't work, a store that can't be read.
func TestStartFails(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(r *rig)
		want  string
	}{
		"schedule": {func(r *rig) { r.live.Info.EventLength = 0 }, "channel main: event length"},
		"picture":  {func(r *rig) { r.live.Info.Width = 7 }, "channel main: size 7x"},
		"segments": {func(r *rig) { r.store.refuses["Segments"] = errDiskFull }, "read newest segment: no space left on device"},
		"missing":  {func(r *rig) { r.store.refuses["Missing"] = errDiskFull }, "read newest missing frames: no space left on device"},
		"frames":   {func(r *rig) { r.store.refuses["Frames"] = errDiskFull }, "read newest frame: no space left on device"},
		"markers":  {func(r *rig) { r.store.refuses["Markers"] = errDiskFull }, "read newest marker: no space left on device"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				live := r.build()
				c.spoil(r)
				err := live.Run(r.t.Context())
				if err == nil || len(err.Error()) < len(c.want) || err.Error()[:len(c.want)] != c.want || len(r.encoders) > 0 {
					t.Errorf("error %v, want %q; %d encoders were started", err, c.want, len(r.encoders))
				}
			})
		})
	}
}
