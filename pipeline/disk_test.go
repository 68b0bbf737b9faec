package pipeline

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/packager"
)

// A segment that can't be written is missing, with the reason, and the stream goes on as soon as the disk works. Until
// then it is not ready.
func TestDiskFull(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.set = func() { r.hls.fails = func(msn int64) bool { return msn == 102 || msn == 103 || msn == 105 } }
		r.start()
		for _, c := range []struct {
			until int64
			ready bool
		}{{1019, true}, {1029, false}, {1039, false}, {1049, true}, {1059, false}, {1069, true}} {
			r.until(c.until)
			err := r.live.Ready(r.t.Context())
			if (err == nil) != c.ready || err != nil && !errors.Is(err, errDiskFull) {
				t.Errorf("after frame %d: ready %v, want %v", c.until, err, c.ready)
			}
		}
		r.stop()
		r.want("1010-1019, 1020-1029 publish, 1030-1039 publish, 1040-1049, 1050-1059 publish, 1060-1069")
		r.check()
		r.checkTotals()
		if d := r.lost(0).Detail; d != "publish segment 102 (frames 1020 to 1029): no space left on device" {
			t.Errorf("detail %q", d)
		}
		if n := r.counted("publish_errors_total"); n != 3 || len(r.log.lines("msg=publish", "no space")) != 3 {
			t.Errorf("%v errors counted, log %q", n, r.log.lines("msg=publish"))
		}
		if len(r.encoders) != 1 || r.hls.abandoned > 0 {
			t.Errorf("%d encoders, abandoned %d times: a full disk is no reason", len(r.encoders), r.hls.abandoned)
		}
	})
}

// What a record says of a failure has no folders of this machine in it.
func TestDetailHasNoPath(t *testing.T) {
	err := &packager.PublishError{MSN: 5, First: 50, Last: 59, Err: fmt.Errorf("write file: %w", &os.PathError{Op: "open", Path: "/srv/data/main/hls/.seg-5.ts.tmp", Err: syscall.EROFS})}
	if got, want := firstLine(err), "publish segment 5 (frames 50 to 59): write file: open .seg-5.ts.tmp: read-only file system"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A playlist that can't be written makes the stream not ready, but its segment is published.
func TestPlaylistFails(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.set = func() { r.hls.noPlaylist = func(msn int64) bool { return msn == 102 } }
		r.start()
		r.until(1029)
		if err := r.live.Ready(r.t.Context()); !errors.Is(err, packager.ErrPlaylist) {
			t.Errorf("ready: %v", err)
		}
		r.until(1039)
		if err := r.live.Ready(r.t.Context()); err != nil {
			t.Errorf("ready: %v", err)
		}
		r.stop()
		r.want("1010-1019, 1020-1029, 1030-1039")
		r.check()
		if n := r.counted("publish_errors_total"); n != 1 {
			t.Errorf("%v errors counted", n)
		}
	})
}

// The last segment of a stop that can't be published is lost and accounted for, which is no failure of the run. A
// playlist that does not end is one: players would wait for ever.
func TestDiskFullAtStop(t *testing.T) {
	lost := func(r *rig) { r.hls.fails = func(int64) bool { return true } }
	for name, c := range map[string]struct {
		set     func(r *rig)
		err     error
		account string
	}{
		"segment":           {lost, nil, "1010-1019 publish, 1020-1029 publish"},
		"playlist":          {func(r *rig) { r.hls.closeErr = packager.ErrPlaylist }, packager.ErrPlaylist, "1010-1019, 1020-1024"},
		"segment, playlist": {func(r *rig) { lost(r); r.hls.closeErr = packager.ErrPlaylist }, packager.ErrPlaylist, "1010-1019 publish, 1020-1029 publish"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.set = func() { c.set(r) }
				r.start()
				r.until(1024)
				r.cancel()
				err := r.ended()
				if !errors.Is(err, c.err) || err != nil && !strings.HasPrefix(err.Error(), "end playlist: ") {
					t.Errorf("error %v, want %v", err, c.err)
				}
				r.want(c.account)
				r.check()
			})
		})
	}
}

