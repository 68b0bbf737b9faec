package recorder

import (
	"strconv"
	"time"

	"github.com/refstream/refstream/outputs/hls"
)

// feed is a playlist as far as it was recorded in this run.
type feed struct {
	id int64 // 0 where it isn't known yet what it is: the first playlist, before it could be read

	// The last loading of it that was told, and where it is. Content is equal where the next one's is.
	loading  *hls.Exchange
	exchange int64
	content  content
	failure  error // of it
	// The last one that could be read.
	loads int64
	began int64
	seen  content

	// Ids of versions by the client's number, as long as segments may come that they named first, and of the last one.
	versions map[int64]int64
	latest   int64

	// The last request for a segment.
	segment         *hls.Exchange
	segmentExchange int64

	trouble string // the last

	// How far it is recorded.
	media *hls.Media
	done  int64 // number after the last segment that was dealt with, -1 before any
}

// kindOf says what names a playlist.
func kindOf(s *hls.Stream, iframes map[string]bool) (kind PlaylistKind, name string, bandwidth int64) {
	switch {
	case s == nil:
		return KindMultivariant, "", 0
	case s.Rendition != nil:
		return KindRendition, s.Rendition.Name, 0
	case s.Variant == nil:
		return KindMedia, "", 0
	}
	v := s.Variant
	kind = KindVariant
	if iframes[v.URI] {
		kind = KindIFrames
	}
	if v.Width > 0 && v.Height > 0 {
		name = strconv.FormatInt(v.Width, 10) + "x" + strconv.FormatInt(v.Height, 10)
	} else {
		name = strconv.FormatInt(v.Bandwidth, 10)
	}
	return kind, name, v.Bandwidth
}

// behind is how much of the playlist is not recorded yet.
func (f *feed) behind() time.Duration {
	if f.media == nil {
		return 0
	}
	var d time.Duration
	for i := len(f.media.Segments) - 1; i >= 0 && f.media.Segments[i].MSN >= f.done; i-- {
		d += time.Duration(f.media.Segments[i].Duration)
	}
	return d
}
