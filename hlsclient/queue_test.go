package hlsclient

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/format/m3u8"
)

// TestQueueOrder gives what was put in, in order, and gives up the first where too many wait.
func TestQueueOrder(t *testing.T) {
	t.Parallel()
	q := newQueue(nil)
	n := int64(0)
	put := func(count, limit int) {
		var jobs []job
		for range count {
			jobs = append(jobs, job{seg: m3u8.MediaSegment{MSN: n}})
			n++
		}
		q.put(jobs, listing{}, limit)
	}
	fetch := func(msn int64) {
		t.Helper()
		s := q.start(1, false)
		if s == nil || s.seg.MSN != msn {
			t.Fatalf("%+v, want %d", s, msn)
		}
		if more := q.start(1, false); more != nil {
			t.Errorf("%+v at once", more)
		}
		q.done(s, &Segment{})
	}
	expect := func(msn int64, asked bool) {
		t.Helper()
		s, over := q.take()
		if over || s == nil || s.seg.MSN != msn || errors.Is(s.out.Err, ErrNotAsked) == asked {
			t.Errorf("%+v, want %d", s, msn)
		}
	}
	put(3, 10)
	if s, _ := q.take(); s != nil {
		t.Errorf("%+v is done", s)
	}
	fetch(0)
	expect(0, true)
	put(9, 5) // 1 to 11 wait: 1 to 6 are given up
	put(1, 5) // and 7
	fetch(8)
	for msn := int64(1); msn < 8; msn++ {
		expect(msn, false)
	}
	expect(8, true)
	put(10, 100)
	for msn := int64(9); msn < n; msn++ {
		fetch(msn)
		expect(msn, true)
	}
	put(1, 5)
	q.close()
	fetch(n - 1)
	expect(n-1, true)
	if s, over := q.take(); s != nil || !over {
		t.Errorf("%+v after the end", s)
	}
}

// TestStuckSegment goes on loading a playlist while one segment does not come for hours, keeps so much of it in memory and
// no more, and tells what it left out.
func TestStuckSegment(t *testing.T) { // not in parallel, for its memory is measured
	const last = 6000
	comments := strings.Repeat("#"+strings.Repeat("x", 100)+"\n", 200) // 20 kB, which no segment needs
	answer := func(path string, at time.Duration) (int, string) {
		switch n := min(int(at/(2*time.Second)), last); {
		case path == "5.ts":
			return -1, "" // until the time is over
		case path != "live.m3u8":
			return segmentBody(path)
		case n == last:
			return 200, window(n-20, n, comments+"#EXT-X-ENDLIST\n")
		default:
			return 200, window(max(0, n-20), n, comments)
		}
	}
	inTime(t, answer, func(t *testing.T, c *Client, _ *origin) {
		c.Timeout, c.Attempts, c.Parallel = 100*time.Hour, 1, 1
		before, most, versions := heapInUse(), uint64(0), 0
		h := &heard{}
		handler := h.handler()
		handler.Exchange = nil
		handler.Version = func(*Version) error {
			if versions++; versions%1000 == 0 {
				most = max(most, heapInUse())
			}
			return nil
		}
		r, err := c.newReading(t.Context(), "http://o/live.m3u8", handler)
		if err != nil {
			t.Fatal(err)
		}
		r.longest = c.Timeout
		if err := r.run(); err != nil {
			t.Fatal(err)
		}
		// The entries that wait would be 80 MB with the text of their playlists.
		if grown := int64(most) - int64(before); grown > 10<<20 || versions != last+1 {
			t.Errorf("memory grew by %d bytes in %d versions", grown, versions)
		}
		told := strings.Fields(h.told())
		if len(told) != last+1 || told[5] != "5!" || told[6] != "6!" || told[1904] != "1904!" || told[1905] != "1905:1905" ||
			told[last] != "6000:6000" {
			t.Errorf("%d segments: %.100q", len(told), told)
		}
		for i, s := range h.segments {
			if errors.Is(s.Err, ErrNotAsked) != (i > 5 && i < 1905) || s.URL != fmt.Sprintf("http://o/%d.ts", i) {
				t.Fatalf("segment %d: %v, %s", i, s.Err, s.URL)
			}
		}
	})
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
