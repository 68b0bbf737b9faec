package analyzer

import (
	"encoding/binary"
	"encoding/json"
	"time"

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/format/id3"
	"github.com/refstream/refstream/media"
)

const (
	// ownerTimestamp owns the PRIV frame that says the time stamp at which a segment without one of its own begins
	// (RFC 8216, 3.4).
	ownerTimestamp = "com.apple.streaming.transportStreamTimestamp"
	// maxID3Data is how much of a frame's data is passed on; pictures are of no interest here.
	maxID3Data = 1024
)

// id3Frame is a frame of an ID3 tag as a record shows it.
type id3Frame struct {
	ID          string          `json:"id"`
	Description string          `json:"description,omitempty"`
	Text        string          `json:"text,omitempty"`
	Marker      json.RawMessage `json:"marker,omitempty"`
	Timestamp   *int64          `json:"timestamp,omitempty"`
	Data        []byte          `json:"data,omitempty"`  // in base 64
	Bytes       int             `json:"bytes,omitempty"` // of the data
}

func (x *extractor) id3(tag []byte, at, offset int64) {
	if x.err != nil {
		return
	}
	x.now, x.at.offset = x.o.Now(), offset
	pts := x.ticks(at)
	if x.debug {
		x.o.Logger.Debug("ID3 tag", "stream", x.url, "offset", offset, "uri", x.at.uri, "pts", pts, "bytes", len(tag))
	}
	frames, err := id3.Parse(tag)
	if err != nil {
		x.note(NoteDamaged, err, "the ID3 tag at %s s can't be read in full", media.SecondsOf(pts))
	}
	r := Record{Source: ID3}
	marker, isMarker, err := annotate.MarkerOfID3(frames)
	switch {
	case err != nil:
		x.note(NoteDamaged, err, "the ID3 tag at %s s holds no marker", media.SecondsOf(pts))
	case isMarker:
		r.Frame, r.UTC, r.Timecode = &marker.Frame, jsonTime(marker.UTC), marker.Timecode
		r.Duration = new(marker.LastPTS - marker.PTS)
	default:
		for _, f := range frames { // the first text that is an instant
			if t, err := time.Parse(time.RFC3339Nano, f.Text); err == nil {
				r.UTC = jsonTime(t.UTC())
				break
			}
		}
	}
	shown := make([]id3Frame, 0, len(frames))
	for _, f := range frames {
		shown = append(shown, showID3(f, isMarker))
	}
	extra, err := json.Marshal(struct {
		Frames []id3Frame `json:"frames"`
	}{shown})
	if err != nil {
		x.note(NoteDamaged, err, "the ID3 tag at %s s can't be shown", media.SecondsOf(pts))
		return
	}
	r.Extra = extra
	x.timedRecord(pts, r)
}

// showID3 makes a frame of a tag fit to be shown. isMarker says that a text that is JSON may be shown as such.
func showID3(f id3.Frame, isMarker bool) id3Frame {
	s := id3Frame{ID: f.ID, Description: f.Description, Text: f.Text}
	if isMarker && f.Description == "refstream" && json.Valid([]byte(f.Text)) {
		s.Text, s.Marker = "", json.RawMessage(f.Text)
	}
	if f.Description == ownerTimestamp && len(f.Data) == 8 {
		s.Timestamp = new(int64(binary.BigEndian.Uint64(f.Data) & (tsWrap - 1)))
	}
	s.Data, s.Bytes = f.Data[:min(len(f.Data), maxID3Data)], len(f.Data)
	return s
}
