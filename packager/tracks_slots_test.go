package packager

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// TestTracksRemoval: files of all renditions stay and go together, those of renditions that a later run does not have too.
func TestTracksRemoval(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ch := tracked(pal, 25)
	o := trackedOptions(dir, ch, 5, TS, FMP4)
	w := mustNew(t, o)
	// check wants so many files of each slot.
	check := func(want map[int64]int) {
		t.Helper()
		list, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		got := map[int64]int{}
		for _, f := range list {
			if msn, ok := SegmentNumber(f.Name()); ok {
				got[msn]++
			}
		}
		for msn := range int64(40) {
			if got[msn] != want[msn] {
				t.Errorf("there are %d files of slot %d, want %d", got[msn], msn, want[msn])
			}
		}
	}
	recs, errs := writeAll(w, trackedSlots(t, w.clock, 0, 19))
	if len(recs) != 20 || len(errs) > 0 {
		t.Fatalf("%d records, %v", len(recs), errs)
	}
	want := map[int64]int{}
	for msn := int64(9); msn < 20; msn++ { // a segment and twice the window
		want[msn] = 5
	}
	check(want)
	o.Channel.Audio, o.Channel.Ladder, o.Segments = false, nil, recs
	w = mustNew(t, o)
	put(t, w, msns(20, 34)...)
	want = map[int64]int{}
	for msn := int64(24); msn < 35; msn++ {
		want[msn] = 2
	}
	check(want)
}

// TestTracksAbandon: of the encoders that have ended nothing is left that could come before or into what the next ones give, also
// where their units are at earlier decoding times.
func TestTracksAbandon(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := mustNew(t, trackedOptions(dir, tracked(ntsc, 60), 5, TS, FMP4))
	// The first rendition is in slot 8 already, and slot 7 lacks the last frame of the second one.
	old := slices.DeleteFunc(trackedSlots(t, w.clock, 7, 8), func(u media.Unit) bool {
		return rendition(u) == "640x360" && u.Frame >= w.clock.FirstFrame(8)-1 || u.PTS > w.clock.PTS(w.clock.FirstFrame(8)+20)
	})
	if recs, errs := writeAll(w, old); len(recs)+len(errs) > 0 || len(w.waiting) == 0 {
		t.Fatalf("%d records, %v, %d units wait", len(recs), errs, len(w.waiting))
	}
	w.Abandon()
	fresh := trackedSlots(t, w.clock, 9, 10)
	for i := range fresh {
		if fresh[i].Codec() == media.H264 {
			fresh[i].DTS -= 10 * media.TicksPerSecond
		}
	}
	recs, errs := writeAll(w, fresh)
	if len(recs) != 2 || len(errs) > 0 {
		t.Errorf("%d records, %v", len(recs), errs)
	}
	recs, errs = writeAll(w, trackedSlots(t, w.clock, 11, 11))
	if len(recs) != 1 || len(errs) > 0 {
		t.Errorf("%d records, %v", len(recs), errs)
	}
	if got := sameShape(t, dir, trackedPlaylists(TS, FMP4)...); got != "SSS" {
		t.Errorf("playlists are %s", got)
	}
}

func rendition(u media.Unit) string {
	if u.Track == nil {
		return ""
	}
	return u.Track.Rendition
}

// TestTracksGiveUp: a slot that is given up costs one error, which names the frames that were there of any rendition.
func TestTracksGiveUp(t *testing.T) {
	t.Parallel()
	c := tracked(pal, 25).Clock()
	late := second(c, 175, 199)
	late[0], late[1] = late[1], late[0] // a picture before the key picture, at times that are right
	late[0].DTS, late[1].DTS = c.PTS(175)-3000, c.PTS(175)-1000
	for name, tc := range map[string]struct {
		first, second []media.Unit // of slot 7
		last          int64
		why           string
	}{
		"the first lacks a frame": {slices.Delete(slot(c, 7), 5, 6), second(c, 175, 199), 199, "frame 200 came after 24 of its 25 frames"},
		"the second begins late":  {slot(c, 7), late, 178, "frame 176 of 640x360: access unit does not fit: segment 7 has not been begun"},
		"the second is further":   {gop(c, 175, 190), second(c, 175, 195), 195, "frame 200 came after 16 of its 25 frames"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			w := mustNew(t, trackedOptions(dir, tracked(pal, 25), 5, TS, FMP4))
			recs, errs := writeAll(w, merge(slices.Concat(slot(c, 6), tc.first, slot(c, 8), slot(c, 9)),
				slices.Concat(second(c, 150, 174), tc.second, second(c, 200, 224), second(c, 225, 249)), soundUnits(t, c, 6, 9)))
			var p *PublishError
			if len(recs) != 3 || len(errs) != 1 || !errors.As(errs[0], &p) || p.Last != tc.last || !strings.Contains(errs[0].Error(), tc.why) {
				t.Errorf("%d records, %v", len(recs), errs)
			}
			if got := sameShape(t, dir, trackedPlaylists(TS, FMP4)...); got != "SGSS" {
				t.Errorf("playlists are %s", got)
			}
		})
	}
}

// TestTracksCloseWithoutSound: a slot that is cut short before its first unit of sound has ended is not published.
func TestTracksCloseWithoutSound(t *testing.T) {
	t.Parallel()
	ch := tracked(media.FrameRate{Num: 60, Den: 1}, 60)
	w := mustNew(t, trackedOptions(t.TempDir(), ch, 5, TS))
	first := w.clock.FirstFrame(7)
	if _, errs := writeAll(w, merge(gop(w.clock, first, first), second(w.clock, first, first))); len(errs) > 0 {
		t.Fatal(errs)
	}
	if rec, err := w.Close(); rec != nil || !errors.Is(err, ErrPublish) {
		t.Errorf("%+v, %v", rec, err)
	}
}

// A segment that the end of a stream cut short holds the events of its own frames alone.
func TestTimelineHolds(t *testing.T) {
	t.Parallel()
	l := timeline{clock: testChannel(pal, 25).Clock()}
	l.add(markers.SegmentRecord{MSN: 4, FirstFrame: 100, LastFrame: 110})
	l.add(markers.SegmentRecord{MSN: 7, FirstFrame: 175, LastFrame: 199})
	for span, want := range map[[2]int64]bool{
		{90, 99}: false, {90, 100}: true, {110, 120}: true, {111, 120}: false, {111, 174}: false, {111, 175}: true, {199, 210}: true, {200, 210}: false,
	} {
		if got := l.holds(span[0], span[1]); got != want {
			t.Errorf("frames %d to %d are held: %v", span[0], span[1], got)
		}
	}
}
