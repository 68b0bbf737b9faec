package rtmp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/format/flv/amf0"
)

// TestPublishToFFmpeg has ffmpeg take a stream as a server.
func TestPublishToFFmpeg(t *testing.T) {
	tags := sample(t)
	for _, start := range starts[:4] {
		t.Run(start.name, func(t *testing.T) {
			want := timed(t, tags, start.ms)
			addr := "127.0.0.1:" + freePort(t)
			out := filepath.Join(t.TempDir(), "out.flv")
			wait := ffmpegListens(t, addr, "-copyts", "-listen", "1", "-f", "flv", "-i", "rtmp://"+addr+"/live/test", "-map", "0:v", "-c", "copy", "-copyts", out)
			err := Publish(testContext(t), dialRetry(t, addr), target(t, "rtmp://"+addr+"/live/test"), &listSource{tags: want}, Options{WriteTimeout: testTimeout})
			if err != nil {
				t.Error(err)
			}
			wait()
			sameTags(t, pictures(readFLV(t, out)), pictures(want))
		})
	}
}

func TestPublishFails(t *testing.T) {
	failure := errors.New("source is broken")
	refused := &StatusError{}
	stop := make(chan struct{}) // of the server that reads no further, closed when Publish has given up
	for _, c := range []struct {
		name string
		act  func(c *rawClient)
		src  Source
		want error
		says string
	}{
		{"no answer", func(c *rawClient) { _, _ = io.Copy(io.Discard, c.c) }, &listSource{stays: true}, errTimeout, "nothing came of it"},
		{"closes after the handshake", func(*rawClient) {}, &listSource{stays: true}, nil, "set up RTMP"},
		{"refuses the application", func(c *rawClient) {
			c.call(0, "_error", c.command().id, nil, statusInfo(levelError, "NetConnection.Connect.Rejected", "no such app"))
			_, _ = io.Copy(io.Discard, c.c)
		}, &listSource{stays: true}, refused, `connect was refused: "NetConnection.Connect.Rejected": "no such app"`},
		{"refuses the stream", func(c *rawClient) {
			c.accept("publish")
			c.call(7, "onStatus", 0, nil, statusInfo(levelError, "NetStream.Publish.BadName", "taken"))
			_, _ = io.Copy(io.Discard, c.c)
		}, &listSource{stays: true}, refused, "NetStream.Publish.BadName"},
		{"no number for a stream", func(c *rawClient) {
			c.accept("createStream")
			c.call(0, "_result", 4, nil, "seven")
			_, _ = io.Copy(io.Discard, c.c)
		}, &listSource{stays: true}, nil, "no message stream"},
		{"speaks no AMF", func(c *rawClient) {
			c.wire([]byte{3, 0, 0, 0, 0, 0, 1, 20, 0, 0, 0, 0, 0xAA})
			_, _ = io.Copy(io.Discard, c.c)
		}, &listSource{stays: true}, nil, "unknown type 0xaa"},
		{"ends it later", func(c *rawClient) {
			c.accept("publish")
			c.call(7, "onStatus", 0, nil, statusInfo(levelStatus, "NetStream.Publish.Start", ""))
			c.call(7, "onStatus", 0, nil, statusInfo(levelError, "NetStream.Publish.Denied", "time is up"))
			_, _ = io.Copy(io.Discard, c.c)
		}, &listSource{stays: true}, refused, "time is up"},
		{"closes later", func(c *rawClient) {
			c.accept("publish")
			c.call(7, "onStatus", 0, nil, statusInfo(levelStatus, "NetStream.Publish.Start", ""))
		}, &listSource{stays: true}, io.EOF, "server has closed the connection"},
		{"resets later", func(c *rawClient) {
			c.accept("publish")
			c.call(7, "onStatus", 0, nil, statusInfo(levelStatus, "NetStream.Publish.Start", ""))
			_ = c.c.(*net.TCPConn).SetLinger(0)
		}, endless{}, nil, ""}, // a reset, or an end, by which side is heard first
		{"reads no further", func(c *rawClient) {
			c.accept("publish")
			c.call(7, "onStatus", 0, nil, statusInfo(levelStatus, "NetStream.Publish.Start", ""))
			<-stop
		}, endless{}, ErrSlow, ""},
		{"source fails", func(c *rawClient) {
			c.accept("publish")
			c.call(7, "onStatus", 0, nil, statusInfo(levelStatus, "NetStream.Publish.Start", ""))
			_, _ = io.Copy(io.Discard, c.c)
		}, &listSource{err: failure}, failure, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			addr := fakeServer(t, c.act)
			err := Publish(testContext(t), dial(t, addr), Target{App: "live", Stream: "test"}, c.src,
				Options{SetupTimeout: shortLimit, WriteTimeout: shortLimit})
			if c.want == ErrSlow {
				close(stop)
			}
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
			switch {
			case c.want == error(refused):
				var got *StatusError
				if !errors.As(err, &got) {
					t.Errorf("%v is no refusal", err)
				}
			case c.want != nil && !errors.Is(err, c.want):
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

func TestPublishStopsWithContext(t *testing.T) {
	for _, stage := range []string{"set-up", "waiting", "writing"} {
		t.Run(stage, func(t *testing.T) {
			ctx, cancel := context.WithCancel(testContext(t))
			defer cancel()
			addr := fakeServer(t, func(c *rawClient) {
				if stage != "set-up" {
					c.accept("publish")
					c.call(7, "onStatus", 0, nil, statusInfo(levelStatus, "NetStream.Publish.Start", ""))
				}
				cancel()
				<-ctx.Done()
				if stage == "writing" {
					return
				}
				_, _ = io.Copy(io.Discard, c.c)
			})
			var src Source = &listSource{stays: true}
			if stage == "writing" {
				src = endless{}
			}
			if err := Publish(ctx, dial(t, addr), Target{App: "live", Stream: "test"}, src, Options{}); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
}

// TestPublishSends wants the tags as a server should get them.
func TestPublishSends(t *testing.T) {
	var got []message
	var commands []string
	served := make(chan struct{})
	addr := fakeServer(t, func(c *rawClient) {
		defer close(served)
		c.accept("publish")
		c.call(7, "onStatus", 0, nil, statusInfo(levelStatus, "NetStream.Publish.Start", ""))
		for {
			m, err := c.read()
			if err != nil {
				return
			}
			if m.typ != typeCommand {
				got = append(got, m)
				continue
			}
			k, err := parseCommand(m)
			if err != nil {
				return
			}
			commands = append(commands, k.name)
		}
	})
	tags := small(t)
	if err := Publish(testContext(t), dial(t, addr), Target{App: "live", Stream: "test"}, &listSource{tags: tags}, Options{}); err != nil {
		t.Fatal(err)
	}
	<-served
	if !slices.Equal(commands, []string{"FCUnpublish", "deleteStream"}) {
		t.Errorf("%q", commands)
	}
	if len(got) != len(tags) {
		t.Fatalf("%d messages", len(got))
	}
	for i, m := range got {
		want := tags[i].Body
		if i == 0 {
			values, err := amf0.Parse(m.body)
			if err != nil || len(values) != 3 || values[0] != "@setDataFrame" || values[1] != "onMetaData" {
				t.Errorf("metadata: %v %v", values, err)
			}
			continue
		}
		if m.stream != 7 || m.time != tags[i].Time || !bytes.Equal(m.body, want) {
			t.Errorf("message %d: %s", i, describe(got[i:i+1]))
		}
	}
}
