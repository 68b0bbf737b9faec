package gaps

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/recorder"
)

// failing makes all requests for the playlist fail in a stretch.
func failing(from, to time.Duration) func(*exchange) {
	return func(e *exchange) {
		if in(e.began, from, to) {
			e.status, e.err, e.body = 503, "fetch it: 503 Service Unavailable", ""
		}
	}
}

// How long a gap was is known from when it was seen that there was nothing new. In the simulated stream a version is there at
// the even seconds, asked for every 50 ms, and comes 5 ms later.
func TestExtent(t *testing.T) {
	stands := func(from, to time.Duration) func(time.Duration) time.Duration {
		return func(t time.Duration) time.Duration {
			if in(t, from, to) {
				return from
			}
			return t
		}
	}
	for name, test := range map[string]struct {
		sim                   sim
		interval, least, most time.Duration
		certain               bool
		line, text            string
	}{
		"it stands still": { // version 108 was not there at 7.95, and was at 8.005; the next not at 15.95, and was at 16.005
			sim{shown: stands(9*second, 16*second)}, 8 * second, 7945 * ms, 8055 * ms, true,
			", 8.000 s as seen, 7.945 to 8.055 s (at most 3.000 s)\n", "version #11 was late after #9: 8.000 s as seen",
		},
		"nobody could see it": { // from 9.95 on
			sim{load: failing(10*second, 15*second)}, 7 * second, 1945 * ms, 7055 * ms, false,
			", possibly a gap: 7.000 s as seen, 1.945 to 7.055 s (at most 3.000 s)\n", "possibly version #11 was late after #9: 7.000 s",
		},
		"it was there before the recording": {
			sim{shown: stands(0, 6*second)}, 6 * second, 5945 * ms, 0, true,
			", 6.000 s as seen, at least 5.945 s (at most 3.000 s)\n", "; #1 was there already when the recording began",
		},
		"it lasts to the end": { // the last loading began at 29.95
			sim{shown: stands(21*second, 99*second)}, 9995 * ms, 9945 * ms, 0, true,
			" -> the end 15:04:35.000 (at 30.0 s), 9.995 s as seen, at least 9.945 s (at most 3.000 s)\n", "until the end of the recording: 9.995 s",
		},
		"nobody could see it, to the end": { // the last loading that worked began at 20.95
			sim{load: failing(21*second, 99*second)}, 9995 * ms, 945 * ms, 0, false,
			" -> the end 15:04:35.000 (at 30.0 s), possibly a gap: 9.995 s as seen, at least 0.945 s (at most 3.000 s)\n",
			"possibly nothing new appeared after version #21",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := test.sim.report(t, Options{})
			if len(r.Gaps) != 1 {
				t.Fatalf("%d gaps", len(r.Gaps))
			}
			g := &r.Gaps[0]
			if off := g.Interval - test.interval; max(off, -off) > 5*ms || g.Least != test.least || g.Most != test.most || g.Certain() != test.certain {
				t.Errorf("the gap is %v, from %v to %v, certain: %v", g.Interval, g.Least, g.Most, g.Certain())
			}
			var b bytes.Buffer
			if err := r.WriteTable(&b); err != nil || !strings.Contains(b.String(), test.line) {
				t.Errorf("the table has no %q: %s", test.line, &b)
			}
			f := r.Findings[0]
			if f.Kind != KindGap {
				f = r.Findings[1]
			}
			if !strings.Contains(f.Text, test.text) {
				t.Errorf("it is told as %q, want %q", f.Text, test.text)
			}
			b.Reset()
			if err := r.WriteJSON(&b); err != nil {
				t.Fatal(err)
			}
			var told struct {
				Gaps []struct {
					Least   media.Seconds
					Most    *media.Seconds
					Certain *bool
				}
			}
			if err := json.Unmarshal(b.Bytes(), &told); err != nil {
				t.Fatal(err)
			}
			if j := told.Gaps[0]; j.Least != media.Seconds(test.least) || (j.Most == nil) != (test.most == 0) ||
				j.Most != nil && *j.Most != media.Seconds(test.most) || j.Certain == nil || *j.Certain != test.certain {
				t.Errorf("as JSON it is %+v", j)
			}
		})
	}
}

// Versions that follow on each other so that a loading goes over both were possibly there at once.
func TestLeastIsNotNegative(t *testing.T) {
	w := write(t, simURL)
	p := w.playlist(simURL, recorder.KindMedia, "")
	w.begin(simStart())
	w.version(p, second, "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.ts\n", false)
	v := w.version(p, 9*second, "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.ts\n#EXTINF:1,\nb.ts\n#EXT-X-ENDLIST\n", false)
	w.exec(`UPDATE versions SET unseen_at = ? WHERE id = ?`, int64(990*ms), v)
	w.end(10*second, "end of stream")
	r := found(t, w, Options{})
	if len(r.Gaps) != 1 || r.Gaps[0].Least != 0 || r.Gaps[0].Most != 0 || r.Gaps[0].Certain() {
		t.Errorf("the gaps are %+v", r.Gaps)
	}
}

// What brought in the end what had failed is not among what failed.
func TestCame(t *testing.T) {
	r := (&sim{load: failing(10*second, 10100*ms)}).report(t, Options{})
	equal(t, r, "request_failed -1 2 0.105 s")
	f := &r.Findings[0]
	if len(f.Exchanges) != 2 || f.Came != f.Exchanges[1]+1 {
		t.Fatalf("failed: %v; came with %d", f.Exchanges, f.Came)
	}
	var b bytes.Buffer
	if err := r.WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	want := "2 times, and then it succeeded, 0.105 s after the first of them [exchanges 210, 211; came with 212]\n"
	if !strings.Contains(b.String(), want) {
		t.Errorf("the table has no %q: %s", want, &b)
	}
	b.Reset()
	if err := r.WriteJSON(&b); err != nil || !strings.Contains(b.String(), `"came_exchange_row": 212`) {
		t.Errorf("as JSON it is %s, %v", &b, err)
	}
}
