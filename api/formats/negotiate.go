// Package formats writes lists of records as JSON (RFC 8259), JSON Lines, CSV (RFC 4180) and WebVTT (W3C, with the
// X-TIMESTAMP-MAP of RFC 8216, 3.5), and finds out which of them a client wants (RFC 9110, 12.5.1).
package formats

import (
	"mime"
	"strconv"
	"strings"
)

// Format is one of the forms that a list comes in.
type Format struct {
	// Name is its value of the format parameter, Media its media type, ContentType that with its parameters.
	Name, Media, ContentType string
}

// All lists the formats, the preferred one first.
func All() []Format {
	return []Format{
		{"json", "application/json", "application/json"},
		{"ndjson", "application/x-ndjson", "application/x-ndjson"},
		{"csv", "text/csv", "text/csv; charset=utf-8; header=present"},
		{"vtt", "text/vtt", "text/vtt; charset=utf-8"},
	}
}

// Negotiate picks the format that the Accept header likes best (RFC 9110, 12.5.1): for each format the most specific
// range that covers it says how much, and among equals the first wins. ok is false where none is acceptable.
// A header that can't be read is no preference.
func Negotiate(accept []string) (f Format, ok bool) {
	ranges := parseAccept(strings.Join(accept, ","))
	if len(ranges) == 0 {
		return All()[0], true
	}
	best := 0
	for _, candidate := range All() {
		if q := quality(ranges, candidate.Media); q > best {
			f, best, ok = candidate, q, true
		}
	}
	return f, ok
}

// mediaRange is one element of an Accept header, its weight in thousandths.
type mediaRange struct {
	media string
	q     int
}

// parseAccept reads the elements that can be read and leaves out the others.
func parseAccept(header string) []mediaRange {
	var out []mediaRange
	for element := range strings.SplitSeq(header, ",") {
		media, params, err := mime.ParseMediaType(element)
		if err != nil || !strings.Contains(media, "/") {
			continue
		}
		q := 1000
		if v, given := params["q"]; given {
			f, err := strconv.ParseFloat(v, 64)
			if err != nil || !(f >= 0 && f <= 1) {
				continue
			}
			q = int(f*1000 + 0.5)
		}
		out = append(out, mediaRange{media, q})
	}
	return out
}

// quality is the weight that the ranges give to a media type.
func quality(ranges []mediaRange, media string) int {
	major, _, _ := strings.Cut(media, "/")
	best, q := -1, 0
	for _, r := range ranges {
		specific := -1
		switch r.media {
		case media:
			specific = 2
		case major + "/*":
			specific = 1
		case "*/*":
			specific = 0
		}
		if specific > best {
			best, q = specific, r.q
		}
	}
	return q
}
