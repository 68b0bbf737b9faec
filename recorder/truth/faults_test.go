package truth

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/refstream/refstream/markers"
)

// TestFaults records the faults of a twin once they are done, and at the end those that are not; the last record of one holds.
func TestFaults(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	record := func(id string, frame int64, state markers.FaultState) markers.FaultRecord {
		return markers.FaultRecord{ID: id, Kind: "freeze", Source: "main", Span: markers.Span{Frame: frame, LastFrame: frame + 9}, State: state}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Query().Get("channel")
		switch {
		case r.URL.Path == "/clocks" && name == "main":
			text, err := json.Marshal(Channel{Channel: channel()})
			if err != nil {
				t.Error(err)
			}
			fmt.Fprintf(w, `{"server_time":%q,%s`, time.Now().Format(time.RFC3339Nano), text[1:])
		case r.URL.Path == "/channels":
			fmt.Fprint(w, `{"channels":[{"channel":"main","fps":"30"}]}`)
		case r.URL.Path == "/frames", r.URL.Path == "/markers":
			fmt.Fprint(w, `{}`)
		case r.URL.Path == "/faults" && name == "main-x":
			list := []markers.FaultRecord{record("a", 10, markers.FaultDone), record("b", 20, markers.FaultActive), record("c", 90, markers.FaultPlanned),
				record("d", 30, markers.FaultNotDone), record("e", 40, markers.FaultNotDone)}
			list[3].Layer, list[4].Layer = "request", "request"
			if asked.Add(1) > 2 {
				list[1].State, list[3].State = markers.FaultDone, markers.FaultDone
			}
			if err := json.NewEncoder(w).Encode(map[string]any{"faults": list}); err != nil {
				t.Error(err)
			}
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	dir := t.TempDir()
	// The channel's epoch is 1970: at 10 s after it there are 300 frames.
	now := func() time.Time { return time.Unix(10, 0) }
	for range 2 {
		r, err := NewRecorder(server.URL+"/hls/main-x/index.m3u8", "", dir, now, slog.New(slog.DiscardHandler))
		if err == nil {
			err = r.begin(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		r.ask(t.Context())
		r.ask(t.Context())
		r.close()
	}
	// The recorder was killed within a line.
	torn, err := os.OpenFile(filepath.Join(dir, folder, "faults.jsonl"), os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		_, err = torn.WriteString(`{"id":"d"`)
		err = errors.Join(err, torn.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	list, c, err := Faults(t.Context(), dir)
	slices.SortFunc(list, func(a, b markers.FaultRecord) int { return strings.Compare(string(a.State)+a.ID, string(b.State)+b.ID) })
	var got []string
	for _, f := range list {
		got = append(got, f.ID+" "+string(f.State))
	}
	if want := "a done, b done, d done, e not_done, c planned"; err != nil || strings.Join(got, ", ") != want || c.Name != "main" {
		t.Errorf("%q of %s, %v, want %q", got, c.Name, err, want)
	}
	if _, _, err := Faults(t.Context(), filepath.Join(dir, "none")); err == nil {
		t.Error("there is a truth where none is")
	}
}

// TestReplayFaults: a replay has the segments of the twin that was recorded, and its faults, as far as the stream was then.
func TestReplayFaults(t *testing.T) {
	t.Parallel()
	dir, c := t.TempDir(), channel()
	clock := c.Clock()
	f, err := openFiles(filepath.Join(dir, folder), Channel{Channel: c})
	if err != nil {
		t.Fatal(err)
	}
	var b markers.Batch
	for n := c.FramesPerSegment; n < 5*c.FramesPerSegment; n++ {
		b.Frames = append(b.Frames, markers.FrameRecord{Frame: n, PTS: clock.PTS(n), Run: 1, GenNS: clock.UTC(n).UnixNano(), Generator: c.Generator})
	}
	record := func(id, channel string, first, last int64, state markers.FaultState) markers.FaultRecord {
		r := markers.FaultRecord{ID: id, Kind: "freeze", Layer: "picture", Channel: channel, Source: c.Name, Span: clock.Span(first, last), State: state, Generator: c.Generator}
		if state == markers.FaultDone {
			r.Done = []markers.Span{r.Span}
		}
		return r
	}
	gop := c.FramesPerSegment
	err = errors.Join(f.append(b), f.appendFaults([]markers.FaultRecord{
		record("a", c.Name+"-x", gop+3, 3*gop+2, markers.FaultDone), record("b", c.Name+"-x", 3*gop, 3*gop+1, markers.FaultNotDone),
		record("of-another", c.Name+"-y", gop, gop+1, markers.FaultDone),
	}), f.close())
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string][]string{
		"http://host/hls/" + c.Name + "-x/index.m3u8": {
			"0 segments", "1 segments, a active to " + fmt.Sprint(2*gop-1), "2 segments, a active to " + fmt.Sprint(3*gop-1),
			"3 segments, a done to " + fmt.Sprint(3*gop+2) + ", b not_done",
		},
		"http://host/hls/" + c.Name + "/index.m3u8": {"0 segments", "0 segments", "0 segments", "0 segments"},
	} {
		r, err := Load(t.Context(), dir, address)
		if err != nil {
			t.Fatal(err)
		}
		for k, text := range want {
			// All frames of so many segments are there, and some of the next.
			if err := r.bring(t.Context(), clock.UTC(gop*int64(k+1)+2).Add(-lead)); err != nil {
				t.Fatal(err)
			}
			segments, err := r.Store.Read(t.Context(), c.Name, markers.Segments.Of("x"), markers.Range{})
			if err != nil {
				t.Fatal(err)
			}
			list, err := r.Store.Read(t.Context(), c.Name, markers.Faults.Of("x"), markers.Range{})
			if err != nil {
				t.Fatal(err)
			}
			got, newest := fmt.Sprintf("%d segments", len(segments)), map[string]string{}
			for _, f := range markers.Faults.Batch(list).Faults {
				newest[f.ID] = fmt.Sprintf(", %s %s", f.ID, f.State)
				for _, s := range f.Done {
					newest[f.ID] += fmt.Sprintf(" to %d", s.LastFrame)
				}
			}
			if got += newest["a"] + newest["b"]; got != text {
				t.Errorf("%s after %d segments: %s, want %s", address, k, got, text)
			}
		}
		if err := r.Store.Close(); err != nil {
			t.Error(err)
		}
	}
}
