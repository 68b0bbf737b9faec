package m3u8

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/refstream/refstream/internal/redact"
)

const (
	// MaxText bounds a playlist: a week of two-second segments with 100 bytes each is 30 MB.
	MaxText = 32 << 20
	// maxLine bounds a line, also with its variables replaced: session data and SCTE-35 messages have some kilobytes.
	maxLine = 1 << 20
	// maxEntries bounds segments and attributes together, which take much more memory than their text: a week of two-second segments,
	// and a tag with an attribute for each.
	maxEntries  = 700_000
	maxWarnings = 100 // how many are kept: the first ones characterize the playlist
	perEntry    = 384 // what a segment or attribute takes in memory besides its text
)

// ErrManifest is what the error wraps for XML in place of a playlist.
var ErrManifest = errors.New("this is XML, perhaps a DASH manifest, which is not read here: give its HLS playlist")

// IsManifest knows XML, such as a DASH manifest, by how it begins.
func IsManifest(start []byte) bool {
	return bytes.HasPrefix(start, []byte("<?xml")) || bytes.HasPrefix(start, []byte("<MPD"))
}

// Parse reads a playlist of any kind from r, to its end. It is tolerant: unknown tags are ignored, unreadable lines are left out
// and listed in Warnings, CR LF, a byte order mark and spaces around a line are accepted. Variables (EXT-X-DEFINE) with a value in
// the playlist are replaced.
//
// An error has the line and byte offset: the text does not begin with #EXTM3U, has both variants and segments, is longer than
// 32 MiB, has a line longer than 1 MiB, or more than 700 000 segments and attributes; or it is that of r.
func Parse(r io.Reader) (*Playlist, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxText+1))
	if err != nil {
		return nil, fmt.Errorf("read playlist: after byte %d: %w", len(b), err)
	}
	return Parser{Memory: maxEntries * perEntry}.Parse(b)
}

// Parser reads a playlist with known origin.
type Parser struct {
	// Imports are the variables of the multivariant playlist (EXT-X-DEFINE with IMPORT), Query is the playlist URL's (QUERYPARAM).
	Imports map[string]string
	Query   url.Values
	// Memory is how many bytes what is read may take, besides the text: see [Playlist.Memory].
	Memory int64
}

// playlistParser holds what is known after some lines.
type playlistParser struct {
	p     Playlist
	media Media
	multi Multivariant

	line    int   // from 1
	offset  int64 // of the line
	entries int
	most    int   // of them
	err     error // the first, after which nothing is read

	vars variables

	// What kind of playlist it is: there was EXT-X-STREAM-INF or EXTINF, or a tag that only one kind has.
	variants, segments, multiTag, mediaTag bool

	next    MediaSegment // the segment that the tags so far apply to
	inf     bool         // it has an EXTINF
	variant *Variant     // waits for its URI
}

// Parse reads a playlist; the errors are those of the function.
func (p Parser) Parse(b []byte) (*Playlist, error) {
	if len(b) > MaxText {
		return nil, fmt.Errorf("read playlist: it is longer than %d bytes", MaxText)
	}
	most := max(0, min(p.Memory/perEntry, maxEntries))
	replacing := int(min(MaxText, most*perEntry))
	s := playlistParser{p: Playlist{Version: 1}, vars: variables{imports: p.Imports, query: p.Query, left: replacing}, most: int(most)}
	text := string(bytes.TrimPrefix(b, []byte("\xEF\xBB\xBF")))
	skipped := int64(len(b) - len(text))
	begun := false
	for at := 0; at < len(text); {
		line := text[at:]
		if i := strings.IndexByte(line, '\n'); i >= 0 {
			line = line[:i]
		}
		s.line, s.offset = s.line+1, int64(at)+skipped
		at += len(line) + 1
		if len(line) > maxLine {
			return nil, s.errorf("it is longer than %d bytes", maxLine)
		}
		line = strings.Trim(line, " \t\r\x00")
		switch {
		case line == "":
		case begun:
			if s.take(line); s.err != nil {
				return nil, s.err
			}
		case strings.HasPrefix(line, "#EXTM3U"):
			begun = true
		case strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "#EXT"):
			s.warn("#EXTM3U is not the first line")
		case IsManifest([]byte(line)):
			return nil, fmt.Errorf("parse playlist: %w", ErrManifest)
		default:
			return nil, s.errorf("it is %s, not #EXTM3U", redact.Excerpt(line))
		}
	}
	if !begun {
		return nil, errors.New("parse playlist: line 1 (byte 0): it is empty")
	}
	s.p.Defined, s.p.replaced = s.vars.values, int64(replacing-s.vars.left)
	return s.finish()
}

