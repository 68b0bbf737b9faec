package hls

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestQueueOrder gives what was put in, in order, and says what it left out.
func TestQueueOrder(t *testing.T) {
	t.Parallel()
	q := newQueue()
	n := int64(0)
	put := func(count, limit int) {
		var jobs []job
		for range count {
			jobs = append(jobs, job{seg: MediaSegment{MSN: n}})
			n++
		}
		q.put(jobs, limit)
	}
	expect := func(msn, first, count int64) {
		t.Helper()
		j, left, ok := q.next(t.Context())
		if !ok || j.seg.MSN != msn || left != (leftOut{count, first}) {
			t.Errorf("%d %+v %v, want %d, %d from %d", j.seg.MSN, left, ok, msn, count, first)
		}
	}
	put(3, 10)
	expect(0, 0, 0)
	put(9, 5) // 1 to 11 wait: 1 to 6 are left out
	put(1, 5) // and 7
	expect(8, 1, 7)
	put(10, 100)
	for msn := int64(9); msn < n; msn++ {
		expect(msn, 0, 0)
	}
	put(1, 5)
	q.close()
	expect(n-1, 0, 0)
	if _, _, ok := q.next(t.Context()); ok {
		t.Error("there is more after the end")
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
		c.Timeout, c.Attempts = 100*time.Hour, 1
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
		if err := c.Run(t.Context(), "http://o/live.m3u8", handler); err != nil {
			t.Fatal(err)
		}
		// The entries that wait would be 80 MB with the text of their playlists.
		if grown := int64(most) - int64(before); grown > 10<<20 || versions != last+1 {
			t.Errorf("memory grew by %d bytes in %d versions", grown, versions)
		}
		told := strings.Fields(h.told())
		if want := 6 + waiting; len(told) != want || told[5] != "5!" || told[6] != "1905:1905" || told[want-1] != "6000:6000" {
			t.Errorf("%d segments: %.100q", len(told), told)
		}
		if len(h.troubles) != 1 || !strings.Contains(h.troubles[0].Err.Error(), "1899 from 6 on were left out") {
			t.Errorf("troubles %+v", h.troubles)
		}
	})
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
