package pipeline

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/stream"
)

// stepBack sets the clock back for the next run, which starts its own clock by the wall's.
func (r *rig) stepBack(d time.Duration) { r.pacer.ahead.Add(-int64(d)) }

// sentOnce is an output that notes which run sent a frame, as long as the process lives: no two may.
type sentOnce struct {
	r   *rig
	run map[int64]int64
}

func (o *sentOnce) Write(u stream.Unit) error {
	if o.r.store.dead.Load() {
		return nil
	}
	if before, twice := o.run[u.Frame]; twice {
		o.r.t.Errorf("frame %d was sent by run %d and by run %d", u.Frame, before, o.r.info.Run)
	}
	o.run[u.Frame] = o.r.info.Run
	return nil
}

// watchSent has the following runs note what they send.
func (r *rig) watchSent() *sentOnce {
	o := &sentOnce{r, map[int64]int64{}}
	set := r.set
	r.set = func() {
		if set != nil {
			set()
		}
		r.live.Outputs = []reader{o}
	}
	return o
}

// check holds the records against what was sent: those are of the run that sent the frame, and none was refused because
// an earlier run's is kept in its place.
func (o *sentOnce) check() {
	o.r.t.Helper()
	for _, f := range o.r.frames() {
		if run, sent := o.run[f.Frame]; sent && run != f.Run {
			o.r.t.Errorf("frame %d was sent by run %d, the ledger keeps the record of run %d", f.Frame, run, f.Run)
		}
	}
	for kind, n := range o.r.store.LeftOut() {
		if n > 0 {
			o.r.t.Errorf("%d records of %s came twice or too late", n, kind)
		}
	}
}

// A process is killed between any two writes, and the wall clock stepped back meanwhile: the next run goes on behind the
// newest frame of which anything is stored. What was recorded and not published is missing, exactly that, and no frame
// has the truths of two runs.
func TestKilledThenClockBack(t *testing.T) {
	for _, b := range []int{0, 2} {
		for k, done := int64(0), false; !done; k++ {
			inBubble(t, func(r *rig) {
				r.info.EventEvery, r.info.EventLength = 30, 12
				r.scripts = []script{{b: b}, {b: b}}
				r.store.dies.Store(k)
				sent := r.watchSent()
				r.start()
				r.until(1045)
				done = !r.store.dead.Load()
				r.kill()
				first := r.frames()
				published := r.segments()
				r.stepBack(time.Second)
				r.start()
				r.pass(time.Second + 4*segmentTime)
				r.stop()
				sent.check()
				r.checkAccount()
				if len(published) > 0 {
					begin := r.encoders[1].wrote[0]
					in := map[int64]bool{}
					for _, s := range published {
						for n := s.FirstFrame; n <= s.LastFrame; n++ {
							in[n] = true
						}
					}
					why := map[int64]string{}
					for _, m := range r.missing() {
						for n := m.Frame; n <= m.LastFrame; n++ {
							why[n] = m.Reason
						}
					}
					recorded := map[int64]bool{}
					for _, f := range first {
						recorded[f.Frame] = true
						if !in[f.Frame] && why[f.Frame] != markers.ReasonPublish {
							t.Errorf("frame %d was recorded and not published: %q", f.Frame, why[f.Frame])
						}
					}
					for n := published[len(published)-1].LastFrame + 1; n < begin; n++ {
						if !recorded[n] && why[n] != markers.ReasonDown {
							t.Errorf("frame %d was not recorded: %q", n, why[n])
						}
					}
					if r.info.Clock().Offset(begin) != 0 {
						t.Errorf("the run began with frame %d, in the middle of a segment", begin)
					}
				}
				if t.Failed() {
					t.Fatalf("b %d, killed after %d writes: %q", b, k, r.account())
				}
			})
		}
	}
}

// fakeReached is a file that a full disk does not keep from being written.
type fakeReached struct{ frame int64 }

func (f *fakeReached) Frame() int64 { return f.frame }

func (f *fakeReached) Reach(n int64) error {
	f.frame = n
	return nil
}

// The disk is full, so that frames are sent and nothing of them is kept; the process is killed, and the clock set back by more
// than a segment: no frame is sent twice, and those that only live clients got are missing.
func TestDiskFullKilledAndClockBack(t *testing.T) {
	for _, b := range []int{0, 2} {
		inBubble(t, func(r *rig) {
			r.scripts = []script{{b: b}, {b: b}}
			sent, file := r.watchSent(), &fakeReached{-1}
			set := r.set
			r.set = func() {
				set()
				r.live.Reached = file
				if r.info.Run == 1 {
					r.hls.fails = func(msn int64) bool { return msn >= 103 }
				}
			}
			r.start()
			r.until(1029)
			r.store.lossy.Store(true)
			r.until(1075)
			r.kill()
			r.store.lossy.Store(false)
			r.stepBack(4 * segmentTime)
			r.start()
			r.pass(4*segmentTime + 3*segmentTime)
			r.stop()
			sent.check()
			r.checkAccount()
			if got := strings.Join(r.account(), ", "); !strings.Contains(got, "-1079 publish, |1080-1089, ") {
				t.Errorf("account %s", got)
			}
		})
	}
}

