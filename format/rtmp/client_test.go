package rtmp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/format/flv"
	"github.com/refstream/refstream/format/flv/amf0"
)

func TestParseTarget(t *testing.T) {
	for _, c := range []struct{ url, addr, app, stream, err string }{
		{"rtmp://example.org/live/a", "example.org:1935", "live", "a", ""},
		{"rtmp://example.org:1936/live/a?key=1&b=/", "example.org:1936", "live", "a?key=1&b=/", ""},
		{"rtmp://[::1]/app/instance/a", "[::1]:1935", "app/instance", "a", ""},
		{"rtmp://h//live//a/", "h:1935", "live", "a", ""},
		{"rtmp://h/live/a%20b", "h:1935", "live", "a%20b", ""},
		{"rtmp://h/live", "", "", "", "no application and stream"},
		{"rtmp://h", "", "", "", "no application and stream"},
		{"rtmp:///live/a", "", "", "", "no host"},
		{"rtmps://h/live/a", "h:443", "live", "a", ""},
		{"rtmps://h:1935/live/a", "h:1935", "live", "a", ""},
		{"rtmpt://h/live/a", "", "", "", `"rtmpt" is not rtmp or rtmps`},
		{"rtmp://u:secret@h/live/a", "", "", "", "not supported"},
		{"rtmp://h:x/live/secret", "", "", "", "not a URL"},
		{"rtmp://h:99999/live/secret", "", "", "", "from 1 to 65535"},
		{"rtmp://h:65536/live/secret", "", "", "", "from 1 to 65535"},
		{"rtmp://h:0/live/secret", "", "", "", "from 1 to 65535"},
		{"rtmp://h:65535/live/a", "h:65535", "live", "a", ""},
		{"rtmp://h:/live/a", "h:1935", "live", "a", ""},
		{"", "", "", "", `"" is not rtmp or rtmps`},
	} {
		got, err := ParseTarget(c.url)
		if !errorHas(err, c.err) || err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", c.url, err)
		}
		if err == nil && (got.Address() != c.addr || got.App != c.app || got.Stream != c.stream) {
			t.Errorf("%s: %+v", c.url, got)
		}
		scheme, _, _ := strings.Cut(c.url, ":")
		if err == nil && (got.String() != scheme+"://"+c.addr+"/"+c.app || got.TLS != (scheme == "rtmps")) {
			t.Errorf("%s: %s", c.url, got)
		}
	}
}

