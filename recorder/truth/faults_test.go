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
