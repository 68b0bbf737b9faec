package scenes

import (
	"context"
	"errors"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/refstream/refstream/dvr/internal/dvrtest"
	"github.com/refstream/refstream/dvr/splice"
	"github.com/refstream/refstream/media"
)

// follow starts a scanner; the function that is returned waits until it has ended.
func (s *scanSession) follow(ctx context.Context) (*Scanner, func() error) {
	s.t.Helper()
	s.append(nil) // a session has the file from the beginning
	sc := s.scanner()
	ended := make(chan error, 1)
	go func() { ended <- sc.Run(ctx) }()
	return sc, func() error {
		s.t.Helper()
		select {
		case err := <-ended:
			return err
		case <-time.After(dvrtest.Patience):
			s.t.Fatal("Run does not end")
			return nil
		}
	}
}

// TestScanGrowing has a recording grow in pieces of many sizes, also such that end within a packet: the index is that of
// a recording which was there at once.
func TestScanGrowing(t *testing.T) {
	t.Parallel()
	o := ourOptions(320, 180, rate30)
	stream := ourStream(t, o, 0, 200, "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2")
	whole := newScanSession(t)
	whole.append(stream)
	want := whole.scan()
	if len(want) < 5 {
		t.Fatalf("only %d frames", len(want))
	}
	sizes := []int{100, 188, 5000, 188 * 348, 200_000}
	if testing.Short() {
		sizes = []int{100, 188 * 348}
	}
	for _, size := range sizes {
		s := newScanSession(t)
		sc, wait := s.follow(t.Context())
		for b := stream; len(b) > 0; b = b[min(size, len(b)):] {
			s.append(b[:min(size, len(b))])
			sc.Grown()
		}
		sc.Finish()
		if err := wait(); err != nil {
			t.Fatal(err)
		}
		if got := s.index(); !reflect.DeepEqual(got, want) {
			t.Errorf("pieces of %d bytes: %+v, want %+v", size, got, want)
		}
		if bytes, frames := sc.Scanned(); bytes != int64(len(stream)) || frames != len(want) {
			t.Errorf("Scanned says %d bytes and %d frames", bytes, frames)
		}
		s.silent()
	}
}

// TestScanLive has frames in the index while the recording grows still.
func TestScanLive(t *testing.T) {
	t.Parallel()
	o := ourOptions(320, 180, rate30)
	stream := ourStream(t, o, 0, 200, "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2")
	s := newScanSession(t)
	ctx, cancel := context.WithCancel(t.Context())
	sc, wait := s.follow(ctx)
	s.append(stream[:len(stream)/188/10*9*188])
	sc.Grown()
	s.until("there are frames", func() bool { _, n := sc.Scanned(); return n >= 2 })
	cancel()
	if err := wait(); !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
	s.silent()
}

// TestScanConnections has senders come one after the other, with other sizes and coders, an end in the middle of a
// picture, and one that brings no video.
func TestScanConnections(t *testing.T) {
	t.Parallel()
	first := ourOptions(320, 180, rate30)
	second := ourOptions(640, 360, media.FrameRate{Num: 25, Den: 1})
	a := ourStream(t, first, 0, 100, "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2")
	audio := ffmpegTS(t, "-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac", "-output_ts_offset", "5")
	b := ourStream(t, second, 500, 150, "-c:v", "mpeg2video", "-b:v", "3M", "-output_ts_offset", "10")
	c := ourStream(t, first, 700, 150, "-c:v", "libx264", "-preset", "ultrafast", "-output_ts_offset", "100")

	s := newScanSession(t)
	sc, wait := s.follow(t.Context())
	var all []splice.Connection
	size := int64(0)
	for i, part := range [][]byte{a, audio, b, c} {
		conn := splice.Connection{Number: i + 1, FirstByte: size}
		s.connections(append(all, conn)...)
		for rest := part; len(rest) > 0; rest = rest[min(len(rest), 18800):] {
			s.append(rest[:min(len(rest), 18800)])
			sc.Grown()
		}
		size += int64(len(part))
		at := time.Unix(int64(i), 0)
		conn.Ended, conn.Bytes = &at, int64(len(part))
		all = append(all, conn)
		s.connections(all...)
		sc.Grown()
	}
	sc.Finish()
	if err := wait(); err != nil {
		t.Fatal(err)
	}
	list := s.index()
	// The first frame of the third has no event where that of the second had one; that of the last is there since there
	// was none for long.
	want := append(changes(t, first, 0, 100), changes(t, second, 500, 150)...)
	want = append(want, changes(t, first, 700, 150)...)
	if got := numbers(list); !slices.Equal(got, want) {
		t.Errorf("frames %d, want %d: %+v", got, want, list)
	}
	resumed := newScanSession(t)
	resumed.append(read(t, s.folder, splice.RecordingFile))
	resumed.connections(all...)
	if got := resumed.scan(); !reflect.DeepEqual(got, list) {
		t.Errorf("all at once: %+v, want %+v", got, list)
	}
	for i, f := range list {
		if i > 0 && f.PTS <= list[i-1].PTS {
			t.Errorf("%s is at %s, not behind %s", f.ID, f.Timestamp, list[i-1].Timestamp)
		}
		wide := s.picture(f).Bounds().Dx()
		if n := *f.Number; n >= 500 && n < 700 && wide != 640 || (n < 500 || n >= 700) && wide != 320 {
			t.Errorf("frame %d is %d pixels wide", n, wide)
		}
	}
}

// read reads a file of a session.
func read(t testing.TB, folder, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(folder + "/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
