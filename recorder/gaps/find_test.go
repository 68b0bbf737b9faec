package gaps

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// told is a finding as a test has it: its kind, number, count and amount.
func told(r *Report) []string {
	var list []string
	for i := range r.Findings {
		f := &r.Findings[i]
		list = append(list, fmt.Sprintf("%s %d %d %s", f.Kind, f.MSN, f.Count, seconds(f.Amount)))
	}
	return list
}

func equal(t *testing.T, r *Report, want ...string) {
	t.Helper()
	got := told(r)
	if strings.Join(got, "\n") == strings.Join(want, "\n") {
		return
	}
	var table strings.Builder
	if err := r.WriteTable(&table); err != nil {
		t.Error(err)
	}
	t.Errorf("found:\n  %s\nwant:\n  %s\n%s", strings.Join(got, "\n  "), strings.Join(want, "\n  "), &table)
}

const ms = time.Millisecond

// in reports whether t is in a stretch.
func in(t, from, to time.Duration) bool { return t >= from && t < to }

func TestCleanStream(t *testing.T) {
	r := (&sim{}).report(t, Options{})
	equal(t, r)
	p := &r.Playlists[0]
	if p.Versions != 15+15 || p.Intervals != 13 || p.Median != 2*second || p.Longest != 2*second || p.Uncertainty != poll+5*ms {
		t.Errorf("the playlist is reported as %+v", p)
	}
	if p.Segments != 19 || p.Missing != 0 || p.Loadings != 600 || p.TargetDuration != 2*second || p.Threshold != 3*second {
		t.Errorf("the playlist is reported as %+v", p)
	}
}

// hold makes a request at at take so long.
func hold(at, long time.Duration) func(*exchange) {
	return func(e *exchange) {
		if e.began == at {
			e.ended = at + long
		}
	}
}

