// Package m3u8 reads playlists of HTTP Live Streaming by any writer, and writes our own (RFC 8216 and its second edition,
// draft-pantos-hls-rfc8216bis, 4). No input makes it panic or take much more memory than [MaxText].
package m3u8

import (
	"time"

	"github.com/refstream/refstream/media"
)

// Playlist is a parsed playlist (RFC 8216bis, 4). Exactly one of Media and Multivariant is set.
type Playlist struct {
	Version     int    // EXT-X-VERSION, 1 where there is none
	Independent bool   // EXT-X-INDEPENDENT-SEGMENTS
	Start       *Start // EXT-X-START, nil for none
	// Media is set for a media playlist, Multivariant for a multivariant ("master") playlist.
	Media        *Media
	Multivariant *Multivariant
	// Warnings are the lines that violate the standard, in order. They were left out or, if the warning states so, corrected. At most
	// 100 are kept.
	Warnings []Warning

	Defined map[string]string // the variables of EXT-X-DEFINE, by name

	replaced int64 // bytes of texts in which variables were replaced
}

// Memory is about how many bytes the playlist takes besides its text.
func (p *Playlist) Memory() int64 {
	n := int64(0)
	if m := p.Media; m != nil {
		n = int64(len(m.Segments))
		for i := range m.DateRanges {
			n += 1 + int64(len(m.DateRanges[i].Attributes))
		}
	}
	if m := p.Multivariant; m != nil {
		for _, list := range [][]Variant{m.Variants, m.IFrames} {
			for i := range list {
				n += 1 + int64(len(list[i].Attributes))
			}
		}
		for i := range m.Renditions {
			n += 1 + int64(len(m.Renditions[i].Attributes))
		}
	}
	return n*perEntry + p.replaced
}

// Start is where a player should begin (RFC 8216bis, 4.4.2.2).
type Start struct {
	// Offset counts from the start of the playlist, or from its end where it is negative.
	Offset  media.Seconds
	Precise bool
}

// Warning is a line of a playlist that is not as the standard has it.
type Warning struct {
	Line   int   // from 1
	Offset int64 // where the line begins, in bytes from 0
	Text   string
}

// Media is a media playlist (RFC 8216bis, 4.4.3).
type Media struct {
	// TargetDuration is EXT-X-TARGETDURATION; where it is missing, the longest EXTINF, rounded up to a second.
	TargetDuration media.Seconds
	// MediaSequence and DiscontinuitySequence are the numbers of the first segment, 0 by default.
	MediaSequence         int64
	DiscontinuitySequence int64
	Type                  string // EXT-X-PLAYLIST-TYPE: "EVENT", "VOD", or empty
	End                   bool   // EXT-X-ENDLIST: no segment will follow
	IFramesOnly           bool   // EXT-X-I-FRAMES-ONLY
	// PartTarget is the PART-TARGET of a low-latency playlist, 0 in others. Partial segments are not read.
	PartTarget media.Seconds
	// Skipped is how many segments after MediaSequence a delta update leaves out (EXT-X-SKIP). They are not in Segments, but counted
	// in their numbers.
	Skipped  int64
	Segments []MediaSegment // in the order of the playlist, their MSN without holes
	// DateRanges are in the order of the playlist. Tags with one ID are not put together.
	DateRanges []DateRange
}

// MediaSegment is an entry of a media playlist with the tags that apply to it (RFC 8216bis, 4.4.4).
type MediaSegment struct {
	URI  string // as in the playlist, with variables replaced
	Line int    // the line of the URI, from 1
	MSN  int64  // the media sequence number
	// DiscontinuitySequence is the number of the stretch between discontinuities that it belongs to.
	DiscontinuitySequence int64
	// Discontinuity is EXT-X-DISCONTINUITY before it, Gap is EXT-X-GAP.
	Discontinuity, Gap bool
	// Duration and Title are those of EXTINF; Duration is rounded to the nearest nanosecond.
	Duration media.Seconds
	Title    string
	// ProgramDateTime is the segment's own tag, in its zone; zero for none. See [Media.DateTimes].
	ProgramDateTime time.Time
	// Range is the part of the resource that it is, nil for all of it. Its Offset is always known.
	Range *ByteRange
	// Keys are the EXT-X-KEY tags in force, one for each KEYFORMAT; empty where it is not encrypted.
	Keys []Key
	// Map is the initialization section, nil for none. Neighbours with the same tag share the pointer.
	Map     *Map
	Bitrate int64 // EXT-X-BITRATE in bit/s, 0 for none
	// Doubled are the tags EXTINF and EXT-X-PROGRAM-DATE-TIME that were repeated before it; the last one counts. At most 100 are kept.
	Doubled []string
}

// ByteRange is a part of a resource: Length bytes from Offset. Both fit in an int64 together, Length is positive.
type ByteRange struct {
	Length, Offset int64
}

// Map is an initialization section (RFC 8216bis, 4.4.4.5).
type Map struct {
	URI   string
	Range *ByteRange // nil for the whole resource
	Keys  []Key      // those in force at the tag
}

// Key is EXT-X-KEY (RFC 8216bis, 4.4.4.4).
type Key struct {
	// Method is "AES-128", "SAMPLE-AES", "SAMPLE-AES-CTR", or another that the playlist names.
	Method string
	URI    string
	IV     *[16]byte // nil where none is given: then it is the media sequence number
	// Format is KEYFORMAT, "identity" by default; Versions is KEYFORMATVERSIONS.
	Format, Versions string
}

// DateRange is an EXT-X-DATERANGE tag (RFC 8216bis, 4.4.5.1).
type DateRange struct {
	ID, Class string
	// Start is never zero, End is where the tag doesn't give it. They are in the zone in which they are written.
	Start, End time.Time
	// Duration and PlannedDuration are nil where they are not given.
	Duration, PlannedDuration *media.Seconds
	EndOnNext                 bool
	Attributes                []Attribute // all of the tag's, in order, with those above
	Segment                   int         // the index of the segment after the tag
	Line                      int         // the line of the tag, from 1
}

// Attribute is a name with its value (RFC 8216bis, 4.2).
type Attribute struct {
	Name   string
	Value  string // without its quotes
	Quoted bool   // it had some
}

// Multivariant is a multivariant playlist (RFC 8216bis, 4.4.6).
type Multivariant struct {
	Variants   []Variant   // those of EXT-X-STREAM-INF, in order
	Renditions []Rendition // those of EXT-X-MEDIA, in order, also those without a URI
	IFrames    []Variant   // those of EXT-X-I-FRAME-STREAM-INF
}

// Variant is one version of the whole presentation.
type Variant struct {
	URI string
	// Bandwidth and AverageBandwidth are in bit/s, 0 where they are not given.
	Bandwidth, AverageBandwidth int64
	Codecs                      string
	// Width and Height are in pixels, 0 where they are not given.
	Width, Height int64
	FrameRate     string // as it is written, empty where it isn't
	// Audio, Video and Subtitles are the groups of renditions that belong to it.
	Audio, Video, Subtitles string
	Attributes              []Attribute // all of the tag's, with those above
	Line                    int         // the line of the tag, from 1
}

// Rendition is an alternative version of a part of the content, such as another language.
type Rendition struct {
	// Type is "AUDIO", "VIDEO", "SUBTITLES" or "CLOSED-CAPTIONS".
	Type, GroupID, Name, Language string
	URI                           string // empty where the rendition is in the variants' own playlists
	Default, Autoselect           bool
	Attributes                    []Attribute
	Line                          int // the line of the tag, from 1
}
