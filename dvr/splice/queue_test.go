package splice

import (
	"bytes"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/dvr/internal/dvrtest"
	"github.com/refstream/refstream/format/ts"
)

// TestConnectsAgainAtOnce: of many connections in a row, each closed before the next is made, nothing is lost: more than
// wait here, too.
func TestConnectsAgainAtOnce(t *testing.T) {
	t.Parallel()
	const connections = 3 * maxWaiting
	b := stream(t, 1)
	limits := defaultTimes()
	limits.grace, limits.look = time.Hour, time.Minute // nobody is turned away, or thought to bring nothing, however slow the machine
	s := record(t, Options{}, limits)
	var sizes []int64
	for i := range connections {
		c := s.dial()
		n := len(b) - i*ts.PacketSize
		mustWrite(t, c, b[:n])
		c.Close()
		sizes = append(sizes, int64(n))
	}
	s.until("all are recorded", func() bool {
		all := s.connections()
		return len(all) == connections && all[connections-1].Ended != nil
	})
	at := int64(0)
	for i, c := range s.connections() {
		const breaks = 5 * ts.PacketSize // there are less PIDs
		if c.FirstByte != at || c.Bytes < sizes[i] || c.Bytes > sizes[i]+breaks || c.Error != "" {
			t.Errorf("connection %+v should begin at %d with %d bytes", c, at, sizes[i])
		}
		at += c.Bytes
	}
	s.stop()
	if strings.Contains(s.log.String(), "level=WARN") {
		t.Errorf("the log says\n%s", s.log)
	}
	counted(t, s.recorded())
	goesOn(t, probe(t, s.file()))
}

// gate is a listener that passes a connection on when it may.
type gate struct {
	net.Listener
	open chan struct{}
	done <-chan struct{} // of the test
}

func (g *gate) Accept() (net.Conn, error) {
	c, err := g.Listener.Accept()
	if err == nil {
		select {
		case <-g.open:
		case <-g.done:
		}
	}
	return c, err
}

func listener(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// TestGivesWay: who brings nothing keeps nobody out.
func TestGivesWay(t *testing.T) {
	t.Parallel()
	b := stream(t, 1)
	null := append([]byte{ts.SyncByte, 0x1F, 0xFF, 0x10}, make([]byte, ts.PacketSize-4)...)
	for name, c := range map[string]struct {
		grace time.Duration
		first []byte // of what keeps the others out
		said  string
	}{
		"silent":            {time.Hour, nil, "silent from the start"},
		"null packets":      {50 * time.Millisecond, bytes.Repeat(null, 100), "has brought no stream"},
		"something foreign": {50 * time.Millisecond, []byte("GET"), "has brought no stream"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limits := defaultTimes()
			limits.grace = c.grace
			l := &gate{Listener: listener(t), open: make(chan struct{}, 2), done: t.Context().Done()}
			s := recordIn(t, t.TempDir(), l, Options{}, limits)
			holder := s.dial()
			l.open <- struct{}{}
			mustWrite(t, holder, c.first)
			s.until("it is connected", func() bool { return strings.Contains(s.log.String(), "sender connected") })
			real := s.dial()
			mustWrite(t, real, b)
			l.open <- struct{}{} // what it brings is there before its time begins
			s.until("the other is recorded", func() bool { return bytes.Equal(s.recorded(), b) })
			if !closed(holder) {
				t.Error("the first stays")
			}
			if log := s.log.String(); !strings.Contains(log, c.said) || !strings.Contains(log, holder.LocalAddr().String()) {
				t.Errorf("the log says\n%s", log)
			}
			real.Close()
			s.stop()
		})
	}
}

// TestManyIdle: a sender gets its turn, however many connections came before it that bring nothing.
func TestManyIdle(t *testing.T) {
	t.Parallel()
	b := stream(t, 1)
	limits := defaultTimes()
	limits.grace = time.Hour // none of them is turned away for having waited
	s := record(t, Options{}, limits)
	for range 300 {
		s.dial()
	}
	real := s.dial()
	mustWrite(t, real, b)
	began := time.Now()
	s.until("the sender is recorded", func() bool { return bytes.Equal(s.recorded(), b) })
	t.Logf("recorded after %v", time.Since(began))
	real.Close()
	s.stop()
}

// TestStaysSilent: a silent sender that nobody else has more to bring than stays, also when somebody looks at the port.
func TestStaysSilent(t *testing.T) {
	t.Parallel()
	limits := defaultTimes()
	limits.grace, limits.look = 10*time.Millisecond, 2*time.Millisecond
	s := record(t, Options{}, limits)
	first, looking, second := s.dial(), s.dial(), s.dial()
	looking.Close()
	b := stream(t, 1)
	mustWrite(t, first, b)
	s.until("the first is recorded", func() bool { return bytes.Equal(s.recorded(), b) })
	if !closed(second) {
		t.Error("the other stays")
	}
	s.until("it is logged", func() bool { return strings.Contains(s.log.String(), "turned away") })
	if log := s.log.String(); strings.Count(log, "level=WARN") != 1 {
		t.Errorf("the log says\n%s", log)
	}
}

// TestBehind: a sender whose bytes wait here to be taken is not silent.
func TestBehind(t *testing.T) {
	t.Parallel()
	pipe, other := net.Pipe()
	defer other.Close()
	var c clock
	s := newSender(pipe, c.now())
	defer s.close()
	c.pass(time.Minute)
	if got := s.silent(c.now()); got != time.Minute {
		t.Errorf("before anything came: silent for %v", got)
	}
	mustWrite(t, other, []byte("a"))
	watch := &station{t: t, log: &dvrtest.Log{}}
	watch.until("it is not silent", func() bool { return s.silent(c.now()) == 0 })
	<-s.chunks
	s.hear(c.now())
	c.pass(time.Second)
	watch.until("it is silent again", func() bool { return s.silent(c.now()) == time.Second })
}
