package journal

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/markers"
)

// segment makes the record with which an Append looks at all files.
func segment(n int64) []markers.SegmentRecord {
	return []markers.SegmentRecord{{MSN: n, FirstFrame: n, LastFrame: n, URI: "seg.ts"}}
}

// TestJournalRemoved has somebody remove files of a journal that is written: all records are there at the next start, and it is
// reported.
func TestJournalRemoved(t *testing.T) {
	for name, remove := range map[string]func(dir string) error{
		"the last file of a log": func(dir string) error { return removeAll(dir, "journal/frames-*-1.jsonl", -1) },
		"the first file":         func(dir string) error { return removeAll(dir, "journal/frames-*-1.jsonl", 0) },
		"all files":              func(dir string) error { return removeAll(dir, "journal/*.jsonl", all) },
		"the journal's folder":   func(dir string) error { return os.RemoveAll(filepath.Join(dir, "journal")) },
		"the channel's folder":   os.RemoveAll,
		"the data directory":     func(dir string) error { return os.RemoveAll(filepath.Dir(dir)) },
		"the description":        func(dir string) error { return os.Remove(filepath.Join(dir, channelName)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			var log bytes.Buffer
			o := Options{Dir: dir, FileRecords: 4, Logger: slog.New(slog.NewTextHandler(&log, nil))}
			j := openTest(t, o, openOSFile)
			ch := someChannel()
			must(t, j.PutChannel(t.Context(), ch))
			must(t, j.Append(t.Context(), "main", markers.Batch{Frames: someFrames(0, 10), Segments: segment(5)}))
			for n := int64(10); n < 16; n++ {
				must(t, j.Append(t.Context(), "main", markers.Batch{Frames: someFrames(n, n+1)}))
			}
			must(t, remove(filepath.Join(dir, "main")))
			must(t, j.Append(t.Context(), "main", markers.Batch{Frames: someFrames(16, 17), Segments: segment(16)}))
			if name != "the description" {
				err := j.Ready(t.Context())
				if err == nil || !strings.Contains(err.Error(), "was removed") || strings.Contains(err.Error(), dir) ||
					!strings.Contains(log.String(), "was removed by somebody") {
					t.Errorf("Ready: %v, log: %s", err, &log)
				}
			}
			for n := int64(17); n < 17+restoredChecks; n++ {
				must(t, j.Append(t.Context(), "main", markers.Batch{Frames: someFrames(n, n+1), Segments: segment(n)}))
			}
			must(t, j.Ready(t.Context())) // it is on disk, and was reported for long enough
			must(t, j.Close())
			j = openTest(t, o, openOSFile)
			wantFrames(t, j, someFrames(0, 17+restoredChecks))
			if got, err := j.Channel(t.Context(), "main"); err != nil || !reflect.DeepEqual(got, ch) {
				t.Errorf("description: %+v, %v", got, err)
			}
			if got, err := j.Segments(t.Context(), "main", markers.Range{}); err != nil || len(got) != 2+restoredChecks {
				t.Errorf("%d segments, %v", len(got), err)
			}
		})
	}
}

const all = 1 << 20

// removeAll removes the files that a pattern matches, or the one at an index, from the end where that is negative.
func removeAll(dir, pattern string, at int) error {
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(names) == 0 {
		return errors.Join(err, os.ErrNotExist)
	}
	slices.Sort(names)
	switch {
	case at == all:
	case at < 0:
		names = names[len(names)-1:]
	default:
		names = names[at : at+1]
	}
	for _, n := range names {
		err = errors.Join(err, os.Remove(n))
	}
	return err
}

// TestJournalRemovedAtTheEnd has nothing come after the file was removed but the stop.
func TestJournalRemovedAtTheEnd(t *testing.T) {
	dir := t.TempDir()
	j := openTest(t, Options{Dir: dir}, openOSFile)
	must(t, j.Append(t.Context(), "main", markers.Batch{Frames: someFrames(0, 5)}))
	must(t, os.Remove(logFile(t, dir, markers.Frames)))
	must(t, j.Close())
	wantFrames(t, openTest(t, Options{Dir: dir}, openOSFile), someFrames(0, 5))
}

