package dvr

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

// resumedStream is two connections of our stream with many events, and what a scan without a stop finds.
type resumedStream struct {
	first, second []byte
	frames        []Frame
}

func newResumedStream(t *testing.T) resumedStream {
	t.Helper()
	o := ourOptions(320, 180, rate30)
	r := resumedStream{
		first:  ourStream(t, o, 0, 200, "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2"),
		second: ourStream(t, o, 300, 200, "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-output_ts_offset", "11"),
	}
	r.frames = r.session(t).scan()
	if len(r.frames) < 10 {
		t.Fatalf("only %d frames", len(r.frames))
	}
	return r
}

func (r resumedStream) session(t *testing.T) *scanSession {
	t.Helper()
	s := newScanSession(t)
	s.o.MaxInterval = 700 * time.Millisecond
	at := time.Unix(0, 0)
	s.append(r.first)
	s.append(r.second)
	s.connections(Connection{Number: 1, Bytes: int64(len(r.first)), Ended: &at},
		Connection{Number: 2, FirstByte: int64(len(r.first)), Bytes: int64(len(r.second)), Ended: &at})
	return s
}

func (r resumedStream) check(t *testing.T, s *scanSession) {
	t.Helper()
	if got := s.scan(); !reflect.DeepEqual(got, r.frames) {
		t.Errorf("resumed:\n%+v, want\n%+v\n%s", got, r.frames, s.log)
	}
	if names, err := filepath.Glob(filepath.Join(s.folder, "frames", "*.jpg")); err != nil || len(names) != len(r.frames) {
		t.Errorf("there are %d pictures, %v", len(names), err)
	}
}

// TestScanResumed stops a scan after each of its frames, and has another scanner go on: the index is that of one that
// was never stopped. Also when what was written last before is missing, as after a crash.
func TestScanResumed(t *testing.T) {
	t.Parallel()
	r := newResumedStream(t)
	s := r.session(t)
	stops := 0
	for known := 0; known < len(r.frames); stops++ {
		before, err := os.ReadFile(filepath.Join(s.folder, stateFile))
		if err != nil {
			before = []byte("{}")
		}
		frames := s.scanSome(known + 1)
		if frames <= known {
			break // it was done before it was stopped
		}
		known = frames
		switch stops % 4 {
		case 1: // the state is older than the index
			write(t, s.folder, stateFile, before)
		case 2: // there is none
			if err := os.Remove(filepath.Join(s.folder, stateFile)); err != nil {
				t.Fatal(err)
			}
		case 3: // it is damaged
			write(t, s.folder, stateFile, []byte("{\"from\":"))
		}
	}
	if stops < 5 {
		t.Errorf("only %d stops", stops)
	}
	r.check(t, s)
}

// scanSome scans until there are that many frames, and returns how many there are.
func (s *scanSession) scanSome(frames int) int {
	s.t.Helper()
	sc := s.scanner()
	sc.Finish()
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- sc.Run(ctx) }()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ended: // cancelled, or done before
			_, n := sc.Scanned()
			return n
		case <-tick.C:
			if _, n := sc.Scanned(); n >= frames {
				cancel()
			}
		}
	}
}

// TestScanPictureWithoutEntry has a crash between a picture and the index: its frame is found again, with another id.
func TestScanPictureWithoutEntry(t *testing.T) {
	t.Parallel()
	r := newResumedStream(t)
	s := r.session(t)
	list := s.scan()
	s.keepEntries(len(list) - 1)
	write(t, s.folder, stateFile, []byte("{}"))
	got := s.resumedIndex()
	if joined(got) != joined(r.frames) {
		t.Errorf("resumed:\n%swant\n%s", joined(got), joined(r.frames))
	}
	if n := len(list); got[n-2].ID != list[n-2].ID || frameNumber(got[n-1].ID) != n+1 {
		t.Errorf("the last ids are %s and %s", got[n-2].ID, got[n-1].ID)
	}
}

// keepEntries leaves the first n entries in the index.
func (s *scanSession) keepEntries(n int) {
	s.t.Helper()
	var raw []json.RawMessage
	s.readJSON(indexFile, &raw)
	b, err := json.Marshal(raw[:n])
	if err != nil {
		s.t.Fatal(err)
	}
	write(s.t, s.folder, indexFile, b)
}

func write(t testing.TB, folder, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), b, 0o644); err != nil {
		t.Fatal(err)
	}
}