func (s *playlistParser) take(line string) {
	if !strings.HasPrefix(line, "#") {
		s.uri(line)
		return
	}
	if !strings.HasPrefix(line, "#EXT") {
		return // a comment
	}
	tag, value, _ := strings.Cut(line[1:], ":")
	value = strings.TrimSpace(value)
	switch tag {
	case "EXTM3U": // again: two playlists in a row
		s.warn("EXTM3U is repeated")
	case "EXT-X-VERSION":
		if n, ok := s.integer(tag, value, 1<<15); ok {
			s.p.Version = int(n)
		}
	case "EXT-X-INDEPENDENT-SEGMENTS":
		s.p.Independent = true
	case "EXT-X-START":
		s.start(tag, value)
	case "EXT-X-DEFINE":
		s.define(tag, value)
	default:
		if !s.mediaLine(tag, value) {
			s.multivariantLine(tag, value)
		}
	}
}

func (s *playlistParser) uri(line string) {
	uri := s.replace(line)
	switch {
	case s.variant != nil:
		s.variant.URI = uri
		s.multi.Variants = append(s.multi.Variants, *s.variant)
		s.variant = nil
		s.count(1)
	case s.inf:
		s.segment(uri)
	default:
		s.warn("URI %s has neither EXTINF nor EXT-X-STREAM-INF before it", redact.Excerpt(line))
	}
}

func (s *playlistParser) start(tag, value string) {
	list := s.attributes(tag, value)
	offset, ok := s.seconds(tag, attributeValue(list, "TIME-OFFSET"), true)
	if ok {
		s.p.Start = &Start{offset, attributeValue(list, "PRECISE") == "YES"}
	}
}

func (s *playlistParser) finish() (*Playlist, error) {
	if s.variants && s.segments {
		return nil, s.errorf("the playlist has variants and segments")
	}
	if s.variant != nil {
		s.warn("EXT-X-STREAM-INF has no URI")
	}
	if s.variants || s.multiTag && !s.segments && !s.mediaTag {
		s.p.Multivariant = &s.multi
		return &s.p, nil
	}
	if s.inf {
		s.warn("EXTINF has no URI")
	}
	s.number()
	s.p.Media = &s.media
	return &s.p, nil
}

// count counts segments and attributes; too many are an error.
func (s *playlistParser) count(n int) {
	if s.entries += n; s.entries <= s.most || s.err != nil {
		return
	}
	besides := ""
	if s.most < maxEntries {
		besides = ", for which there is no room in memory beside the other playlists"
	}
	s.err = s.errorf("there are more than %d segments and attributes%s", s.most, besides)
}

func (s *playlistParser) warn(format string, args ...any) {
	if len(s.p.Warnings) < maxWarnings {
		s.p.Warnings = append(s.p.Warnings, Warning{s.line, s.offset, fmt.Sprintf(format, args...)})
	}
}

func (s *playlistParser) errorf(format string, args ...any) error {
	return fmt.Errorf("parse playlist: line %d (byte %d): %s", s.line, s.offset, fmt.Sprintf(format, args...))
}
