package hlsclient

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/internal/redact"
)

// maxOther is how much is read of an answer that should be a playlist and is none: more than error pages have.
const maxOther = 64 << 10

// playlistBody is the body of a playlist, or of a manifest where those are read. Reading fails if it is long and neither.
type playlistBody struct {
	r     io.Reader
	dash  bool
	start []byte
	size  int64
}

// playlistStart is long enough for a byte order mark and the first tag.
const playlistStart = len("\xef\xbb\xbf#EXTM3U")

func (p *playlistBody) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.size += int64(n)
	if room := playlistStart - len(p.start); room > 0 {
		p.start = append(p.start, b[:min(n, room)]...)
	}
	start := bytes.TrimPrefix(p.start, []byte("\xef\xbb\xbf"))
	switch {
	case p.size <= maxOther || bytes.HasPrefix(start, []byte("#EXTM3U")) || p.dash && m3u8.IsManifest(start):
	case m3u8.IsManifest(start):
		return n, m3u8.ErrManifest
	default:
		return n, fmt.Errorf("it is no playlist: it begins with %q and is longer than %d bytes", p.start, maxOther)
	}
	return n, err
}

// coding is the content coding of an answer, empty for none.
func coding(h http.Header) string {
	c := strings.ToLower(strings.TrimSpace(strings.Join(h.Values("Content-Encoding"), ", ")))
	if c == "identity" {
		return ""
	}
	return c
}

func codedError(h http.Header) error {
	return fmt.Errorf("%w: it is sent as %s (Content-Encoding): have the server send it as it is", ErrCoding, redact.Excerpt(coding(h)))
}

// decoder decodes the body of a playlist by its header.
func decoder(h http.Header, body []byte) (io.Reader, error) {
	switch coding(h) {
	case "":
		return bytes.NewReader(body), nil
	case "gzip", "x-gzip": // some servers send them so to everybody
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, fmt.Errorf("decode playlist: %w", err)
		}
		return z, nil
	}
	return nil, codedError(h)
}

// decode is the text of a playlist.
func (r *reading) decode(e *Exchange) (content, error) {
	if coding(e.Header) == "" {
		return content{data: e.Body}, nil
	}
	z, err := decoder(e.Header, e.Body)
	if err != nil {
		return content{}, err
	}
	var text Exchange // for what it takes
	got, err := r.readBody(&text, &playlistBody{r: z, dash: r.c.DASH}, -1, m3u8.MaxText, false)
	e.held += text.held
	if err != nil {
		return content{}, fmt.Errorf("decode playlist: %w", err)
	}
	return got, nil
}

// PlaylistText is the text of a playlist with its header: body, unpacked if it is sent with gzip. An error reports that it can't
// be decoded, or is longer than 32 MiB.
func PlaylistText(h http.Header, body []byte) ([]byte, error) {
	if coding(h) == "" {
		return body, nil
	}
	z, err := decoder(h, body)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(z, m3u8.MaxText+1))
	if err == nil && len(text) > m3u8.MaxText {
		err = tooLong(m3u8.MaxText)
	}
	if err != nil {
		return nil, fmt.Errorf("decode playlist: %w", err)
	}
	return text, nil
}
