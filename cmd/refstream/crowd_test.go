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

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// Many clients of MPEG-TS and RTMP, and one that stops reading: it is dropped, the others and HLS miss nothing.
func TestCrowd(t *testing.T) {
	t.Parallel()
	watchers, dumps := 50, 10
	if testing.Short() {
		watchers, dumps = 15, 3
	}
	data, dir, rtmp := filepath.Join(t.TempDir(), "data"), t.TempDir(), freeAddr(t)
	s := start(t, smallStream(data, "--bitrate", "6M", "--preset", "ultrafast", "--size", "640x360", "--rtmp", rtmp)...)
	s.moreSegments(2)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stalled := s.stall("/live/main.ts")
	var crowd sync.WaitGroup
	seen := make([]frameCount, watchers+dumps)
	problems := make(chan error, len(seen))
	for i := range watchers {
		crowd.Go(func() {
			if err := seen[i].watchTS(ctx, s.url+"/live/main.ts"); err != nil {
				problems <- fmt.Errorf("MPEG-TS client %d: %w", i, err)
			}
		})
	}
	for i := range dumps {
		name := filepath.Join(dir, fmt.Sprintf("%d.flv", i))
		crowd.Go(func() {
			cmd := exec.CommandContext(ctx, "rtmpdump", "-q", "-v", "-r", "rtmp://"+rtmp+"/live/main", "-o", name)
			cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
			out, err := cmd.CombinedOutput()
			if ctx.Err() == nil {
				problems <- fmt.Errorf("rtmpdump %d ended: %v: %s", i, err, out)
			} else if err := seen[watchers+i].watchedFLV(name); err != nil {
				problems <- fmt.Errorf("rtmpdump %d: %w", i, err)
			}
		})
	}
	s.await("all to watch", limit, func() bool {
		return s.carrier("http-ts", "").Clients == watchers+1 && s.carrier("rtmp", "").Clients == dumps
	})
	s.await("the stalled one to be dropped", limit, func() bool { return s.carrier("http-ts", "").Dropped == 1 })
	stalled.Close()
	s.moreSegments(4)
	cancel()
	crowd.Wait()
	close(problems)
	for err := range problems {
		t.Error(err)
	}
	if o := s.carrier("http-ts", ""); o.ClientsTotal != int64(watchers)+1 || o.Dropped != 1 {
		t.Errorf("%+v, want %d clients in all, 1 dropped", o, watchers+1)
	}
	if o := s.carrier("rtmp", ""); o.ClientsTotal != int64(dumps) || o.Dropped != 0 {
		t.Errorf("%+v, want %d clients in all, none dropped", o, dumps)
	}
	st := s.verify(data)
	if lost := st.lost(); len(lost) > 0 {
		t.Errorf("missing: %+v", lost)
	}
	for i, f := range seen {
		if err := f.check(st.frames.Frames); err != nil {
			t.Errorf("client %d: %v", i, err)
		}
	}
}

// stall opens a stream and does not read it.
func (s *running) stall(path string) net.Conn {
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

// watchTS reads a stream until ctx ends, and fails if it ends before or is damaged.
func (f *frameCount) watchTS(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	for r := ts.NewReader(res.Body); ; {
		au, err := r.Next()
		if err != nil && ctx.Err() != nil {
			return nil
		} else if err != nil {
			return err
		}
		if r.Stats().Gaps > 0 || r.Stats().Damaged > 0 {
			return fmt.Errorf("damage: %+v", r.Stats())
		}
		if err := f.add(au); err != nil {
			return err
		}
	}
}

// watchedFLV reads a file that may end in the middle of a tag.
func (f *frameCount) watchedFLV(name string) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	units := flv.NewDemuxer()
	for r := flv.NewReader(bytes.NewReader(data)); ; {
		tag, err := r.Next()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		} else if err != nil {
			return err
		}
		au, ok, err := units.Unit(tag)
		if err == nil && ok {
			err = f.add(au)
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

func (f *frameCount) add(au media.Unit) error {
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

// check wants all frames of the ledger from the first one to the last, and allows for the pictures that come after the last
// one in presentation order.
func (f *frameCount) check(ledger []markers.FrameRecord) error {
	missing := -f.seen
	for _, r := range ledger {
		if f.lowest <= r.Frame && r.Frame <= f.highest {
			missing++
		}
	}
	if f.seen < 4*30 || missing < 0 || missing > 3 {
		return fmt.Errorf("%d frames between %d and %d, %d are missing", f.seen, f.lowest, f.highest, missing)
	}
	return nil
}
