// Package input opens the streams that analyzer reads: it takes addresses apart, connects over HTTP, TCP or UDP or opens a file,
// finds the kind of a stream, and gives up a connection on which nothing comes.
package input

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"mime"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"github.com/refstream/refstream/format/mp4"
	"github.com/refstream/refstream/format/ts"
)

const (
	schemeFile = "file"
	schemeHTTP = "http"
	schemeTCP  = "tcp"
	schemeUDP  = "udp"
	schemeRTMP = "rtmp"
)

// Target is the address of a stream.
type Target struct {
	Text   string // as given
	scheme string
	url    *url.URL // nil for a file
	Path   string   // of a file
	Hint   Kind     // what the address says, empty for nothing
}

// ParseTarget reads http, https, rtmp, rtmps, tcp, udp and file URLs, paths of files, and - for standard input.
func ParseTarget(text string) (Target, error) {
	if text == "" {
		return Target{}, errors.New("parse address: it is empty")
	}
	scheme, _, isURL := strings.Cut(text, "://")
	if !isURL {
		return Target{Text: text, scheme: schemeFile, Path: text, Hint: kindOfName(text)}, nil
	}
	u, err := url.Parse(text)
	if err != nil {
		return Target{}, errors.New("parse address: it is not a URL") // that error repeats it, with all its secrets
	}
	t := Target{Text: text, scheme: strings.ToLower(scheme), url: u, Hint: kindOfName(u.Path)}
	switch t.scheme {
	case schemeFile:
		t.Path, t.url = filepath.FromSlash(u.Path), nil
		return t, nil
	case "https":
		t.scheme = schemeHTTP
		fallthrough
	case schemeHTTP:
		if u.Hostname() == "" {
			return Target{}, fmt.Errorf("parse address: no host in %q", u.Redacted())
		}
	case schemeRTMP, "rtmps":
		t.Hint = RTMP
	case schemeTCP, schemeUDP:
		if u.Port() == "" {
			return Target{}, fmt.Errorf("parse address: no port in %q: give one, as in %s://host:4444", u.Redacted(), t.scheme)
		}
		t.Hint = ""
	default:
		return Target{}, fmt.Errorf("parse address: scheme %q is not read: use http, https, rtmp, rtmps, tcp, udp or file, or a path",
			scheme)
	}
	return t, nil
}

// Address is what a client of HLS reads: a file by its path.
func (t Target) Address() string {
	if t.scheme == schemeFile {
		return t.Path
	}
	return t.Text
}

// stdin reports whether the stream is standard input.
func (t Target) stdin() bool { return t.scheme == schemeFile && t.Text == "-" }

// Kind is the kind of a stream.
type Kind string

// The kinds of streams.
const (
	HLS  Kind = "hls"
	TS   Kind = "ts"  // MPEG-2 transport stream
	FLV  Kind = "flv" // Flash Video
	RTMP Kind = "rtmp"
	MP4  Kind = "mp4" // MP4, fragmented or not
)

const (
	// magicSize is how many bytes it takes to know any kind but a transport stream that was joined amid a packet.
	magicSize = 12
	// probeSize is where the packets of a transport stream are looked for: five, of which three must fit.
	probeSize = 5 * ts.PacketSize
)

// kindOfName is the kind that the end of a path names, empty for none. A manifest of DASH is read as a playlist is.
func kindOfName(name string) Kind {
	return map[string]Kind{
		".m3u8": HLS, ".m3u": HLS, ".mpd": HLS, ".flv": FLV,
		".ts": TS, ".tsv": TS, ".m2t": TS, ".m2ts": TS, ".mts": TS, ".mpegts": TS,
		".mp4": MP4, ".m4v": MP4, ".m4s": MP4, ".mov": MP4, ".cmfv": MP4, ".ismv": MP4,
	}[strings.ToLower(path.Ext(name))]
}

// kindOfType is the kind that a Content-Type names, empty for none.
func kindOfType(contentType string) Kind {
	t, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return ""
	}
	return map[string]Kind{
		"application/dash+xml": HLS, "application/vnd.apple.mpegurl": HLS, "application/x-mpegurl": HLS, "audio/mpegurl": HLS, "audio/x-mpegurl": HLS,
		"video/mp2t": TS, "video/x-flv": FLV, "video/flv": FLV,
		"video/mp4": MP4, "application/mp4": MP4, "video/iso.segment": MP4, "video/quicktime": MP4,
	}[t]
}

// sniff finds the kind by the first bytes, or where these are not certain takes the hint. r must have a buffer of probeSize bytes
// at least. A stream without a byte is an error.
func sniff(r *bufio.Reader, hint Kind) (Kind, error) {
	head, err := r.Peek(magicSize)
	if len(head) == 0 {
		return "", fmt.Errorf("detect kind: nothing came: %w", err)
	}
	if kind := kindOfMagic(head); kind != "" {
		return kind, nil
	}
	if hint != "" && hint != HLS {
		return hint, nil
	}
	if bytes.Contains(head, []byte("<?xml")) || bytes.Contains(head, []byte("<MPD")) {
		return HLS, nil
	}
	probe, _ := r.Peek(probeSize) // a shorter one is as good as it gets
	var s ts.Splitter
	_, _ = s.Write(probe)
	if _, _, found := s.Next(); found {
		return TS, nil
	}
	return "", fmt.Errorf("detect kind: it begins with %q: neither HLS, MPEG-TS, FLV nor MP4", head)
}

// kindOfMagic knows a kind by how it begins, empty for none.
func kindOfMagic(b []byte) Kind {
	text := bytes.TrimPrefix(b, []byte("\xEF\xBB\xBF")) // a byte order mark, which RFC 8216, 4, forbids and some write
	switch {
	case bytes.HasPrefix(text, []byte("#EXTM3U")):
		return HLS
	case bytes.HasPrefix(b, []byte("FLV\x01")):
		return FLV
	case mp4.IsMP4(b):
		return MP4
	}
	return ""
}

// Name is what people call a kind.
func (k Kind) Name() string {
	if k == TS {
		return "MPEG-TS"
	}
	return strings.ToUpper(string(k))
}
