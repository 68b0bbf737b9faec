package pipeline

import (
	"context"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
)

// After a stop the next run goes on at the segment that is due; the time between is one record of missing frames.
func TestResumeAfterStop(t *testing.T) {
	for name, c := range map[string]struct {
		script
		stop    int64 // after this frame
		down    time.Duration
		next    int64 // the first frame of the second run
		account string
	}{
		"in a segment":     {script{}, 1034, 2 * time.Second, 1090, "1010-1019, 1020-1029, 1030-1034, 1035-1089 down, |1090-1099, 1100-1109"},
		"between segments": {script{}, 1029, 2 * time.Second, 1080, "1010-1019, 1020-1029, 1030-1079 down, |1080-1089, 1090-1099"},
		"at once":          {script{}, 1034, 0, 1040, "1010-1019, 1020-1029, 1030-1034, 1035-1039 down, |1040-1049, 1050-1059"},
		"one frame":        {script{}, 1038, 0, 1040, "1010-1019, 1020-1029, 1030-1038, 1039-1039 down, |1040-1049, 1050-1059"},
		"nothing missing":  {script{}, 1029, 0, 1030, "1010-1019, 1020-1029, |1030-1039, 1040-1049"},
		// Segments were published after the newest missing record.
		"a skip before": {script{slow: map[int64]time.Duration{5: 610 * time.Millisecond}}, 1060, time.Second, 1090,
			"1010-1019, 1020-1039 skipped, 1040-1049, 1050-1059, 1060-1060, 1061-1089 down, |1090-1099, 1100-1109"},
		// The newest missing record is behind the newest segment.
		"in the pause of an encoder": {script{fate: dies, after: 13}, 1025, time.Second, 1060,
			"1010-1019, 1020-1029 encoder, 1030-1059 down, |1060-1069, 1070-1079"},
		// 1014 to 1019 stay in the encoder: they come before the frames that were skipped, and so does their record.
		"a segment cut short before a skip": {script{lookahead: 6, stuck: true, slow: map[int64]time.Duration{5: 1010 * time.Millisecond}}, 1045, time.Second, 1110,
			"1010-1013, 1014-1019 encoder, 1020-1049 skipped, 1050-1109 down, |1110-1119, 1120-1129"},
		// Nothing of segment 1010 has left the encoder.
		"a skip behind a segment in the encoder": {script{lookahead: 40, stuck: true, slow: map[int64]time.Duration{5: 1010 * time.Millisecond}}, 1045, time.Second, 1110,
			"1010-1019 encoder, 1020-1049 skipped, 1050-1109 down, 1110-1119, 1120-1129"},
		"before anything was published": {script{fate: hangs}, 1025, time.Second, 1110, "1110-1119, 1120-1129"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.scripts = []script{c.script}
				r.start()
				r.until(c.stop)
				r.stop()
				r.pass(c.down)
				at := time.Now()
				r.start()
				r.until(c.next + 19)
				r.stop()
				r.want(c.account)
				r.check()
				for _, m := range r.missing() {
					if m.Reason == markers.ReasonDown && (!m.At.Equal(at) || r.counted("frames_missing_total", m.Reason) != float64(m.LastFrame-m.Frame+1)) {
						t.Errorf("record %+v, counted %v; the run began at %v", m, r.counted("frames_missing_total", m.Reason), at)
					}
				}
			})
		})
	}
}

// Where the newest records are from: the later of published and missing counts.
func TestPast(t *testing.T) {
	segment := func(msn, last int64) markers.SegmentRecord {
		return markers.SegmentRecord{MSN: msn, FirstFrame: 10 * msn, LastFrame: last}
	}
	for name, c := range map[string]struct {
		markers.Batch
		want past
	}{
		"nothing":         {markers.Batch{}, past{-1, -1}},
		"segments":        {markers.Batch{Segments: []markers.SegmentRecord{segment(1, 19), segment(2, 24)}}, past{24, -1}},
		"missing":         {markers.Batch{Missing: []markers.MissingRecord{{Frame: 10, LastFrame: 39}}}, past{39, -1}},
		"missing behind":  {markers.Batch{Segments: []markers.SegmentRecord{segment(1, 19)}, Missing: []markers.MissingRecord{{Frame: 20, LastFrame: 49}}}, past{49, -1}},
		"segments behind": {markers.Batch{Segments: []markers.SegmentRecord{segment(3, 39)}, Missing: []markers.MissingRecord{{Frame: 10, LastFrame: 29}}}, past{39, -1}},
		"markers": {markers.Batch{Markers: []markers.Marker{{ID: "a", ScheduledFrame: 5, Frame: 7, LastFrame: 9},
			{ID: "b", ScheduledFrame: 12, Frame: 30, LastFrame: 40}}},
			past{-1, 12}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				if err := r.store.Append(r.t.Context(), "main", c.Batch); err != nil {
					t.Fatal(err)
				}
				if got, err := r.build().past(r.t.Context()); err != nil || got != c.want {
					t.Errorf("%+v, %v; want %+v", got, err, c.want)
				}
			})
		})
	}
}

