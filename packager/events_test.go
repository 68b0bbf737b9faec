package packager

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// TestEvents checks which events the playlist tells of, by the last part of their IDs, in order. Slots are 50 frames.
func TestEvents(t *testing.T) {
	t.Parallel()
	type span struct{ first, last int64 }
	for _, tc := range []struct {
		name   string
		events []span
		steps  []int64
		late   []span // added in the end, before one more segment
		want   string
	}{
		{"published", []span{{10, 20}}, []int64{0}, nil, "0"},
		{"over two segments, the second to come", []span{{40, 60}}, []int64{0}, nil, "0"},
		{"not yet", []span{{50, 60}}, []int64{0}, nil, ""},
		{"in order of their frames", []span{{40, 60}, {10, 20}, {10, 30}}, []int64{0}, nil, "1 2 0"},
		{"left the window", []span{{10, 49}}, msns(0, 5), nil, ""},
		{"reaches into the window", []span{{10, 50}}, msns(0, 5), nil, "0"},
		{"long, with a short one in it that left", []span{{10, 900}, {20, 30}, {60, 70}}, msns(0, 5), nil, "0 2"},
		{"all of it in a gap", []span{{60, 70}}, []int64{0, 2}, nil, ""},
		{"begins in a gap", []span{{60, 110}}, []int64{0, 2}, nil, "0"},
		{"ends in a gap", []span{{40, 70}}, []int64{0, 2}, nil, "0"},
		{"late", nil, []int64{0, 1}, []span{{10, 20}}, "0"},
		{"late, in a gap", nil, []int64{0, 2}, []span{{60, 70}}, ""},
		{"late and too old", nil, msns(0, 8), []span{{10, 20}}, ""},
		{"no interval", []span{{20, 10}, {-5, 10}, {0, 1<<63 - 1}}, []int64{0}, nil, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			w := mustNew(t, testOptions(dir, testChannel(pal, 50), 5))
			for i, e := range tc.events {
				w.addMarker(event(w.clock, fmt.Sprint(i), e.first, e.last))
			}
			put(t, w, tc.steps...)
			for i, e := range tc.late {
				w.addMarker(event(w.clock, fmt.Sprint(i), e.first, e.last))
			}
			if tc.late != nil {
				put(t, w, tc.steps[len(tc.steps)-1]+1)
			}
			if got := eventIDs(t, dir); got != tc.want {
				t.Errorf("events %q, want %q", got, tc.want)
			}
			if n := len(w.events.ids); n != len(w.events.shown)+len(w.events.waiting) {
				t.Errorf("%d ids are kept for %d events", n, len(w.events.shown)+len(w.events.waiting))
			}
		})
	}
}

func eventIDs(t *testing.T, dir string) string {
	var ids []string
	for _, d := range read(t, dir).DateRanges {
		ids = append(ids, d.ID)
	}
	return strings.Join(ids, " ")
}

// TestEventsNeverChange gives an ID a second time with other values, in the same run and in the next.
func TestEventsNeverChange(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := testOptions(dir, testChannel(ntsc, 60), 5)
	w := mustNew(t, o)
	first := event(w.clock, "main-e1", 10, 69)
	w.addMarker(first)
	o.Segments = put(t, w, 0)
	told := func() string {
		for _, l := range lines(readFile(t, dir, MediaPlaylist)) {
			if strings.HasPrefix(l, "#EXT-X-DATERANGE") {
				return l
			}
		}
		return ""
	}
	want := told()
	other := event(w.clock, "main-e1", 30, 40)
	w.addMarker(other)
	o.Segments = append(o.Segments, put(t, w, 1)...)
	if got := told(); got != want || want == "" {
		t.Errorf("second time: %s\nwas %s", got, want)
	}
	o.Markers = []markers.Marker{event(w.clock, "main-e2", 100, 110), first, other}
	mustNew(t, o)
	if got := told(); got != want {
		t.Errorf("next run: %s\nwas %s", got, want)
	}
	if got := eventIDs(t, dir); got != "main-e1 main-e2" {
		t.Errorf("events %s", got)
	}
}

// TestDateRange checks an event's attributes, as another reader sees them, at a rate whose frames begin at no whole
// nanosecond.
func TestDateRange(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ first, last int64 }{{0, 0}, {0, 59}, {1, 1}, {7, 30}, {59, 61}, {30, 89}} {
		dir := t.TempDir()
		w := mustNew(t, testOptions(dir, testChannel(ntsc, 60), 5))
		c := w.clock
		w.addMarker(event(c, "main-e1", tc.first, tc.last))
		put(t, w, 0)
		d := read(t, dir).DateRanges[0]
		if d.Class != "io.refstream.event" || !d.StartDate.Equal(c.UTC(tc.first)) || !d.EndDate.Equal(c.UTC(tc.last+1)) {
			t.Errorf("%v: %+v", tc, d)
		}
		_, text, _ := strings.Cut(readFile(t, dir, MediaPlaylist), ",DURATION=")
		text, _, _ = strings.Cut(text, ",")
		length, err := media.ParseSeconds(text)
		if err != nil || !d.StartDate.Add(time.Duration(length)).Equal(*d.EndDate) {
			t.Errorf("%v: %v + %s s is not %v (%v)", tc, d.StartDate, text, d.EndDate, err)
		}
		want := fmt.Sprintf(`FRAME=%d LAST-FRAME=%d PTS=%d LAST-PTS=%d KIND="scheduled" TEXT="Marker main-e1"`,
			tc.first, tc.last, c.PTS(tc.first), c.PTS(tc.last))
		var got []string
		for _, a := range d.XAttrs {
			got = append(got, strings.TrimPrefix(a.Key, "X-IO-REFSTREAM-")+"="+a.Val)
		}
		if g := strings.Join(got, " "); g != want {
			t.Errorf("%v:\n got %s\nwant %s", tc, g, want)
		}
	}
}
