package pipeline

import (
	"slices"
	"testing"

	"github.com/refstream/refstream/markers"
)

// Every unit goes to the output, labelled and with its record, in the order of decoding.
func TestOutput(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.info.EventEvery, r.info.EventLength = 25, 8
		r.scripts = []script{{b: 2}}
		r.start()
		r.until(1039)
		r.stop()
		r.check()
		records := r.frames()
		if len(r.out.units) != 30 || len(records) != 30 {
			t.Fatalf("%d units for %d frames", len(r.out.units), len(records))
		}
		for i, u := range r.out.units {
			if n := u.Frame; n != r.encoders[0].gave[i] || u.Record != records[n-firstFrame] || u.Size() != u.Record.Bytes || len(u.NALs) != 2 {
				t.Errorf("unit %d is %+v with the record %+v", i, u.Unit, u.Record)
			}
		}
		var ids []string
		for _, m := range r.markers() {
			ids = append(ids, m.ID)
		}
		if got := r.out.markerIDs(); len(ids) == 0 || !slices.Equal(got, ids) {
			t.Errorf("markers with the units: %v, stored: %v", got, ids)
		}
	})
}

// A channel without live outputs is one like any other.
func TestNoOutput(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.set = func() { r.live.Outputs = nil }
		r.start()
		r.until(1029)
		r.stop()
		r.want("1010-1019, 1020-1029")
		r.check()
	})
}

// Live outputs that fail cost the stream nothing. It is counted for each unit, and logged when it begins.
func TestOutputFails(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.set = func() {
			r.out.fails = func(n int64) bool { return n >= 1012 && n < 1017 || n >= 1025 && n < 1028 }
		}
		r.start()
		r.until(1039)
		r.stop()
		r.want("1010-1019, 1020-1029, 1030-1039")
		r.check()
		r.checkTotals()
		if n := r.counted("output_errors_total"); n != 8 {
			t.Errorf("%v errors counted, want 8", n)
		}
		if lines := r.log.lines("the live outputs fail"); len(lines) != 2 || len(r.log.lines("write frame 1012: nobody listens")) != 1 ||
			len(r.log.lines("write frame 1025: nobody listens")) != 1 {
			t.Errorf("log %q", lines)
		}
		if len(r.out.units) != 22 {
			t.Errorf("%d units were written, want 22", len(r.out.units))
		}
	})
}

// A store that fails is said when it begins and when it is over; the stream goes on meanwhile, and nothing is lost.
func TestStoreFails(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.start()
		for i := range int64(2) {
			r.until(1014 + 20*i)
			r.store.diskFull.Store(true)
			r.until(1024 + 20*i)
			if begun, over := len(r.log.lines("store records: they are kept in memory", "no space left")), len(r.log.lines("the store works again")); begun != int(i)+1 || over != int(i) {
				t.Errorf("logged %d times that it fails, %d times that it works again: %q", begun, over, r.log.lines())
			}
			r.store.diskFull.Store(false)
			r.until(1025 + 20*i)
			if over := len(r.log.lines("the store works again")); over != int(i)+1 {
				t.Errorf("logged %d times that it works again", over)
			}
		}
		r.until(1049)
		r.stop()
		// Ten frames and a segment, twice.
		if n := r.counted("store_errors_total"); n != 22 {
			t.Errorf("%v errors counted, want 22", n)
		}
		r.want("1010-1019, 1020-1029, 1030-1039, 1040-1049")
		r.check()
		r.checkTotals()
	})
}

// An encoder whose SPS has no room for timecode is named once.
func TestNoPicTiming(t *testing.T) {
	for name, c := range map[string]struct {
		sps  string
		warn int
	}{"without an SPS": {"", 1}, "without the flag": {plainSPS, 1}, "with it": {testSPS, 0}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				s := script{}
				if c.sps != "" {
					s.sps = mustHex(t, c.sps)
				}
				again := s
				s.fate, s.after = dies, 5
				r.scripts = []script{s, again}
				r.start()
				r.until(1059)
				r.stop()
				r.check()
				if n := len(r.log.lines("pic_struct_present_flag")); n != c.warn {
					t.Errorf("warned %d times, want %d", n, c.warn)
				}
			})
		})
	}
}

// Records that are late, since another writer was there before, are logged and counted each time.
func TestStoreLeavesOut(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.start()
		r.until(1014)
		other := markers.FrameRecord{Frame: 1019, Event: "another"}
		if err := r.store.Append(t.Context(), "main", markers.Batch{Frames: []markers.FrameRecord{other}}); err != nil {
			t.Fatal(err)
		}
		r.until(1029)
		r.stop()
		lines, counted := r.log.lines("the truth lacks records", "1 of frames"), r.counted("store_errors_total")
		if want := 1019 - 1014; len(lines) != want || counted != float64(want) {
			t.Errorf("logged %d times, counted %v: want %d", len(lines), counted, want)
		}
	})
}
