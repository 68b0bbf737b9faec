package outputs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Datagrams are sent as the stream plays, not all at once that there are when the relay begins, so that no receiver loses
// them. The whole test is no more than the socket here holds, which loses nothing however late it is read.
func TestRelayToUDPAndRTP(t *testing.T) {
	for scheme, header := range map[string]int{"udp": 0, "rtp": 12} {
		t.Run(scheme, func(t *testing.T) {
			// Where the system has small sockets and dropped some, because nobody read here for a while, that says nothing.
			for lost := 1; ; lost++ {
				s, to := relaySource{newSource(t, 0), nearWrap}, 60
				h, _ := newRelayHub(t)
				d := newDatagrams(t, header)
				s.write2(t, h, 0, 50)
				begun := time.Now()
				_, wait := startRelayTest(t, h, parseRelayTest(t, scheme+"://"+d.LocalAddr().String()))
				flows(t, h)
				s.write2(t, h, 50, to)
				h.Close()
				if err := wait(); err != nil {
					t.Error(err)
				}
				if took := time.Since(begun); took < 1200*time.Millisecond { // of 2.4 s
					t.Errorf("all was sent after %v", took)
				}
				d.end(t)
				dropped := d.dropped(t)
				d.Close()
				if dropped > 0 && lost < 6 {
					t.Logf("%d datagrams were dropped here", dropped)
					continue
				}
				b, _ := d.all(t)
				checkTS(t, s, withoutLast(b), to, 10)
				return
			}
		})
	}
}

func TestRelayToSRT(t *testing.T) {
	s := relaySource{newSource(t, 0), nearWrap}
	h, log := newRelayHub(t)
	port := freeUDPPort(t)
	address := "srt://127.0.0.1:" + port + "?passphrase=0123456789secret&" + inTime
	got := receiver(t, "-f", "data", "-i", address+"mode=listener", "-map", "0", "-c", "copy", "-f", "data", "pipe:1")
	eventually(t, "the receiver to listen", func() bool { return bound("udp", port) })
	s.write2(t, h, 0, 50)
	_, wait := startRelayTest(t, h, parseRelayTest(t, address+"mode=caller"))
	flows(t, h)
	s.write2(t, h, 50, 100)
	h.Close()
	if err := wait(); err != nil {
		t.Error(err)
	}
	b, _ := got.all(t)
	// SRT sends what is under way at the end only in part.
	checkTS(t, s, b[:len(b)/188*188], 100, 30)
	if strings.Contains(log.String()+fmt.Sprint(h.Status()), "secret") {
		t.Error("the passphrase shows")
	}
}

// An output that waits for somebody has what is new for him whenever he comes, and waiting is no failure.
func TestRelayAsSRTListener(t *testing.T) {
	s, dir := relaySource{newSource(t, 0), 0}, t.TempDir()
	begun := filepath.Join(dir, "begun")
	h, _ := newRelayHub(t, func(o *Options) { o.FFmpeg = shellScript(t, "echo >>'"+begun+"'; exec ffmpeg \"$@\"") })
	h.times.unused, h.times.kill = 1500*time.Millisecond, 50*time.Millisecond
	address := "srt://127.0.0.1:" + freeUDPPort(t)
	stop, wait := startRelayTest(t, h, parseRelayTest(t, address+"?mode=listener"))
	began := func() int {
		b, _ := os.ReadFile(begun)
		return strings.Count(string(b), "\n")
	}
	s.write(t, h, 0, testGOP)
	eventually(t, "somebody to wait", func() bool { return began() > 0 })
	// What is there now is old for those who begin after the end of whoever waits now, or is about to.
	const old = 12 * testGOP
	s.write(t, h, testGOP, old)
	now := began()
	var written atomic.Int64
	ctx, end := context.WithCancel(t.Context())
	var playing sync.WaitGroup
	playing.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for i := old; ctx.Err() == nil; i++ {
			s.write(t, h, i, i+1)
			written.Store(int64(i + 1))
			<-tick.C
		}
	})
	defer playing.Wait()
	defer end()
	eventually(t, "others to wait", func() bool { return began() >= now+2 })
	if status := relayStatus(h); status.Dropped != 0 || status.LastError != "" {
		t.Errorf("%+v", status)
	}
	var got *tail
	eventually(t, "somebody to get the stream", func() bool { // it may not be heard just when another one takes over
		if got == nil || isDone(got.done) && got.len() == 0 {
			got = receiver(t, "-f", "data", "-i", address+"?"+inTime, "-map", "0", "-c", "copy", "-f", "data", "pipe:1")
		}
		return got.len() > 100_000
	})
	end()
	playing.Wait()
	stop()
	if err := wait(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	b, _ := got.all(t)
	to := int(written.Load())
	checkTS(t, s, b[:len(b)/188*188], to, to)
	first := relayProbe(t, "v", 1, saved(t, "first.ts", b[:len(b)/188*188]))[0].pts
	if limit := s.unit(old - 2*testGOP).PTS; first < limit {
		t.Errorf("begins with PTS %d, want at least %d: it is old", first, limit)
	}
}
