package api

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// format is one of the forms that /markers comes in.
type format struct {
	// name is its value of the format parameter, media its media type, contentType that with its parameters.
	name, media, contentType string
}

// formats lists them, the preferred one first.
func formats() []format {
	return []format{
		{"json", "application/json", "application/json"},
		{"ndjson", "application/x-ndjson", "application/x-ndjson"},
		{"csv", "text/csv", "text/csv; charset=utf-8; header=present"},
		{"vtt", "text/vtt", "text/vtt; charset=utf-8"},
	}
}

// negotiate picks the format that the Accept header likes best (RFC 9110, 12.5.1): for each format the most specific
// range that covers it says how much, and among equals the first wins. ok is false where none is acceptable.
// A header that can't be read is no preference.
func negotiate(accept []string) (f format, ok bool) {
	ranges := parseAccept(strings.Join(accept, ","))
	if len(ranges) == 0 {
		return formats()[0], true
	}
	best := 0
	for _, candidate := range formats() {
		if q := quality(ranges, candidate.media); q > best {
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

// chooseFormat goes by the format parameter where there is one, else by the Accept header.
func chooseFormat(q *query, r *http.Request) (format, error) {
	names := []string{""}
	for _, f := range formats() {
		names = append(names, f.name)
	}
	name := q.oneOf("format", names...)
	if q.err != nil {
		return format{}, q.err
	}
	for _, f := range formats() {
		if f.name == name {
			return f, nil
		}
	}
	f, ok := negotiate(r.Header.Values("Accept"))
	if !ok {
		return f, &Problem{
			Status: http.StatusNotAcceptable, Field: "Accept",
			Detail: "there is application/json, application/x-ndjson, text/csv and text/vtt",
		}
	}
	return f, nil
}
