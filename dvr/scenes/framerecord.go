package scenes

import (
	"slices"

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/media"
)

// recordedTime is the content of a picture's frame record.
type recordedTime struct {
	pts   int64 // the picture's, 33 bits, as in the recording
	frame int64
	time  media.Seconds
}

// recordReader finds the frame records of H.264 pictures, which precede the slices.
type recordReader struct {
	head    []byte
	pts     int64 // of the picture that head is of, while reading
	reading bool
	vui     *h264.VUI
	found   []recordedTime // those that were met since they were taken out last
}

// take takes the next packet of the video, as it is in the recording. s is the start of a picture with its time stamps, where ok.
func (r *recordReader) take(p ts.Packet, s ts.PESStart, ok bool) {
	if p.Starts() {
		r.head, r.reading, r.pts = r.head[:0], ok, s.PTS
	}
	if !r.reading {
		return
	}
	r.head = append(r.head, p.Payload()...)
	whole := wholeHead(kindH264, r.head)
	if r.reading = !whole && len(r.head) < maxHead; !whole {
		return
	}
	nals := h264.SplitAnnexB(r.head)
	if vui, ok := h264.FindVUI(nals); ok {
		r.vui = vui
	}
	// A record that can't be read is damaged.
	if rec, ok, _ := annotate.FindRecord(nals); ok {
		r.found = append(r.found, recordedTime{r.pts, rec.Frame, rec.Time(r.vui)})
	}
}

// recorded is the frame record of the picture with that 33-bit PTS; nil if there is none.
func (k *keeper) recorded(wire int64) *recordedTime {
	i := slices.IndexFunc(k.recordedTimes, func(r recordedTime) bool { return r.pts == wire })
	if i < 0 { // the oldest are none that a decoder would make a picture of
		k.recordedTimes = slices.Delete(k.recordedTimes, 0, max(0, len(k.recordedTimes)-maxPending))
		return nil
	}
	r := k.recordedTimes[i]
	k.recordedTimes = slices.Delete(k.recordedTimes, i, i+1)
	return &r
}
