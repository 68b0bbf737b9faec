package rtmp

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// defaultPort is RTMP's (IANA).
const defaultPort = "1935"

// Target is a stream on a server.
type Target struct {
	// Host is the name or address, without a port.
	Host string
	// Port is a decimal number, 1 to 65535; 1935 if it was not given.
	Port string
	// App is the application, which may have slashes in it, but at neither end.
	App string
	// Stream is the name of the stream, with its query if there is one. It is often a secret.
	Stream string
}

// ParseTarget reads rtmp://host[:port]/app/stream. What follows the last slash is the stream; the query belongs to it.
// Schemes other than rtmp, a user or password, a missing host, application or stream, and a port out of range are errors; none of them repeats
// the stream's name.
func ParseTarget(text string) (Target, error) {
	u, err := url.Parse(text)
	if err != nil {
		return Target{}, fmt.Errorf("parse RTMP address: not a URL") // that error repeats all of it
	}
	t := Target{Host: u.Hostname(), Port: u.Port()}
	if t.Port == "" {
		t.Port = defaultPort
	}
	path := strings.Trim(u.EscapedPath(), "/") // as it was given, which is how others send it
	number, err := strconv.ParseUint(t.Port, 10, 16)
	slash := strings.LastIndexByte(path, '/')
	switch {
	case u.Scheme != "rtmp":
		return Target{}, fmt.Errorf("parse RTMP address: scheme %q is not rtmp", u.Scheme)
	case u.User != nil:
		return Target{}, fmt.Errorf("parse RTMP address: user and password are not supported")
	case t.Host == "":
		return Target{}, fmt.Errorf("parse RTMP address: no host: want rtmp://host/app/stream")
	case err != nil || number == 0:
		return Target{}, fmt.Errorf("parse RTMP address: the port is no number from 1 to 65535")
	case slash < 0:
		return Target{}, fmt.Errorf("parse RTMP address: no application and stream: want rtmp://host/app/stream")
	}
	t.App, t.Stream = strings.Trim(path[:slash], "/"), path[slash+1:]
	if u.RawQuery != "" {
		t.Stream += "?" + u.RawQuery
	}
	return t, nil
}

// Address is what to connect to, host:port.
func (t Target) Address() string { return net.JoinHostPort(t.Host, t.Port) }

// String is the URL without the stream, which is often a secret: it can be logged. It is what the protocol calls tcUrl.
func (t Target) String() string { return "rtmp://" + t.Address() + "/" + t.App }
