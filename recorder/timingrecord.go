package recorder

import (
	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/format/mp4"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/hlsclient"
	"github.com/refstream/refstream/media"
)

// firstTime is where a segment's first picture is on the HLS clock of a refstream, in nanoseconds, as the picture's frame record
// says; t is what was measured of the segment. ok is false where that picture has none. Only the first access unit is read: in a
// closed GOP it is the picture with the smallest PTS.
func firstTime(seg *hlsclient.Segment, t *Timing) (ns int64, ok bool) {
	if t.Media != mediaVideo {
		return 0, false
	}
	in, err := seg.Open()
	if err != nil {
		return 0, false
	}
	defer in.Close()
	var au media.AccessUnit
	if isTS(startOf(in)) {
		au, err = ts.NewReader(in).Next()
	} else {
		r := mp4.NewSegmentReader(seg.Init, in)
		defer r.Close()
		var u mp4.Unit
		u, err = r.Next()
		au = u.AccessUnit
	}
	if err != nil || au.Untimed || au.Codec != media.H264 || au.PTS&media.PTSMask != t.First {
		return 0, false
	}
	rec, ok, err := annotate.FindRecord(au.NALs)
	if !ok || err != nil { // one that can't be read is damaged, and says nothing
		return 0, false
	}
	vui, _ := h264.FindVUI(au.NALs)
	return int64(rec.Time(vui)), true
}
