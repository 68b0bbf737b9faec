package live

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/internal/testnet"
	"github.com/refstream/refstream/outputs"
	"github.com/refstream/refstream/outputs/ts"
)

// relaySource is a source whose time begins elsewhere.
type relaySource struct {
	*source
	shift int64 // ticks
}

func (s relaySource) unit(i int) outputs.Unit {
	u := s.source.unit(i)
	u.PTS += s.shift
	u.DTS += s.shift
	u.Record.PTS, u.Record.DTS = u.PTS, u.DTS
	for j := range u.Markers {
		u.Markers[j].PTS += s.shift
		u.Markers[j].LastPTS += s.shift
	}
	return u
}

// stream is units [0, to) as a transport stream.
func (s relaySource) stream(t *testing.T, to int) []byte {
	t.Helper()
	var out []byte
	m := ts.NewMuxer()
	for i := range to {
		b, err := m.Unit(s.unit(i))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b...)
	}
	return out
}

// play gives the hub units [from, to), one each interval.
func (s relaySource) play(t *testing.T, h *Hub, from, to int, interval time.Duration) {
	t.Helper()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for i := from; i < to; i++ {
		if err := h.Write(s.unit(i)); err != nil {
			t.Fatal(err)
		}
		<-tick.C
	}
}

// nearWrap is so that the PTS wraps 4 s after the beginning.
const nearWrap = 1<<33 - 5*90000

// startRelayTest runs a relay beside the test; wait returns what Relay did.
func startRelayTest(t *testing.T, h *Hub, s RelaySpec) (stop context.CancelFunc, wait func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.Relay(ctx, s) }()
	return cancel, func() error {
		t.Helper()
		limit := time.NewTimer(10 * time.Second)
		defer limit.Stop()
		select {
		case err := <-ended:
			return err
		case <-limit.C:
			t.Fatal("the relay does not end")
			return nil
		}
	}
}

