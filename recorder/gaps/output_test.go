package gaps

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/recorder"
)

// faulty is a stream with a gap, a late segment and one that is missing, in two runs.
func faulty(t *testing.T, o Options) *Report {
	t.Helper()
	w := write(t, "http://me:secret@example.com/live/index.m3u8")
	p := w.playlist(simURL, recorder.KindMedia, "")
	for i := range 2 {
		w.begin(simStart().Add(time.Duration(i) * time.Hour))
		s := sim{length: 30 * second, window: 5, load: hold(10*second, 4*second), fetch: func(e exchange) []exchange {
			switch e.msn {
			case 103:
				e.ended += 5 * second
			case 104:
				e.status, e.err, e.body = 404, "fetch it: 404 Not Found", ""
			}
			return []exchange{e}
		}}
		s.record(w, p)
	}
	return found(t, w, o)
}

// golden compares with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	name = filepath.Join("testdata", name)
	if update := flag.Lookup("update"); update != nil && update.Value.String() == "true" {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what was written:\n%s", name, got)
	}
}

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write the files of testdata")
	os.Exit(m.Run())
}

func TestTable(t *testing.T) {
	var b bytes.Buffer
	if err := faulty(t, Options{}).WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "faulty.txt", b.Bytes())
	for _, want := range []string{
		"index.m3u8, #9 15:04:13.005 (at 8.0 s) -> #11 15:04:19.000 (at 14.0 s), possibly a gap: 5.995 s as seen, 1.945 to 6.050 s (at most 3.000 s)\n",
		"index.m3u8, #36 16:04:13.005 (at 38.0 s) -> #38 16:04:19.000 (at 44.0 s), ",
		"\n  16:04:16.025 (at 41.0 s) segment_late: ",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the table has no line with %q", want)
		}
	}
}

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	if err := faulty(t, Options{}).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "faulty.json", b.Bytes())
	if !json.Valid(b.Bytes()) || bytes.Contains(b.Bytes(), []byte("secret")) {
		t.Error("it is no JSON, or names a password")
	}
	b.Reset()
	if err := (&Report{}).WriteJSON(&b); err != nil || bytes.Contains(b.Bytes(), []byte(": null,\n  \"findings")) {
		t.Errorf("an empty report is %s, %v", &b, err)
	}
}

// full is a disk without room.
type full struct{}

var errFull = errors.New("no room")

func (full) Write([]byte) (int, error) { return 0, errFull }
