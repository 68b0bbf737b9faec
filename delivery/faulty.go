package delivery

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/refstream/refstream/faults/requests"
	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/format/mpd"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/packager"
	"github.com/refstream/refstream/scenario"
)

// Faulty is the faults of requests of a channel.
type Faulty struct {
	Log *requests.Log
	// Clock is the channel's, and Newest the last frame that it has published, -1 where there is none.
	Clock  markers.Clock
	Newest func() int64
}

// Request is a request of a client for a file, without what the server has.
func (f *Faulty) Request(client, file string) requests.Request {
	q := requests.Request{Client: client, File: file, MSN: -1}
	msn, ok := packager.SegmentNumber(file)
	switch {
	case ok:
		q.Resource, q.MSN = scenario.Segment, msn
		return q
	case isMediaPlaylist(file), file == packager.Manifest:
		q.Resource = scenario.Playlist
	case packager.ContentType(file) == packager.PlaylistType:
		q.Resource = scenario.Multivariant
	default:
		q.Resource = scenario.Initialization
	}
	if newest := f.Newest(); newest >= 0 {
		q.MSN = f.Clock.MSN(newest)
	}
	return q
}

func isMediaPlaylist(name string) bool {
	return strings.HasPrefix(name, "index") && packager.ContentType(name) == packager.PlaylistType
}

// Newest is the last frame of the newest segment in a channel's playlist, -1 where there is none.
func (p Publications) Newest(channel string, clock markers.Clock) int64 {
	list, err := p.Open(channel, packager.MediaPlaylist)
	if err != nil {
		return -1
	}
	text, err := io.ReadAll(list.Content)
	if err != nil {
		return -1
	}
	return newestOf(text, clock)
}

// newestOf is the last frame of the newest segment in a media playlist, -1 where there is none.
func newestOf(text []byte, clock markers.Clock) int64 {
	parsed, err := m3u8.Parse(bytes.NewReader(text))
	if err != nil || parsed.Media == nil || len(parsed.Media.Segments) == 0 {
		return -1
	}
	return clock.FirstFrame(parsed.Media.Segments[len(parsed.Media.Segments)-1].MSN+1) - 1
}

// names are the URIs in a playlist that lead to published files: a line, or the attribute URI of a tag. templates are those in a manifest.
var (
	names     = regexp.MustCompile(`(?m)^[\w.-]+\r?$|URI="[\w.-]+"`)
	templates = regexp.MustCompile(` (?:media|initialization)="[^"?]+`)
)

// WithClient is a playlist or manifest whose URIs carry the name of a client, so that the requests that follow from it are known as its own. All
// other files stay as they are.
func (r *Resource) WithClient(client string) (*Resource, error) {
	if client == "" || r.ContentType != packager.PlaylistType && r.ContentType != mpd.ContentType {
		return r, nil
	}
	text, err := io.ReadAll(r.Content)
	if err != nil {
		return nil, fmt.Errorf("read playlist: %w", err)
	}
	if r.ContentType == mpd.ContentType {
		return r.with(templates.ReplaceAll(text, []byte("$0?client="+client))), nil
	}
	return r.with(names.ReplaceAllFunc(text, func(match []byte) []byte {
		name := bytes.TrimSuffix(bytes.TrimSuffix(bytes.TrimPrefix(match, []byte(`URI="`)), []byte(`"`)), []byte("\r"))
		if packager.ContentType(string(name)) == "" { // a text that is no playlist, or leads elsewhere
			return match
		}
		return bytes.Replace(match, name, append(bytes.Clone(name), "?client="+client...), 1)
	})), nil
}

// with is the resource with another text.
func (r *Resource) with(text []byte) *Resource {
	c := *r
	c.Content, c.ETag = bytes.NewReader(text), ETag(text)
	return &c
}
