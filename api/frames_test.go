package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"net/http"
	"strings"
	"testing"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

// ranges writes frame numbers as first-last, and missing ones after a slash.
func (l ledgerList) ranges() string {
	s := "-"
	if n := len(l.Frames); n > 0 {
		s = fmt.Sprintf("%d-%d(%d)", l.Frames[0].Frame, l.Frames[n-1].Frame, n)
	}
	for _, m := range l.Missing {
		s += fmt.Sprintf(" /%d-%d", m.Frame, m.LastFrame)
	}
	return s
}

func TestFrames(t *testing.T) {
	f := newFixture(t)
	f.append(markers.Batch{
		Frames:  append(append(frames(0, 599), frames(720, 1199)...), frames(1260, 1300)...),
		Missing: []markers.MissingRecord{lost(600, 719), lost(1200, 1259)},
	})
	tests := []struct {
		query, want string
		truncated   bool
	}{
		{"", "1141-1300(100) /1200-1259", true},
		{"?limit=5", "1296-1300(5)", true},
		{"?from=0&to=9", "0-9(10)", false},
		{"?from=1290", "1290-1300(11)", false},
		{"?to=50", "0-50(51)", false},
		{"?to=650&limit=20", "580-599(20) /600-719", true},
		{"?from=590&to=730", "590-730(21) /600-719", false},
		{"?from=590&limit=12", "590-721(12) /600-719", true},
		{"?from=650&to=660", "- /600-719", false}, // it reaches into the range
		{"?from=5000", "-", false},
		{"?from=720&to=720", "720-720(1)", false},
		{"?from=0&limit=5000", "0-1300(1121) /600-719 /1200-1259", false},
	}
	for _, tt := range tests {
		var list ledgerList
		f.ok("/frames"+tt.query, &list)
		if got := list.ranges(); got != tt.want || list.Truncated != tt.truncated {
			t.Errorf("%q: %s, truncated %v; want %s, %v", tt.query, got, list.Truncated, tt.want, tt.truncated)
		}
	}
	for query, field := range map[string]string{
		"from=-1": "from", "from=x": "from", "to=960000000001": "to", "from=5&to=4": "to", "limit=5001": "limit",
		"limit=0": "limit", "n=1": "n", "from=1&from=2": "from",
	} {
		f.refused(f.get("/frames?"+query), http.StatusBadRequest, field)
	}
}

