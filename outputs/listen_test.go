package outputs

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// runs calls something that blocks and returns where its result comes.
func runs(f func() error) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- f() }()
	return ended
}

// talk sends all the time what nobody asked for, until the connection ends.
func talk(c net.Conn) <-chan error {
	return runs(func() error {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for range tick.C {
			if _, err := c.Write(make([]byte, 1000)); err != nil {
				return nil
			}
		}
		return nil
	})
}

// returned waits for the result.
func returned(t *testing.T, ended <-chan error) error {
	t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case err := <-ended:
		return err
	case <-limit.C:
		t.Fatal("it does not return")
		return nil
	}
}

func dial(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

// TestListenTS has clients that talk, that are half closed, that stall, that leave and that come late.
func TestListenTS(t *testing.T) {
	const gops = 8
	s := newSource(t, 40_000)
	h, log := newHub(t, func(o *Options) { o.WriteTimeout = slow })
	h.times.farewell = slow
	l := listen(t)
	addr := l.Addr().String()
	ended := runs(func() error { return h.ListenTS(t.Context(), l) })

	plain, talker, half, leaver, resetter := dial(t, addr), dial(t, addr), dial(t, addr), dial(t, addr), dial(t, addr)
	stall(t, addr, "")
	talks := talk(talker)
	if err := half.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all to be there", func() bool { return statusOf(t, h, KindTCPTS).Clients == 6 })
	early := []*tail{gather(plain), gather(talker), gather(half)}
	until := s.sizes(t, "ts", gops*testGOP)
	var late *tail
	for i := range gops * testGOP {
		s.write(t, h, i, i+1)
		switch i {
		case 2*testGOP - 1:
			leaver.Close()
			if err := resetter.SetLinger(0); err != nil {
				t.Error(err)
			}
			resetter.Close()
			eventually(t, "two to leave", func() bool { return statusOf(t, h, KindTCPTS).Clients == 4 })
		case 5*testGOP + 3:
			late = gather(dial(t, addr))
			eventually(t, "one to come", func() bool { return statusOf(t, h, KindTCPTS).ClientsTotal == 7 && late.len() > 0 })
		}
		if i%testGOP == testGOP-1 {
			for _, g := range early {
				eventually(t, "the stream", func() bool { return g.len() >= until[i+1] })
			}
		}
	}
	eventually(t, "the stalled one to be dropped", func() bool { return statusOf(t, h, KindTCPTS).Dropped == 1 })
	h.Close()
	want := s.sent(t, "ts", 0, gops*testGOP)
	for i, g := range early {
		got, err := g.all(t)
		if err != io.EOF {
			t.Errorf("client %d: %v", i, err)
		}
		same(t, "stream", got, want)
	}
	got, err := late.all(t)
	if err != io.EOF {
		t.Error(err)
	}
	same(t, "late stream", got, s.sent(t, "ts", 4*testGOP, gops*testGOP))
	s.checkUnits(t, "ts", got, 4*testGOP, gops*testGOP)
	talker.Close()
	returned(t, talks)
	if err := returned(t, ended); err != nil {
		t.Error(err)
	}
	if st := statusOf(t, h, KindTCPTS); st.Clients != 0 || st.Dropped != 1 || st.State != StateEnded || st.Bytes < int64(3*len(want)) {
		t.Errorf("%+v\n%s", st, log)
	}
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Error("it still listens")
	}
}

// TestListenTSToTheEnd has a client with most of the stream still under way when it ends, who talks all the time: what it
// sends to a connection that was closed already would destroy that.
func TestListenTSToTheEnd(t *testing.T) {
	s := newSource(t, 30_000)
	h, _ := newHub(t)
	h.times.farewell = patience
	l := listen(t)
	ended := runs(func() error { return h.ListenTS(t.Context(), l) })
	c := stall(t, l.Addr().String(), "")
	talks := talk(c)
	eventually(t, "the client to be there", func() bool { return statusOf(t, h, KindTCPTS).Clients == 1 })
	s.write(t, h, 0, testGOP)
	eventually(t, "the stream to be under way", func() bool { return statusOf(t, h, KindTCPTS).Bytes > 0 })
	h.Close()
	eventually(t, "the listener to close", func() bool {
		other, err := net.Dial("tcp", l.Addr().String())
		if err == nil {
			other.Close()
		}
		return err != nil
	})
	got, err := gather(c).all(t)
	if err != io.EOF {
		t.Error(err)
	}
	same(t, "stream", got, join(s.tsOf(t, testGOP)))
	c.Close()
	returned(t, talks)
	if err := returned(t, ended); err != nil {
		t.Error(err)
	}
}