// A disk that stands still: units wait in the queue, which holds four segments, and what has no room is given up from
// the slot on that its first unit belongs to. When the disk works again the stream does at the next key picture.
func TestDiskStalls(t *testing.T) {
	for _, c := range []struct {
		// Frame 1020, the first of its segment, takes so many frames' time, and half a frame's.
		frames  int64
		account string
	}{
		// The queue holds 1021 to 1060.
		{39, "1010-1019, 1020-1029, 1030-1039, 1040-1049, 1050-1059, 1060-1069, 1070-1079"},
		{40, "1010-1019, 1020-1029, 1030-1039, 1040-1049, 1050-1059, 1060-1069, 1070-1079, 1080-1089, 1090-1099"},
		{41, "1010-1019, 1020-1029, 1030-1039, 1040-1049, 1050-1059, 1060-1069 publish, |1070-1079, 1080-1089, 1090-1099"},
		{49, "1010-1019, 1020-1029, 1030-1039, 1040-1049, 1050-1059, 1060-1069 publish, |1070-1079, 1080-1089, 1090-1099"},
		{50, "1010-1019, 1020-1029, 1030-1039, 1040-1049, 1050-1059, 1060-1079 publish, |1080-1089, 1090-1099"},
		{75, "1010-1019, 1020-1029, 1030-1039, 1040-1049, 1050-1059, 1060-1099 publish, |1100-1109, 1110-1119"},
	} {
		t.Run(fmt.Sprint(c.frames, " frames"), func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.set = func() {
					r.hls.stall = map[int64]time.Duration{1020: time.Duration(c.frames)*frameTime + frameTime/2}
				}
				r.start()
				last := int64(1079)
				if list := strings.Split(c.account, "-"); len(list) > 1 {
					fmt.Sscan(list[len(list)-1], &last)
				}
				r.until(last)
				r.want(c.account)
				r.stop()
				r.check()
				r.checkTotals()
				given := strings.Count(c.account, "publish")
				if n := len(r.log.lines("give up segment", "msn=106")); n != given || r.hls.abandoned != given {
					t.Errorf("%d slots were given up, abandoned %d times; want %d; log %q", n, r.hls.abandoned, given, r.log.lines())
				}
				for _, m := range r.missing() {
					if m.Detail != "the disk is too slow: the queue of access units was full" {
						t.Errorf("detail %q", m.Detail)
					}
				}
			})
		})
	}
}

// The queue has room for the end of the gap, but not for the unit behind it: that slot is given up too.
func TestDiskStallsAgain(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.set = func() {
			// With frame 1062 one message is taken from the queue. It is full again when 1070 and its gap come.
			r.hls.stall = map[int64]time.Duration{1020: 42*frameTime + frameTime/2, 1021: 33 * frameTime}
		}
		r.start()
		r.until(1119)
		r.want("1010-1019, 1020-1029, 1030-1039, 1040-1049, 1050-1059, 1060-1069 publish, 1070-1099 publish, |1100-1109, 1110-1119")
		r.stop()
		r.check()
		r.checkTotals()
		if len(r.log.lines("give up segment", "msn=106")) != 1 || len(r.log.lines("give up segment", "msn=107")) != 1 {
			t.Errorf("log %q", r.log.lines())
		}
	})
}

// An encoder that dies while slots are being given up: each slot has one record.
func TestEncoderDiesWhileDiskStalls(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.scripts = []script{{fate: dies, after: 65}}
		r.set = func() { r.hls.stall = map[int64]time.Duration{1020: 75*frameTime + frameTime/2} }
		r.start()
		r.until(1149)
		// The encoder died with frame 1074. What ends its run waits for the disk, until 1095; the next one begins then.
		r.stop()
		r.check()
		r.checkTotals()
		account := strings.Join(r.account(), ", ")
		if !strings.HasPrefix(account, "1010-1019, 1020-1029, 1030-1039, 1040-1049, 1050-1059, 1060-1") || !strings.HasSuffix(account, "1130-1139, 1140-1149") {
			t.Errorf("account %s", account)
		}
	})
}

// A machine that is too slow and a disk that is, at the same time.
func TestSkipWhileDiskStalls(t *testing.T) {
	inBubble(t, func(r *rig) {
		// Frame 1065 takes a second, so that 1070 to 1099 are skipped.
		r.scripts = []script{{slow: map[int64]time.Duration{55: 1010 * time.Millisecond}}}
		r.set = func() { r.hls.stall = map[int64]time.Duration{1020: 60*frameTime + frameTime/2} }
		r.start()
		r.until(1119)
		r.want("1010-1019, 1020-1029, 1030-1039, 1040-1049, 1050-1059, 1060-1069 publish, 1070-1099 skipped, |1100-1109, 1110-1119")
		r.stop()
		r.check()
		r.checkTotals()
		if m := r.missing(); len(m) > 0 && m[0].Reason != markers.ReasonPublish {
			t.Errorf("missing %+v", m)
		}
	})
}

// The same with a stop before the next segment begins: what was skipped keeps its reason, and so does what was given up.
func TestStopInSkipWhileDiskStalls(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.scripts = []script{{slow: map[int64]time.Duration{55: 1010 * time.Millisecond}}}
		r.set = func() { r.hls.stall = map[int64]time.Duration{1020: 60*frameTime + frameTime/2} }
		r.start()
		r.until(1092)
		r.stop()
		r.want("1010-1019, 1020-1029, 1030-1039, 1040-1049, 1050-1059, 1060-1060, 1061-1069 publish, 1070-1099 skipped")
		r.check()
		r.checkTotals()
		r.set = nil
		r.pass(time.Second)
		r.start()
		r.until(1149)
		r.stop()
		r.want("1010-1019, 1020-1029, 1030-1039, 1040-1049, 1050-1059, 1060-1060, 1061-1069 publish, 1070-1099 skipped, 1100-1119 down, |1120-1129, 1130-1139, 1140-1149")
		r.check()
	})
}
