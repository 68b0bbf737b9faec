package packager

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/stream"
)

// TestTracksClose ends the stream within a slot: it is cut short in all renditions at the same frame, with the sound up to there, or
// in none.
func TestTracksClose(t *testing.T) {
	t.Parallel()
	ch := tracked(ntsc, 60)
	c := ch.Clock()
	whole := trackedSlots(t, c, 7, 7)
	// cut is slot 8 up to a frame of each rendition, and up to a number of units of sound.
	cut := func(a, b int64, sound int) []media.Unit {
		first := c.FirstFrame(8)
		return merge(gop(c, first, first+a), second(c, first, first+b), soundUnits(t, c, 8, 8)[:sound])
	}
	// The slot begins at sample 768768, its first unit 256 later; its frame 24 ends at sample 768768 + 40040, after 38 units and more.
	for _, tc := range []struct {
		name  string
		units []media.Unit
		last  int64 // frame of slot 8 that is published last
		want  string
		lost  string
	}{
		{"nothing", nil, -1, "S.", ""},
		{"whole", cut(59, 59, 94), 59, "SS.", ""},
		{"whole, and its last unit of sound is not", cut(59, 59, 93), 59, "SS.", ""},
		{"whole, and more of its sound is missing", cut(59, 59, 92), -1, "S.", "and the sound at sample"},
		{"cut short", cut(24, 24, 38), 24, "SS.", ""},
		{"cut short, with a unit of sound that reaches further", cut(24, 24, 39), 24, "SS.", ""},
		{"more sound than that", cut(24, 24, 40), -1, "S.", "and the sound at sample"},
		{"less sound", cut(24, 24, 37), -1, "S.", "which ends at sample 808808, and the sound at sample 806912"},
		{"no sound", cut(24, 24, 0), -1, "S.", "and the sound at sample 769024"},
		{"one frame less", cut(24, 23, 38), -1, "S.", "with frame 504 in one rendition and with frame 503 in another"},
		{"one rendition alone", cut(24, -1, 38), -1, "S.", "frames before the last one were missing"},
		{"a frame of the next slot, without sound", merge(cut(59, 59, 93), gop(c, 540, 540), second(c, 540, 540)), 59, "SS.", "publish segment 9"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for _, window := range []int64{0, 5} {
				dir := t.TempDir()
				w := mustNew(t, trackedOptions(dir, ch, window, TS, FMP4))
				recs, errs := writeAll(w, slices.Concat(whole, tc.units))
				rec, err := w.Close()
				if rec != nil {
					recs = append(recs, *rec)
				}
				if len(errs) > 0 || (err == nil) != (tc.lost == "") || err != nil && (!errors.Is(err, ErrPublish) || !strings.Contains(err.Error(), tc.lost)) {
					t.Errorf("%v, %v, want %q", errs, err, tc.lost)
				}
				if got := sameShape(t, dir, trackedPlaylists(TS, FMP4)...); got != tc.want {
					t.Errorf("playlists are %s, want %s", got, tc.want)
				}
				if last := recs[len(recs)-1].LastFrame; tc.last >= 0 && last != c.FirstFrame(8)+tc.last || tc.last < 0 && last != c.FirstFrame(8)-1 {
					t.Errorf("the last frame is %d", last)
				}
			}
		})
	}
}

// TestTracksWait: where a track of the channel never comes, no more is held in memory than belongs to a second behind the open slot.
func TestTracksWait(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := mustNew(t, trackedOptions(dir, tracked(pal, 12), 10, FMP4)) // slots of 0.48 s
	var lost []int64
	for _, u := range trackedSlots(t, w.clock, 0, 20) {
		if u.Codec() == media.AAC {
			continue
		}
		_, err := w.Write(stream.Unit{Unit: u})
		var p *PublishError
		if errors.As(err, &p) {
			lost = append(lost, p.MSN)
			if !strings.Contains(err.Error(), "its sound ends at sample") {
				t.Error(err)
			}
		} else if err != nil {
			t.Error(err)
		}
		if n := len(w.waiting); n > 2*4*12 {
			t.Fatalf("%d units wait", n)
		}
	}
	if !slices.Equal(lost, msns(0, 16)) {
		t.Errorf("lost %v", lost)
	}
}

// trackedLife is a random life of a writer of several tracks: what is done to it, and which slots that must cost.
type trackedLife struct {
	t     *testing.T
	r     *rand.Rand
	dir   string
	o     Options
	clock markers.Clock
	recs  []markers.SegmentRecord
	next  int64
	trace []string
	want  map[int64]bool
	// removed is of which container a file of a slot was removed, by the files' suffix.
	removed map[int64]string
}