func TestFindings(t *testing.T) {
	cut := func(e exchange, reasons ...string) (list []exchange) {
		for i, reason := range reasons {
			failed := e
			failed.attempt, failed.err, failed.body = i+1, reason, ""
			failed.began += time.Duration(i) * 500 * ms
			failed.ended = failed.began + 10*ms
			if strings.HasPrefix(reason, "404") {
				failed.status = 404
			}
			list = append(list, failed)
		}
		return list
	}
	for _, test := range []struct {
		name string
		sim  sim
		o    Options
		want []string
	}{
		{"the playlist stands still", sim{shown: func(t time.Duration) time.Duration {
			if in(t, 10*second, 16*second) {
				return 9 * second
			}
			return t
		}}, Options{}, []string{"gap -1 1 8.000 s"}},
		{"it only changes otherwise meanwhile", sim{shown: func(t time.Duration) time.Duration {
			if in(t, 10*second, 16*second) {
				return 8*second + t%(2*second) // the token of the address changes
			}
			return t
		}}, Options{}, []string{"gap -1 1 8.000 s"}},
		{"it stands still to the end", sim{shown: func(t time.Duration) time.Duration { return min(t, 21*second) }},
			Options{}, []string{"gap -1 1 9.995 s"}},
		{"it ends", sim{shown: func(t time.Duration) time.Duration { return min(t, 21*second) },
			change: func(t time.Duration, m *mediaPlaylist) { m.end = t > 21*second }}, Options{}, nil},
		{"an answer is held back", sim{load: hold(10*second, 4*second)}, Options{},
			[]string{"gap -1 1 5.995 s", "playlist_slow -1 1 4.000 s"}},
		{"a low threshold", sim{length: 5 * second}, Options{Threshold: 1900 * ms},
			[]string{"gap -1 1 2.000 s", "gap -1 1 2.000 s"}},
		{"an old version comes, thrice in one stretch", sim{shown: func(t time.Duration) time.Duration {
			if in(t, 10200*ms, 10500*ms) && t/(50*ms)%2 == 0 {
				return 7 * second
			}
			return t
		}}, Options{}, []string{"stale -1 1 0.050 s", "stale -1 1 0.050 s", "stale -1 1 0.050 s"}},
		{"an old version stands", sim{shown: func(t time.Duration) time.Duration {
			if in(t, 10200*ms, 11500*ms) {
				return t - 4*second
			}
			return t
		}}, Options{}, []string{"stale -1 2 1.300 s"}},
		{"the numbering begins anew", sim{
			change: func(t time.Duration, m *mediaPlaylist) {
				if t >= 12*second {
					m.first -= 90
					for i := range m.entries {
						m.entries[i].uri = "new" + m.entries[i].uri
						m.entries[i].date = m.entries[i].date.Add(time.Hour)
					}
				}
			},
			restart: func(t time.Duration) bool { return t == 12*second },
			pts:     func(_ int64, first, end *int64) { *first, *end = (*first+5)%(1<<33), *end+5 },
		}, Options{}, []string{"sequence_back 12 89 0.000 s"}},
		{"versions are not seen for longer than the window", sim{window: 2, load: hold(10050*ms, 9*second)}, Options{},
			[]string{"gap -1 1 9.050 s", "playlist_slow -1 1 9.000 s", "sequence_jump 106 2 0.000 s"}},
		{"a loading fails, and works again", sim{load: func(e *exchange) {
			if in(e.began, 10*second, 10500*ms) {
				e.status, e.err, e.body = 503, "fetch it: 503 Service Unavailable", ""
			}
		}}, Options{}, []string{"request_failed -1 10 0.505 s"}},
		{"what comes is no playlist", sim{raw: func(t time.Duration, text string) string {
			if in(t, 11*second, 11500*ms) {
				return "<html>Sorry</html>"
			}
			return text
		}}, Options{}, []string{"playlist_unparsable -1 10 0.505 s"}},
		{"what comes is nothing, to the end", sim{raw: func(t time.Duration, text string) string {
			if t >= 29*second {
				return ""
			}
			return text
		}}, Options{}, []string{"playlist_unparsable -1 20 0.955 s"}},
		{"a segment comes at the third attempt", sim{fetch: func(e exchange) []exchange {
			if e.msn != 105 {
				return []exchange{e}
			}
			list := cut(e, "404 Not Found", "connection reset")
			e.attempt, e.began, e.ended = 3, e.began+second, e.ended+second
			return append(list, e)
		}}, Options{}, []string{"request_failed 105 2 1.020 s"}},
		{"a segment comes late", sim{fetch: func(e exchange) []exchange {
			if e.msn != 105 {
				return []exchange{e}
			}
			list := cut(e, "404 Not Found")
			e.attempt, e.began, e.ended = 2, e.began+5*second, e.ended+5*second
			return append(list, e)
		}}, Options{}, []string{"request_failed 105 1 5.020 s", "segment_late 105 1 5.020 s"}},
		{"a segment does not come", sim{fetch: func(e exchange) []exchange {
			if e.msn != 105 {
				return []exchange{e}
			}
			return cut(e, "404 Not Found", "404 Not Found")
		}}, Options{}, []string{"segment_missing 105 2 0.510 s"}},
		{"a segment comes slower than it plays", sim{fetch: func(e exchange) []exchange {
			if e.msn == 105 {
				e.ended = e.began + 2500*ms
			}
			return []exchange{e}
		}}, Options{}, []string{"segment_late 105 1 2.500 s"}},
		{"the segments are gaps that the playlist tells of", sim{change: func(_ time.Duration, m *mediaPlaylist) {
			for i := range m.entries {
				n := m.first + int64(i)
				m.entries[i].gap = n == 105 || n == 106
				m.entries[i].disc = n == 107 && i > 0
				if n == 104 { // the encoder stopped
					m.entries[i].duration = second
				}
				if m.first >= 107 {
					m.discontinuity = 1
				}
			}
		}, pts: func(msn int64, first, end *int64) {
			if msn >= 107 {
				*first, *end = (*first+1e6)%(1<<33), *end+1e6
			}
		}}, Options{}, nil},
		{"a segment gets another name and length", sim{change: func(t time.Duration, m *mediaPlaylist) {
			if i := 106 - m.first; t >= 14*second && i >= 0 {
				m.entries[i].uri, m.entries[i].duration = "other.ts", 1950*ms
			}
		}}, Options{}, []string{"segment_changed 106 1 0.000 s"}},
		{"a discontinuity comes after the fact", sim{change: func(t time.Duration, m *mediaPlaylist) {
			if i := 106 - m.first; t >= 15*second && i > 0 {
				m.entries[i].disc = true
			}
			if m.first >= 106 {
				m.discontinuity = 1
			}
		}}, Options{}, []string{"segment_changed 106 1 0.000 s"}},
		{"EXTINF lies", sim{change: func(_ time.Duration, m *mediaPlaylist) {
			for i := range m.entries {
				if m.first+int64(i) >= 104 && m.first+int64(i) < 106 {
					m.entries[i].duration -= 300 * ms
				}
			}
			for i := range m.entries {
				m.entries[i].date = time.Time{}
			}
		}, pts: func(msn int64, first, end *int64) { *end = *first + 180_000 }}, Options{},
			[]string{"extinf 104 1 -0.300 s", "extinf 105 1 -0.300 s"}},
		{"time stamps jump, and the playlist doesn't say", sim{pts: func(msn int64, first, end *int64) {
			if msn >= 106 {
				*first, *end = *first-45_000, *end-45_000
			}
		}}, Options{}, []string{"extinf 105 1 0.500 s"}},
		{"dates jump", sim{change: func(_ time.Duration, m *mediaPlaylist) {
			for i := range m.entries {
				if m.first+int64(i) >= 106 {
					m.entries[i].date = m.entries[i].date.Add(-700 * ms)
				}
			}
		}}, Options{}, []string{"pdt_jump 106 1 -0.700 s"}},
		{"dates jump within the tolerance", sim{change: func(_ time.Duration, m *mediaPlaylist) {
			for i := range m.entries {
				m.entries[i].date = m.entries[i].date.Add(time.Duration((m.first+int64(i))%2) * 90 * ms)
			}
		}}, Options{}, nil},
		{"all dates change", sim{change: func(t time.Duration, m *mediaPlaylist) {
			for i := range m.entries {
				if t >= 14*second {
					m.entries[i].date = m.entries[i].date.Add(3 * second)
				}
			}
		}}, Options{}, []string{"pdt_jump 103 4 3.000 s"}},
		{"the only date is that of the first segment", sim{change: func(_ time.Duration, m *mediaPlaylist) {
			for i := range m.entries[1:] {
				m.entries[i+1].date = time.Time{}
			}
		}}, Options{}, nil},
		{"it jumps", sim{change: func(t time.Duration, m *mediaPlaylist) {
			for i := range m.entries[1:] {
				m.entries[i+1].date = time.Time{}
			}
			if t >= 12*second {
				m.entries[0].date = m.entries[0].date.Add(second)
			}
		}}, Options{}, []string{"pdt_jump 102 4 1.000 s"}},
		{"a discontinuity leaves, and is not counted", sim{change: func(_ time.Duration, m *mediaPlaylist) {
			if i := 106 - m.first; in(time.Duration(i), 0, 5) {
				m.entries[i].disc = true
			}
		}}, Options{}, []string{"discontinuity_sequence 107 1 0.000 s"}},
		{"a discontinuity that is counted when its tag goes", sim{change: func(_ time.Duration, m *mediaPlaylist) {
			if i := 106 - m.first; i > 0 && i < 5 {
				m.entries[i].disc = true
			}
			if m.first >= 106 {
				m.discontinuity = 1
			}
		}}, Options{}, nil},
		{"the target duration changes", sim{change: func(at time.Duration, m *mediaPlaylist) {
			if at >= 11*second {
				m.target = 3
			}
		}}, Options{}, []string{"target_duration -1 1 3.000 s"}},
		{"an end without segments", sim{length: 12 * second, change: func(at time.Duration, m *mediaPlaylist) {
			if at >= 11*second {
				m.first, m.entries, m.end = m.first+int64(len(m.entries)), nil, true
			}
		}}, Options{}, []string{"playlist_empty -1 1 0.000 s"}},
		{"segments are longer than the target duration", sim{change: func(_ time.Duration, m *mediaPlaylist) {
			for i := range m.entries {
				if m.first+int64(i) == 106 {
					m.entries[i].duration = 2600 * ms
				}
				m.entries[i].date = time.Time{}
			}
		}, pts: func(msn int64, first, end *int64) {
			if msn == 106 {
				*end = *first + 234_000
			}
			if msn > 106 {
				*first, *end = *first+54_000, *end+54_000
			}
		}}, Options{}, []string{"target_duration 106 1 2.600 s"}},
	} {
		t.Run(test.name, func(t *testing.T) { equal(t, test.sim.report(t, test.o), test.want...) })
	}
}
