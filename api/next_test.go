package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/refstream/refstream/markers"
)

// TestNextMarkers goes through all markers by the addresses of what the limit left out.
func TestNextMarkers(t *testing.T) {
	f := withMany(t, embedded(t))
	for _, c := range []struct {
		query string
		pages int
		want  func(n int) bool
	}{
		{"limit=6999", 3, func(int) bool { return true }},
		{"limit=20000", 1, func(int) bool { return true }},
		{"limit=10000&order=desc", 2, func(int) bool { return true }},
		{"limit=700&kind=manual", 3, func(n int) bool { return n%10 == 0 }},
		{"limit=700&kind=manual&order=desc&channel=main", 3, func(n int) bool { return n%10 == 0 }},
		// Frames 100 to 999, which are 3.3 to 33.3 s: events 11 to 100, and the first of them is not later than ts_start.
		{"limit=1&ts_start=3.336666666&ts_end=3.33e1", 89, func(n int) bool { return n > 11 && n <= 100 }},
		{"limit=50&ts_start=3.336666666&ts_end=3.33e1&order=desc", 2, func(n int) bool { return n > 11 && n <= 100 }},
	} {
		var want []int
		for n := 1; n <= manyMarkers; n++ {
			if c.want(n) {
				want = append(want, n)
			}
		}
		if strings.Contains(c.query, "desc") {
			slices.Reverse(want)
		}
		formats := []string{"json", "vtt", "ndjson", "csv"}
		if testing.Short() {
			formats = formats[:2]
		}
		for _, format := range formats {
			var got []int
			target, pages := "markers?"+c.query+"&format="+format, 0
			for target != "" && pages <= c.pages {
				w := f.whole("/"+target, true)
				pages++
				got = append(got, numbers(t, format, w.body.String())...)
				target = f.next(w.header, target)
				if w.header.Get(truncatedHeader) != strconv.FormatBool(target != "") {
					t.Errorf("%s: header %v", c.query, w.header)
				}
				if format == "vtt" && strings.Contains(w.body.String(), "\nNOTE The limit left markers out: "+target+"\n") != (target != "") {
					t.Errorf("%s: the cues do not end with what is left: %s", c.query, target)
				}
				var list markerList
				if format == "json" && (json.Unmarshal([]byte(w.body.String()), &list) != nil || list.Next != target || list.Truncated != (target != "")) {
					t.Errorf("%s: next %q, truncated %v, want %q", c.query, list.Next, list.Truncated, target)
				}
			}
			if pages != c.pages || !slices.Equal(got, want) {
				t.Errorf("%s as %s: %d markers in %d pages, want %d in %d", c.query, format, len(got), pages, len(want), c.pages)
			}
		}
	}
}

// next is the address in a Link header, against that of the request, as a target without a slash; empty where there is none.
func (f *fixture) next(h http.Header, target string) string {
	f.t.Helper()
	link := h.Get("Link")
	if link == "" {
		return ""
	}
	address, rel, ok := strings.Cut(strings.TrimPrefix(link, "<"), ">")
	base, err := url.Parse("http://localhost/prefix/" + target)
	if err != nil || !ok || rel != `; rel="next"` {
		f.t.Fatalf("Link %q, %v", link, err)
	}
	u, err := base.Parse(address)
	if err != nil {
		f.t.Fatal(err)
	}
	return strings.TrimPrefix(u.RequestURI(), "/prefix/")
}