// A process that is killed between any two writes to the store: the next run accounts for what is not stored. On the
// way there are a skip, an encoder that dies, a segment that can't be published, and events.
func TestResumeAfterKill(t *testing.T) {
	for k, done := int64(0), false; !done; k++ {
		inBubble(t, func(r *rig) {
			r.info.EventEvery, r.info.EventLength = 30, 12
			r.scripts = []script{{b: 2, fate: dies, after: 28, slow: map[int64]time.Duration{4: 700 * time.Millisecond}}, {b: 2}}
			r.set = func() { r.hls.fails = func(msn int64) bool { return msn == 104 } }
			r.store.dies.Store(k)
			r.start()
			r.until(1085)
			done = !r.store.dead.Load() // there were no more writes
			r.kill()
			r.pass(time.Second)
			r.start()
			r.pass(3 * segmentTime)
			r.stop()
			r.check()
			if t.Failed() {
				t.Fatalf("killed after %d writes: %q", k, r.account())
			}
		})
	}
}

// The clock was set back, or the epoch lies in the future: the stream waits for what it has published already, and says
// so. No frame is rendered twice.
func TestResumeAheadOfTheClock(t *testing.T) {
	inBubble(t, func(r *rig) {
		ahead := markers.SegmentRecord{MSN: 1000, FirstFrame: 10000, LastFrame: 10009}
		if err := r.store.Append(r.t.Context(), "main", markers.Batch{Segments: []markers.SegmentRecord{ahead}}); err != nil {
			t.Fatal(err)
		}
		r.start()
		if len(r.log.lines("ahead of the clock", "frame=10010")) != 1 {
			t.Errorf("log %q", r.log.lines())
		}
		r.until(10029)
		r.stop()
		r.want("10000-10009, |10010-10019, 10020-10029")
	})
	inBubble(t, func(r *rig) {
		r.info.Epoch = time.Now().Add(30 * time.Second).UTC()
		r.pacer.clock = r.info.Clock()
		r.start()
		r.pass(30*time.Second + 2*segmentTime)
		r.stop()
		r.want("0-9, 10-19, 20-20")
		if len(r.log.lines("ahead of the clock")) > 0 {
			t.Errorf("log %q", r.log.lines())
		}
	})
}

// An event that goes on over a stop has one marker, which the next run does not write again.
func TestResumeInEvent(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.info.EventEvery, r.info.EventLength = 160, 150
		ev := r.scenario().Next(firstFrame)
		stop := max(ev.First, firstFrame) + 20
		r.start()
		r.until(stop)
		r.stop()
		if got := len(r.markers()); got != 1 {
			t.Errorf("%d markers, want 1", got)
		}
		r.start()
		r.pass(4 * segmentTime)
		r.stop()
		r.check()
		if m := r.markers(); len(m) != 1 || m[0].Run != 1 || m[0].LastFrame != ev.Last {
			t.Errorf("markers %+v", m)
		}
	})
}

// The context of a process that is asked to stop while it starts.
func TestStopWhileStarting(t *testing.T) {
	inBubble(t, func(r *rig) {
		live := r.build()
		ctx, cancel := context.WithCancel(r.t.Context())
		cancel()
		if err := live.Run(ctx); err != nil {
			t.Errorf("error %v", err)
		}
		if !r.hls.closed || len(r.account()) > 0 {
			t.Errorf("closed %v, account %q", r.hls.closed, r.account())
		}
	})
}
