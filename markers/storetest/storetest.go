// Package storetest is the conformance suite of markers.Store: every store passes it, and then behaves like the others.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
)

// patience bounds what should happen soon.
const patience = 20 * time.Second

// Options state how the suite gets its stores.
type Options struct {
	// Open makes an empty store, which the suite closes.
	Open func(t *testing.T) markers.Store
	// Reopen, where it is given, stands for a restart: it closes a store and opens it again with all that it held.
	Reopen func(t *testing.T, s markers.Store) markers.Store
}

// Run runs the suite.
func Run(t *testing.T, o Options) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(*suite)
	}{
		{"empty", (*suite).testEmpty},
		{"channels", (*suite).testChannels},
		{"append every kind", (*suite).testKinds},
		{"append twice and late", (*suite).testIdempotent},
		{"missing records come late", (*suite).testLate},
		{"renditions at their own pace", (*suite).testRenditions},
		{"faults come in any order", (*suite).testFaults},
		{"detections come in any order", (*suite).testDetections},
		{"refuse what no log can hold", (*suite).testRefused},
		{"times as written", (*suite).testTimes},
		{"ranges", (*suite).testRanges},
		{"long ranges", (*suite).testLongRanges},
		{"copies", (*suite).testCopies},
		{"trim and last", (*suite).testTrim},
		{"wait", (*suite).testWait},
		{"wait for a channel to come", (*suite).testWaitChannel},
		{"wait after trim", (*suite).testWaitTrimmed},
		{"concurrent use", (*suite).testConcurrent},
		{"unknown kind", (*suite).testUnknownKind},
		{"close ends wait", (*suite).testClose},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			s := &suite{T: t, ctx: ctx, options: o, Store: o.Open(t)}
			defer func() {
				if err := s.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			}()
			c.test(s)
		})
	}
}

type suite struct {
	*testing.T
	markers.Store
	ctx     context.Context
	options Options
}

func (s *suite) restart() {
	if s.options.Reopen != nil {
		s.Store = s.options.Reopen(s.T, s.Store)
	}
}

func (s *suite) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *suite) append(channel string, b markers.Batch) {
	s.Helper()
	s.ok(s.Append(s.ctx, channel, b))
}

// late appends a batch of which the store leaves out some records that it lacks.
func (s *suite) late(channel string, b markers.Batch) {
	s.Helper()
	if err := s.Append(s.ctx, channel, b); !errors.Is(err, markers.ErrLate) {
		s.Fatalf("append: %v, want an error that wraps ErrLate", err)
	}
}

