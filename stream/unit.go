package stream

import (
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// Unit is an annotated access unit and the truth about it. Whoever receives one does not change it, nor what it points
// to, which stays valid and unchanged for as long as anyone holds it.
type Unit struct {
	media.Unit
	// Record is the frame's line in the ledger; its Frame, PTS, DTS and Key are those of the access unit.
	Record markers.FrameRecord
	// Markers are those that have become known with this unit. In nearly all cases the only one begins at this very
	// frame; where frames are missing it may begin at an earlier one, and where pictures are reordered at a later one.
	Markers []markers.Marker
	// Begins marks the first unit of an encoder's run: it does not continue the one before.
	Begins bool
}

// OfMain reports whether the unit is of the first rendition of pictures or of the sound: what a carrier has that has no renditions.
func (u *Unit) OfMain() bool {
	return u.Track == nil || u.Track.Codec == media.AAC || u.Track.Rendition == ""
}
