package packager

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/stream"
)

// faultyDisk fails as it is told. A write that fails leaves half of the file, as a full disk does.
type faultyDisk struct {
	disk
	write, rename, remove func(name string) error
}

func ask(f func(string) error, path string) error {
	if f == nil {
		return nil
	}
	return f(filepath.Base(path))
}

func (d *faultyDisk) WriteFile(path string, data []byte) error {
	if err := ask(d.write, path); err != nil {
		_ = d.disk.WriteFile(path, data[:len(data)/2])
		return err
	}
	return d.disk.WriteFile(path, data)
}

func (d *faultyDisk) Rename(from, to string) error {
	if err := ask(d.rename, to); err != nil {
		return err
	}
	return d.disk.Rename(from, to)
}

func (d *faultyDisk) Remove(path string) error {
	if err := ask(d.remove, path); err != nil {
		return err
	}
	return d.disk.Remove(path)
}

// fail makes a fault that hits the files whose name contains part.
func fail(part string) func(string) error {
	return func(name string) error {
		if strings.Contains(name, part) {
			return syscall.ENOSPC
		}
		return nil
	}
}

// putFailing writes a whole slot whose last unit fails.
func putFailing(t *testing.T, w *Writer, msn int64) (*markers.SegmentRecord, error) {
	t.Helper()
	units := slot(w.clock, msn)
	for _, au := range units[:len(units)-1] {
		if _, err := w.Write(stream.Unit{Unit: au}); err != nil {
			t.Fatal(err)
		}
	}
	return w.Write(stream.Unit{Unit: units[len(units)-1]})
}

func faultyWriter(t *testing.T, o Options) (*Writer, *faultyDisk) {
	t.Helper()
	d := &faultyDisk{}
	w, err := newWriter(o, d)
	if err != nil {
		t.Fatal(err)
	}
	return w, d
}

// TestSegmentFails has a segment that can't be written, or not renamed: the slot is a gap, nothing is left of it, and
// the next segment is published as if nothing had been.
func TestSegmentFails(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"write", "rename"} {
		dir := t.TempDir()
		w, d := faultyWriter(t, testOptions(dir, testChannel(pal, 50), 5))
		put(t, w, 0)
		if kind == "write" {
			d.write = fail("seg-")
		} else {
			d.rename = fail("seg-")
		}
		rec, err := putFailing(t, w, 1)
		var lost *PublishError
		if rec != nil || !errors.As(err, &lost) || !errors.Is(err, ErrPublish) || !errors.Is(err, syscall.ENOSPC) ||
			errors.Is(err, ErrUnit) || errors.Is(err, ErrPlaylist) {
			t.Fatalf("%s: %v, %v", kind, rec, err)
		}
		if lost.MSN != 1 || lost.First != 50 || lost.Last != 99 {
			t.Errorf("%s: lost %+v", kind, lost)
		}
		if got := shape(t, dir); got != "0/0 S" {
			t.Errorf("%s: playlist %s", kind, got)
		}
		if got := files(t, dir); got != "index.m3u8 master.m3u8 0" {
			t.Errorf("%s: files %s", kind, got)
		}
		d.write, d.rename = nil, nil
		put(t, w, 2)
		if got := shape(t, dir); got != "0/0 SGS" {
			t.Errorf("%s: playlist %s", kind, got)
		}
	}
}

// TestPlaylistFails has a playlist that can't be written: the segment is published, and the next playlist names it.
func TestPlaylistFails(t *testing.T) {
	t.Parallel()
	for _, name := range []string{MediaPlaylist, MultivariantPlaylist} {
		dir := t.TempDir()
		w, d := faultyWriter(t, testOptions(dir, testChannel(pal, 50), 5))
		d.write = fail(name)
		rec, err := putFailing(t, w, 0)
		if rec == nil || rec.MSN != 0 || !errors.Is(err, ErrPlaylist) || errors.Is(err, ErrPublish) {
			t.Fatalf("%s: %v, %v", name, rec, err)
		}
		d.write = nil
		put(t, w, 1)
		if got := shape(t, dir); got != "0/0 SS" {
			t.Errorf("playlist %s", got)
		}
		if got := files(t, dir); got != "index.m3u8 master.m3u8 0 1" {
			t.Errorf("files %s", got)
		}
	}
}

// TestPlaylistFailsLong has a playlist that can't be written for longer than the window and the grace time: what the
// old one names stays.
func TestPlaylistFailsLong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w, d := faultyWriter(t, testOptions(dir, testChannel(pal, 50), 5))
	put(t, w, msns(0, 4)...)
	d.rename = fail("index")
	for msn := int64(5); msn < 40; msn++ {
		if rec, err := putFailing(t, w, msn); rec == nil || !errors.Is(err, ErrPlaylist) {
			t.Fatalf("segment %d: %v, %v", msn, rec, err)
		}
	}
	if got := shape(t, dir); got != "0/0 SSSSS" {
		t.Errorf("playlist %s", got)
	}
	d.rename = nil
	put(t, w, msns(40, 46)...)
	if got := shape(t, dir); got != "42/0 SSSSS" {
		t.Errorf("playlist %s", got)
	}
	if got := files(t, dir); got != "index.m3u8 master.m3u8 36 37 38 39 40 41 42 43 44 45 46" {
		t.Errorf("files %s", got)
	}
}

// TestRemoveFails has old files that can't be removed: the stream goes on, and the next run removes them.
func TestRemoveFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := testOptions(dir, testChannel(pal, 50), 5)
	w, d := faultyWriter(t, o)
	d.remove = func(string) error { return os.ErrPermission }
	recs := put(t, w, msns(0, 20)...)
	if got := files(t, dir); !strings.Contains(got, " 0 1 2") {
		t.Fatalf("files %s", got)
	}
	o.Segments = recs[len(recs)-5:]
	mustNew(t, o)
	if got := files(t, dir); got != "index.m3u8 master.m3u8 16 17 18 19 20" {
		t.Errorf("files %s", got)
	}
	d.remove = nil
}

// TestCloseFails ends while nothing can be written.
func TestCloseFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w, d := faultyWriter(t, testOptions(dir, testChannel(pal, 50), 5))
	put(t, w, 0)
	for _, au := range gop(w.clock, 50, 61) {
		if _, err := w.Write(stream.Unit{Unit: au}); err != nil {
			t.Fatal(err)
		}
	}
	d.write = fail("seg-")
	rec, err := w.Close()
	if rec != nil || !errors.Is(err, ErrPublish) || errors.Is(err, ErrPlaylist) {
		t.Fatalf("%v, %v", rec, err)
	}
	if got := shape(t, dir); got != "0/0 S." {
		t.Errorf("playlist %s", got)
	}

	w, d = faultyWriter(t, testOptions(t.TempDir(), testChannel(pal, 50), 5))
	put(t, w, 0)
	d.write = fail("")
	if rec, err := w.Close(); rec != nil || !errors.Is(err, ErrPlaylist) {
		t.Errorf("%v, %v", rec, err)
	}
}

// TestNewFails begins where the playlist can't be rewritten: what it names is not touched.
func TestNewFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := testOptions(dir, testChannel(pal, 50), 5)
	o.Segments = put(t, mustNew(t, o), 0, 1, 2)[:2]
	before := files(t, dir)
	for _, d := range []*faultyDisk{{write: fail("index")}, {rename: fail("index")}} {
		if w, err := newWriter(o, d); w != nil || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%v, %v", w, err)
		}
		if got := files(t, dir); got != before {
			t.Errorf("files %s, were %s", got, before)
		}
	}
}
