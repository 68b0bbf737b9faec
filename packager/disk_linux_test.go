package packager

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestFullDisk fills a real file system of one megabyte, where this process may mount one, and a simulated one
// elsewhere: slots are lost while it is full, and the stream goes on when there is room.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := testOptions(filepath.Join(dir, "hls"), testChannel(pal, 50), 5)
	var fill, free func()
	var w *Writer
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err == nil {
		t.Cleanup(func() {
			if err := syscall.Unmount(dir, 0); err != nil {
				t.Errorf("unmount: %v", err)
			}
		})
		w = mustNew(t, o)
		filler := filepath.Join(dir, "filler")
		fill = func() {
			if err := os.WriteFile(filler, make([]byte, 2<<20), 0o644); !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("fill the file system: %v", err)
			}
		}
		free = func() { removeFile(t, dir, "filler") }
	} else {
		t.Logf("no file system can be mounted here (%v): simulating one", err)
		var d *faultyDisk
		w, d = faultyWriter(t, o)
		fill, free = func() { d.write = fail("") }, func() { d.write = nil }
	}

	put(t, w, 0, 1)
	fill()
	for _, msn := range []int64{2, 3} {
		if rec, err := putFailing(t, w, msn); rec != nil || !errors.Is(err, ErrPublish) || !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("segment %d: %v, %v", msn, rec, err)
		}
		if got := files(t, o.Dir); got != "index.m3u8 master.m3u8 0 1" {
			t.Errorf("files %s", got)
		}
	}
	if got := shape(t, o.Dir); got != "0/0 SS" {
		t.Errorf("playlist while the disk is full: %s", got)
	}
	free()
	put(t, w, 4)
	if got := shape(t, o.Dir); got != "0/0 SSGGS" {
		t.Errorf("playlist afterwards: %s", got)
	}
}
