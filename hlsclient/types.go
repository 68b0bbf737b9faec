package hlsclient

import (
	"net/http"
	"time"

	"github.com/refstream/refstream/format/m3u8"
)

// Resource is what an Exchange requested.
type Resource string

// The resources.
const (
	ResourcePlaylist Resource = "playlist"
	ResourceKey      Resource = "key"
	ResourceMap      Resource = "map" // initialization section
	ResourceSegment  Resource = "segment"
)

// Exchange is one request and its outcome. It does not change after it was reported.
type Exchange struct {
	Resource Resource
	Stream   *Stream // whose request it is, nil for the first playlist's
	// URL is the requested address, absolute; a file URL for a local file. FinalURL is that after redirections.
	URL, FinalURL string
	Range         *m3u8.ByteRange // the part that was requested, nil for all
	MSN           int64           // the number of the segment that it is for; -1 for a playlist
	Attempt       int             // counts from 1
	// Status and Header are the answer's; 0 and nil for a local file, and without an answer.
	Status int
	Header http.Header
	// Body is what was received, as sent, also of an error or a broken answer. Of a long segment it is nil, and Spool has it.
	Body  []byte
	Spool *Spool
	// Began is when the request was sent, Answered when the header was there (zero without an answer), Ended when the body was.
	Began, Answered, Ended time.Time
	Err                    error // why it failed, a *RequestError; nil where it did not

	held int64 // bytes of the memory for all
}

// Stream is a media playlist that is read.
type Stream struct {
	Number int    // counts the streams of a Run from 0 in the order in which they were chosen
	URL    string // that of the playlist, absolute
	// Variant or Rendition is the multivariant playlist's entry; both are nil for a media playlist that was given directly.
	Variant   *m3u8.Variant
	Rendition *m3u8.Rendition
}

// Version is a playlist as it was loaded at one time.
type Version struct {
	Stream *Stream // whose it is, nil for a multivariant playlist
	Number int64   // counts the loadings of this playlist from 0
	// Exchange is its request. Text is the playlist's text: its Body, unpacked if it was sent compressed.
	Exchange *Exchange
	Text     []byte
	Playlist *m3u8.Playlist
	Changed  bool // set on the first loading, and when the text differs from the last one
	// Stale: it is older than an earlier version: it ends earlier, and is the same otherwise. It is not used.
	Stale bool
	// Restarted: the numbering is not continued. The segments of this version that were not in the last one are read.
	Restarted bool
	// New are the indexes of the Playlist's Segments to fetch: each is reported as a Segment, unless Run ends before. They must
	// not be changed.
	New    []int
	Missed int64 // counts the segments between the last version and this one that neither has
}

// Segment is a media segment that was fetched, or could not be.
type Segment struct {
	Stream *Stream
	m3u8.MediaSegment
	// DateTime is ProgramDateTime, or what follows from another segment's by EXTINF (RFC 8216, 6.3.3); zero where not known.
	DateTime time.Time
	Version  int64 // the Number of the version that named it first
	URL      string
	// Data is the decrypted segment, nil if Spool has it; Init its initialization section, nil for none. They are shared with
	// the Exchange and other segments, and must not be changed.
	Data, Init  []byte
	Spool       *Spool
	InitChanged bool // Init differs from that of the last segment
	// Exchange is the successful or last request; nil if none was sent. It may be useless without a key or Init.
	Exchange *Exchange
	// Err is why it is missing: ErrGap, ErrNotAsked, ErrMethod, one that wraps a *RequestError, or a decryption error.
	Err error
}

// Trouble is something that went wrong.
type Trouble struct {
	Stream *Stream   // whose it is, nil for the first playlist's
	At     time.Time // when it was noticed
	// Err wraps a *RequestError, is a parse error, or names how many playlists are too many. Reading continues.
	Err error
}

// HighestVariant picks the variant with the highest BANDWIDTH, the first of equals, and of it only its own playlist.
func HighestVariant(m *m3u8.Multivariant) []Stream {
	if len(m.Variants) == 0 {
		return nil
	}
	best := &m.Variants[0]
	for i := range m.Variants {
		if m.Variants[i].Bandwidth > best.Bandwidth {
			best = &m.Variants[i]
		}
	}
	return []Stream{{Variant: best}}
}

// AllVariants picks each variant's playlist.
func AllVariants(m *m3u8.Multivariant) []Stream {
	streams := make([]Stream, 0, len(m.Variants))
	for i := range m.Variants {
		streams = append(streams, Stream{Variant: &m.Variants[i]})
	}
	return streams
}

// Everything picks each playlist that the multivariant playlist names: variants, renditions, and those of I-frames.
func Everything(m *m3u8.Multivariant) []Stream {
	streams := AllVariants(m)
	for i := range m.Renditions {
		if m.Renditions[i].URI != "" {
			streams = append(streams, Stream{Rendition: &m.Renditions[i]})
		}
	}
	for i := range m.IFrames {
		streams = append(streams, Stream{Variant: &m.IFrames[i]})
	}
	return streams
}
