package live

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/refstream/refstream/outputs/rtmp"
)

// Target is where a push goes. Its zero value is none: ParsePush makes them.
type Target struct {
	// One of the two is set: host:port for MPEG-TS, or what to publish to.
	tcp  string
	rtmp rtmp.Target
}

// ParsePush reads the address of a push: tcp://host:port for MPEG-TS, or rtmp://host[:port]/app/stream to publish to a
// server. Its errors show no stream key, and name the way for what a push can't do.
func ParsePush(address string) (Target, error) {
	scheme, rest, ok := strings.Cut(address, "://")
	switch {
	case !ok:
		return Target{}, errors.New("that is no address: use tcp://host:port, or rtmp://host/app/stream")
	case scheme == "tcp":
		rest = strings.TrimSuffix(rest, "/")
		host, port, err := net.SplitHostPort(rest)
		if err != nil || host == "" || port == "" || strings.ContainsAny(rest, "/?#@") {
			return Target{}, errors.New("a tcp address is host and port alone, such as tcp://127.0.0.1:4444")
		}
		return Target{tcp: rest}, nil
	case scheme == "rtmp":
		t, err := rtmp.ParseTarget(address)
		if err != nil {
			return Target{}, err
		}
		return Target{rtmp: t}, nil
	}
	return Target{}, fmt.Errorf("%q is not pushed to, only tcp and rtmp are: use --relay, by which ffmpeg sends it", scheme)
}

// String is the address without the stream key.
func (t Target) String() string {
	if t.tcp != "" {
		return "tcp://" + t.tcp
	}
	return t.rtmp.String()
}

// address is host and port.
func (t Target) address() string {
	if t.tcp != "" {
		return t.tcp
	}
	return t.rtmp.Address()
}

// shortSecret is the length under which a key is not looked for in texts: it would be found in other words.
const shortSecret = 4

// redact takes the stream key, which a server may quote, out of an error's text; what it wraps stays.
func (t Target) redact(err error) error {
	if err == nil || t.rtmp.Stream == "" {
		return err
	}
	name, query, _ := strings.Cut(t.rtmp.Stream, "?")
	secrets := []string{t.rtmp.Stream, name, query}
	for pair := range strings.SplitSeq(query, "&") {
		_, value, _ := strings.Cut(pair, "=")
		secrets = append(secrets, value)
	}
	// What holds another one first.
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	text := err.Error()
	for _, s := range secrets {
		if len(s) >= shortSecret {
			text = strings.ReplaceAll(text, s, "…")
		}
	}
	if text == err.Error() {
		return err
	}
	return &redacted{err, text}
}

// redacted is an error with another text.
type redacted struct {
	err  error
	text string
}

func (r *redacted) Error() string { return r.text }

func (r *redacted) Unwrap() error { return r.err }
