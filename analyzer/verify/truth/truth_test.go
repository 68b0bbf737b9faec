package truth_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/analyzer/verify/internal/verifytest"
	"github.com/refstream/refstream/analyzer/verify/truth"
	"github.com/refstream/refstream/markers"
)

func TestServer(t *testing.T) {
	const testFrames = 300
	known := verifytest.Truth(t, testFrames)
	known.Bounded, known.First, known.Last = false, 0, 0
	s, err := truth.Server(verifytest.Serve(t, known, 2).URL, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := s.Channel(t.Context()); err != nil || c.Seed != verifytest.Channel().Seed {
		t.Errorf("%+v, %v", c, err)
	}
	got, err := s.Between(t.Context(), 0, testFrames-1)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Frames, known.Frames) || len(got.Markers) != len(known.Markers) {
		t.Errorf("%d frames and %d markers, want %d and %d", len(got.Frames), len(got.Markers), len(known.Frames), len(known.Markers))
	}
	// Only those markers that a frame of the stretch belongs to.
	m := known.Markers[1]
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
		s, err := truth.Server(w.URL, "", nil)
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
		if _, err := truth.Server(bad, "", nil); err == nil || !strings.Contains(err.Error(), "such as http") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	w := httptest.NewServer(http.NotFoundHandler())
	defer w.Close()
	s, err := truth.Server(w.URL, "", nil)
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
	if _, err := truth.Folder(dir).Channel(t.Context()); err == nil || !strings.Contains(err.Error(), "generate") {
		t.Errorf("no file: %v", err)
	}
	channel, err := json.Marshal(verifytest.Channel())
	if err != nil {
		t.Fatal(err)
	}
	write("truth.json", `{"channel":`+string(channel)+`,"first_frame":5,"last_frame":9}`)
	write("frames.jsonl", "{\"frame\":5,\"gen_ns\":7}\n{\"frame\":6}\n{\"frame\":9}\n")
	write("markers.jsonl", "{\"id\":\"main-e1\",\"frame\":3,\"last_frame\":6}\n{\"id\":\"main-e2\",\"frame\":9,\"last_frame\":9}\n")
	for _, name := range []string{dir, filepath.Join(dir, "truth.json")} {
		got, err := truth.Folder(name).Between(t.Context(), 5, 8)
		if err != nil || !got.Bounded || got.First != 5 || got.Last != 9 || len(got.Frames) != 2 || got.Frames[5].GenNS != 7 ||
			len(got.Markers) != 1 || got.Markers[0].ID != "main-e1" {
			t.Errorf("%+v, %v", got, err)
		}
	}
	write("markers.jsonl", "{\"id\":")
	if _, err := truth.Folder(dir).Between(t.Context(), 5, 8); err == nil || !strings.Contains(err.Error(), "markers.jsonl: the last line: ") {
		t.Errorf("cut off: %v", err)
	}
	write("truth.json", `{"first_frame":5}`)
	if _, err := truth.Folder(dir).Channel(t.Context()); err == nil || !strings.Contains(err.Error(), "channel") {
		t.Errorf("no channel: %v", err)
	}
}

func TestSeededIsBounded(t *testing.T) {
	if _, err := truth.Seeded(verifytest.Channel()).Markers(t.Context(), 0, 1<<40); err == nil || !strings.Contains(err.Error(), "too many") {
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
		json.NewEncoder(w).Encode(verifytest.Channel())
	}))
	defer s.Close()
	source, err := truth.Server(s.URL, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := source.Channel(t.Context()); err != nil || c.Name != "main" || asked != 2 {
		t.Errorf("%+v, %v, asked %d times", c, err, asked)
	}
	if _, err := source.Channel(t.Context()); err == nil || asked != 3 {
		t.Errorf("%v, asked %d times", err, asked)
	}
}

// With an expression of faults behind a server's address the faults are those of the expression; all else is the server's.
func TestExpressionOfAServer(t *testing.T) {
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RequestURI())
		if strings.HasSuffix(r.URL.Path, "/faults") {
			fmt.Fprint(w, `{"faults":[{"id":"a","kind":"http.cut","frame":3,"last_frame":5}]}`)
			return
		}
		json.NewEncoder(w).Encode(verifytest.Channel())
	}))
	defer s.Close()
	source, err := truth.Server(s.URL+"/p/faulty/http.cut(at_byte=50%25);client=a/", "main", nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := source.Channel(t.Context())
	faults, err2 := truth.FaultsOf(t.Context(), source, 0, 9)
	if err != nil || err2 != nil || c.Name != "main" || len(faults) != 1 || faults[0].ID != "a" {
		t.Errorf("%+v, %v, %+v, %v", c, err, faults, err2)
	}
	if want := []string{"/p/clocks?channel=main", "/p/faulty/http.cut(at_byte=50%25);client=a/faults?channel=main&from=0&to=9"}; !slices.Equal(asked, want) {
		t.Errorf("asked for %q", asked)
	}
}

// A folder that contradicts itself is no truth.
func TestFolderContradicts(t *testing.T) {
	known := verifytest.Truth(t, 600)
	clock := verifytest.Channel().Clock()
	write := func(channel markers.Channel, first, last, frames int64) string {
		dir := t.TempDir()
		save := func(name string, lines ...any) {
			var b []byte
			for _, v := range lines {
				line, err := json.Marshal(v)
				if err != nil {
					t.Fatal(err)
				}
				b = append(append(b, line...), '\n')
			}
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		save("truth.json", map[string]any{"channel": channel, "first_frame": first, "last_frame": last, "frames": frames})
		save("frames.jsonl", markers.FrameRecord{Frame: 3, PTS: clock.PTS(3), UTC: clock.UTC(3)})
		save("markers.jsonl", known.Markers[0])
		return dir
	}
	later, slower := verifytest.Channel(), verifytest.Channel()
	later.Epoch = later.Epoch.AddDate(1, 0, 0)
	slower.Rate.Num = 25
	for name, c := range map[string]struct{ dir, want string }{
		"as it is":      {write(verifytest.Channel(), 0, 599, 600), ""},
		"another epoch": {write(later, 0, 599, 600), "by the epoch of truth.json it is at 2027"},
		"another rate":  {write(slower, 0, 599, 600), "by truth.json it is"},
		"backwards":     {write(verifytest.Channel(), 0, -5, 600), "before first_frame"},
		"too many":      {write(verifytest.Channel(), 0, 599, 1<<50), "counts 1125899906842624 frames"},
		"overflow":      {write(verifytest.Channel(), -1<<63, 1<<63-1, 0), "can't be"},
		"a line beside": {write(verifytest.Channel(), 10, 599, 590), "frame 3 is not one of"},
	} {
		_, err := truth.Folder(c.dir).Between(t.Context(), 0, 599)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
