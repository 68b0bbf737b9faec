package verify

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/refstream/refstream/markers"
)

func TestServer(t *testing.T) {
	truth := truthOf(t, testFrames)
	truth.Bounded, truth.First, truth.Last = false, 0, 0
	s, err := Server(serve(t, truth, 2).URL, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := s.Channel(t.Context()); err != nil || c.Seed != testChannel().Seed {
		t.Errorf("%+v, %v", c, err)
	}
	got, err := s.Between(t.Context(), 0, testFrames-1)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Frames, truth.Frames) || len(got.Markers) != len(truth.Markers) {
		t.Errorf("%d frames and %d markers, want %d and %d", len(got.Frames), len(got.Markers), len(truth.Frames), len(truth.Markers))
	}
	// Only those markers that a frame of the stretch belongs to.
	m := truth.Markers[1]
	if list, err := s.Markers(t.Context(), m.LastFrame, m.LastFrame); err != nil || len(list) != 1 || list[0].ID != m.ID {
		t.Errorf("%+v, %v", list, err)
	}
}

// An answer that is cut short without an address of the rest is an error, not the whole.
func TestServerCutsShort(t *testing.T) {
	for _, next := range []string{"", "%zz", "frames"} {
		w := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			v := map[string]any{"frames": []markers.FrameRecord{{Frame: 1}}, "truncated": true, "next": next}
			if err := json.NewEncoder(w).Encode(v); err != nil {
				t.Error(err)
			}
		}))
		s, err := Server(w.URL, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Between(t.Context(), 0, 9); err == nil || !strings.Contains(err.Error(), "cut short") {
			t.Errorf("next %q: %v", next, err)
		}
		w.Close()
	}
}

func TestServerRefuses(t *testing.T) {
	for _, bad := range []string{"", "ftp://x", "127.0.0.1:8080", "http://"} {
		if _, err := Server(bad, "", nil); err == nil || !strings.Contains(err.Error(), "such as http") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	w := httptest.NewServer(http.NotFoundHandler())
	defer w.Close()
	s, err := Server(w.URL, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Channel(t.Context()); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("%v", err)
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Folder(dir).Channel(t.Context()); err == nil || !strings.Contains(err.Error(), "generate") {
		t.Errorf("no file: %v", err)
	}
	channel, err := json.Marshal(testChannel())
	if err != nil {
		t.Fatal(err)
	}
	write("truth.json", `{"channel":`+string(channel)+`,"first_frame":5,"last_frame":9}`)
	write("frames.jsonl", "{\"frame\":5,\"gen_ns\":7}\n{\"frame\":6}\n{\"frame\":9}\n")
	write("markers.jsonl", "{\"id\":\"main-e1\",\"frame\":3,\"last_frame\":6}\n{\"id\":\"main-e2\",\"frame\":9,\"last_frame\":9}\n")
	for _, name := range []string{dir, filepath.Join(dir, "truth.json")} {
		got, err := Folder(name).Between(t.Context(), 5, 8)
		if err != nil || !got.Bounded || got.First != 5 || got.Last != 9 || len(got.Frames) != 2 || got.Frames[5].GenNS != 7 ||
			len(got.Markers) != 1 || got.Markers[0].ID != "main-e1" {
			t.Errorf("%+v, %v", got, err)
		}
	}
	write("markers.jsonl", "{\"id\":")
	if _, err := Folder(dir).Between(t.Context(), 5, 8); err == nil || !strings.Contains(err.Error(), "markers.jsonl: the last line: ") {
		t.Errorf("cut off: %v", err)
	}
	write("truth.json", `{"first_frame":5}`)
	if _, err := Folder(dir).Channel(t.Context()); err == nil || !strings.Contains(err.Error(), "channel") {
		t.Errorf("no channel: %v", err)
	}
}

func TestSeededIsBounded(t *testing.T) {
	if _, err := Seeded(testChannel()).Markers(t.Context(), 0, 1<<40); err == nil || !strings.Contains(err.Error(), "too many") {
		t.Errorf("%v", err)
	}
}

// A server whose store is away for a moment is asked again; one that has no such thing is not.
func TestServerIsAwayForAMoment(t *testing.T) {
	answers := []int{http.StatusServiceUnavailable, http.StatusOK, http.StatusNotFound}
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(answers[asked])
		asked++
		json.NewEncoder(w).Encode(testChannel())
	}))
	defer s.Close()
	truth, err := Server(s.URL, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := truth.Channel(t.Context()); err != nil || c.Name != "main" || asked != 2 {
		t.Errorf("%+v, %v, asked %d times", c, err, asked)
	}
	if _, err := truth.Channel(t.Context()); err == nil || asked != 3 {
		t.Errorf("%v, asked %d times", err, asked)
	}
}
