package splice

import (
	"bytes"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/refstream/refstream/dvr/internal/dvrtest"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/internal/jsonlines"
)

// shortDisk is a file on a disk that has room for so many bytes more.
type shortDisk struct {
	jsonlines.File
	sync func() error
	room int
}

func (d *shortDisk) Sync() error { return d.sync() }

func (d *shortDisk) Write(b []byte) (int, error) {
	n, err := d.File.Write(b[:min(len(b), d.room)])
	if d.room -= n; err == nil && n < len(b) {
		err = syscall.ENOSPC
	}
	return n, err
}

// TestFullDisk: the recording ends with an error that says why, with whole packets. It fills a real file system where this
// process may mount one.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir, b := t.TempDir(), stream(t, 4)
	for len(b) < 1<<20 {
		b = append(b, b...)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=512k"); err != nil {
		t.Logf("no file system can be mounted here (%v): only a simulated one is tested", err)
		return
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	s := recordIn(t, dir, listener(t), Options{}, defaultTimes())
	_, _ = s.dial().Write(b) // it is closed before all is sent
	select {
	case <-s.ended:
	case <-time.After(dvrtest.Patience):
		t.Fatal("the recording goes on")
	}
	if !errors.Is(s.err, syscall.ENOSPC) || !strings.Contains(s.err.Error(), dir) {
		t.Errorf("run: %v", s.err)
	}
	if got := s.recorded(); len(got) < 400<<10 || !bytes.HasPrefix(b, got) {
		t.Errorf("%d bytes are recorded", len(got))
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=4m"); err != nil {
		t.Fatal(err)
	}
	before := s.recorded()
	s = recordIn(t, dir, listener(t), Options{}, defaultTimes())
	s.send(b[:len(b)/4/ts.PacketSize*ts.PacketSize])
	s.stop()
	if got := s.recorded(); !bytes.HasPrefix(got, before) || len(got) <= len(before) {
		t.Errorf("%d bytes follow %d", len(got)-len(before), len(before))
	}
}

// TestShortWrite: what a failed write left of a packet, or of a line, is cut off.
func TestShortWrite(t *testing.T) {
	t.Parallel()
	s, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	b := numbered(10)
	s.recording.f = &shortDisk{s.recording.f, s.recording.f.Sync, 5*ts.PacketSize + 100}
	if err := s.recording.write(b); !errors.Is(err, syscall.ENOSPC) || s.recording.size.Load() != 5*ts.PacketSize {
		t.Errorf("size %d, %v", s.recording.size.Load(), err)
	}
	s.connections.File = &shortDisk{File: s.connections.File, room: 250}
	written := 0
	for ; err == nil; written++ {
		err = s.connections.append(Connection{Number: written + 1})
	}
	again := &station{t: t, folder: s.folder}
	if got := again.recorded(); !bytes.Equal(got, b[:5*ts.PacketSize]) {
		t.Errorf("%d bytes are recorded", len(got))
	}
	if all := again.connections(); !errors.Is(err, syscall.ENOSPC) || len(all) != written-1 || len(all) == 0 {
		t.Errorf("connections %+v, %v", all, err)
	}
}
