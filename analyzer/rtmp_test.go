package analyzer

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/rtmp"
	"github.com/refstream/refstream/internal/testnet"
)

// tagSource plays tags once; with stall it then says nothing more.
type tagSource struct {
	tags  []flv.Tag
	stall bool
}

func (s *tagSource) Next(ctx context.Context) ([]flv.Tag, error) {
	if len(s.tags) == 0 {
		if s.stall {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return nil, io.EOF
	}
	n := min(3, len(s.tags))
	out := s.tags[:n]
	s.tags = s.tags[n:]
	return out, nil
}

// serveRTMP plays a stream to each who asks for it, until the returned function is called.
func serveRTMP(l net.Listener, play func(app, stream string) (rtmp.Source, error)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { _ = (&rtmp.Server{Play: play}).ServeConn(ctx, c) })
		}
	})
	return func() {
		cancel()
		l.Close()
		all.Wait()
	}
}

func TestRTMP(t *testing.T) {
	path := encode(t, "a.flv", "1", "-bf", "2", "-x264-params", "nal-hrd=vbr:vbv-maxrate=900:vbv-bufsize=900:b-adapt=0")
	video := tagsOf(t, path)
	made, want := scripts(t)
	tags := slices.Concat(made, video[1:])
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "rtmp://" + l.Addr().String() + "/live/main"
	defer serveRTMP(l, func(_, stream string) (rtmp.Source, error) {
		if stream == "plain" {
			return &tagSource{tags: video}, nil
		}
		if stream != "main" {
			return nil, errors.New("not here")
		}
		return &tagSource{tags: tags}, nil
	})()
	r := analyze(t, url)
	compareScripts(t, r, want)
	file := analyze(t, path)
	if len(r.units) != 25 || len(r.of(PicTiming)) != len(file.of(PicTiming)) {
		t.Fatalf("%d units and %d pic_timing records, the file has %d", len(r.units), len(r.of(PicTiming)), len(file.of(PicTiming)))
	}
	for i, rec := range r.of(PicTiming) {
		if w := file.of(PicTiming)[i]; *rec.PTS != *w.PTS || *rec.DTS != *w.DTS || string(rec.Extra) != string(w.Extra) {
			t.Errorf("record %d is %s at %d, in the file %s at %d", i, rec.Extra, *rec.PTS, w.Extra, *w.PTS)
		}
	}
	err = Run(within(t), strings.Replace(url, "/main", "/other", 1), file.options(), file.handle)
	if err == nil || !strings.Contains(err.Error(), "StreamNotFound") {
		t.Errorf("a stream that isn't there: %v", err)
	}
	web := httptest.NewUnstartedServer(nil)
	web.Config.ErrorLog = log.New(io.Discard, "", 0)
	web.StartTLS()
	defer web.Close()
	err = Run(within(t), "rtmps://"+web.Listener.Addr().String()+"/live/main", file.options(), file.handle)
	if err == nil || !strings.Contains(err.Error(), "certificate signed by unknown authority") {
		t.Errorf("a server with a certificate that nobody knows: %v", err)
	}

	c, err := Capture(within(t), url, filepath.Join(t.TempDir(), "new"), file.options(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := analyze(t, c.Path); len(got.units) != 25 || len(got.records) != len(r.records) {
		t.Errorf("captured: %d units and %d records of %d", len(got.units), len(got.records), len(r.records))
	}
	plain := strings.Replace(url, "/main", "/plain", 1)
	if c, err = Capture(within(t), plain, t.TempDir(), file.options(), 0); err != nil {
		t.Fatal(err)
	}
	if n := len(packets(t, c.Path)); n != 25 {
		t.Errorf("captured: ffprobe finds %d packets", n)
	}
}

// TestRTMPFollow follows a server that says nothing for a while, and plays anew.
func TestRTMPFollow(t *testing.T) {
	video := tagsOf(t, encode(t, "a.flv", "1", "-bf", "0"))
	var asked atomic.Int64
	play := func(string, string) (rtmp.Source, error) {
		if asked.Add(1) == 1 {
			return nil, errors.New("not yet")
		}
		return &tagSource{tags: video, stall: true}, nil
	}
	var r result
	synctest.Test(t, func(t *testing.T) {
		l := testnet.NewPipes()
		defer serveRTMP(l, play)()
		ctx, o := r.untilUnits(t.Context(), 60)
		o.dial = l.Dial
		if err := Run(ctx, "rtmp://test/live/main", o, r.handle); !errors.Is(err, context.Canceled) {
			t.Fatalf("%v after %d units: %s", err, len(r.units), r.kinds())
		}
	})
	if k := r.kinds(); k != "lost connected resumed lost connected resumed jump lost connected resumed jump" {
		t.Errorf("notes %s", k)
	}
	for i := 1; i < len(r.units); i++ {
		if d := r.units[i].DTS - r.units[i-1].DTS; d != 3600 && i%25 != 0 {
			t.Errorf("unit %d comes %d ticks after the one before", i, d)
		}
	}
}
