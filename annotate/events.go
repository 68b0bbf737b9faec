package annotate

import (
	"encoding/json"
	"fmt"

	"github.com/refstream/refstream/format/id3"
	"github.com/refstream/refstream/markers"
)

// tagDescription is the description of the TXXX frame that holds a marker.
const tagDescription = "refstream"

// ID3 are markers as timed ID3, each at the PTS of its first frame: one TXXX frame with the description "refstream" and the
// marker's JSON as its value. It leaves out those that no tag can hold, since a time is after the year 9999 or the text about a
// mebibyte long: they are no reason to lose a unit.
func ID3(list ...markers.Marker) (tags []id3.Timed) {
	for _, m := range list {
		value, err := json.Marshal(m)
		if err != nil {
			continue
		}
		if tag, err := id3.Text(tagDescription, string(value)); err == nil {
			tags = append(tags, id3.Timed{PTS: m.PTS, Tag: tag})
		}
	}
	return tags
}

// MarkerOfID3 is the marker that the frames of a tag hold, as [ID3] puts it there; ok is false where there is none. It returns
// an error when the frame for it is there but doesn't hold a marker.
func MarkerOfID3(frames []id3.Frame) (m markers.Marker, ok bool, err error) {
	for _, f := range frames {
		if f.ID == "TXXX" && f.Description == tagDescription {
			if err := json.Unmarshal([]byte(f.Text), &m); err != nil {
				return markers.Marker{}, false, fmt.Errorf("read marker of ID3 tag: %w", err)
			}
			return m, true, nil
		}
	}
	return markers.Marker{}, false, nil
}