// TestNextRecords goes through the ledger of frames and of segments by the addresses of what the limit left out: each record
// comes once, and all that is missing, whatever the limit and the direction.
func TestNextRecords(t *testing.T) {
	f := newFixture(t)
	b := markers.Batch{Frames: slices.Concat(frames(600, 640), frames(655, 655), frames(700, 719))}
	for msn := int64(10); msn < 20; msn++ {
		if msn == 13 || msn == 14 {
			continue
		}
		b.Segments = append(b.Segments, markers.SegmentRecord{MSN: msn, FirstFrame: 60 * msn, LastFrame: 60*msn + 40 + msn, URI: "s.ts",
			PublishedAt: testEpoch()})
	}
	// One spans many, two begin at the same frame, some are single frames.
	b.Missing = []markers.MissingRecord{lost(590, 599), lost(611, 612), lost(641, 654), lost(650, 690), lost(656, 656), lost(657, 657), lost(658, 658),
		lost(691, 699), lost(720, 720), lost(721, 1100), lost(1151, 1159)}
	again := lost(656, 656)
	again.Reason = markers.ReasonLost
	b.Missing = append(b.Missing, again)
	f.append(b)
	for _, path := range []string{"frames", "segments"} {
		for _, query := range []string{"", "&from=0", "&order=asc", "&order=desc", "&from=3&order=desc", "&from=10&to=700", "&to=650", "&to=650&order=asc"} {
			want := f.ledgerKeys(path+"?limit=5000"+query, nil)
			for _, limit := range []int{1, 2, 3, 5, 40} {
				seen := map[string]int{}
				target, pages := path+"?limit="+strconv.Itoa(limit)+query, 0
				var order []string
				for ; target != "" && pages < 300; pages++ {
					page := f.ledgerKeys(target, &target)
					for _, k := range page {
						if seen[k]++; seen[k] > 1 && !strings.Contains(k, "-") {
							t.Errorf("%s%s, limit %d: %s comes twice", path, query, limit, k)
						}
					}
					order = append(order, page...)
				}
				for _, k := range want {
					if seen[k] == 0 {
						t.Errorf("%s%s, limit %d: %s is left out", path, query, limit, k)
					}
				}
				slices.Sort(order)
				if n := len(slices.Compact(order)); n != len(want) || pages == 300 {
					t.Errorf("%s%s, limit %d: %d records in %d pages, want %d", path, query, limit, n, pages, len(want))
				}
			}
		}
	}
	var list struct {
		Frames  []struct{ Frame int64 }
		Missing []struct{ Frame int64 }
	}
	f.ok("/frames?order=desc&limit=3", &list)
	if len(list.Frames) != 3 || list.Frames[0].Frame != 719 || list.Frames[2].Frame != 717 || len(list.Missing) == 0 || list.Missing[0].Frame < list.Missing[len(list.Missing)-1].Frame {
		t.Errorf("the newest first: %+v", list)
	}
}

// ledgerKeys names the records of an answer: a number for a frame or segment, first-last reason for what is missing. next gets the
// address of what is left out, which the header has too.
func (f *fixture) ledgerKeys(target string, next *string) (keys []string) {
	f.t.Helper()
	w := f.get("/" + target)
	var list struct {
		Frames    []struct{ Frame int64 }
		Segments  []struct{ MSN int64 }
		Missing   []markers.MissingRecord
		Truncated bool
		Next      string
	}
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil {
		f.t.Fatal(err)
	}
	for _, r := range list.Frames {
		keys = append(keys, strconv.FormatInt(r.Frame, 10))
	}
	for _, r := range list.Segments {
		keys = append(keys, strconv.FormatInt(r.MSN, 10))
	}
	for _, m := range list.Missing {
		keys = append(keys, strconv.FormatInt(m.Frame, 10)+"-"+strconv.FormatInt(m.LastFrame, 10)+" "+m.Reason)
	}
	if list.Truncated != (list.Next != "") || list.Next != f.next(w.Header(), target) {
		f.t.Errorf("%s: truncated %v, next %q, Link %q", target, list.Truncated, list.Next, w.Header().Get("Link"))
	}
	if next != nil {
		*next = list.Next
	}
	return keys
}

// TestPlusInExponent takes a plus that was not escaped, which arrives as a space.
func TestPlusInExponent(t *testing.T) {
	f := withMarkers(t)
	w := httptest.NewRecorder()
	f.server.Handler().ServeHTTP(w, request(http.MethodGet, "/markers?ts_end=1.001E+01&format=csv", ""))
	if w.Code != http.StatusOK || !slices.Equal(numbers(t, "csv", w.Body.String()), []int{1}) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