func TestPlayFromOwnServer(t *testing.T) {
	tags := sample(t)
	for _, start := range append(starts, struct {
		name string
		ms   uint32
	}{"across the end of 32 bits", 1<<32 - 1000}) {
		for _, size := range []int{0, 128} {
			t.Run(start.name, func(t *testing.T) {
				want := timed(t, tags, start.ms)
				server := playing(want)
				server.ChunkSize = size
				s := startServer(t, server)
				sameTags(t, allTags(t, playFrom(t, s.url("live/test"))), want)
				if err := s.result(t); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// isPicture says whether a tag of the sample is a picture: the sequence header and end are smaller.
func isPicture(t flv.Tag) bool { return t.Type == flv.Video && len(t.Body) > 100 }

// pictures are the tags with pictures in them.
func pictures(tags []flv.Tag) []flv.Tag {
	return slices.DeleteFunc(slices.Clone(tags), func(t flv.Tag) bool { return !isPicture(t) })
}

// ffmpegListens starts ffmpeg as a server of one connection.
func ffmpegListens(t *testing.T, addr string, args ...string) (wait func()) {
	t.Helper()
	cmd := exec.CommandContext(testContext(t), "ffmpeg", append([]string{"-v", "error", "-y"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := cmd.Wait(); err != nil {
			t.Errorf("ffmpeg: %v\n%s", err, stderr.String())
		}
	}
}

// dialRetry connects to a server that serves the first connection only and may not be there yet.
func dialRetry(t *testing.T, addr string) net.Conn {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ctx := testContext(t); ; {
		if c, err := net.Dial("tcp", addr); err == nil {
			t.Cleanup(func() { c.Close() })
			return c
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("nothing listens on %s", addr)
		}
	}
}

// TestPlayFromFFmpeg reads what ffmpeg writes as a server: its headers have extended timestamps on type 3.
func TestPlayFromFFmpeg(t *testing.T) {
	tags := sample(t)
	for _, start := range starts[:4] {
		t.Run(start.name, func(t *testing.T) {
			want := timed(t, tags, start.ms)
			addr := "127.0.0.1:" + freePort(t)
			wait := ffmpegListens(t, addr, "-copyts", "-i", writeFLV(t, want), "-c", "copy", "-copyts", "-f", "flv", "-listen", "1", "rtmp://"+addr+"/live/test")
			p, err := Play(testContext(t), dialRetry(t, addr), target(t, "rtmp://"+addr+"/live/test"))
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			var got []flv.Tag
			for {
				tag, err := p.Next(testContext(t))
				if err != nil {
					t.Logf("ends with %v", err)
					break
				}
				got = append(got, tag)
			}
			wait()
			sameTags(t, pictures(got), pictures(want))
		})
	}
}

// script of a server: it makes the handshake, and then acts.
func fakeServer(t *testing.T, act func(p *rawClient)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		r := handshakeReader(c)
		if err := acceptHandshake(r, c); err != nil {
			return
		}
		act(&rawClient{t: t, peer: newPeer(c, r, clientLimits, testTimeout)})
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return l.Addr().String()
}

// accept answers the commands of a publisher or player up to the one given.
func (c *rawClient) accept(last string) {
	for {
		k := c.command()
		if k.name == last {
			return
		}
		switch k.name {
		case "connect":
			c.call(0, "onBWDone", 0, nil)
			c.call(0, "_result", k.id, nil, statusInfo(levelStatus, "NetConnection.Connect.Success", ""))
		case "releaseStream", "FCPublish":
			c.call(0, "_error", k.id, nil, statusInfo(levelError, "NetConnection.Call.Failed", "unknown"))
		case "createStream":
			c.call(0, "_result", k.id, nil, 7)
		}
	}
}

// TestPlayTakes has a server send tags in the forms that exist, and end in the ways that exist.
func TestPlayTakes(t *testing.T) {
	body := func(values ...any) []byte {
		b, err := amf0.Append(nil, values...)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	video := []byte{0x17, 1, 0, 0, 0, 9}
	fi := body("onFI", 1)
	var aggregate []byte
	for _, tag := range []flv.Tag{{Type: flv.Video, Time: 500, Body: video}, {Type: flv.Script, Time: 510, Body: fi}, {Type: flv.Audio, Time: 520}} {
		aggregate = flv.AppendTag(aggregate, tag)
	}
	for _, c := range []struct {
		name string
		m    []message
		want []flv.Tag
		err  string // EOF for none
	}{
		{"tags", []message{{typ: typeVideo, body: video}, {typ: typeAudio, time: 5, body: []byte{1}}, {typ: typeData, time: 6, body: fi}},
			[]flv.Tag{{Type: flv.Video, Body: video}, {Type: flv.Audio, Time: 5, Body: []byte{1}}, {Type: flv.Script, Time: 6, Body: fi}}, ""},
		{"wrapped", []message{{typ: typeData, body: append([]byte(setDataFrame), fi...)}, {typ: typeDataAMF3, body: append([]byte{0}, fi...)}},
			[]flv.Tag{{Type: flv.Script, Body: fi}, {Type: flv.Script, Body: fi}}, ""},
		{"aggregate", []message{{typ: typeAggregate, time: 1500, body: aggregate}},
			[]flv.Tag{{Type: flv.Video, Time: 1500, Body: video}, {Type: flv.Script, Time: 1510, Body: fi}, {Type: flv.Audio, Time: 1520}}, ""},
		{"aggregate is cut", []message{{typ: typeAggregate, body: aggregate[:20]}}, nil, "back pointer at byte 17"},
		{"aggregate's message is cut", []message{{typ: typeAggregate, body: aggregate[:14]}}, nil, "message of 6 bytes at byte 0"},
		{"aggregate's header is cut", []message{{typ: typeAggregate, body: aggregate[:10]}}, nil, "header at byte 0"},
		{"complete", []message{{typ: typeData, body: body("onPlayStatus", nil, statusInfo(levelStatus, "NetStream.Play.Complete", ""))}}, nil, "EOF"},
		{"stop", []message{{typ: typeCommand, body: body("onStatus", 0, nil, statusInfo(levelStatus, "NetStream.Play.Stop", ""))}}, nil, "EOF"},
		{"unpublished", []message{{typ: typeCommand, body: body("onStatus", 0, nil, statusInfo(levelStatus, "NetStream.Play.UnpublishNotify", ""))}}, nil, "EOF"},
		{"stream EOF", []message{userControl(eventStreamEOF, 7)}, nil, "EOF"},
		{"other stream's EOF", []message{userControl(eventStreamEOF, 3), {typ: typeVideo, body: video}}, []flv.Tag{{Type: flv.Video, Body: video}}, ""},
		{"failure", []message{{typ: typeCommand, body: body("onStatus", 0, nil, statusInfo(levelError, "NetStream.Play.Failed", "broken"))}}, nil, "play was refused"},
		{"no command", []message{{typ: typeCommand, body: []byte{0xAA}}}, nil, "unknown type 0xaa"},
	} {
		t.Run(c.name, func(t *testing.T) {
			addr := fakeServer(t, func(r *rawClient) {
				r.accept("play")
				r.call(7, "onStatus", 0, nil, statusInfo(levelStatus, "NetStream.Play.Start", ""))
				for _, m := range c.m {
					if err := r.write(packet{chunk: 9, message: m}); err != nil {
						return
					}
				}
				_, _ = io.Copy(io.Discard, r.c)
			})
			p, err := Play(testContext(t), dial(t, addr), Target{App: "live", Stream: "test"})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			for i, want := range c.want {
				got, err := p.Next(testContext(t))
				if err != nil {
					t.Fatal(err)
				}
				if err := differ(got, want); err != nil {
					t.Errorf("tag %d: %v", i, err)
				}
			}
			if c.err == "" {
				return
			}
			for range 2 {
				if _, err := p.Next(testContext(t)); !errorHas(err, c.err) || c.err == "EOF" && err != io.EOF {
					t.Errorf("%v, want %q", err, c.err)
				}
			}
		})
	}
}

func TestPlayIsRefused(t *testing.T) {
	s := startServer(t, playing(nil))
	var refused *StatusError
	if _, err := Play(testContext(t), dial(t, s.addr), target(t, s.url("live/none"))); !errors.As(err, &refused) || refused.Code != "NetStream.Play.StreamNotFound" {
		t.Error(err)
	}
}

func TestPlayStopsWithContext(t *testing.T) {
	s := startServer(t, staying(nil))
	p := playFrom(t, s.url("live/test"))
	ctx, cancel := context.WithCancel(testContext(t))
	timer := time.AfterFunc(20*time.Millisecond, cancel)
	defer timer.Stop()
	if _, err := p.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := p.Next(testContext(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("again: %v", err)
	}
	if err := s.result(t); err != nil {
		t.Error(err)
	}
}
