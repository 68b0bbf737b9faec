package replay

import (
	"strings"
	"testing"
	"time"
)

// TestMoveDate keeps the way in which a date is written.
func TestMoveDate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2026-05-04T10:00:00.000Z":           "2026-05-04T11:00:01.500Z",
		"2026-05-04T10:00:00Z":               "2026-05-04T11:00:01.500Z",
		"2026-05-04T10:00:00.5+02:00":        "2026-05-04T11:00:02.000+02:00",
		"2026-05-04T23:30:00.123456+0000":    "2026-05-05T00:30:01.623456+0000",
		"2026-05-04 10:00:00.25":             "2026-05-04 11:00:01.750",
		"2026-05-04T10:00:00.123456789123Z":  "2026-05-04T11:00:01.623456789Z",
		"2026-12-31t23:30:00z":               "2027-01-01t00:30:01.500z",
		"2026-02-30T10:00:00Z":               "!",
		"yesterday":                          "!",
		"2026-05-04T10:00:00.000Z and after": "!",
		"9999-12-31T23:59:59Z":               "!",
		"":                                   "!",
	} {
		got, ok := moveDate(text, time.Hour+1500*ms)
		if !ok {
			got = "!"
		}
		if got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
	if got, _ := moveDate("2026-05-04T10:00:00Z", time.Minute); got != "2026-05-04T10:01:00Z" {
		t.Errorf("whole seconds: %q", got)
	}
}

// TestRebase moves all dates alike, so that the live edge is now where the replay begins.
func TestRebase(t *testing.T) {
	t.Parallel()
	version := func(n int) string {
		at := tapeStart.Add(-72*time.Hour + 123456*time.Microsecond + time.Duration(n)*2*time.Second)
		return strings.Replace(window(n, n+2), "#EXTINF", "#EXT-X-PROGRAM-DATE-TIME:"+at.Format("2006-01-02T15:04:05.000000Z0700")+
			"\n#EXT-X-DATERANGE:ID=\"x\",START-DATE=\""+at.Format(time.RFC3339Nano)+"\",X-A=1,END-DATE=\"2026-05-04T10:00:00Z\"\n#EXTINF", 1)
	}
	tp := newTape("http://o/a.m3u8", 20*time.Second)
	for n := range 10 {
		tp.add(tp.url, time.Duration(n)*2*time.Second, version(n))
	}
	for _, offset := range []time.Duration{0, 9 * time.Second} {
		inTime(t, tp, Options{Rebase: true, Offset: offset}, func(t *testing.T, p *player) {
			began := int(offset / (2 * time.Second))
			for n := began; n < 10; n++ {
				p.at(time.Duration(n)*2*time.Second - offset)
				r := p.get("/a.m3u8")
				edge, ok := edgeOf([]byte(r.body))
				want := p.start.Add(time.Duration(n-began) * 2 * time.Second)
				if diff := edge.Sub(want); !ok || diff.Abs() > ms/2 {
					t.Errorf("offset %v, version %d ends at %v, want %v", offset, n, edge, want)
				}
				if !strings.Contains(r.body, "456+0000\n") && !strings.Contains(r.body, "456Z\n") || strings.Contains(r.body, "2026-05-04") {
					t.Errorf("version %d: %s", n, r.body)
				}
			}
		})
	}
	inTime(t, tp, Options{}, func(t *testing.T, p *player) { p.expect("/a.m3u8", 200, version(0)) })
}
