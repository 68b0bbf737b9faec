package rtmp

import (
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/refstream/refstream/format/flv/amf0"
	"github.com/refstream/refstream/internal/redact"
)

func TestSecretsAreHidden(t *testing.T) {
	for _, c := range []struct{ stream, text, want string }{
		{"main-key?token=hidden-one&x=abcd", `no "main-key?token=hidden-one&x=abcd", main-key, hidden-one, abcd`, `no "…", …, …, …`},
		{"main-key", "other", "other"},
		{"main-key", "", ""},
		{"", "anything", "anything"},
		{"p%40ss-word", "no p@ss-word, no p%40ss-word", "no …, no …"},
		{"a%22b%5Cc", `no a"b\c, no a\"b\\c, no a%22b%5Cc`, "no …, no …, no …"},
		{"main?token=a+b%2Fc", "no a b/c, no a+b/c, no a+b%2Fc", "no …, no …, no …"},
		{"main?secret-alone", "no secret-alone", "no …"},
		{"a%2Zb-key", "no a%2Zb-key", "no …"},
		{"ab", "no ab", "…"},
		{"ab", "no such stream", "no such stream"},
		{"%61b", "no ab", "…"},
		{strings.Repeat("long", 300), "no " + strings.Repeat("long", 300), "no …"},
	} {
		if got := secretsOf(c.stream).Hide(c.text); got != c.want {
			t.Errorf("%.20s: %q, want %q", c.stream, got, c.want)
		}
	}
}

// TestPublishHidesKey publishes to servers that quote the key at each of the places where they can say something.
func TestPublishHidesKey(t *testing.T) {
	for _, key := range []string{
		"secret-key", "secret%2Dkey", "secret%22key", "secret%5Ckey", "secret" + strings.Repeat("-long", 100), "sec",
		"main?token=secret-key", "main?secret+key",
	} {
		plain, err := url.QueryUnescape(key)
		if err != nil {
			t.Fatal(err)
		}
		said := fmt.Sprintf("%s no %s, no %s, no %q", strings.Repeat(".", 150), key, plain, plain)
		no := statusInfo(levelError, "NetStream."+plain, said)
		for name, act := range map[string]func(c *rawClient){
			"connect": func(c *rawClient) { c.call(0, "_error", c.command().id, nil, no) },
			"createStream": func(c *rawClient) {
				c.accept("createStream")
				c.call(0, "_result", 4, plain, plain)
			},
			"publish": func(c *rawClient) {
				c.accept("publish")
				c.call(7, "onStatus", 0, nil, no)
			},
			"later": func(c *rawClient) {
				c.accept("publish")
				c.call(7, "onStatus", 0, nil, statusInfo(levelStatus, "NetStream.Publish.Start", ""))
				c.call(7, "onStatus", 0, nil, no)
			},
		} {
			addr := fakeServer(t, func(c *rawClient) {
				act(c)
				_, _ = io.Copy(io.Discard, c.c)
			})
			err := Publish(testContext(t), dial(t, addr), Target{App: "live", Stream: key}, &listSource{stays: true}, Options{})
			if err == nil || strings.Contains(err.Error(), "sec") || name != "createStream" && !errorHas(err, redact.Hidden) {
				t.Errorf("%.30s, %s: %v", key, name, err)
			}
		}
	}
}

// TestPublishBoundsAnswers publishes to servers that answer with more than a publisher needs.
func TestPublishBoundsAnswers(t *testing.T) {
	for _, c := range []struct {
		name string
		act  func(c *rawClient)
		says string
	}{
		{"16 MiB", func(c *rawClient) {
			c.command()
			_ = c.write(packet{chunk: chunkCommand, message: message{typ: typeCommand, body: make([]byte, maxBody)}})
		}, "message of 16777215 bytes, more than 65536"},
		{"without end", func(c *rawClient) {
			c.command()
			for c.write(packet{chunk: chunkCommand, message: message{typ: typeVideo}}) == nil {
			}
		}, "in a second"},
	} {
		t.Run(c.name, func(t *testing.T) {
			addr := fakeServer(t, c.act)
			err := Publish(testContext(t), dial(t, addr), Target{App: "live", Stream: "test"}, &listSource{stays: true},
				Options{SetupTimeout: testTimeout})
			if !errorHas(err, c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
		})
	}
}

// TestServerNamesNoKey has somebody publish to the wrong server.
func TestServerNamesNoKey(t *testing.T) {
	for _, app := range []string{"live", "live/secret-key"} {
		s := startServer(t, staying(nil))
		c := newRawClient(t, s.addr)
		c.call(0, "connect", 1, amf0.Object{{Name: "app", Value: app}})
		c.expect("_result", 1, "NetConnection.Connect.Success")
		c.call(0, "releaseStream", 2, nil, "secret-key")
		c.expect("_result", 2, "")
		c.call(1, "publish", 3, nil, "secret-key", "live")
		c.expect("onStatus", 0, "NetStream.Publish.Denied")
		c.c.Close()
		if err := s.result(t); !errorHas(err, "publish was refused") || errorHas(err, "secret") {
			t.Errorf("%s: %v", app, err)
		}
	}
}