func TestEmptyLedgers(t *testing.T) {
	f := newFixture(t)
	for _, target := range []string{"/frames", "/segments", "/markers", "/frames?from=3", "/segments?to=3"} {
		if w := f.get(target); w.Code != 200 || strings.Contains(w.Body.String(), `s":null`) { // a list
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}

func TestFrame(t *testing.T) {
	f := newFixture(t)
	f.append(markers.Batch{Frames: frames(10, 20), Missing: []markers.MissingRecord{lost(0, 9), lost(20, 29)}})
	want, err := json.Marshal(frame(15))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(f.get("/frames/15").Body.String()); got != string(want) {
		t.Errorf("frame 15 is %s, want %s", got, want)
	}
	for n, want := range map[int]string{
		5:  `{"frame":5,"missing":{"frame":0,"last_frame":9,"reason":"skipped"`,
		25: `{"frame":25,"missing":{"frame":20,"last_frame":29,"reason":"skipped"`,
		20: `"bytes":1000,"missing":{"frame":20,`,
	} {
		if got := f.get(fmt.Sprintf("/frames/%d", n)).Body.String(); !strings.Contains(got, want) {
			t.Errorf("frame %d is %s, want %s in it", n, got, want)
		}
	}
	f.refused(f.get("/frames/30"), http.StatusNotFound, "")
	f.refused(f.get("/frames/x"), http.StatusBadRequest, "n")
	f.refused(f.get("/frames/-1"), http.StatusBadRequest, "n")
	f.refused(f.get("/frames/960000000001"), http.StatusBadRequest, "n")
	f.refused(f.get("/frames/99999999999999999999999"), http.StatusBadRequest, "n")
	f.refused(f.get("/frames/15?x=1"), http.StatusBadRequest, "x")
	f.refused(f.get("/frames/15/16"), http.StatusNotFound, "")
	f.refused(f.get("/frames/"), http.StatusNotFound, "")
}

// picture gets the reference picture of a frame and says what it shows.
func (f *fixture) picture(n int64) (code int64, event bool, w http.Header) {
	f.t.Helper()
	answer := f.get(fmt.Sprintf("/frames/%d.png", n))
	img, err := png.Decode(answer.Body)
	if err != nil {
		f.t.Fatalf("picture of frame %d: %v", n, err)
	}
	c := testChannel("main")
	if b := img.Bounds(); b.Dx() != c.Width || b.Dy() != c.Height {
		f.t.Fatalf("picture is %v", b)
	}
	luma := make([]byte, c.Width*c.Height)
	for i := range luma {
		r, g, b, _ := img.At(i%c.Width, i/c.Width).RGBA()
		luma[i] = byte((r + g + b) / 3 >> 8)
	}
	code, ok := generator.ReadFrameCode(luma, c.Width, c.Width, c.Height)
	if !ok {
		f.t.Fatalf("no frame code in the picture of frame %d", n)
	}
	block := scenario.Picture(c).BlockAt(n)
	r, g, b, _ := img.At((block.X+block.Width/2)%c.Width, block.Y+block.Height/2).RGBA()
	return code, r == 0 && g == 0xffff && b == 0xffff, answer.Header()
}

func TestPicture(t *testing.T) {
	f := newFixture(t)
	schedule, err := scenario.NewSchedule(7, 600, 60)
	if err != nil {
		t.Fatal(err)
	}
	scheduled := schedule.Next(5000)
	free := quiet(t, 3100, 200)
	recorded := frame(schedule.Next(0).First) // scheduled, but the record says it was not shown
	shown := frame(quiet(t, recorded.Frame+100, 1))
	shown.Event = "main-t1"
	manual := event(0, quiet(t, shown.Frame+10, 61), 0)
	manual.Kind, manual.LastFrame = markers.KindManual, manual.Frame+59
	f.append(markers.Batch{
		Frames:  []markers.FrameRecord{recorded, shown, frame(3000)},
		Markers: []markers.Marker{manual},
		Triggers: []markers.Trigger{
			{Frame: quiet(t, 2500, 60), LastFrame: quiet(t, 2500, 60) + 58}, // it came too late: there is no marker
			{Frame: free, LastFrame: free + 59},
			{Frame: free + 60, LastFrame: free + 80}, // void: it touches the one before
		},
	})
	tests := []struct {
		name  string
		n     int64
		event bool
		final bool
	}{
		{"scheduled, to come", scheduled.First, true, false},
		{"last of it", scheduled.Last, true, false},
		{"just before", scheduled.First - 1, false, false},
		{"just after", scheduled.Last + 1, false, false},
		{"recorded without event", recorded.Frame, false, true},
		{"recorded with event", shown.Frame, true, true},
		{"manual marker", manual.LastFrame, true, false},
		{"after it", manual.LastFrame + 1, false, false},
		{"trigger without marker", quiet(t, 2500, 60), false, false},
		{"trigger", free, true, false},
		{"void trigger", free + 60, false, false},
		{"far away", 1 << 36, false, false},
	}
	for _, tt := range tests {
		code, shows, h := f.picture(tt.n)
		if code != tt.n || shows != tt.event {
			t.Errorf("%s: picture of frame %d shows %d, event %v, want %v", tt.name, tt.n, code, shows, tt.event)
		}
		if final := h.Get("Cache-Control") == "public, max-age=3600"; final != tt.final {
			t.Errorf("%s: Cache-Control %q", tt.name, h.Get("Cache-Control"))
		}
	}
	target := fmt.Sprintf("/frames/%d.png", free)
	if w := f.get(target, "If-None-Match", f.get(target).Header().Get("ETag")); w.Code != http.StatusNotModified {
		t.Errorf("with its ETag: %d", w.Code)
	}
	f.refused(f.get("/frames/x.png"), http.StatusBadRequest, "n")
	f.refused(f.get("/frames/.png"), http.StatusBadRequest, "n")
}

func TestPicturesAreBounded(t *testing.T) {
	f := newFixture(t)
	for range maxRenderQueue {
		f.server.pictures.queue <- struct{}{}
	}
	w := f.get("/frames/1.png")
	f.refused(w, http.StatusServiceUnavailable, "")
	if w.Header().Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
	}
	for range maxRenderQueue {
		<-f.server.pictures.queue
	}
	if w := f.get("/frames/1.png"); w.Code != 200 || !bytes.HasPrefix(w.Body.Bytes(), []byte("\x89PNG")) {
		t.Errorf("afterwards: %d", w.Code)
	}
}

func TestSegments(t *testing.T) {
	f := newFixture(t)
	var b markers.Batch
	for msn := range int64(20) {
		if msn == 5 {
			b.Missing = append(b.Missing, lost(300, 359))
			continue
		}
		b.Segments = append(b.Segments, markers.SegmentRecord{
			MSN: msn, FirstFrame: msn * 60, LastFrame: msn*60 + 59, Bytes: 1000, PublishedAt: testEpoch(),
			URI: fmt.Sprintf("seg-%d.ts", msn), Discontinuity: msn == 6,
		})
	}
	f.append(b)
	tests := []struct {
		query, want string
		truncated   bool
	}{
		{"", "0-19(19) /300-359", false},
		{"?limit=3", "17-19(3)", true},
		{"?from=4&to=6", "4-6(2) /300-359", false},
		{"?from=4&limit=1", "4-4(1)", true},
		{"?to=2", "0-2(3)", false},
		{"?from=960000000000", "-", false},
		{"?from=0&to=960000000000", "0-19(19) /300-359", false},
	}
	for _, tt := range tests {
		var list ledgerList
		f.ok("/segments"+tt.query, &list)
		got := ledgerList{Missing: list.Missing}
		for _, s := range list.Segments {
			got.Frames = append(got.Frames, frameView{FrameRecord: markers.FrameRecord{Frame: s.MSN}})
		}
		if got.ranges() != tt.want || list.Truncated != tt.truncated {
			t.Errorf("%q: %s, truncated %v; want %s, %v", tt.query, got.ranges(), list.Truncated, tt.want, tt.truncated)
		}
	}
	f.refused(f.get("/segments?from=x"), http.StatusBadRequest, "from")
}
