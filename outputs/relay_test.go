package outputs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/internal/testnet"
	"github.com/refstream/refstream/stream"
)

// relaySource is a source whose time begins elsewhere.
type relaySource struct {
	*source
	shift int64 // ticks
}

func (s relaySource) unit(i int) stream.Unit {
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

// newRelayHub is newHub for relays, none of which falls behind: all of the stream is kept for them.
func newRelayHub(t testing.TB, change ...func(*Options)) (*Hub, *logged) {
	t.Helper()
	h, log := newHub(t, change...)
	h.ts = stream.New[[]byte](stream.Options{Behind: 1 << 40, MaxBytes: 1 << 30})
	return h, log
}

// flows waits until a relay has begun to take the stream.
func flows(t *testing.T, h *Hub) {
	t.Helper()
	eventually(t, "the relay to take the stream", func() bool { return relayStatus(h).Bytes > 0 })
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
		limit := time.NewTimer(patience)
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
			h, _ := newRelayHub(t)
			l := listen(t)
			_, wait := startRelayTest(t, h, parseRelayTest(t, "tcp://"+l.Addr().String()))
			s.write2(t, h, 0, 30)
			conn, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			got := gather(conn)
			s.write2(t, h, 30, 210)
			eventually(t, "the stream to flow", func() bool { return got.len() > 0 && relayStatus(h).State == StateRunning })
			if status := relayStatus(h); status.Clients != 1 || status.ClientsTotal != 1 ||
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
	h, _ := newRelayHub(t)
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

// lastDatagram comes from end.
const lastDatagram = "that was all"

// end waits until all datagrams are read that were sent before.
func (d *datagrams) end(t *testing.T) {
	t.Helper()
	c, err := net.Dial("udp", d.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	eventually(t, "the last datagram", func() bool {
		_, err := io.WriteString(c, lastDatagram)
		return err != nil || isDone(d.done)
	})
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
	if err := c.(*net.UDPConn).SetReadBuffer(1 << 20); err != nil { // as much as the system allows
		t.Fatal(err)
	}
	d := &datagrams{PacketConn: c, skip: skip}
	d.tail = gather(d)
	return d
}

// Read gives the payload of a datagram.
func (d *datagrams) Read(b []byte) (int, error) {
	buf := make([]byte, 65536)
	n, _, err := d.ReadFrom(buf)
	if err != nil || string(buf[:n]) == lastDatagram {
		return 0, io.EOF
	}
	return copy(b, buf[min(n, d.skip):n]), nil
}

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

// withoutLast is a stream without its last picture, of which ffmpeg keeps the end where that fills no RTP packet.
func withoutLast(stream []byte) []byte {
	for at := len(stream) - 188; at >= 0; at -= 188 {
		if p := stream[at:]; p[1]&0x40 != 0 && int(p[1]&0x1F)<<8|int(p[2]) == 0x100 {
			return stream[:at]
		}
	}
	return stream
}

// dropped is how many datagrams had no room in the socket, 0 where the system doesn't tell.
func (d *datagrams) dropped(t *testing.T) int {
	t.Helper()
	table, err := os.ReadFile("/proc/net/udp")
	if err != nil {
		return 0
	}
	at := fmt.Sprintf(":%04X", d.LocalAddr().(*net.UDPAddr).Port)
	for line := range strings.Lines(string(table)) {
		if f := strings.Fields(line); len(f) > 1 && strings.HasSuffix(f[1], at) {
			n, err := strconv.Atoi(f[len(f)-1])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	return 0
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

// inTime has SRT wait for what is late, in place of leaving it out.
const inTime = "tlpktdrop=0&"

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

// bound says whether somebody listens at a port of this machine; true where the system doesn't tell.
func bound(network, port string) bool {
	table, err := os.ReadFile("/proc/net/" + network)
	if err != nil {
		return true
	}
	n, _ := strconv.Atoi(port)
	at := fmt.Sprintf(":%04X", n)
	for line := range strings.Lines(string(table)) {
		const listens, open = "0A", "07" // states of TCP and UDP sockets
		if f := strings.Fields(line); len(f) > 3 && strings.HasSuffix(f[1], at) && (f[3] == listens || f[3] == open) {
			return true
		}
	}
	return false
}

// An output that waits for somebody has what is new for him whenever he comes, and waiting is no failure.
func TestRelayAsSRTListener(t *testing.T) {
	s, dir := relaySource{newSource(t, 0), 0}, t.TempDir()
	begun := filepath.Join(dir, "begun")
	h, _ := newRelayHub(t, func(o *Options) { o.FFmpeg = shellScript(t, "echo >>'"+begun+"'; exec ffmpeg \"$@\"") })
	h.times.unused, h.times.kill = 1500*time.Millisecond, 50*time.Millisecond
	address := "srt://127.0.0.1:" + freeUDPPort(t)
	stop, wait := startRelayTest(t, h, parseRelayTest(t, address+"?mode=listener"))
	var written atomic.Int64
	ctx, end := context.WithCancel(t.Context())
	var playing sync.WaitGroup
	playing.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ctx.Err() == nil; i++ {
			s.write(t, h, i, i+1)
			written.Store(int64(i + 1))
			<-tick.C
		}
	})
	defer playing.Wait()
	defer end()
	eventually(t, "another one to wait", func() bool {
		b, err := os.ReadFile(begun)
		return err == nil && len(b) >= 2
	})
	if status := relayStatus(h); status.Dropped != 0 || status.LastError != "" {
		t.Errorf("%+v", status)
	}
	before := written.Load()
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
	// The last complete GOP when the one began that he found, or the one after it.
	if limit := s.unit(max(int(before)-6*testGOP, testGOP)).PTS; first < limit {
		t.Errorf("begins with PTS %d, want at least %d: it is old", first, limit)
	}
}