// frames checks which frames a range of frame records holds.
func (s *suite) frames(channel string, r markers.Range, want ...int64) {
	s.Helper()
	recs, err := s.Frames(s.ctx, channel, r)
	s.ok(err)
	got := []int64{}
	for _, f := range recs {
		got = append(got, f.Frame)
		if want := Frame(f.Frame); f != want {
			s.Fatalf("frame %d reads back as\n%+v, want\n%+v", f.Frame, f, want)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		s.Fatalf("range %+v: frames %v, want %v", r, got, want)
	}
}

// kinds checks which logs a channel has.
func (s *suite) kinds(channel string, want ...markers.Kind) {
	s.Helper()
	got, err := s.Kinds(s.ctx, channel)
	s.ok(err)
	slices.Sort(got)
	if slices.Sort(want); !slices.Equal(got, want) {
		s.Fatalf("kinds of %s are %v, want %v", channel, got, want)
	}
}

func (s *suite) last(channel string, k markers.Kind, want markers.ID) {
	s.Helper()
	got, err := s.Last(s.ctx, channel, k)
	s.ok(err)
	if got != want {
		s.Fatalf("last %s of %s is %s, want %s", k, channel, got, want)
	}
}

func (s *suite) testEmpty() {
	for _, k := range markers.Kinds() {
		s.last("none", k, markers.ID{})
		s.ok(s.Trim(s.ctx, "none", k, markers.AtFrame(100)))
		s.last("none", k, markers.ID{})
	}
	s.kinds("none", markers.Kinds()...)
	s.frames("none", markers.Range{})
	s.frames("none", markers.Range{Desc: true, Limit: 5})
	s.append("none", markers.Batch{})
	if _, err := s.Channel(s.ctx, "none"); !errors.Is(err, markers.ErrNotFound) {
		s.Fatalf("error %v, want one that wraps ErrNotFound", err)
	}
	list, err := s.Channels(s.ctx)
	s.ok(err)
	if len(list) != 0 {
		s.Fatalf("channels %v in an empty store", list)
	}
	s.ok(s.Ready(s.ctx))
}

func (s *suite) testChannels() {
	a, b := Channel("a"), Channel("b")
	s.ok(s.PutChannel(s.ctx, b))
	s.ok(s.PutChannel(s.ctx, a))
	a.Run, a.Window = 7, 99
	s.ok(s.PutChannel(s.ctx, a))
	s.append("c", markers.Batch{Frames: Frames(0, 3)})
	s.restart()
	got, err := s.Channel(s.ctx, "a")
	s.ok(err)
	if !reflect.DeepEqual(got, a) {
		s.Fatalf("channel\n%+v, want\n%+v", got, a)
	}
	list, err := s.Channels(s.ctx)
	s.ok(err)
	if want := []markers.Channel{a, b}; !reflect.DeepEqual(list, want) {
		s.Fatalf("channels\n%+v, want\n%+v", list, want)
	}
	for _, bad := range []markers.Channel{{}, {Name: "x"}, {Name: "../x", Rate: a.Rate, FramesPerSegment: 1},
		{Name: "x", Rate: a.Rate}} {
		if err := s.PutChannel(s.ctx, bad); err == nil {
			s.Fatalf("channel %+v was taken", bad)
		}
	}
}

func (s *suite) testKinds() {
	b := Batch()
	s.append("main", b)
	s.append("other", markers.Batch{Frames: Frames(5, 6)})
	s.restart()
	s.kinds("main", b.Kinds()...)
	for _, k := range b.Kinds() {
		got, err := s.Read(s.ctx, "main", k, markers.Range{})
		s.ok(err)
		want := b.Records(k)
		if len(want) == 0 || !reflect.DeepEqual(got, want) {
			s.Fatalf("%s read back\n%+v, want\n%+v", k, got, want)
		}
		s.last("main", k, want[len(want)-1].RecordID())
	}
	s.frames("other", markers.Range{}, 5)
}

func (s *suite) testIdempotent() {
	s.append("main", markers.Batch{Frames: Frames(10, 13)})
	s.append("main", markers.Batch{Frames: Frames(10, 13)})
	s.restart()
	s.late("main", markers.Batch{Frames: Frames(8, 15), Markers: []markers.Marker{Marker(1)}}) // 8 and 9 are late, 10 to 12 there, 13 and 14 new
	s.last("main", markers.Markers, markers.ID{Frame: 1, Sub: 1})
	s.restart()
	s.append("main", markers.Batch{Frames: Frames(10, 15)})
	s.frames("main", markers.Range{}, 10, 11, 12, 13, 14)
	changed := Frame(14)
	changed.Bytes = 1
	s.late("main", markers.Batch{Frames: []markers.FrameRecord{changed}})
	s.append("main", markers.Batch{Frames: []markers.FrameRecord{Frame(20), Frame(20)}})
	s.late("main", markers.Batch{Frames: Frames(17, 18)})
	s.frames("main", markers.Range{}, 10, 11, 12, 13, 14, 20)
	s.late("main", markers.Batch{Frames: Frames(0, 1), Markers: []markers.Marker{Marker(5)}})
	s.last("main", markers.Markers, markers.ID{Frame: 5, Sub: 1})
	s.append("main", markers.Batch{Segments: []markers.SegmentRecord{Segment(1), Segment(1)}})
	s.append("main", markers.Batch{Segments: []markers.SegmentRecord{Segment(1)}})
	s.last("main", markers.Segments, markers.ID{Frame: 60, Sub: 1})
	// Frame 0 is a frame like any other.
	s.append("zero", markers.Batch{Frames: Frames(0, 2)})
	s.restart()
	s.frames("zero", markers.Range{}, 0, 1)
}

func (s *suite) testRefused() {
	far, backwards := Trigger(5), Missing(9)
	far.LastFrame, backwards.LastFrame = 1_000_000_000_000, 8
	misplaced := Missing(9)
	misplaced.Place = markers.AtFrame(8)
	stranger, unnamed := Fault("other-x", 5), Fault("main-x", 5)
	unnamed.ID = ""
	before := Marker(7)
	before.Frame = 6
	nobody, sure, early := Detection(5), Detection(5), Detection(5)
	nobody.Source, sure.Confidence, early.Time, early.EndTime = "no/name", "1.1", -1, -1
	for _, b := range []markers.Batch{
		{Frames: Frames(0, 5), Detections: []markers.Detection{nobody}},
		{Frames: Frames(0, 5), Detections: []markers.Detection{sure}},
		{Frames: Frames(0, 5), Detections: []markers.Detection{early}},
		{Frames: Frames(0, 5), Faults: []markers.FaultRecord{stranger}},
		{Frames: Frames(0, 5), Faults: []markers.FaultRecord{unnamed}},
		{Frames: Frames(-1, 1)},
		{Frames: Frames(0, 5), Markers: []markers.Marker{Marker(-7)}},
		{Frames: Frames(0, 5), Triggers: []markers.Trigger{far}},
		{Frames: Frames(0, 5), Missing: []markers.MissingRecord{backwards}},
		{Frames: Frames(0, 5), Missing: []markers.MissingRecord{misplaced}},
		{Frames: Frames(0, 5), Markers: []markers.Marker{before}},
		{Frames: Frames(markers.MaxFrame+1, markers.MaxFrame+2)},
		{Frames: Frames(0, 5), Segments: []markers.SegmentRecord{{MSN: -1, LastFrame: 5}}},
		{Frames: Frames(0, 5), Segments: []markers.SegmentRecord{Rendition("HD", 1)}},
		{Frames: Frames(0, 5), Segments: []markers.SegmentRecord{Rendition("a/b", 1)}},
		{Frames: Frames(0, 5), Segments: []markers.SegmentRecord{Rendition(strings.Repeat("a", 65), 1)}},
	} {
		if err := s.Append(s.ctx, "main", b); err == nil {
			s.Fatalf("this was taken: %+v", b)
		}
	}
	s.frames("main", markers.Range{})
	if err := s.Append(s.ctx, "no/name", markers.Batch{Frames: Frames(0, 1)}); err == nil {
		s.Fatal("a channel name with a slash was taken")
	}
}

func (s *suite) testTimes() {
	m := Missing(5)
	want := m.At
	m.At = m.At.In(time.FixedZone("elsewhere", 3600))
	s.append("main", markers.Batch{Missing: []markers.MissingRecord{m}})
	got, err := s.Missing(s.ctx, "main", markers.Range{})
	s.ok(err)
	if len(got) != 1 || got[0].At != want {
		s.Fatalf("missing %+v, want the time %v", got, want)
	}
}

func (s *suite) testRanges() {
	for _, f := range []int64{2, 4, 6, 8} {
		s.append("main", markers.Batch{Frames: Frames(f, f+1)})
	}
	s.restart()
	id, at, end := func(n int64) markers.ID { return markers.ID{Frame: n, Sub: 1} }, markers.AtFrame, markers.EndOfFrame
	for _, c := range []struct {
		r    markers.Range
		want []int64
	}{
		{markers.Range{}, []int64{2, 4, 6, 8}},
		{markers.Range{Desc: true}, []int64{8, 6, 4, 2}},
		{markers.Range{To: markers.MaxID}, []int64{2, 4, 6, 8}},
		{markers.Range{From: markers.MaxID}, nil},
		{markers.Range{Limit: 3}, []int64{2, 4, 6}},
		{markers.Range{Limit: 3, Desc: true}, []int64{8, 6, 4}},
		{markers.Range{Limit: 4}, []int64{2, 4, 6, 8}},
		{markers.Range{Limit: 99, Desc: true}, []int64{8, 6, 4, 2}},
		{markers.Range{From: id(4), To: id(6)}, []int64{4, 6}},
		{markers.Range{From: id(4), To: id(6), Desc: true}, []int64{6, 4}},
		{markers.Range{From: at(4), To: end(6)}, []int64{4, 6}},
		{markers.Range{From: end(4), To: at(6)}, nil},
		{markers.Range{From: id(4).Next(), To: id(7)}, []int64{6}},
		{markers.Range{From: at(3), To: end(7), Limit: 1}, []int64{4}},
		{markers.Range{From: at(3), To: end(7), Limit: 1, Desc: true}, []int64{6}},
		{markers.Range{From: at(7), To: end(3)}, nil},
		{markers.Range{From: at(100)}, nil},
		{markers.Range{To: end(1)}, nil},
	} {
		s.frames("main", c.r, c.want...)
	}
}

func (s *suite) testLongRanges() {
	const n = 2503 // more than any store reads in one piece
	s.append("main", markers.Batch{Frames: Frames(0, n)})
	s.restart()
	var up, down []int64
	for f := range int64(n) {
		up, down = append(up, f), append(down, n-1-f)
	}
	s.frames("main", markers.Range{}, up...)
	s.frames("main", markers.Range{Desc: true}, down...)
	s.frames("main", markers.Range{Limit: 2001}, up[:2001]...)
	s.frames("main", markers.Range{Limit: 2000, Desc: true}, down[:2000]...)
	s.frames("main", markers.Range{From: markers.AtFrame(500), To: markers.EndOfFrame(1999)}, up[500:2000]...)
}

func (s *suite) testCopies() {
	recs := Frames(0, 3)
	s.append("main", markers.Batch{Frames: recs})
	recs[1].Bytes = -1 // the caller's slice is the caller's
	got, err := s.Frames(s.ctx, "main", markers.Range{})
	s.ok(err)
	got[0].Frame = 77
	s.frames("main", markers.Range{}, 0, 1, 2)
}

func (s *suite) testTrim() {
	s.append("main", markers.Batch{Frames: Frames(0, 10), Markers: []markers.Marker{Marker(3)}})
	s.ok(s.Trim(s.ctx, "main", markers.Frames, markers.AtFrame(4)))
	s.frames("main", markers.Range{}, 4, 5, 6, 7, 8, 9)
	s.restart()
	s.frames("main", markers.Range{}, 4, 5, 6, 7, 8, 9)
	s.ok(s.Trim(s.ctx, "main", markers.Frames, markers.AtFrame(2))) // is done already
	s.frames("main", markers.Range{Limit: 2}, 4, 5)
	s.late("main", markers.Batch{Frames: Frames(2, 4)}) // a trimmed record does not come back
	s.frames("main", markers.Range{Limit: 2}, 4, 5)
	s.ok(s.Trim(s.ctx, "main", markers.Frames, markers.AtFrame(1000)))
	s.frames("main", markers.Range{})
	s.last("main", markers.Frames, markers.ID{Frame: 9, Sub: 1})
	s.restart()
	s.frames("main", markers.Range{})
	s.last("main", markers.Frames, markers.ID{Frame: 9, Sub: 1})
	s.late("main", markers.Batch{Frames: Frames(8, 12)})
	s.frames("main", markers.Range{}, 10, 11) // also what is before the ID that was trimmed to
	s.restart()
	s.frames("main", markers.Range{}, 10, 11)
	got, err := s.Markers(s.ctx, "main", markers.Range{})
	s.ok(err)
	if len(got) != 1 {
		s.Fatalf("trimming frames left %d markers, want 1", len(got))
	}
}

func (s *suite) testUnknownKind() {
	for _, k := range []markers.Kind{"nonsense", markers.Segments.Of("HD"), "segments.", markers.Frames.Of("hd")} {
		if _, err := s.Last(s.ctx, "main", k); err == nil {
			s.Errorf("Last took the kind %s", k)
		}
		if err := s.Wait(s.ctx, "main", k, markers.ID{}); err == nil {
			s.Errorf("Wait took the kind %s", k)
		}
		if err := s.Trim(s.ctx, "main", k, markers.ID{}); err == nil {
			s.Errorf("Trim took the kind %s", k)
		}
	}
}

func (s *suite) testClose() {
	s.append("main", markers.Batch{Frames: Frames(0, 1)})
	results := []<-chan error{
		s.waiting(s.ctx, "main", markers.Frames, markers.AtFrame(5)),
		s.waiting(s.ctx, "other", markers.Frames, markers.ID{}),
	}
	s.ok(s.Close())
	for _, r := range results {
		if err := <-r; err == nil || s.ctx.Err() != nil {
			s.Fatalf("closing the store ended Wait with %v", err)
		}
	}
	if err := s.Append(s.ctx, "main", markers.Batch{Frames: Frames(1, 2)}); err == nil {
		s.Fatal("a closed store took records")
	}
}
