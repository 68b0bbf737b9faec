package scenes

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/dvr/internal/dvrtest"
	"github.com/refstream/refstream/dvr/splice"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/media"
)

// scanManyDir names the session's folder in the environment of the process that is to be killed.
const scanManyDir = "REFSTREAM_TEST_SCAN_MANY"

// manyConnections is what senders bring one after the other: of several sizes and coders, most cut off in the middle of a
// picture, their times going on.
func manyConnections(t *testing.T, n int) [][]byte {
	t.Helper()
	small, large := ourOptions(160, 90, rate30), ourOptions(320, 180, rate30)
	sources := [][]byte{
		ourStream(t, small, 0, 90, "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2"),
		ourStream(t, large, 500, 90, "-c:v", "libx264", "-preset", "ultrafast"),
		ourStream(t, small, 1000, 90, "-c:v", "mpeg2video", "-b:v", "1M", "-bf", "2"),
		ourStream(t, small, 1500, 90, "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error"),
	}
	r := rand.New(rand.NewPCG(7, 1))
	var all [][]byte
	for i := range n {
		b := bytes.Clone(sources[i%len(sources)])
		b = dvrtest.Moved(b, int64(i)*4*media.TicksPerSecond)
		if i%3 != 0 {
			b = b[:len(b)/ts.PacketSize*(40+r.IntN(60))/100*ts.PacketSize]
		}
		all = append(all, b)
	}
	return all
}

// joined is an index in lines, without what may differ: the ids of frames found again after a crash may leave some out.
func joined(list []Frame) string {
	var b strings.Builder
	for i, f := range list {
		fmt.Fprintln(&b, f.PTS, f.Reason, numbers(list[i:i+1]), f.Score)
	}
	return b.String()
}

// TestScanConnectionsBehind has a scanner that comes to the end of a connection when the next one is there already, or
// is not, and looks at the sizes of the pictures: those of one connection are never taken for another's.
func TestScanConnectionsBehind(t *testing.T) {
	t.Parallel()
	connections := 6
	if testing.Short() {
		connections = 5
	}
	parts := manyConnections(t, connections)
	live := newScanSession(t)
	sc, wait := live.follow(t.Context())
	var all []splice.Connection
	size := int64(0)
	at := time.Unix(0, 0)
	for i, part := range parts {
		all = append(all, splice.Connection{Number: i + 1, FirstByte: size})
		live.connections(all...)
		live.append(part)
		size += int64(len(part))
		all[i].Bytes, all[i].Ended = int64(len(part)), &at
		live.connections(all...)
		sc.Grown()
		if i%2 == 0 { // the scanner is at the end, and knows of no connection behind it
			live.until("the connection is read", func() bool { n, _ := sc.Scanned(); return n == size })
		}
	}
	sc.Finish()
	if err := wait(); err != nil {
		t.Fatal(err)
	}
	list := live.index()
	behind := newScanSession(t)
	for _, part := range parts {
		behind.append(part)
	}
	behind.connections(all...)
	if got, want := joined(behind.scan()), joined(list); got != want {
		t.Errorf("behind:\n%swant\n%s", got, want)
	}
	for _, s := range []*scanSession{live, behind} {
		seen := map[int]bool{}
		for _, f := range s.index() {
			if f.Number == nil {
				t.Errorf("%s has no frame number", f.ID)
				continue
			}
			wide := s.picture(f).Bounds().Dx()
			seen[wide] = true
			if want := map[bool]int{true: 320, false: 160}[*f.Number/500 == 1]; wide != want {
				t.Errorf("frame %d is %d pixels wide, want %d", *f.Number, wide, want)
			}
		}
		if len(seen) != 2 {
			t.Errorf("sizes %v", seen)
		}
	}
}

// TestScanKilledConnections kills a scanner at random moments while connections come and go: the index is that of a scan
// of the same recording which was not disturbed. The process is this test itself, called with scanManyDir set.
func TestScanKilledConnections(t *testing.T) {
	if dir := os.Getenv(scanManyDir); dir != "" {
		scanUntilKilled(t, dir)
		return
	}
	t.Parallel()
	connections := 12
	if testing.Short() {
		connections = 4
	}
	parts := manyConnections(t, connections)
	s := newScanSession(t)
	s.o.MaxInterval = 1700 * time.Millisecond
	r := rand.New(rand.NewPCG(3, 5))
	var all []splice.Connection
	size := int64(0)
	ended := time.Unix(0, 0)
	for i, part := range parts {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestScanKilledConnections$")
		child.Env = append(os.Environ(), scanManyDir+"="+s.folder, "TMPDIR="+t.TempDir())
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		c := splice.Connection{Number: i + 1, FirstByte: size}
		s.connections(append(all, c)...)
		cut := len(part) / ts.PacketSize * r.IntN(100) / 100 * ts.PacketSize
		s.append(part[:cut])
		if i%4 != 3 {
			s.append(part[cut:])
			c.Bytes, c.Ended = int64(len(part)), &ended
			s.connections(append(all, c)...)
		}
		pause := time.NewTimer(time.Duration(r.IntN(700)) * time.Millisecond)
		<-pause.C
		_ = child.Process.Kill()
		_ = child.Wait() // killed
		if c.Ended == nil {
			s.append(part[cut:])
			c.Bytes, c.Ended = int64(len(part)), &ended
			s.connections(append(all, c)...)
		}
		all = append(all, c)
		size += int64(len(part))
	}
	got := s.resumedIndex()
	fresh := newScanSession(t)
	fresh.o.MaxInterval = s.o.MaxInterval
	fresh.append(read(t, s.folder, splice.RecordingFile))
	fresh.connections(all...)
	want := fresh.scan()
	if len(want) < connections {
		t.Fatalf("only %d frames", len(want))
	}
	if joined(got) != joined(want) {
		t.Errorf("resumed:\n%swant\n%s", joined(got), joined(want))
	}
	for i := range min(len(got), len(want)) {
		if a, b := s.picture(got[i]).Bounds(), fresh.picture(want[i]).Bounds(); a != b {
			t.Errorf("%s is %v, want %v", got[i].ID, a, b)
		}
	}
}

// scanUntilKilled scans a session that another process records.
func scanUntilKilled(t *testing.T, folder string) {
	s := newScanSession(t)
	s.folder, s.o.MaxInterval = folder, 1700*time.Millisecond
	ctx, cancel := context.WithTimeout(t.Context(), dvrtest.Patience) // in case that nobody kills it
	defer cancel()
	sc, wait := s.follow(ctx)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		<-tick.C
		sc.Grown()
	}
	_ = wait()
}

// resumedIndex scans all there is, and reads an index in which ids may be left out.
func (s *scanSession) resumedIndex() []Frame {
	s.t.Helper()
	sc := s.scanner()
	sc.Finish()
	if err := sc.Run(s.t.Context()); err != nil {
		s.t.Fatalf("Run: %v\n%s", err, s.log)
	}
	var list []Frame
	s.readJSON(indexFile, &list)
	if !slices.IsSortedFunc(list, func(a, b Frame) int { return strings.Compare(a.ID, b.ID) }) {
		s.t.Errorf("the ids don't go up: %+v", list)
	}
	names, err := filepath.Glob(filepath.Join(s.folder, framesFolder, "*.jpg"))
	if err != nil || len(names) < len(list) {
		s.t.Errorf("%d pictures of %d frames, %v", len(names), len(list), err)
	}
	return list
}
