package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/refstream/refstream/markers"
)

// faultyDisk is a disk that fails when told to.
type faultyDisk struct {
	room        int  // bytes that can still be written; -1 means no limit
	noTruncate  bool // files can't be cut
	noOpen      bool // files can't be opened
	writes      int  // calls of Write that went through
	shortNoFail bool // a write without room is short, without an error
}

type faultyFile struct {
	*os.File
	disk *faultyDisk
}

func (d *faultyDisk) open(name string, flag int, perm os.FileMode) (journalFile, error) {
	if d.noOpen {
		return nil, &os.PathError{Op: "open", Path: name, Err: syscall.ENOSPC}
	}
	f, err := os.OpenFile(name, flag, perm)
	return &faultyFile{f, d}, err
}

func (f *faultyFile) Write(b []byte) (int, error) {
	if f.disk.room < 0 || len(b) <= f.disk.room {
		f.disk.writes++
		return f.File.Write(b)
	}
	n, _ := f.File.Write(b[:f.disk.room])
	if f.disk.shortNoFail {
		return n, nil
	}
	return n, &os.PathError{Op: "write", Path: f.Name(), Err: syscall.ENOSPC}
}

func (f *faultyFile) Truncate(size int64) error {
	if f.disk.noTruncate {
		return &os.PathError{Op: "truncate", Path: f.Name(), Err: syscall.EIO}
	}
	return f.File.Truncate(size)
}

func TestJournalDiskFull(t *testing.T) {
	for name, full := range map[string]faultyDisk{
		"full":                  {room: 0},
		"half a line":           {room: 100},
		"short write":           {room: 100, shortNoFail: true},
		"half, not to be cut":   {room: 100, noTruncate: true},
		"no file can be opened": {room: 100, noOpen: true},
	} {
		for _, perFile := range []int{2, 0} {
			t.Run(fmt.Sprintf("%s/%d", name, perFile), func(t *testing.T) {
				dir := t.TempDir()
				disk := &faultyDisk{room: -1}
				o := Options{Dir: dir, FileRecords: perFile}
				j := openTest(t, o, disk.open)
				must(t, j.Append(t.Context(), "main", markers.Batch{Frames: someFrames(0, 2)}))
				*disk = full
				for n := int64(2); n < 400; n++ { // more than one retry takes
					err := j.Append(t.Context(), "main", markers.Batch{Frames: someFrames(n, n+1)})
					if full.noOpen && perFile == 0 && err == nil {
						disk.room = 0 // the file was open already
						continue
					}
					cause := errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EIO) || errors.Is(err, io.ErrShortWrite)
					if n > 3 && (!errors.Is(err, markers.ErrJournal) || !cause) {
						t.Fatalf("frame %d on a full disk: %v", n, err)
					}
				}
				wantFrames(t, j, someFrames(0, 400))
				if err := j.Ready(t.Context()); !errors.Is(err, markers.ErrJournal) || !strings.Contains(err.Error(), "records wait") {
					t.Fatalf("Ready: %v", err)
				}
				if n := j.Unwritten()[markers.Frames]; n < 390 || n > 398 {
					t.Fatalf("%d records unwritten", n)
				}
				// What a kill -9 would leave now can be read, up to where the disk was full.
				found := filepath.Join(t.TempDir(), "found")
				must(t, os.CopyFS(found, os.DirFS(dir)))
				left := openTest(t, Options{Dir: found}, openOSFile)
				last, err := left.Last(t.Context(), "main", markers.Frames)
				must(t, err)
				wantFrames(t, left, someFrames(0, last.Frame+1))

				*disk = faultyDisk{room: -1}
				must(t, j.Append(t.Context(), "main", markers.Batch{Frames: someFrames(400, 401)}))
				must(t, j.Ready(t.Context()))
				must(t, j.Close())
				wantFrames(t, openTest(t, o, openOSFile), someFrames(0, 401))
			})
		}
	}
}

// TestJournalDiskFullTrim trims on a full disk: memory stays flat, and only what was not trimmed is written later.
func TestJournalDiskFullTrim(t *testing.T) {
	dir := t.TempDir()
	disk := &faultyDisk{room: -1}
	j := openTest(t, Options{Dir: dir, FileRecords: 4}, disk.open)
	must(t, j.Append(t.Context(), "main", markers.Batch{Frames: someFrames(0, 10)}))
	disk.room = 0
	for n := int64(10); n < 100; n++ {
		if err := j.Append(t.Context(), "main", markers.Batch{Frames: someFrames(n, n+1)}); !errors.Is(err, markers.ErrJournal) {
			t.Fatal(err)
		}
		must(t, j.Trim(t.Context(), "main", markers.Frames, markers.AtFrame(n-5)))
	}
	wantFrames(t, j, someFrames(94, 100))
	disk.room = -1
	must(t, j.Flush(t.Context()))
	must(t, j.Close())
	j = openTest(t, Options{Dir: dir}, openOSFile)
	wantFrames(t, j, someFrames(94, 100))
	must(t, j.Close())

	// A journal that can't write its last records says how many are lost.
	j = openTest(t, Options{Dir: dir}, disk.open)
	disk.room = 0
	if err := j.Append(t.Context(), "main", markers.Batch{Frames: someFrames(100, 103)}); !errors.Is(err, markers.ErrJournal) {
		t.Fatal(err)
	}
	if err := j.Close(); err == nil || !strings.Contains(err.Error(), "3 records were not written") {
		t.Fatalf("close: %v", err)
	}
}
