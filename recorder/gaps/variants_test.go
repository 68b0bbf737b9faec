package gaps

import (
	"testing"
	"time"

	"github.com/refstream/refstream/recorder"
)

// variantsReport records a stream of two variants, of which the second is changed.
func variantsReport(t *testing.T, second sim) *Report {
	t.Helper()
	w := write(t, simURL)
	list := []int64{w.playlist(simURL, recorder.KindMedia, ""), w.playlist("http://example.com/live/other.m3u8", recorder.KindMedia, "")}
	w.begin(simStart())
	change := second.change
	second.change = func(at time.Duration, m *mediaPlaylist) {
		for i := range m.entries {
			m.entries[i].uri = "other/" + m.entries[i].uri
		}
		if change != nil {
			change(at, m)
		}
	}
	for i, s := range []sim{{}, second} {
		s.length, s.window = 10*time.Second, 3
		s.record(w, list[i])
	}
	r, err := Find(t.Context(), w.open(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestVariants compares what variants say of the segments that begin at one time stamp.
func TestVariants(t *testing.T) {
	for name, c := range map[string]struct {
		second sim
		want   []string
	}{
		"the same": {sim{}, nil},
		"another numbering": {sim{
			change: func(_ time.Duration, m *mediaPlaylist) { m.first += 7 },
			pts: func(_ int64, first, end *int64) {
				*first = (*first + 1<<33 - 7*180_000) % (1 << 33)
				*end = *first + 180_000
			},
		}, []string{"variants_differ 105 7 0.000 s"}},
		"other dates": {sim{change: func(_ time.Duration, m *mediaPlaylist) {
			for i := range m.entries {
				m.entries[i].date = m.entries[i].date.Add(10 * time.Second)
			}
		}}, []string{"variants_differ 98 7 10.000 s"}},
		"another discontinuity sequence": {sim{change: func(_ time.Duration, m *mediaPlaylist) { m.discontinuity++ }},
			[]string{"variants_differ 98 7 0.000 s"}},
		"a repeated programme": {sim{pts: func(msn int64, first, _ *int64) { *first = msn % 2 * 180_000 }}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := variantsReport(t, c.second)
			var got []string
			for i, f := range r.Findings {
				if f.Kind == KindVariants {
					got = append(got, told(r)[i])
				}
			}
			if len(got) != len(c.want) || len(got) > 0 && got[0] != c.want[0] {
				t.Errorf("%q, want %q", told(r), c.want)
			}
		})
	}
}
