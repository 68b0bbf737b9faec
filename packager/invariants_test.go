package packager

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/Eyevinn/hls-m3u8/m3u8"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/stream"
)

// life drives a writer through one random life after the other in one directory, and checks after each step what must
// hold of all playlists together.
type life struct {
	t       *testing.T
	dir     string
	options Options
	clock   markers.Clock
	w       *Writer
	disk    *faultyDisk

	next     int64                           // the slot that may come next
	records  []markers.SegmentRecord         // of every segment that was published
	bySlot   map[int64]markers.SegmentRecord // the same
	lost     map[int64]bool                  // slots whose file was taken away
	trace    []string
	playlist string // as last read

	sequence, discontinuity uint64           // of the last playlist
	numbers                 map[int64]uint64 // discontinuity sequence number of every slot ever named
	gaps                    map[int64]bool   // whether it was a gap
	events                  map[string]string
}

func newLife(t *testing.T) *life {
	c := testChannel(ntsc, 30) // 1.001 s: a target duration of 2 s, a window of 6 at least
	l := &life{t: t, dir: t.TempDir(), clock: c.Clock(), bySlot: map[int64]markers.SegmentRecord{},
		lost: map[int64]bool{}, numbers: map[int64]uint64{}, gaps: map[int64]bool{}, events: map[string]string{}}
	l.options = testOptions(l.dir, c, 7)
	l.start()
	return l
}

func (l *life) failf(format string, args ...any) {
	l.t.Helper()
	l.t.Fatalf("%s\nafter %s\nplaylist:\n%s", fmt.Sprintf(format, args...), strings.Join(l.trace, ", "), l.playlist)
}

func (l *life) start() {
	l.disk = &faultyDisk{}
	w, err := newWriter(l.options, l.disk)
	if err != nil {
		l.failf("new writer: %v", err)
	}
	l.w = w
}

// step does what b says.
func (l *life) step(b byte) {
	arg := int64(b >> 4)
	switch b & 15 {
	default:
		l.trace = append(l.trace, fmt.Sprint("publish ", l.next))
		l.publish()
	case 7:
		l.next += arg
		l.trace = append(l.trace, fmt.Sprint("skip ", arg))
	case 8:
		l.trace = append(l.trace, fmt.Sprint("abandon in ", l.next))
		l.part(arg)
		l.w.Abandon()
	case 9:
		l.trace = append(l.trace, fmt.Sprint("leave incomplete ", l.next))
		l.part(arg)
	case 10:
		l.trace = append(l.trace, "segment fails")
		l.disk.write = fail("seg-")
		l.publish()
		l.disk.write = nil
	case 11:
		l.trace = append(l.trace, "playlist fails")
		l.disk.rename = fail("index")
		l.publish()
		l.disk.rename = nil
	case 12:
		l.trace = append(l.trace, "close")
		l.part(arg)
		if rec, err := l.w.Close(); rec != nil {
			l.record(rec)
		} else if err != nil && !errors.Is(err, ErrPublish) {
			l.failf("close: %v", err)
		}
		l.restart(arg)
	case 13:
		l.trace = append(l.trace, "kill")
		l.part(arg)
		l.restart(arg)
	case 14:
		l.trace = append(l.trace, "lose a file and restart")
		if n := int64(len(l.records)); n > 0 {
			l.lose(l.records[max(0, n-1-arg)].MSN)
		}
		l.restart(arg)
	case 15:
		first := l.clock.FirstFrame(l.next) + arg*5
		l.trace = append(l.trace, fmt.Sprintf("event at %d", first))
		m := event(l.clock, fmt.Sprintf("e%d", first), first, first+arg*13)
		l.options.Markers = append(l.options.Markers, m)
		l.w.addMarker(m)
	}
	l.check()
}

func (l *life) publish() {
	for _, au := range slot(l.clock, l.next) {
		rec, err := l.w.Write(stream.Unit{Unit: au})
		if rec != nil {
			l.record(rec)
		}
		switch {
		case err == nil:
		case !errors.Is(err, ErrPublish) && !errors.Is(err, ErrPlaylist), errors.Is(err, ErrUnit):
			l.failf("frame %d: %v", au.Frame, err)
		case errors.Is(err, ErrPlaylist) && rec == nil, errors.Is(err, syscall.ENOSPC) && l.disk.write == nil && l.disk.rename == nil:
			l.failf("frame %d: %v, record %v", au.Frame, err, rec)
		}
	}
	l.next++
}

// part writes the first units of a slot.
func (l *life) part(n int64) {
	for _, au := range slot(l.clock, l.next)[:n] {
		if _, err := l.w.Write(stream.Unit{Unit: au}); err != nil && !errors.Is(err, ErrPublish) {
			l.failf("frame %d: %v", au.Frame, err)
		}
	}
	l.next++
}

