package dvr

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/dvr/internal/dvrtest"
	"github.com/refstream/refstream/dvr/splice"
)

// refused is the error of a run that must not begin.
func refused(t *testing.T, o Options) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), dvrtest.Patience)
	defer cancel()
	o.Ready = func(Session) { t.Error("it begins"); cancel() }
	err := run(ctx, o, func(Options, string) (follower, error) { return &idle{finished: make(chan struct{})}, nil })
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestOptionsRefused: every wrong option is said, and leaves nothing behind.
func TestOptionsRefused(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*Options){
		"Now is not set":                  func(o *Options) { o.Now = nil },
		"Dir is not set":                  func(o *Options) { o.Dir = "" },
		"scene threshold is -1":           func(o *Options) { o.Scene = -1 },
		"scene threshold is 1.5":          func(o *Options) { o.Scene = 1.5 },
		"at least 100ms":                  func(o *Options) { o.MaxInterval = time.Millisecond },
		`"../x" is no name`:               func(o *Options) { o.Session = "../x" },
		`".x" is no name`:                 func(o *Options) { o.Session = ".x" },
		`"" is no address`:                func(o *Options) { o.Listen = "" },
		`"udp://:1" is no address`:        func(o *Options) { o.Listen = "udp://:1" },
		"not a host and a port":           func(o *Options) { o.Listen = "tcp://localhost" },
		"no number from 0":                func(o *Options) { o.Listen = "tcp://localhost:70000" },
		"give an address of this machine": func(o *Options) { o.Listen = "tcp://192.0.2.1:4444" },
	} {
		dir := t.TempDir()
		o := Options{Dir: dir, Listen: "tcp://127.0.0.1:0", Now: time.Now}
		change(&o)
		if got := refused(t, o); !strings.Contains(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: left behind: %v, %v", want, left, err)
		}
	}
}

// TestSessionNames: without a name a session is named by the time, also two of the same second.
func TestSessionNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	noon := func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }
	o := Options{Dir: filepath.Join(dir, "new", "folder"), Now: noon}
	for _, want := range []string{"20260301_120000", "20260301_120000_2", "20260301_120000_3"} {
		s, err := openSession(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.close() })
		if s.name != want || s.folder != filepath.Join(o.Dir, want) {
			t.Errorf("session %s in %s, want %s", s.name, s.folder, want)
		}
	}
}

// TestSessionsRefused: a session that can't be gone on with is said, and stays as it is.
func TestSessionsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file, text, want string
	}{
		"another recording's":  {"session.db", "SQLite", "is no session"},
		"recording is no TS":   {splice.RecordingFile, strings.Repeat("x", 1000), "no transport stream packet at byte 0"},
		"recording goes wrong": {splice.RecordingFile, "G" + strings.Repeat("x", 375), "no transport stream packet at byte 188"},
		"log is broken":        {splice.ConnectionsFile, "{\"connection\":1}\nx\n", "connections.jsonl: line 2: "},
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, "test", c.file)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		o := Options{Dir: dir, Session: "test", Listen: "tcp://127.0.0.1:0", Now: time.Now}
		if got := refused(t, o); !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
		if b, err := os.ReadFile(file); err != nil || string(b) != c.text {
			t.Errorf("%s: the file was changed, %v", name, err)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "test"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	o := Options{Dir: dir, Session: "test", Listen: "tcp://127.0.0.1:0", Now: time.Now}
	if got := refused(t, o); !strings.Contains(got, "not a directory") {
		t.Errorf("a file: %q", got)
	}
}

// TestSessionLocked: a session has one recorder at a time.
func TestSessionLocked(t *testing.T) {
	t.Parallel()
	s, stop := record(t, Options{}, &idle{})
	dir, name := filepath.Split(s.Folder)
	if got := refused(t, Options{Dir: dir, Session: name, Listen: "tcp://127.0.0.1:0", Now: time.Now}); !strings.Contains(got, "is recorded by process") {
		t.Errorf("the second: %q", got)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if _, stop = record(t, Options{Dir: dir}, &idle{}); stop() != nil {
		t.Error("it is not opened again")
	}
}

// TestListenerTaken: an address in use is said, before there is a session.
func TestListenerTaken(t *testing.T) {
	t.Parallel()
	s, _ := record(t, Options{}, &idle{})
	dir := t.TempDir()
	if got := refused(t, Options{Dir: dir, Listen: s.Address, Now: time.Now}); !strings.Contains(got, "address already in use: end what uses the port") {
		t.Errorf("%q", got)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