// run has a writer publish some slots, with faults.
func (l *trackedLife) run() {
	d := &faultyDisk{}
	l.o.Segments = l.recs
	w, err := newWriter(l.o, d)
	if err != nil {
		l.t.Fatal(err)
	}
	l.check()
	first, last := l.next, l.next+1+l.r.Int64N(4)
	units := trackedSlots(l.t, l.clock, first, last)
	ends := map[int64][2]int{} // of each slot, the place of its first and of its last unit
	for i := range units {
		msn := l.slotOf(units[i])
		if _, ok := ends[msn]; !ok {
			ends[msn] = [2]int{i, i}
		}
		ends[msn] = [2]int{ends[msn][0], i}
		l.want[msn] = true
	}
	lose := func(msn int64, why string) {
		l.want[msn] = false
		l.trace = append(l.trace, fmt.Sprintf("%d: %s", msn, why))
	}
	abandon := -1
	if l.r.IntN(3) == 0 {
		abandon = l.r.IntN(len(units))
		for msn, e := range ends {
			if e[0] < abandon && abandon <= e[1] {
				lose(msn, "abandoned")
			}
		}
	}
	fate := make([]int, len(units))
	for range l.r.IntN(4) {
		i := l.r.IntN(len(units))
		msn := l.slotOf(units[i])
		fate[i] = 1 + l.r.IntN(3)
		if fate[i] != 2 || i != ends[msn][1] { // of a whole slot nothing is taken twice
			lose(msn, fmt.Sprintf("unit %d: %d", i, fate[i]))
		}
	}
	if l.r.IntN(3) == 0 {
		msn := first + l.r.Int64N(last-first+1)
		name := l.pick(trackedFiles(msn))
		d.write = func(path string) error { return fail(name)(path) }
		lose(msn, name+" fails")
	}
	for i, u := range units {
		if i == abandon {
			w.Abandon()
		}
		switch fate[i] {
		case 1: // lost
			continue
		case 2:
			l.write(w, u)
		case 3:
			u.PTS++
		}
		l.write(w, u)
	}
	if l.r.IntN(2) == 0 {
		rec, err := w.Close()
		if rec != nil {
			l.t.Errorf("%v: Close publishes segment %d", l.trace, rec.MSN)
		}
		if err != nil && !errors.Is(err, ErrPublish) {
			l.t.Errorf("%v: %v", l.trace, err)
		}
	}
	for msn := first; msn <= last; msn++ {
		if got := slices.ContainsFunc(l.recs, func(r markers.SegmentRecord) bool { return r.MSN == msn }); got != l.want[msn] {
			l.t.Fatalf("%v: segment %d is published: %v", l.trace, msn, got)
		}
	}
	l.next = last + 1 + l.r.Int64N(2)
	l.check()
	if n := len(l.recs); l.r.IntN(2) == 0 && n > 0 && l.removed[l.recs[n-1].MSN] == "" { // before the next run
		msn := l.recs[n-1].MSN
		name := l.pick(trackedFiles(msn))
		l.trace, l.removed[msn] = append(l.trace, name+" is removed"), filepath.Ext(name)
		if err := os.Remove(filepath.Join(l.dir, name)); err != nil {
			l.t.Fatal(err)
		}
	}
}

func (l *trackedLife) pick(list []string) string { return list[l.r.IntN(len(list))] }

func (l *trackedLife) slotOf(u media.Unit) int64 {
	if u.Codec() == media.AAC {
		return l.clock.MSN(l.clock.Rate.FrameAtSample(u.Frame))
	}
	return l.clock.MSN(u.Frame)
}

func trackedFiles(msn int64) []string {
	return []string{TS.SegmentFile(msn), TS.RenditionFile("640x360", msn), FMP4.SegmentFile(msn), FMP4.RenditionFile("640x360", msn),
		FMP4.RenditionFile(markers.SoundRendition, msn)}
}

func (l *trackedLife) write(w *Writer, u media.Unit) {
	rec, err := w.Write(stream.Unit{Unit: u})
	if rec != nil {
		l.recs = append(l.recs, *rec)
		l.trace = append(l.trace, fmt.Sprint("published ", rec.MSN))
		l.check()
	}
	if err != nil && !errors.Is(err, ErrPublish) && !errors.Is(err, ErrUnit) {
		l.t.Fatalf("%v: %v", l.trace, err)
	}
}

// check finds slots of which there is a part, and playlists that differ, or do not show what was published.
func (l *trackedLife) check() {
	l.t.Helper()
	if list := files(l.t, l.dir); strings.Contains(list, "tmp") {
		l.t.Fatalf("%v: temporary files are left: %s", l.trace, list)
	}
	for msn := range l.want {
		there := map[string]int{}
		for _, name := range trackedFiles(msn) {
			if _, err := os.Stat(filepath.Join(l.dir, name)); err == nil {
				there[filepath.Ext(name)]++
			}
		}
		published := slices.ContainsFunc(l.recs, func(r markers.SegmentRecord) bool { return r.MSN == msn })
		for kind, n := range map[string]int{".ts": 2, ".m4s": 3} {
			if whole := published && l.removed[msn] != kind; there[kind] != map[bool]int{true: n}[whole] {
				l.t.Fatalf("%v: there are %d files %s of slot %d", l.trace, there[kind], kind, msn)
			}
		}
	}
	if len(l.recs) > 0 {
		names := trackedPlaylists(TS, FMP4)
		sameShape(l.t, l.dir, names[:2]...)
		sameShape(l.t, l.dir, names[2:]...)
	}
	if l.t.Failed() {
		l.t.Fatal(l.trace)
	}
}

// TestTracksInvariants runs random lives: a slot is published in all renditions or in none, as its units, the encoder and the disk
// allow it.
func TestTracksInvariants(t *testing.T) {
	t.Parallel()
	lives := uint64(12)
	if !testing.Short() {
		lives = 200
	}
	for seed := range lives {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			ch := tracked(ntsc, 30)
			l := &trackedLife{t: t, r: rand.New(rand.NewPCG(seed, 1)), dir: dir, o: trackedOptions(dir, ch, 50, TS, FMP4), clock: ch.Clock(), want: map[int64]bool{}, removed: map[int64]string{}}
			for range 5 {
				l.run()
			}
		})
	}
}