// TestJournalRemovedWhenTrimmed has a file removed of which a part was trimmed, and one of which all was.
func TestJournalRemovedWhenTrimmed(t *testing.T) {
	dir := t.TempDir()
	o := Options{Dir: dir, FileRecords: 4}
	j := openTest(t, o, openOSFile)
	must(t, j.Append(t.Context(), "main", markers.Batch{Frames: someFrames(0, 4)}))
	must(t, j.Append(t.Context(), "main", markers.Batch{Frames: someFrames(4, 8)}))
	must(t, j.Trim(t.Context(), "main", markers.Frames, markers.AtFrame(6)))
	must(t, os.Remove(logFile(t, dir, markers.Frames)))
	must(t, j.Append(t.Context(), "main", markers.Batch{Frames: someFrames(8, 9)}))
	must(t, j.Trim(t.Context(), "main", markers.Frames, markers.AtFrame(9)))
	must(t, removeAll(filepath.Join(dir, "main"), "journal/frames-*", all))
	must(t, j.Append(t.Context(), "main", markers.Batch{Frames: someFrames(9, 12)}))
	must(t, j.Close())
	wantFrames(t, openTest(t, o, openOSFile), someFrames(9, 12))
}

// TestJournalReplaced has somebody put another file in the place of one that is written: it is left alone and reported, the records
// wait, and are written once it is gone.
func TestJournalReplaced(t *testing.T) {
	for name, replace := range map[string]func(name string) error{
		"another file": func(name string) error {
			return errors.Join(os.WriteFile(name+".new", []byte("{}\n"), 0o644), os.Rename(name+".new", name))
		},
		"cut": func(name string) error { return os.Truncate(name, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			j := openTest(t, Options{Dir: dir}, openOSFile)
			must(t, j.Append(t.Context(), "main", markers.Batch{Frames: someFrames(0, 5)}))
			file := logFile(t, dir, markers.Frames)
			must(t, replace(file))
			foreign, err := os.ReadFile(file)
			must(t, err)
			for n := int64(5); n < 9; n++ {
				err := j.Append(t.Context(), "main", markers.Batch{Frames: someFrames(n, n+1), Segments: segment(n)})
				if !errors.Is(err, markers.ErrJournal) || !strings.Contains(err.Error(), "remove it") || strings.Contains(err.Error(), "room") {
					t.Fatalf("frame %d: %v", n, err)
				}
			}
			wantFrames(t, j, someFrames(0, 9))
			if err := j.Ready(t.Context()); !errors.Is(err, markers.ErrJournal) || strings.Contains(err.Error(), dir) {
				t.Errorf("Ready: %v", err)
			}
			if left, err := os.ReadFile(file); err != nil || !bytes.Equal(left, foreign) {
				t.Errorf("the other file was changed: %q, %v", left, err)
			}
			must(t, os.Remove(file))
			must(t, j.Append(t.Context(), "main", markers.Batch{Frames: someFrames(9, 10)}))
			must(t, j.Close())
			wantFrames(t, openTest(t, Options{Dir: dir}, openOSFile), someFrames(0, 10))
		})
	}
}

// TestJournalFolderTaken has the folder replaced by one in which another process is at work: nothing is written there.
func TestJournalFolderTaken(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	j := openTest(t, Options{Dir: dir}, openOSFile)
	must(t, j.Append(t.Context(), "main", markers.Batch{Frames: someFrames(0, 5)}))
	must(t, os.Rename(dir, dir+".old"))
	other := openTest(t, Options{Dir: dir, Channels: []string{"main"}}, openOSFile)
	must(t, other.Append(t.Context(), "main", markers.Batch{Frames: someFrames(100, 105)}))
	err := j.Append(t.Context(), "main", markers.Batch{Frames: someFrames(5, 6)})
	if !errors.Is(err, markers.ErrJournal) || !strings.Contains(err.Error(), "works in its place") {
		t.Fatalf("append: %v", err)
	}
	must(t, other.Close())
	found := filepath.Join(t.TempDir(), "found")
	must(t, os.CopyFS(found, os.DirFS(dir)))
	wantFrames(t, openTest(t, Options{Dir: found}, openOSFile), someFrames(100, 105))
	must(t, os.RemoveAll(dir))
	must(t, j.Append(t.Context(), "main", markers.Batch{Frames: someFrames(6, 7)}))
	must(t, j.Close())
	wantFrames(t, openTest(t, Options{Dir: dir}, openOSFile), someFrames(0, 7))
}
