package playlists

import (
	"bytes"
	"strings"

	"github.com/refstream/refstream/format/m3u8"
)

// Tags of a media playlist (RFC 8216bis, 4.4).
const (
	tagInf                   = "#EXTINF"
	tagDate                  = "#EXT-X-PROGRAM-DATE-TIME"
	tagGap                   = "#EXT-X-GAP"
	tagDiscontinuity         = "#EXT-X-DISCONTINUITY"
	tagDiscontinuitySequence = "#EXT-X-DISCONTINUITY-SEQUENCE"
	tagMediaSequence         = "#EXT-X-MEDIA-SEQUENCE"
	tagTargetDuration        = "#EXT-X-TARGETDURATION"
	tagEnd                   = "#EXT-X-ENDLIST"
)

// playlist is a media playlist and the lines that it was read from. A line has its end, and is empty once it is removed.
type playlist struct {
	*m3u8.Media
	lines []string
}

// parse reads the version's text; why is why it is no media playlist with segments.
func (v *version) parse() (p playlist, why string) {
	parsed, err := m3u8.Parse(bytes.NewReader(v.text))
	if err != nil || parsed.Media == nil || len(parsed.Media.Segments) == 0 {
		return p, "the version is no media playlist with segments"
	}
	return playlist{parsed.Media, strings.SplitAfter(string(v.text), "\n")}, ""
}

// edit reads the version's text, has its lines changed, and writes it; why is why change did not, or the text is no playlist.
func (v *version) edit(change func(p playlist) (why string)) (why string) {
	p, why := v.parse()
	if why == "" {
		why = change(p)
	}
	if why == "" {
		v.text = []byte(strings.Join(p.lines, ""))
	}
	return why
}

// within calls visit for the segments that begin with one of the frames first to last.
func (p playlist) within(v *version, first, last int64, visit func(i int)) {
	for i := range p.Segments {
		if n := v.r.clock.FirstFrame(p.Segments[i].MSN); first <= n && n <= last {
			visit(i)
		}
	}
}

// find is the last line with a tag of segment i, or with i below 0 of all, -1 for none.
func (p playlist) find(i int, tag string) int {
	from, to := 0, len(p.lines)
	if i >= 0 {
		to = p.Segments[i].Line
	}
	if i > 0 {
		from = p.Segments[i-1].Line
	}
	for to--; to >= from; to-- {
		if rest, ok := strings.CutPrefix(content(p.lines[to]), tag); ok && (rest == "" || rest[0] == ':') {
			return to
		}
	}
	return -1
}

// set gives line i another content.
func (p playlist) set(i int, text string) {
	p.lines[i] = strings.Replace(p.lines[i], content(p.lines[i]), text, 1)
}

// content is a line without its end and the spaces around it.
func content(line string) string { return strings.Trim(line, " \t\r\n\x00") }
