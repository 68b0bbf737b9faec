package truth

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// A faulty twin has the truth of its clean channel, and its own faults; the clean channel has none.
func TestTwin(t *testing.T) {
	channel := func(name string) markers.Channel {
		return markers.Channel{Name: name, Rate: media.FrameRate{Num: 25, Den: 1}, FramesPerSegment: 50, PTSOrigin: markers.PTSOrigin}
	}
	fault := markers.FaultRecord{ID: "a", Kind: "freeze", Span: markers.Span{Frame: 100, LastFrame: 149}}
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Query().Get("channel")
		var answer any
		switch {
		case r.URL.Path == "/channels" && r.URL.RawQuery == "":
			answer = map[string]any{"channels": []markers.Channel{channel("main"), channel("main-2"), channel("ma")}}
		case r.URL.Path == "/clocks" && (name == "main" || name == "main-2"):
			answer = channel(name)
		case r.URL.Path == "/faults" && (name == "main-2-outage" || name == "other-outage"):
			asked = append(asked, r.URL.RawQuery)
			answer = map[string]any{"faults": []markers.FaultRecord{fault}}
		default:
			http.Error(w, "there is no such channel", http.StatusNotFound)
			return
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	defer s.Close()
	for name, c := range map[string]struct {
		clean  string
		faults int
	}{"main-2-outage": {"main-2", 1}, "main": {"main", 0}, "main-2": {"main-2", 0}, "main-none": {}, "other-outage": {}} {
		source, err := Server(s.URL, name, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := source.Channel(t.Context())
		if got.Name != c.clean || (err == nil) != (c.clean != "") {
			t.Errorf("%s is of %q, %v", name, got.Name, err)
		}
		list, err := FaultsOf(t.Context(), source, 40, 200)
		if err != nil || len(list) != c.faults {
			t.Errorf("%s: faults %v, %v", name, list, err)
		}
	}
	if last := asked[len(asked)-1]; !strings.Contains(strings.Join(asked, " "), "channel=main-2-outage&from=40&to=200") {
		t.Errorf("asked for %q", last)
	}
	fault.LastFrame = 99
	source, _ := Server(s.URL, "main-2-outage", nil)
	if _, err := source.Channel(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := FaultsOf(t.Context(), source, 40, 200); err == nil {
		t.Error("a fault that ends before it begins is taken")
	}
}

// The faults of a folder are those of its file that are about the frames, however long their lines are.
func TestFolderFaults(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "faults.jsonl")
	long := `{"id":"a","kind":"x","frame":10,"last_frame":20,"reason":"` + strings.Repeat("x", 100_000) + `"}`
	for text, want := range map[string]int{
		long + "\n" + `{"id":"b","kind":"x","frame":30,"last_frame":40}`: 1, "": 0, "{\"id\"": -1, `{"id":"a","frame":-1}`: -1, "7": -1,
		`{"id":"a","frame":1,"last_frame":2,"done":[{"frame":5,"last_frame":4}]}`: -1,
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		list, err := FaultsOf(t.Context(), Folder(dir), 0, 25)
		if (err != nil) != (want < 0) || len(list) != max(want, 0) || err != nil && !strings.Contains(err.Error(), name) {
			t.Errorf("%.40q: %d faults, %v", text, len(list), err)
		}
	}
	if list, err := FaultsOf(t.Context(), Folder(t.TempDir()), 0, 25); len(list) > 0 || err != nil {
		t.Errorf("no file: %v, %v", list, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := FaultsOf(ended, Folder(dir), 0, 25); err == nil {
		t.Error("it reads on when it is to end")
	}
}
