package outputs

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"testing"

	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/rtmp"
)

// player plays to the end in the background.
type player struct {
	last  atomic.Uint32 // the time of the newest video tag, ms
	tags  []flv.Tag
	err   error
	ended chan struct{}
}

// play begins to play, or is refused, and says so to begun.
func play(t *testing.T, addr, stream string, begun chan<- struct{}) *player {
	t.Helper()
	target, err := rtmp.ParseTarget("rtmp://" + addr + stream)
	if err != nil {
		t.Fatal(err)
	}
	conn := dial(t, addr)
	p := &player{ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		var from *rtmp.Player
		from, p.err = rtmp.Play(t.Context(), conn, target)
		begun <- struct{}{}
		if p.err != nil {
			return
		}
		defer from.Close()
		for {
			var tag flv.Tag
			if tag, p.err = from.Next(t.Context()); p.err != nil {
				return
			}
			if p.tags = append(p.tags, tag); tag.Type == flv.Video {
				p.last.Store(tag.Time)
			}
		}
	}()
	return p
}

// TestRTMPPlayers has ten players, one of which stalls and one comes late, and others who ask for what there isn't or say
// nothing.
func TestRTMPPlayers(t *testing.T) {
	const gops = 6
	s := newSource(t, 60_000)
	h, log := newHub(t, func(o *Options) { o.WriteTimeout = slow })
	l := listen(t)
	addr := l.Addr().String()
	ended := runs(func() error { return h.ListenRTMP(t.Context(), l) })

	begun := make(chan struct{}, 20)
	for _, stream := range []string{"/live/other", "/other/main"} {
		p := play(t, addr, stream, begun)
		<-begun
		if <-p.ended; !errors.As(p.err, new(*rtmp.StatusError)) {
			t.Errorf("%s: %v", stream, p.err)
		}
	}
	var players []*player
	for range 9 {
		players = append(players, play(t, addr, "/live/main", begun))
	}
	stalled := stallPlayer(t, addr)
	for range players {
		<-begun
	}
	silent := gather(dial(t, addr))
	eventually(t, "all to be there", func() bool { return statusOf(t, h, KindRTMP).Clients == 11 })
	s.write(t, h, 0, 2*testGOP+5)
	players = append(players, play(t, addr, "/live/main", begun))
	<-begun
	eventually(t, "the late one to have begun", func() bool { return statusOf(t, h, KindRTMP).Clients == 12 })
	eventually(t, "the stalled player to be dropped", func() bool { return statusOf(t, h, KindRTMP).Dropped == 1 })
	for i := 2*testGOP + 5; i < gops*testGOP; i++ {
		s.write(t, h, i, i+1)
		if i%testGOP != testGOP-1 || i == gops*testGOP-1 {
			continue
		}
		// As fast as they can take it, but for the last GOP, which is under way when the stream ends.
		for k, p := range players {
			eventually(t, fmt.Sprintf("player %d", k), func() bool { return int64(p.last.Load()) == s.unit(i).DTS/90 })
		}
	}
	h.Close()
	for i, p := range players {
		from := 0
		if i == len(players)-1 {
			from = testGOP
		}
		<-p.ended
		if p.err != io.EOF {
			t.Errorf("player %d: %v", i, p.err)
		}
		file := flv.FileHeader(false)
		for _, tag := range p.tags {
			file = flv.AppendTag(file, tag)
		}
		s.checkUnits(t, "flv", file, from, gops*testGOP)
		if i > 0 && i < len(players)-1 {
			continue
		}
		if name := flv.ScriptName(p.tags[0].Body); p.tags[0].Type != flv.Script || name != "onMetaData" {
			t.Errorf("player %d begins with %v %s", i, p.tags[0].Type, name)
		}
	}
	stalled.Close()
	silent.all(t)
	if err := returned(t, ended); err != nil {
		t.Error(err)
	}
	if st := statusOf(t, h, KindRTMP); st.Clients != 0 || st.Dropped != 1 || st.ClientsTotal != 14 {
		t.Errorf("%+v\n%s", st, log)
	}
}

// stallPlayer asks to play and then reads nothing.
func stallPlayer(t *testing.T, addr string) io.Closer {
	t.Helper()
	target, err := rtmp.ParseTarget("rtmp://" + addr + "/live/main")
	if err != nil {
		t.Fatal(err)
	}
	conn := stall(t, addr, "")
	if _, err := rtmp.Play(t.Context(), conn, target); err != nil {
		t.Fatal(err)
	}
	return conn
}
