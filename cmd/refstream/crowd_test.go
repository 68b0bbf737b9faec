package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/outputs/flv"
	"github.com/refstream/refstream/outputs/ts"
)

// crowdTime is how long the crowd watches: long enough for the stalled one to fill every buffer on its way.
const crowdTime = 25 * time.Second

// 50 clients of MPEG-TS and 10 of RTMP, and one that stops reading: it is dropped, the others and HLS miss nothing.
func TestCrowd(t *testing.T) {
	t.Parallel()
	data, dir, rtmp := filepath.Join(t.TempDir(), "data"), t.TempDir(), freeAddr(t)
	s := start(t, smallStream(data, "--bitrate", "6M", "--preset", "ultrafast", "--size", "640x360", "--rtmp", rtmp)...)
	s.moreSegments(2)

	ctx, cancel := context.WithTimeout(t.Context(), crowdTime)
	defer cancel()
	stalled := s.stall("/live/main.ts")
	var crowd sync.WaitGroup
	problems := make(chan error, 100)
	for i := range 50 {
		crowd.Go(func() {
			if err := watchTS(ctx, s.url+"/live/main.ts"); err != nil {
				problems <- fmt.Errorf("MPEG-TS client %d: %w", i, err)
			}
		})
	}
	for i := range 10 {
		name := filepath.Join(dir, fmt.Sprintf("%d.flv", i))
		crowd.Go(func() {
			cmd := exec.CommandContext(ctx, "rtmpdump", "-q", "-v", "-r", "rtmp://"+rtmp+"/live/main", "-o", name)
			cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
			out, err := cmd.CombinedOutput()
			if ctx.Err() == nil {
				problems <- fmt.Errorf("rtmpdump %d ended: %v: %s", i, err, out)
			} else if err := watchedFLV(name); err != nil {
				problems <- fmt.Errorf("rtmpdump %d: %w", i, err)
			}
		})
	}
	s.await("all to watch", 20*time.Second, func() bool {
		return s.carrier("http-ts", "").Clients == 51 && s.carrier("rtmp", "").Clients == 10
	})
	s.await("the stalled one to be dropped", crowdTime, func() bool { return s.carrier("http-ts", "").Dropped == 1 })
	stalled.Close()
	crowd.Wait()
	close(problems)
	for err := range problems {
		t.Error(err)
	}
	if o := s.carrier("http-ts", ""); o.ClientsTotal != 51 || o.Dropped != 1 {
		t.Errorf("%+v, want 51 clients in all, 1 dropped", o)
	}
	if o := s.carrier("rtmp", ""); o.ClientsTotal != 10 || o.Dropped != 0 {
		t.Errorf("%+v, want 10 clients in all, none dropped", o)
	}
	st := s.verify(data)
	if len(st.segments.Missing) > 0 {
		t.Errorf("missing: %+v", st.segments.Missing)
	}
	// A player that holds three segments, as the playlist's targets make it, sees nothing of a segment that is later.
	clock := st.channel.Clock()
	for _, seg := range st.segments.Segments {
		if late := seg.PublishedAt.Sub(clock.UTC(seg.LastFrame + 1)); late > 3*time.Second {
			t.Errorf("segment %d was published %v after its last frame", seg.MSN, late)
		}
	}
}

// stall opens a stream and does not read it.
func (s *server) stall(path string) net.Conn {
	s.t.Helper()
	c, err := net.Dial("tcp", s.url[len("http://"):])
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	if err := c.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		s.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: refstream\r\n\r\n", path); err != nil {
		s.t.Fatal(err)
	}
	return c
}

// watchTS reads a stream until ctx ends, and fails if it ends before or a frame is missing.
func watchTS(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	frames := frameCount{}
	for r := ts.NewReader(res.Body); ; {
		au, err := r.Next()
		if err != nil && ctx.Err() != nil {
			return frames.check()
		} else if err != nil {
			return err
		}
		if r.Stats().Gaps > 0 || r.Stats().Damaged > 0 {
			return fmt.Errorf("damage: %+v", r.Stats())
		}
		if err := frames.add(au); err != nil {
			return err
		}
	}
}

// watchedFLV looks for missing frames in a file that may end in the middle of a tag.
func watchedFLV(name string) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	frames, units := frameCount{}, flv.NewDemuxer()
	for r := flv.NewReader(bytes.NewReader(data)); ; {
		tag, err := r.Next()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return frames.check()
		} else if err != nil {
			return err
		}
		au, ok, err := units.Unit(tag)
		if err == nil && ok {
			err = frames.add(au)
		}
		if err != nil {
			return err
		}
	}
}

// frameCount sees whether frames are missing in a stream in decoding order.
type frameCount struct {
	seen    int64
	lowest  int64
	highest int64
}

func (f *frameCount) add(au media.AccessUnit) error {
	record, ok, err := annotate.FindRecord(au.NALs)
	if !ok || err != nil {
		return fmt.Errorf("the access unit after frame %d has no frame record: %w", f.highest, err)
	}
	if f.seen == 0 {
		f.lowest = record.Frame
		if !au.Key {
			return fmt.Errorf("the stream begins with frame %d, which is no key frame", record.Frame)
		}
	}
	f.seen, f.highest = f.seen+1, max(f.highest, record.Frame)
	return nil
}

// check allows for the pictures that come after the last one in presentation order.
func (f *frameCount) check() error {
	if span := f.highest - f.lowest + 1; f.seen < 10*30 || span-f.seen > 3 {
		return fmt.Errorf("%d frames between %d and %d", f.seen, f.lowest, f.highest)
	}
	return nil
}
