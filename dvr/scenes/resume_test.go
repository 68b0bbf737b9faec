package scenes

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/refstream/refstream/dvr/splice"
)

// resumedStream is two connections of our stream with many events, and what a scan without a stop finds.
type resumedStream struct {
	first, second []byte
	frames        []Frame
}

// resumed is the one that all tests take, which is made once.
var resumed struct {
	once sync.Once
	resumedStream
}

func newResumedStream(t *testing.T) resumedStream {
	t.Helper()
	resumed.once.Do(func() { resumed.resumedStream = makeResumedStream(t) })
	if len(resumed.frames) < 10 {
		t.Fatalf("only %d frames", len(resumed.frames))
	}
	return resumed.resumedStream
}

func makeResumedStream(t *testing.T) resumedStream {
	t.Helper()
	o := ourOptions(160, 90, rate30)
	r := resumedStream{
		first:  ourStream(t, o, 0, 200, "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2"),
		second: ourStream(t, o, 300, 200, "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-output_ts_offset", "11"),
	}
	r.frames = r.session(t).scan()
	return r
}

// unrecorded is a session in which nothing is yet.
func (r resumedStream) unrecorded(t *testing.T) *scanSession {
	t.Helper()
	s := newScanSession(t)
	s.o.MaxInterval = 700 * time.Millisecond
	return s
}

// session is one of which nothing was scanned.
func (r resumedStream) session(t *testing.T) *scanSession {
	t.Helper()
	s := r.unrecorded(t)
	at := time.Unix(0, 0)
	s.append(r.first)
	s.append(r.second)
	s.connections(splice.Connection{Number: 1, Bytes: int64(len(r.first)), Ended: &at},
		splice.Connection{Number: 2, FirstByte: int64(len(r.first)), Bytes: int64(len(r.second)), Ended: &at})
	return s
}

// stopped are sessions whose scan was stopped, by the frames that there were to be: each is made once a run.
var stopped struct {
	sync.Mutex
	made map[int]stoppedScan
}

// stoppedScan is the files of a session, and how many frames there are.
type stoppedScan struct {
	files  fstest.MapFS
	frames int
}

// scanned is a session of which so many frames were scanned, and how many they are.
func (r resumedStream) scanned(t *testing.T, frames int) (*scanSession, int) {
	t.Helper()
	stopped.Lock()
	defer stopped.Unlock()
	scan, ok := stopped.made[frames]
	if !ok {
		s := r.session(t)
		scan = stoppedScan{fstest.MapFS{}, s.scanSome(frames)}
		if err := filepath.WalkDir(s.folder, func(path string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			name, _ := filepath.Rel(s.folder, path)
			scan.files[filepath.ToSlash(name)] = &fstest.MapFile{Data: b, Mode: 0o644}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if stopped.made == nil {
			stopped.made = map[int]stoppedScan{}
		}
		stopped.made[frames] = scan
	}
	s := r.unrecorded(t)
	if err := os.CopyFS(s.folder, scan.files); err != nil {
		t.Fatal(err)
	}
	return s, scan.frames
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

// TestScanResumed stops a scan after each of its frames, or of each fourth, and has another scanner go on: the index is that of one that
// was never stopped. Also when what was written last before is missing, as after a crash.
func TestScanResumed(t *testing.T) {
	t.Parallel()
	r := newResumedStream(t)
	s := r.session(t)
	stops, step := 0, 1
	if testing.Short() {
		step = 4
	}
	for known := 0; known < len(r.frames); stops++ {
		before, err := os.ReadFile(filepath.Join(s.folder, stateFile))
		if err != nil {
			before = []byte("{}")
		}
		if known = s.scanSome(known + step); known == len(r.frames) {
			break
		}
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
	sc.looked = func() {
		if _, n := sc.Scanned(); n >= frames {
			cancel()
		}
	}
	if err := sc.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		s.t.Fatalf("Run: %v\n%s", err, s.log)
	}
	_, n := sc.Scanned()
	return n
}

// TestScanPictureWithoutEntry has a crash between a picture and the index: its frame is found again, with another id.
func TestScanPictureWithoutEntry(t *testing.T) {
	t.Parallel()
	r := newResumedStream(t)
	s, _ := r.scanned(t, len(r.frames))
	list := s.index()
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
