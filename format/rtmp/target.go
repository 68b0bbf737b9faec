package rtmp

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/refstream/refstream/internal/redact"
)

// defaultPorts are those of the schemes that are known: RTMP's is IANA's, RTMPS goes to that of HTTPS.
var defaultPorts = map[string]string{"rtmp": "1935", "rtmps": "443"}

// Target is a stream on a server.
type Target struct {
	// Host is the name or address, without a port.
	Host string
	// Port is a decimal number, 1 to 65535; 1935, or 443 of RTMPS, if it was not given.
	Port string
	// TLS is RTMPS: the connection is encrypted, and the server's certificate must be valid for the host.
	TLS bool
	// App is the application, which may have slashes in it, but at neither end.
	App string
	// Stream is the name of the stream, with its query if there is one. It is often a secret.
	Stream string
}

// ParseTarget reads rtmp://host[:port]/app/stream, or the same of rtmps. What follows the last slash is the stream; the
// query belongs to it. Other schemes, a user or password, a missing host, application or stream, and a port out of range
// are errors; none of them repeats the stream's name.
func ParseTarget(text string) (Target, error) {
	u, err := url.Parse(text)
	if err != nil {
		return Target{}, fmt.Errorf("parse RTMP address: not a URL") // that error repeats all of it
	}
	t := Target{Host: u.Hostname(), Port: u.Port(), TLS: u.Scheme == "rtmps"}
	port, known := defaultPorts[u.Scheme]
	if t.Port == "" {
		t.Port = port
	}
	path := strings.Trim(u.EscapedPath(), "/") // as it was given, which is how others send it
	number, err := strconv.ParseUint(t.Port, 10, 16)
	slash := strings.LastIndexByte(path, '/')
	switch {
	case !known:
		return Target{}, fmt.Errorf("parse RTMP address: scheme %q is not rtmp or rtmps", u.Scheme)
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
func (t Target) String() string {
	scheme := "rtmp"
	if t.TLS {
		scheme = "rtmps"
	}
	return scheme + "://" + t.Address() + "/" + t.App
}

// secure is the connection to talk RTMP over. TLS begins with the first write, within the time limit of the set-up.
func (t Target) secure(c net.Conn) net.Conn {
	if t.TLS {
		return tls.Client(c, &tls.Config{ServerName: t.Host})
	}
	return c
}

// secretsOf lists what a server may quote of a stream's name and nobody else should see, in all the forms in which servers
// quote: the name, its query, and the values of that.
func secretsOf(stream string) redact.Secrets {
	name, query, _ := strings.Cut(stream, "?")
	parts := []string{stream, name, query}
	for pair := range strings.SplitSeq(query, "&") {
		_, value, ok := strings.Cut(pair, "=")
		if !ok {
			value = pair
		}
		parts = append(parts, value)
	}
	var all []string
	for _, p := range parts {
		all = append(all, quotedForms(p)...)
	}
	return redact.NewSecrets(all...)
}

// quotedForms are a text as it is, with its percent-encoding undone and made anew, and each of these as it is between
// quotes, with a backslash where it needs one.
func quotedForms(text string) []string {
	list := []string{text}
	for _, undo := range []func(string) (string, error){url.PathUnescape, url.QueryUnescape} {
		if plain, err := undo(text); err == nil {
			list = append(list, plain, url.PathEscape(plain), url.QueryEscape(plain))
		}
	}
	for _, s := range list {
		q := strconv.Quote(s)
		list = append(list, q[1:len(q)-1])
	}
	return list
}