func (l *life) record(rec *markers.SegmentRecord) {
	l.records = append(l.records, *rec)
	l.bySlot[rec.MSN] = *rec
}

func (l *life) lose(msn int64) {
	if err := os.Remove(filepath.Join(l.dir, TS.SegmentFile(msn))); err == nil {
		l.lost[msn] = true
	}
}

// restart begins again with the records that a store keeps, which may be few.
func (l *life) restart(keep int64) {
	l.options.Segments = l.records
	if keep%2 == 1 {
		l.options.Segments = l.records[max(0, int64(len(l.records))-l.options.Window):]
	}
	l.start()
}

func (l *life) check() {
	text, err := os.ReadFile(filepath.Join(l.dir, MediaPlaylist))
	l.playlist = string(text)
	if err != nil {
		left := 0
		for _, r := range l.records {
			if !l.lost[r.MSN] {
				left++
			}
		}
		// Without a playlist there is nothing to play, or it never could be written.
		if left > int(l.options.Window) {
			l.failf("no playlist: %v", err)
		}
		return
	}
	p, _, err := m3u8.DecodeFrom(strings.NewReader(l.playlist), true)
	if err != nil {
		l.failf("read playlist: %v", err)
	}
	media := p.(*m3u8.MediaPlaylist)
	if media.SeqNo < l.sequence || media.DiscontinuitySeq < l.discontinuity {
		l.failf("sequence numbers go back from %d/%d", l.sequence, l.discontinuity)
	}
	l.sequence, l.discontinuity = media.SeqNo, media.DiscontinuitySeq
	if n := int64(media.Count()); n > l.options.Window {
		l.failf("%d entries in a window of %d", n, l.options.Window)
	}
	number := media.DiscontinuitySeq
	for i, s := range segments(media) {
		if s.Discontinuity {
			number++
		}
		l.checkEntry(int64(media.SeqNo)+int64(i), number, s)
	}
	for _, line := range lines(l.playlist) {
		if id, attributes, ok := strings.Cut(strings.TrimPrefix(line, `#EXT-X-DATERANGE:ID="`), `"`); ok && id != line {
			if was, ok := l.events[id]; ok && was != attributes {
				l.failf("event %s changed from %s", id, was)
			}
			l.events[id] = attributes
		}
	}
	if list := files(l.t, l.dir); strings.Contains(list, "tmp") {
		l.failf("temporary files left: %s", list)
	}
}

func (l *life) checkEntry(msn int64, number uint64, s *m3u8.MediaSegment) {
	rec, published := l.bySlot[msn]
	first := l.clock.FirstFrame(msn)
	switch was, known := l.numbers[msn]; {
	case s.URI != TS.SegmentFile(msn):
		l.failf("segment %d is called %s", msn, s.URI)
	case known && was != number:
		l.failf("segment %d had discontinuity number %d, now %d", msn, was, number)
	case published && rec.DiscontinuitySequence != int64(number):
		l.failf("segment %d has discontinuity number %d, its record %d", msn, number, rec.DiscontinuitySequence)
	case !s.ProgramDateTime.Equal(l.clock.UTC(first)):
		l.failf("segment %d begins at %v, not %v", msn, s.ProgramDateTime, l.clock.UTC(first))
	case s.Gap != (!published || l.lost[msn]):
		l.failf("segment %d: gap %v, published %v, lost %v", msn, s.Gap, published, l.lost[msn])
	}
	if was, known := l.gaps[msn]; known && was && !s.Gap {
		l.failf("segment %d was a gap", msn)
	}
	l.numbers[msn], l.gaps[msn] = number, s.Gap
	if s.Gap {
		return
	}
	info, err := os.Stat(filepath.Join(l.dir, s.URI))
	if err != nil || info.Size() != rec.Bytes {
		l.failf("segment %d is named, but %v", msn, err)
	}
	if want := float64((rec.LastFrame-first+1)*l.clock.Rate.Den) / float64(l.clock.Rate.Num); s.Duration-want > 1e-9 || want-s.Duration > 1e-9 {
		l.failf("segment %d lasts %v, not %v", msn, s.Duration, want)
	}
}

// TestInvariants runs random lives.
func TestInvariants(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			l := newLife(t)
			for range 60 {
				l.step(byte(r.Uint32()))
			}
		})
	}
}

// FuzzInvariants looks for a life that breaks one.
func FuzzInvariants(f *testing.F) {
	f.Add([]byte{0, 1, 0x28, 0, 0, 13, 0, 0, 14, 0, 0})
	f.Add([]byte{0, 0x77, 0, 12, 0x1C, 10, 11, 0x3F, 0, 0, 0x4E, 0xF7, 0, 0, 0})
	f.Fuzz(func(t *testing.T, steps []byte) {
		l := newLife(t)
		for _, b := range steps[:min(len(steps), 60)] {
			l.step(b)
		}
	})
}