func parseRelayTest(t *testing.T, output string) RelaySpec {
	t.Helper()
	s, err := ParseRelay(output)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// relayStatus is that of the relay, or nothing when it has not begun.
func relayStatus(h *Hub) Status {
	for _, s := range h.Status() {
		if s.Kind == KindRelay {
			return s
		}
	}
	return Status{}
}

func TestRelayToTCP(t *testing.T) {
	for name, shift := range map[string]int64{"early": 0, "across the wrap": nearWrap, "after 20 h": 20 * 3600 * 90000} {
		t.Run(name, func(t *testing.T) {
			s := relaySource{newSource(t, 0), shift}
			h, _ := newHub(t)
			l := listen(t)
			_, wait := startRelayTest(t, h, parseRelayTest(t, "tcp://"+l.Addr().String()))
			s.write2(t, h, 0, 30)
			conn, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			got := gather(conn)
			s.play(t, h, 30, 210, 5*time.Millisecond)
			if status := relayStatus(h); status.State != StateRunning || status.Clients != 1 || status.ClientsTotal != 1 ||
				status.Bytes == 0 || status.LastError != "" || status.Name != "tcp://"+l.Addr().String() {
				t.Errorf("%+v", status)
			}
			h.Close()
			if err := wait(); err != nil {
				t.Error(err)
			}
			b, err := got.all(t)
			if !errors.Is(err, io.EOF) {
				t.Error(err)
			}
			checkTS(t, s, b, 210, 0)
			if status := relayStatus(h); status.State != StateEnded || status.Clients != 0 || status.Dropped != 0 {
				t.Errorf("%+v", status)
			}
		})
	}
}

// write2 gives the hub units at once.
func (s relaySource) write2(t *testing.T, h *Hub, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if err := h.Write(s.unit(i)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRelayStartsQuickly: ffmpeg needs no more of the stream than a key frame and some units, not the seconds it takes by
// itself.
func TestRelayStartsQuickly(t *testing.T) {
	s := relaySource{newSource(t, 0), 0}
	h, _ := newHub(t)
	l := listen(t)
	_, wait := startRelayTest(t, h, parseRelayTest(t, "tcp://"+l.Addr().String()))
	s.write2(t, h, 0, 8) // 0.32 s of the stream
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	got := gather(conn)
	eventually(t, "the stream to flow", func() bool { return got.len() > 0 })
	h.Close()
	if err := wait(); err != nil {
		t.Error(err)
	}
}

// datagrams gathers what comes over UDP.
type datagrams struct {
	net.PacketConn
	skip int // bytes of a header
	*tail
}

func newDatagrams(t *testing.T, skip int) *datagrams {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	d := &datagrams{PacketConn: c, skip: skip}
	d.tail = gather(d)
	return d
}

// Read gives the payload of a datagram.
func (d *datagrams) Read(b []byte) (int, error) {
	buf := make([]byte, 65536)
	n, _, err := d.ReadFrom(buf)
	if err != nil {
		return 0, io.EOF
	}
	return copy(b, buf[min(n, d.skip):n]), nil
}

// Datagrams are sent as the stream plays, so what the relay begins with is not lost.
func TestRelayToUDPAndRTP(t *testing.T) {
	for scheme, header := range map[string]int{"udp": 0, "rtp": 12} {
		t.Run(scheme, func(t *testing.T) {
			s := relaySource{newSource(t, 20000), nearWrap}
			h, _ := newHub(t)
			d := newDatagrams(t, header)
			s.write2(t, h, 0, 50)
			_, wait := startRelayTest(t, h, parseRelayTest(t, scheme+"://"+d.LocalAddr().String()))
			s.play(t, h, 50, 130, 40*time.Millisecond)
			h.Close()
			if err := wait(); err != nil {
				t.Error(err)
			}
			size := -1
			eventually(t, "the last datagram", func() bool {
				before := size
				size = d.len()
				return size == before
			})
			d.Close()
			b, _ := d.all(t)
			checkTS(t, s, b, 130, 130)
		})
	}
}

// freeUDPPort is one that nothing listens on just now.
func freeUDPPort(t *testing.T) string {
	t.Helper()
	_, port, err := net.SplitHostPort(testnet.FreeUDP(t))
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// receiver is an ffmpeg that reads an address as it is and hands on the bytes.
func receiver(t *testing.T, args ...string) *tail {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffmpeg", append([]string{"-nostdin", "-v", "error"}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	got := gather(out)
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-got.done
		_ = cmd.Wait()
	})
	return got
}

func TestRelayToSRT(t *testing.T) {
	s := relaySource{newSource(t, 0), nearWrap}
	h, log := newHub(t)
	address := "srt://127.0.0.1:" + freeUDPPort(t) + "?passphrase=0123456789secret&"
	got := receiver(t, "-f", "data", "-i", address+"mode=listener", "-map", "0", "-c", "copy", "-f", "data", "pipe:1")
	s.write2(t, h, 0, 50)
	_, wait := startRelayTest(t, h, parseRelayTest(t, address+"mode=caller"))
	s.play(t, h, 50, 150, 40*time.Millisecond)
	h.Close()
	if err := wait(); err != nil {
		t.Error(err)
	}
	b, _ := got.all(t)
	// SRT sends what is under way at the end only in part.
	checkTS(t, s, b[:len(b)/188*188], 150, 30)
	if strings.Contains(log.String()+fmt.Sprint(h.Status()), "secret") {
		t.Error("the passphrase shows")
	}
}

// An output that waits for somebody has what is new for him whenever he comes, and waiting is no failure.
func TestRelayAsSRTListener(t *testing.T) {
	s := relaySource{newSource(t, 0), 0}
	h, _ := newHub(t, func(o *Options) { o.WriteTimeout = 400 * time.Millisecond })
	address := "srt://127.0.0.1:" + freeUDPPort(t)
	stop, wait := startRelayTest(t, h, parseRelayTest(t, address+"?mode=listener"))
	s.play(t, h, 0, 100, 20*time.Millisecond) // 2 s: it has been begun anew a few times
	if status := relayStatus(h); status.State != StateRunning || status.Dropped != 0 || status.LastError != "" {
		t.Errorf("%+v", status)
	}
	got := receiver(t, "-f", "data", "-i", address, "-map", "0", "-c", "copy", "-f", "data", "pipe:1")
	s.play(t, h, 100, 200, 40*time.Millisecond)
	stop()
	if err := wait(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	b, _ := got.all(t)
	checkTS(t, s, b[:len(b)/188*188], 200, 60)
	first := relayProbe(t, "v", 1, saved(t, "first.ts", b[:len(b)/188*188]))[0].pts
	if limit := s.unit(25).PTS; first < limit {
		t.Errorf("begins with PTS %d, want at least %d: it is old", first, limit)
	}
}
