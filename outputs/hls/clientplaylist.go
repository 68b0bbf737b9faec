package hls

import (
	"bytes"
	"fmt"
	"io"
)

// maxOther is how much is read of what was asked for as a playlist and is none: more than error pages have, and little of
// a stream that has no end.
const maxOther = 64 << 10

// playlistBody is the body of a playlist. It fails where it goes on and on without being one.
type playlistBody struct {
	r     io.Reader
	start []byte
	size  int64
}

// playlistStart is long enough for a byte order mark and the first tag.
const playlistStart = len("\xef\xbb\xbf#EXTM3U")

// Read reads once.
func (p *playlistBody) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.size += int64(n)
	if room := playlistStart - len(p.start); room > 0 {
		p.start = append(p.start, b[:min(n, room)]...)
	}
	start := bytes.TrimPrefix(p.start, []byte("\xef\xbb\xbf"))
	switch {
	case p.size <= maxOther || bytes.HasPrefix(start, []byte("#EXTM3U")):
	case isXML(start):
		return n, ErrManifest
	default:
		return n, fmt.Errorf("it is no playlist: it begins with %q and is longer than %d bytes", p.start, maxOther)
	}
	return n, err
}
