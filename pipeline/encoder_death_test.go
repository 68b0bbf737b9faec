package pipeline

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/media"
)

// An encoder that fails before it has ever given a frame is an error: another attempt can't help.
func TestEncoderDiesAtFirst(t *testing.T) {
	broken := errors.New("no such encoder")
	for name, c := range map[string]struct {
		script
		made error
		want error
	}{
		"before a frame":             {script: script{fate: dies}, want: errDied},
		"in the first frame":         {script: script{fate: diesInWrite}, want: errDied},
		"with all that it was given": {script: script{fate: dies, after: 5, lookahead: 10}, want: errDied},
		"it can't be made":           {made: broken, want: broken},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.scripts = []script{c.script}
				r.noEncoder[0] = c.made
				r.start()
				err := r.ended()
				if !errors.Is(err, c.want) || !strings.Contains(err.Error(), "encode first frame") {
					t.Errorf("error %v, want %v", err, c.want)
				}
				if len(r.encoders) != 1 || len(r.segments()) > 0 || len(r.frames()) > 0 || len(r.missing()) > 0 {
					t.Errorf("%d encoders were started; account %q", len(r.encoders), r.account())
				}
			})
		})
	}
}

// Nor can it help when its first unit can't be labelled.
func TestFirstUnitCantBeLabelled(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(i int64, u *media.Unit) bool
		want string
	}{
		"without a slice":    {func(_ int64, u *media.Unit) bool { u.NALs = [][]byte{{0x06}}; return true }, "annotate frame 1010: "},
		"was never rendered": {func(_ int64, u *media.Unit) bool { u.Frame += 100; return true }, "record frame 1110: "},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.next = func() script { return script{edit: c.edit} }
				r.start()
				err := r.ended()
				if err == nil || !strings.HasPrefix(err.Error(), "encode first frame: ") || strings.Count(err.Error(), c.want) != 1 {
					t.Errorf("error %v, want %q in it once", err, c.want)
				}
				if len(r.encoders) != 1 || len(r.segments()) > 0 || len(r.frames()) > 0 || len(r.missing()) > 0 {
					t.Errorf("%d encoders were started; account %q", len(r.encoders), r.account())
				}
			})
		})
	}
}

// The encoder dies in the middle of a segment: the stream goes on at the segment that is due then, behind a
// discontinuity, and what was lost has a record with the reason.
func TestEncoderDies(t *testing.T) {
	for name, c := range map[string]struct {
		script
		account string
	}{
		// Frame 1034 is the 25th. 250 ms later frame 1040 is past.
		"after a frame":   {script{fate: dies, after: 25}, "1010-1019, 1020-1029, 1030-1049 encoder, |1050-1059"},
		"in a frame":      {script{fate: diesInWrite, after: 25}, "1010-1019, 1020-1029, 1030-1049 encoder, |1050-1059"},
		"with B pictures": {script{fate: dies, after: 25, b: 2}, "1010-1019, 1020-1029, 1030-1049 encoder, |1050-1059"},
		// The last six units are in the encoder, so segment 1020 is not whole.
		"with a lookahead":        {script{fate: dies, after: 25, lookahead: 6}, "1010-1019, 1020-1049 encoder, |1050-1059"},
		"between segments":        {script{fate: dies, after: 20}, "1010-1019, 1020-1029, 1030-1039 encoder, |1040-1049, 1050-1059"},
		"unnoticed by the writer": {script{fate: diesInWrite, after: 25, deaf: true}, "1010-1019, 1020-1029, 1030-1049 encoder, |1050-1059"},
		"by itself":               {script{fate: ends, after: 25}, "1010-1019, 1020-1029, 1030-1049 encoder, |1050-1059"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.scripts = []script{c.script}
				r.start()
				r.until(1059)
				r.want(c.account)
				r.stop()
				r.check()
				r.checkTotals()
				if len(r.encoders) != 2 || r.encoders[1].wrote[0]%10 != 0 {
					t.Fatalf("%d encoders; the second has to begin with a segment", len(r.encoders))
				}
				missing := r.lost(0)
				detail := "exit status 187: killed"
				if c.fate == ends {
					detail = "encoder ended by itself"
				}
				if missing.Detail != detail || !missing.At.Equal(r.encoders[1].started) {
					t.Errorf("missing record %+v", missing)
				}
				if len(r.log.lines("encoder ended: starting it again")) != 1 || r.hls.abandoned != 1 {
					t.Errorf("abandoned %d times, log %q", r.hls.abandoned, r.log.lines())
				}
			})
		})
	}
}

