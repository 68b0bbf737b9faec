package pipeline

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
)

// trigger asks for an event, as the API does.
func (r *rig) trigger(first, last int64, text string) markers.Trigger {
	r.t.Helper()
	tr := markers.Trigger{Frame: first, LastFrame: last, Text: text}
	if err := r.store.Journal.Append(r.t.Context(), "main", markers.Batch{Triggers: []markers.Trigger{tr}}); err != nil {
		r.t.Fatal(err)
	}
	return tr
}

// accept is trigger for one that will be rendered.
func (r *rig) accept(first, last int64, text string) {
	r.t.Helper()
	r.triggers = append(r.triggers, r.trigger(first, last, text))
}

// quietRig has no scheduled events near the frames of the test.
func quietRig(r *rig) {
	r.info.EventEvery, r.info.EventLength = 1<<30, 5
}

func (r *rig) wantMarkers(ids string) {
	r.t.Helper()
	var got []string
	for _, m := range r.markers() {
		got = append(got, m.ID)
	}
	if strings.Join(got, " ") != ids {
		r.t.Errorf("markers %q, want %q", got, ids)
	}
}

// A trigger that comes in time is rendered, one that comes too late or touches another event is refused and counted.
func TestTriggersFollowed(t *testing.T) {
	inBubble(t, func(r *rig) {
		quietRig(r)
		r.scripts = []script{{b: 2}}
		r.start()
		r.until(1015)
		r.accept(1016, 1020, "the next frame")
		r.until(1025)
		r.trigger(1025, 1030, "rendered already")
		r.accept(1032, 1033, "in time")
		r.until(1027)
		r.trigger(1034, 1036, "right behind another")
		r.accept(1045, 1049, "two at once")
		r.trigger(1046, 1047, "inside another")
		r.until(1059)
		r.stop()
		r.check()
		r.wantMarkers("main-t1016 main-t1032 main-t1045")
		if m := r.marker(1); m.Text != "in time" || m.Kind != markers.KindManual || m.Frame != 1032 || m.LastFrame != 1033 {
			t.Errorf("marker %+v", m)
		}
		if n := r.counted("triggers_refused_total"); n != 3 {
			t.Errorf("%v triggers counted as refused, want 3", n)
		}
		for _, want := range []string{"frame=1025", "frame=1034", "frame=1046"} {
			if len(r.log.lines("trigger refused", want)) != 1 {
				t.Errorf("no line for %s: %q", want, r.log.lines("refused"))
			}
		}
		if len(r.log.lines("follow triggers")) > 0 {
			t.Errorf("a stop is no failure: %q", r.log.lines("follow triggers"))
		}
	})
}

// A run takes in the triggers of events that are to come or still going on; those that are over are not looked at.
func TestTriggersLoaded(t *testing.T) {
	inBubble(t, func(r *rig) {
		quietRig(r)
		r.trigger(990, 1009, "over")
		// The first frame of the run is 1010.
		r.accept(1011, 1012, "to come")
		r.accept(1025, 1060, "over a stop")
		r.start()
		r.until(1034)
		r.stop()
		r.start()
		r.until(1069)
		r.stop()
		r.check()
		r.wantMarkers("main-t1011 main-t1025")
		if n := r.counted("triggers_refused_total"); n != 0 {
			t.Errorf("%v triggers counted as refused", n)
		}
	})
	inBubble(t, func(r *rig) {
		quietRig(r)
		r.accept(1000, 1010, "its last frame is the first of the run")
		r.start()
		r.until(1019)
		r.stop()
		r.check()
		r.wantMarkers("main-t1000")
		if m := r.marker(0); m.Frame != 1010 || m.ScheduledFrame != 1000 {
			t.Errorf("marker %+v", m)
		}
	})
}

// A trigger that was refused because it came too late stays refused when the next run begins within its event. One that was
// accepted goes on, and so does one whose frames so far are all missing.
func TestTriggersRefusedBefore(t *testing.T) {
	inBubble(t, func(r *rig) {
		quietRig(r)
		r.start()
		r.until(1025)
		r.trigger(1025, 1100, "rendered already")
		r.until(1034)
		r.stop()
		r.start()
		r.until(1069)
		r.stop()
		r.check()
		r.wantMarkers("")
		if n := len(r.log.lines("trigger refused", "frame=1025")); n != 2 {
			t.Errorf("refused %d times, want once in each run: %q", n, r.log.lines("refused"))
		}
	})
	inBubble(t, func(r *rig) {
		quietRig(r)
		r.start()
		r.until(1034)
		r.stop()
		r.accept(1036, 1100, "while nothing runs")
		r.start()
		r.until(1069)
		r.stop()
		r.check()
		r.wantMarkers("main-t1036")
	})
}

// Where triggers can't be read the stream goes on without them, and says so.
func TestTriggersUnreadable(t *testing.T) {
	for name, c := range map[string]struct{ call, log string }{
		"at the start": {"Triggers", "read triggers"},
		"later":        {"Wait", "follow triggers: no more events can be triggered"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.store.refuses[c.call] = errors.New("connection refused")
				r.start()
				r.pass(time.Second)
				r.stop()
				r.check()
				if len(r.log.lines(c.log, "connection refused")) != 1 {
					t.Errorf("log %q", r.log.lines())
				}
			})
		})
	}
}

// An event whose frames are skipped has no marker; one that begins in them has one from its first frame in the stream.
func TestTriggerDuringSkip(t *testing.T) {
	inBubble(t, func(r *rig) {
		quietRig(r)
		r.scripts = []script{{slow: map[int64]time.Duration{5: 610 * time.Millisecond}}}
		r.accept(1025, 1030, "in frames that are skipped")
		r.accept(1035, 1045, "begins in them")
		r.start()
		r.until(1059)
		r.stop()
		r.want("1010-1019, 1020-1039 skipped, 1040-1049, 1050-1059")
		r.check()
		r.wantMarkers("main-t1035")
		if m := r.marker(0); m.Frame != 1040 || m.ScheduledFrame != 1035 || m.LastFrame != 1045 {
			t.Errorf("marker %+v", m)
		}
	})
}

// A trigger that comes between the reading of the triggers at the start and the following of further ones is one of them.
func TestTriggerWhileStarting(t *testing.T) {
	inBubble(t, func(r *rig) {
		quietRig(r)
		r.accept(1012, 1013, "known at the start")
		r.store.read = func() {
			r.store.read = nil
			r.accept(1015, 1017, "meanwhile")
		}
		r.start()
		r.until(1019)
		r.stop()
		r.check()
		r.wantMarkers("main-t1012 main-t1015")
		if n := r.counted("triggers_refused_total"); n != 0 {
			t.Errorf("%v triggers counted as refused", n)
		}
	})
	inBubble(t, func(r *rig) {
		quietRig(r)
		r.start()
		r.accept(1010, 1010, "the first frame, before it is due")
		r.until(1019)
		r.stop()
		r.check()
		r.wantMarkers("main-t1010")
	})
}
