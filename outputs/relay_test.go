package outputs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/annotate"
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
		u := s.unit(i)
		b, err := m.Unit(u.Unit, annotate.ID3(u.Markers...)...)
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
