package analyzer

import (
	"bufio"
	"bytes"
	"fmt"
	"mime"
	"path"
	"strings"

	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/format/mp4"
	"github.com/refstream/refstream/format/ts"
)

// Kind is the kind of a stream.
type Kind string

// The kinds of streams.
const (
	KindHLS  Kind = "hls"
	KindTS   Kind = "ts"  // MPEG-2 transport stream
	KindFLV  Kind = "flv" // Flash Video
	KindRTMP Kind = "rtmp"
	KindMP4  Kind = "mp4" // MP4, fragmented or not
)

const (
	// magicSize is how many bytes it takes to know any kind but a transport stream that was joined amid a packet.
	magicSize = 12
	// probeSize is where the packets of a transport stream are looked for: five, of which three must fit.
	probeSize = 5 * ts.PacketSize
)

// kindOfName is the kind that the end of a path names, empty for none.
func kindOfName(name string) Kind {
	switch strings.ToLower(path.Ext(name)) {
	case ".m3u8", ".m3u":
		return KindHLS
	case ".ts", ".tsv", ".m2t", ".m2ts", ".mts", ".mpegts":
		return KindTS
	case ".flv":
		return KindFLV
	case ".mp4", ".m4v", ".m4s", ".mov", ".cmfv", ".ismv":
		return KindMP4
	}
	return ""
}

// kindOfType is the kind that a Content-Type names, empty for none.
func kindOfType(contentType string) Kind {
	t, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return ""
	}
	switch t {
	case "application/vnd.apple.mpegurl", "application/x-mpegurl", "audio/mpegurl", "audio/x-mpegurl":
		return KindHLS
	case "video/mp2t":
		return KindTS
	case "video/x-flv", "video/flv":
		return KindFLV
	case "video/mp4", "application/mp4", "video/iso.segment", "video/quicktime":
		return KindMP4
	}
	return ""
}

// sniff looks at the first bytes. What they show for sure counts; else the hint does, and a kind's own reader says what
// is wrong. r must have a buffer of probeSize bytes at least. A stream without a byte is an error.
func sniff(r *bufio.Reader, hint Kind) (Kind, error) {
	head, err := r.Peek(magicSize)
	if len(head) == 0 {
		return "", fmt.Errorf("detect kind: nothing came: %w", err)
	}
	if kind := kindOfMagic(head); kind != "" {
		return kind, nil
	}
	if hint != "" && hint != KindHLS {
		return hint, nil
	}
	if bytes.Contains(head, []byte("<?xml")) || bytes.Contains(head, []byte("<MPD")) {
		return "", fmt.Errorf("detect kind: %w", m3u8.ErrManifest)
	}
	probe, _ := r.Peek(probeSize) // a shorter one is as good as it gets
	var s ts.Splitter
	_, _ = s.Write(probe)
	if _, _, found := s.Next(); found {
		return KindTS, nil
	}
	return "", fmt.Errorf("detect kind: it begins with %q: neither HLS, MPEG-TS, FLV nor MP4", head)
}

// kindOfMagic knows a kind by how it begins, empty for none.
func kindOfMagic(b []byte) Kind {
	text := bytes.TrimPrefix(b, []byte("\xEF\xBB\xBF")) // a byte order mark, which RFC 8216, 4, forbids and some write
	switch {
	case bytes.HasPrefix(text, []byte("#EXTM3U")):
		return KindHLS
	case bytes.HasPrefix(b, []byte("FLV\x01")):
		return KindFLV
	case mp4.IsMP4(b):
		return KindMP4
	}
	return ""
}

// humanName is what people call a kind.
func (k Kind) humanName() string {
	switch k {
	case KindHLS:
		return "HLS"
	case KindFLV:
		return "FLV"
	case KindRTMP:
		return "RTMP"
	case KindMP4:
		return "MP4"
	case KindTS:
		return "MPEG-TS"
	}
	return fmt.Sprintf("kind %q", string(k))
}
