package pipeline

import (
	"slices"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

func testInfo() markers.Channel {
	return markers.Channel{Name: "main", Run: 2, Epoch: time.Unix(1000, 0).UTC(), Rate: media.FrameRate{Num: 30, Den: 1}, FramesPerSegment: 10,
		PTSOrigin: markers.PTSOrigin}
}

func unitOf(n int64, key bool) media.Unit {
	pts := testInfo().Clock().PTS(n)
	return media.Unit{Frame: n, PTS: pts, DTS: pts - 3000, Key: key, NALs: [][]byte{{0x65}}}
}

// take puts units through a ledger in the order that they leave an encoder.
func take(t *testing.T, l *ledger, key bool, frames ...int64) (batches []markers.Batch) {
	t.Helper()
	for i, n := range frames {
		f, err := l.record(0, unitOf(n, key && i == 0))
		if err != nil {
			t.Fatal(err)
		}
		batches = append(batches, l.add(f))
	}
	return batches
}

func send(l *ledger, first, last int64, events ...markers.Event) {
	for n := first; n <= last; n++ {
		p := produced{gen: time.Unix(1000, n)}
		for _, e := range events {
			if e.Scheduled <= n && n <= e.Last {
				p.event = e
				p.event.First = n
			}
		}
		l.sent(n, p)
	}
}

func framesOf(batches []markers.Batch) (list []int64) {
	for _, b := range batches {
		for _, f := range b.Frames {
			list = append(list, f.Frame)
		}
	}
	return list
}

func markersOf(batches []markers.Batch) (list []markers.Marker) {
	for _, b := range batches {
		list = append(list, b.Markers...)
	}
	return list
}

func TestLedgerWritesInPresentationOrder(t *testing.T) {
	l := newLedger(testInfo(), 20, -1, 1)
	send(l, 20, 39)
	got := take(t, l, true, 20, 23, 21, 22, 26, 24, 25, 29, 27, 28)
	got = append(got, take(t, l, true, 30, 33, 31, 32)...)
	want := []int64{20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33}
	if !slices.Equal(framesOf(got), want) {
		t.Errorf("frames %v, want %v", framesOf(got), want)
	}
	r := got[0].Frames[0]
	if r.PTS != 150000 || r.MSN != 2 || r.Offset != 0 || r.Timecode != "00:00:00:20" || r.Run != 2 || !r.Key || r.GenNS != 1000_000_000_020 {
		t.Errorf("record %+v", r)
	}
}

func TestLedgerRefusesUnknownFrames(t *testing.T) {
	l := newLedger(testInfo(), 20, -1, 1)
	send(l, 20, 20)
	take(t, l, true, 20)
	for _, n := range []int64{20, 21} {
		if _, err := l.record(0, unitOf(n, false)); err == nil {
			t.Errorf("frame %d, which was not sent or came twice, got a record", n)
		}
	}
}

// An encoder that dies in a GOP leaves holes; the next key frame ends the wait for them, in order.
func TestLedgerAfterLoss(t *testing.T) {
	l := newLedger(testInfo(), 20, -1, 1)
	send(l, 20, 29)
	got := take(t, l, true, 20, 23, 21)
	l.lost()
	if len(l.inFlight[0]) > 0 {
		t.Errorf("%d frames are still with the encoder", len(l.inFlight[0]))
	}
	send(l, 40, 49)
	got = append(got, take(t, l, true, 40, 43)...)
	got = append(got, l.flush())
	if want := []int64{20, 21, 23, 40, 43}; !slices.Equal(framesOf(got), want) {
		t.Errorf("frames %v, want %v", framesOf(got), want)
	}
}

// What is held is released in the order of presentation, in whatever order it came.
func TestLedgerFlushesInOrder(t *testing.T) {
	l := newLedger(testInfo(), 20, -1, 1)
	send(l, 20, 29)
	take(t, l, true, 20, 28, 24, 22, 26)
	if got, want := framesOf([]markers.Batch{l.flush()}), []int64{22, 24, 26, 28}; !slices.Equal(got, want) {
		t.Errorf("frames %v, want %v", got, want)
	}
}

func TestMarkers(t *testing.T) {
	event := func(number, first, last int64) markers.Event {
		return markers.Event{Kind: markers.KindScheduled, Number: number, Scheduled: first, First: first, Last: last}
	}
	t.Run("at once, though earlier pictures are still to come", func(t *testing.T) {
		l := newLedger(testInfo(), 20, -1, 1)
		send(l, 20, 29, event(1, 23, 40))
		got := take(t, l, true, 20, 23, 21, 22)
		if m := got[1].Markers; len(m) != 1 || m[0].ID != "main-e1" || m[0].Frame != 23 || m[0].GenTime.UnixNano() != 1000_000_000_023 {
			t.Errorf("markers with frame 23: %+v", m)
		}
		if len(markersOf(got)) != 1 {
			t.Errorf("%d markers, want 1", len(markersOf(got)))
		}
	})
	t.Run("in order, where an earlier event is still to come", func(t *testing.T) {
		l := newLedger(testInfo(), 20, -1, 1)
		send(l, 20, 29, event(1, 21, 21), event(2, 23, 25))
		m := markersOf(take(t, l, true, 20, 23, 21, 22, 26))
		if len(m) != 2 || m[0].Frame != 21 || m[1].Frame != 23 {
			t.Errorf("markers %+v", m)
		}
	})
	t.Run("in order, where an earlier event is held", func(t *testing.T) {
		l := newLedger(testInfo(), 20, -1, 1)
		send(l, 20, 29, event(1, 21, 21), event(2, 23, 23), event(3, 26, 27))
		m := markersOf(take(t, l, true, 20, 23, 21, 26, 22, 24, 25))
		if len(m) != 3 || m[0].Frame != 21 || m[1].Frame != 23 || m[2].Frame != 26 {
			t.Errorf("markers %+v", m)
		}
	})
	t.Run("with the first frame that is in the stream", func(t *testing.T) {
		l := newLedger(testInfo(), 20, -1, 1)
		send(l, 30, 39, event(1, 25, 35)) // 20 to 29 were skipped
		m := markersOf(take(t, l, true, 30, 33, 31, 32))
		if len(m) != 1 || m[0].Frame != 30 || m[0].ScheduledFrame != 25 || m[0].LastFrame != 35 || m[0].MSN != 3 {
			t.Errorf("markers %+v", m)
		}
	})
	t.Run("once, also after a restart", func(t *testing.T) {
		l := newLedger(testInfo(), 30, 25, 1)
		send(l, 30, 39, event(1, 25, 35))
		if m := markersOf(take(t, l, true, 30, 31)); len(m) != 0 {
			t.Errorf("markers %+v, want none: it is stored", m)
		}
	})
	t.Run("event on the frame record", func(t *testing.T) {
		l := newLedger(testInfo(), 20, -1, 1)
		send(l, 20, 29, event(4, 21, 22))
		var ids []string
		for _, b := range take(t, l, true, 20, 21, 22, 23) {
			for _, f := range b.Frames {
				ids = append(ids, f.Event)
			}
		}
		if !slices.Equal(ids, []string{"", "main-e4", "main-e4", ""}) {
			t.Errorf("events %q", ids)
		}
	})
}