// TestListenEndsWithContext has it end in the middle, with clients that read, stall, and get nothing yet.
func TestListenEndsWithContext(t *testing.T) {
	s := newSource(t, 100_000)
	h, _ := newHub(t, func(o *Options) { o.WriteTimeout = time.Hour })
	tsListener, rtmpListener := listen(t), listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	overTS := runs(func() error { return h.ListenTS(ctx, tsListener) })
	overRTMP := runs(func() error { return h.ListenRTMP(ctx, rtmpListener) })
	reader := gather(dial(t, tsListener.Addr().String()))
	stall(t, tsListener.Addr().String(), "")
	silent := gather(dial(t, rtmpListener.Addr().String()))
	eventually(t, "all to be there", func() bool {
		return statusOf(t, h, KindTCPTS).Clients == 2 && statusOf(t, h, KindRTMP).Clients == 1
	})
	s.write(t, h, 0, 4*testGOP)
	eventually(t, "the stream to flow", func() bool { return reader.len() > 0 })
	cancel()
	for _, ended := range []<-chan error{overTS, overRTMP} {
		if err := returned(t, ended); !errors.Is(err, context.Canceled) {
			t.Errorf("it returned %v", err)
		}
	}
	reader.all(t)
	silent.all(t)
	for _, kind := range []string{KindTCPTS, KindRTMP} {
		if st := statusOf(t, h, kind); st.Clients != 0 || st.Dropped != 0 || st.State != StateEnded {
			t.Errorf("%+v", st)
		}
	}
}

// TestListenLimits turns away who finds no place.
func TestListenLimits(t *testing.T) {
	h, _ := newHub(t, func(o *Options) { o.MaxClients = 2 })
	l := listen(t)
	ended := runs(func() error { return h.ListenTS(t.Context(), l) })
	dial(t, l.Addr().String())
	dial(t, l.Addr().String())
	eventually(t, "two to be there", func() bool { return statusOf(t, h, KindTCPTS).Clients == 2 })
	if got, _ := gather(dial(t, l.Addr().String())).all(t); len(got) > 0 {
		t.Errorf("the third gets %d bytes", len(got))
	}
	h.Close()
	if err := returned(t, ended); err != nil {
		t.Error(err)
	}
}

// brokenListener fails to accept some times, and then for good.
type brokenListener struct {
	net.Listener
	errs []error
}

func (l *brokenListener) Accept() (net.Conn, error) {
	if len(l.errs) > 0 {
		err := l.errs[0]
		l.errs = l.errs[1:]
		return nil, err
	}
	return l.Listener.Accept()
}

func TestListenFailures(t *testing.T) {
	full := errors.New("too many open files")
	h, _ := newHub(t)
	l := &brokenListener{listen(t), []error{full, full}}
	ended := runs(func() error { return h.ListenTS(t.Context(), l) })
	dial(t, l.Addr().String())
	eventually(t, "it to recover", func() bool { return statusOf(t, h, KindTCPTS).Clients == 1 })
	if st := statusOf(t, h, KindTCPTS); st.LastError != full.Error() {
		t.Errorf("%+v", st)
	}
	l.Close() // not by whom it was given to
	if err := returned(t, ended); !errors.Is(err, net.ErrClosed) {
		t.Errorf("it returned %v", err)
	}
	if st := statusOf(t, h, KindTCPTS); st.Clients != 0 || st.State != StateEnded {
		t.Errorf("%+v", st)
	}
}