// Whatever log the newest frame is in, the stream goes on behind it.
func TestGoesOnBehindTheNewest(t *testing.T) {
	m := markers.Marker{ID: "main-t1", Frame: 1334, LastFrame: 1400, ScheduledFrame: 1334}
	for name, b := range map[string]markers.Batch{
		"a record":  {Frames: []markers.FrameRecord{{Frame: 1334}}},
		"a marker":  {Markers: []markers.Marker{m}},
		"a segment": {Segments: []markers.SegmentRecord{{MSN: 133, FirstFrame: 1330, LastFrame: 1334}}},
		"missing":   {Missing: []markers.MissingRecord{{Frame: 1330, LastFrame: 1334}}},
		"late":      {Missing: []markers.MissingRecord{{Frame: 1330, LastFrame: 1334}, {Frame: 1200, LastFrame: 1204}}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				if err := r.store.Append(r.t.Context(), "main", b); err != nil {
					t.Fatal(err)
				}
				r.start()
				r.until(1345)
				if wrote := r.encoders[0].wrote; wrote[0] != 1340 {
					t.Errorf("the run began with frame %d, want 1340", wrote[0])
				}
				r.stop()
			})
		})
	}
}

// With the clock an hour back the stream waits, and readiness, position and log say until when. Triggers for frames that
// will never be rendered are refused. When the clock is set right, it goes on at once.
func TestWaitsForTheClock(t *testing.T) {
	inBubble(t, func(r *rig) {
		sent := r.watchSent()
		r.start()
		r.until(1045)
		promised := markers.Trigger{Frame: 1047, LastFrame: 1049, Text: "promised"}
		r.kill()
		if err := r.store.Append(r.t.Context(), "main", markers.Batch{Triggers: []markers.Trigger{promised}}); err != nil {
			t.Fatal(err)
		}
		r.stepBack(time.Hour)
		r.start()
		r.pass(10 * time.Second)
		begins := r.info.Clock().UTC(1050)
		err := r.live.Ready(t.Context())
		for _, want := range []string{"waits until " + begins.Format(time.RFC3339), "frame 1050", "up to 1045"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("ready %v, want %q", err, want)
			}
		}
		if p := r.live.Position(); p.Starting || !p.Begins.Equal(begins) || p.Next != 1050 || p.Newest != 1045 {
			t.Errorf("position %+v", p)
		}
		if n := len(r.log.lines("waits for it", "frame=1050", "until="+begins.Format("2006-01-02T15:04:05"))); n != 1 {
			t.Errorf("logged %d times: %q", n, r.log.lines())
		}
		r.want("1010-1019, 1020-1029, 1030-1039, 1040-1045 publish")
		if len(r.encoders) != 1 {
			t.Error("an encoder runs while the stream waits")
		}
		// Somebody sets the clock right.
		r.pacer.step.Store(int64(time.Hour))
		r.pass(4 * segmentTime)
		synctest.Wait()
		if p := r.live.Position(); !p.Begins.IsZero() || p.Next <= 1300 {
			t.Errorf("position %+v", p)
		}
		if err := r.live.Ready(t.Context()); err != nil {
			t.Error(err)
		}
		r.stop()
		if n := len(r.log.lines("trigger refused", "frame=1047", "before the stream goes on, with frame")); n != 1 {
			t.Errorf("trigger refused %d times: %q", n, r.log.lines())
		}
		if n := r.counted("triggers_refused_total"); n != 1 {
			t.Errorf("%v triggers refused", n)
		}
		sent.check()
		r.checkAccount()
	})
}

// A trigger that comes while the stream runs, for a frame before it went on, is refused with that reason.
func TestTriggerBeforeTheRun(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.start()
		r.until(1012)
		r.refuses(markers.Trigger{Frame: 1004, LastFrame: 1005}, "its first frame is before the stream goes on, with frame 1010")
		r.stop()
	})
}

func (r *rig) refuses(t markers.Trigger, refused string) {
	r.t.Helper()
	if err := r.store.Append(r.t.Context(), "main", markers.Batch{Triggers: []markers.Trigger{t}}); err != nil {
		r.t.Fatal(err)
	}
	synctest.Wait()
	if len(r.log.lines("trigger refused", refused)) != 1 {
		r.t.Errorf("log %q, want %q", r.log.lines(), refused)
	}
}

// The wall clock is set back while the stream runs: all that is said of the stream's time goes on as before, and the step
// is logged, once, with its size. So it is when the clock is set right again.
func TestClockSetBackWhileRunning(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.start()
		r.until(1025)
		r.pacer.step.Store(-int64(time.Hour))
		r.until(1055)
		if err := r.live.Ready(t.Context()); err != nil {
			t.Error(err)
		}
		if p := r.live.Position(); p.Now.Sub(r.info.Clock().UTC(1055)) > frameTime || p.Next != 1056 {
			t.Errorf("position %+v", p)
		}
		if n := len(r.log.lines("the wall clock was set back", "by=-1h0m0s")); n != 1 {
			t.Errorf("log %q", r.log.lines())
		}
		r.pacer.step.Store(0)
		r.until(1079)
		r.stop()
		if n := len(r.log.lines("the wall clock went forward", "by=1h0m0s")); n != 1 {
			t.Errorf("log %q", r.log.lines())
		}
		if n := len(r.log.lines("the wall clock")); n != 2 {
			t.Errorf("log %q", r.log.lines())
		}
		for _, f := range r.frames() {
			if late := f.GenNS - f.UTC.UnixNano(); late < 0 || late > int64(frameTime) {
				t.Errorf("frame %d was made %d ns after its time", f.Frame, late)
			}
		}
		families, err := r.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == "refstream_encoder_latency_seconds" {
				if sum := f.GetMetric()[0].GetHistogram().GetSampleSum(); sum < 0 || sum > 10 {
					t.Errorf("latencies sum to %v s", sum)
				}
			}
		}
		r.want("1010-1019, 1020-1029, 1030-1039, 1040-1049, 1050-1059, 1060-1069, 1070-1079")
		r.check()
	})
}
