package analyzer

import (
	"strconv"

	"github.com/refstream/refstream/format/m3u8"
)

// maxDateRanges bounds those that are kept: a day with one a second.
const maxDateRanges = 86400

// dateRangeTags are the EXT-X-DATERANGE tags that the versions of a playlist had. A tag is kept once, however many versions
// repeat it. What an ID says never changes (RFC 8216, 4.3.2.7): where it did, or was there twice, all of it is kept.
type dateRangeTags struct {
	tags  []string
	known map[string]bool
}

// take takes those of a version.
func (d *dateRangeTags) take(list []m3u8.DateRange) {
	if d.known == nil {
		d.known = map[string]bool{}
	}
	times := map[string]int{}
	for i := range list {
		tag := string(appendTag(nil, list[i].Attributes))
		times[tag]++
		key := tag + "\n" + strconv.Itoa(times[tag])
		if d.known[key] || len(d.tags) == maxDateRanges {
			continue
		}
		d.known[key] = true
		d.tags = append(d.tags, tag)
	}
}

// appendTag appends an EXT-X-DATERANGE tag with these attributes.
func appendTag(b []byte, attributes []m3u8.Attribute) []byte {
	b = append(b, "#EXT-X-DATERANGE:"...)
	for i, a := range attributes {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, a.Name...), '=')
		if a.Quoted {
			b = append(append(append(b, '"'), a.Value...), '"')
		} else {
			b = append(b, a.Value...)
		}
	}
	return b
}
