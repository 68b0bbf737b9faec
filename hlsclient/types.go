package hlsclient

import (
	"net/http"
	"time"

	"github.com/refstream/refstream/format/m3u8"
)

// Resource says what an Exchange asked for.
type Resource string

// The resources.
const (
	ResourcePlaylist Resource = "playlist"
	ResourceKey      Resource = "key"
	ResourceMap      Resource = "map" // initialization section
	ResourceSegment  Resource = "segment"
)

// Exchange is one request and its outcome. Nothing in it changes after it was told.
type Exchange struct {
	Resource Resource
	// Stream is whose request it is, nil for the first playlist's.
	Stream *Stream
	// URL is what was asked for, absolute; a file URL for a local file. FinalURL is where the answer came from, after
	// redirections.
	URL, FinalURL string
	// Range is the part that was asked for, nil for all.
	Range *m3u8.ByteRange
	// MSN is the number of the segment that it is for; -1 for a playlist.
	MSN int64
	// Attempt counts from 1.
	Attempt int
	// Status and Header are the answer's; 0 and nil for a local file, and where no answer came.
	Status int
	Header http.Header
	// Body is what came, as it was sent, up to where it broke off, also that of an answer that is an error. Of a segment that
	// is long it is nil, and Spool has it.
	Body  []byte
	Spool *Spool
	// Began is when the request was made, Answered when the answer's header was there (zero where none came), Ended when
	// the body was.
	Began, Answered, Ended time.Time
	// Err is why it failed, a *RequestError; nil where it did not.
	Err error

	held int64 // bytes of the memory for all
}

// Stream is a media playlist that is read.
type Stream struct {
	// Number counts the streams of a Run from 0 in the order in which they were chosen.
	Number int
	// URL is that of the playlist, absolute.
	URL string
	// Variant is set where a multivariant playlist names it as one, Rendition where it does as that. Both are nil where
	// the address that was given is that of the media playlist.
	Variant   *m3u8.Variant
	Rendition *m3u8.Rendition
}

// Version is a playlist as it was loaded at one time.
type Version struct {
	// Stream is whose it is, nil for a multivariant playlist.
	Stream *Stream
	// Number counts the loadings of this playlist from 0.
	Number int64
	// Exchange is how it came. Text is the playlist's: its Body, or where that was sent compressed, what that means.
	Exchange *Exchange
	Text     []byte
	Playlist *m3u8.Playlist
	// Changed says that the text is another one than at the last loading; it is set on the first.
	Changed bool
	// Stale says that it is older than one that was loaded before: it ends earlier, and otherwise says the same. Nothing
	// is taken from it.
	Stale bool
	// Restarted says that the numbering does not go on: the segments of this version that were not in the last one are
	// read from its first on.
	Restarted bool
	// New are the indexes in the Playlist's Segments of those that are to be fetched: each is told as a Segment, unless
	// Run ends before. They must not be changed.
	New []int
	// Missed counts the segments between the last version and this one that neither has.
	Missed int64
}

// Segment is a media segment that was fetched, or could not be.
type Segment struct {
	Stream *Stream
	m3u8.MediaSegment
	// DateTime is ProgramDateTime, or where it has none what follows from that of another segment of the version by EXTINF
	// (RFC 8216, 6.3.3); zero where that is not known.
	DateTime time.Time
	// Version is the Number of the version that named it first.
	Version int64
	// URL is absolute.
	URL string
	// Data is the segment, decrypted; Init the initialization section that it needs, nil for none. They are
	// shared, Data with the Exchange and Init with other segments, and must not be changed. Of a segment that is long Data is
	// nil, and Spool has it.
	Data, Init []byte
	Spool      *Spool
	// InitChanged says that Init is another one than that of the last segment.
	InitChanged bool
	// Exchange is the one that brought it or the last that failed to; nil where nothing was asked for. It may have brought
	// what is of no use, for want of a key or of Init.
	Exchange *Exchange
	// Err is why it is not there: ErrGap, ErrNotAsked, ErrMethod, or an error that wraps a *RequestError or says what can't be
	// decrypted; nil where there is.
	Err error
}

// Trouble is something that went wrong.
type Trouble struct {
	// Stream is whose it is, nil for the first playlist's.
	Stream *Stream
	// At is when it was noticed.
	At time.Time
	// Err says what: it wraps a *RequestError, is a parse error, or says how many playlists are too many. The reading goes
	// on.
	Err error
}

// HighestVariant picks the variant with the highest BANDWIDTH, the first of equals, which has the playlist's best picture.
// Where renditions of video belong to it, that is its own playlist all the same.
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