// Units that a dead encoder had given have their records at once, whatever was to come before them.
func TestEncoderDiesWithFramesHeld(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.scripts = []script{{fate: dies, after: 25, b: 3, lookahead: 2}, {b: 3}}
		r.start()
		r.until(1039)
		// Of the segment that begins at 1030 the encoder was given 1030 to 1034. It coded 1030, 1034, 1031, 1032, 1033 and
		// kept the last two.
		var got []int64
		for _, f := range r.frames() {
			if f.Frame >= 1030 {
				got = append(got, f.Frame)
			}
		}
		if !slices.Equal(got, []int64{1030, 1031, 1034}) {
			t.Errorf("records of the segment that was lost: %v", got)
		}
		r.until(1065)
		r.stop()
		r.check()
	})
}

// The pause before the next start grows while encoders end soon, to 8 s, and is over when one has run for 10 s.
func TestRestartPauses(t *testing.T) {
	inBubble(t, func(r *rig) {
		soon := script{fate: dies, after: 1}
		for range 8 {
			r.scripts = append(r.scripts, soon)
		}
		r.scripts = append(r.scripts, script{fate: dies, after: 251}, script{fate: dies, after: 240}, soon)
		r.start()
		r.pass(90 * time.Second)
		var pauses []string
		for _, line := range r.log.lines("starting it again") {
			_, pause, _ := strings.Cut(line, " pause=")
			pauses = append(pauses, strings.TrimSpace(pause))
		}
		want := []string{"250ms", "500ms", "1s", "2s", "4s", "8s", "8s", "8s", "0s", "250ms", "500ms"}
		if !slices.Equal(pauses, want) {
			t.Errorf("pauses %v, want %v", pauses, want)
		}
		// The starts keep to them: an encoder's first frame comes within a segment, or two, of its start.
		starts := r.starts()
		for i, pause := range []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second} {
			if d := starts[i+1] - starts[i]; d < pause || d > pause+2*segmentTime {
				t.Errorf("start %d came %v after the one before, the pause is %v", i+1, d, pause)
			}
		}
		r.stop()
		r.check()
		r.checkTotals()
	})
}

// An encoder that refuses a frame gives back what it has, and is followed by another.
func TestEncoderRefusesFrame(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.scripts = []script{{b: 2, lookahead: 5, refuse: map[int64]error{1035: errors.New("not a picture of this size")}}}
		r.start()
		r.until(1059)
		r.want("1010-1019, 1020-1029, 1030-1049 encoder, |1050-1059")
		r.stop()
		r.check()
		r.checkTotals()
		if d := r.lost(0).Detail; d != "not a picture of this size" || len(r.encoders[0].gave) != 25 {
			t.Errorf("detail %q; %d units were given", d, len(r.encoders[0].gave))
		}
	})
}

// Once frames have come, failures to start are survived: a full process table, say, passes.
func TestLaterEncoderFailsToStart(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.scripts = []script{{fate: dies, after: 10}, {}, {fate: dies}}
		r.noEncoder[1] = errors.New("no more processes")
		r.start()
		r.pass(4 * time.Second)
		r.stop()
		r.check()
		if missing := r.missing(); len(missing) != 3 || missing[1].Detail != "make encoder: no more processes" || missing[2].Detail != "exit status 187: killed" {
			t.Errorf("missing %+v", missing)
		}
	})
}

// A unit that can't be labelled ends its encoder: no frame is passed on unlabelled or under a wrong number.
func TestUnitThatCantBeLabelled(t *testing.T) {
	for name, edit := range map[string]func(i int64, u *media.Unit) bool{
		"without a slice":    func(i int64, u *media.Unit) bool { u.NALs = [][]byte{{0x06}}; return true },
		"came out twice":     func(i int64, u *media.Unit) bool { u.Frame--; return true },
		"was never rendered": func(i int64, u *media.Unit) bool { u.Frame += 100; return true },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.scripts = []script{{edit: func(i int64, u *media.Unit) bool { return i != 15 || edit(i, u) }}}
				r.start()
				r.until(1065)
				r.want("1010-1019, 1020-1039 encoder, |1040-1049, 1050-1059")
				r.stop()
				r.check()
				if len(r.encoders) != 2 {
					t.Errorf("%d encoders were started", len(r.encoders))
				}
			})
		})
	}
}
