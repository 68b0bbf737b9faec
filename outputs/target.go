package outputs

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/refstream/refstream/format/rtmp"
)

// maxName is the longest name of a push in bytes: it is in every line of the log about it and a label of its metrics.
const maxName = 200

// Target is where a push goes. Its zero value is none: ParsePush makes them.
type Target struct {
	// One of the two is set: host:port for MPEG-TS, or what to publish to.
	tcp  string
	rtmp rtmp.Target
}

// ParsePush reads the address of a push: tcp://host:port for MPEG-TS, or rtmp://host[:port]/app/stream, or rtmps, to
// publish to a server. The port is a number from 1 to 65535. Without the stream key the address must be short and fit to be shown. Errors
// show no stream key, and name the way for what a push can't do.
func ParsePush(address string) (Target, error) {
	t, err := parsePush(address)
	if err != nil {
		return Target{}, err
	}
	name := t.String()
	switch {
	case len(name) > maxName:
		return Target{}, fmt.Errorf("the address without the stream key has %d bytes: %d are the most", len(name), maxName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return Target{}, errors.New("the address holds characters that can't be shown: use printable UTF-8")
	}
	return t, nil
}

func parsePush(address string) (Target, error) {
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
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return Target{}, errors.New("the port of a tcp address is a number from 1 to 65535, such as in tcp://127.0.0.1:4444")
		}
		return Target{tcp: rest}, nil
	case scheme == "rtmp", scheme == "rtmps":
		t, err := rtmp.ParseTarget(address)
		if err != nil {
			return Target{}, err
		}
		return Target{rtmp: t}, nil
	}
	return Target{}, fmt.Errorf("%q is not pushed to, only tcp, rtmp and rtmps are: use --relay, by which ffmpeg sends it", scheme)
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
