package m3u8

import (
	"cmp"
	"encoding/hex"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/refstream/refstream/internal/redact"
	"github.com/refstream/refstream/media"
)

// maxSequence bounds media and discontinuity sequence numbers, so that what is counted from them fits as well.
const maxSequence = math.MaxInt64 / 2

// mediaLine takes a tag of a media playlist; known is false for any other.
func (s *playlistParser) mediaLine(tag, value string) (known bool) {
	switch tag {
	case "EXTINF":
		s.segments = true
		s.extinf(value)
	case "EXT-X-BYTERANGE":
		s.next.Range = s.byteRange(tag, value)
	case "EXT-X-DISCONTINUITY":
		s.next.Discontinuity = true
		s.next.DiscontinuitySequence++ // of those before too: see segment
	case "EXT-X-GAP":
		s.next.Gap = true
	case "EXT-X-BITRATE":
		if n, ok := s.integer(tag, value, math.MaxInt64/1000); ok {
			s.next.Bitrate = n * 1000
		}
	case "EXT-X-PROGRAM-DATE-TIME":
		if !s.next.ProgramDateTime.IsZero() {
			s.double(tag, tag+" is repeated before one segment")
		}
		if t, ok := s.time(tag, value); ok {
			s.next.ProgramDateTime = t
		}
	case "EXT-X-KEY":
		s.key(tag, value)
	case "EXT-X-MAP":
		s.mapTag(tag, value)
	case "EXT-X-DATERANGE":
		s.dateRange(tag, value)
	default:
		if !s.mediaHeader(tag, value) {
			return false
		}
	}
	s.mediaTag = true
	return true
}

// mediaHeader takes a tag that applies to the whole of a media playlist; known is false for any other.
func (s *playlistParser) mediaHeader(tag, value string) (known bool) {
	switch tag {
	case "EXT-X-TARGETDURATION":
		if v, ok := s.seconds(tag, value, false); ok {
			s.media.TargetDuration = v
		}
	case "EXT-X-MEDIA-SEQUENCE":
		if n, ok := s.integer(tag, value, maxSequence); ok {
			s.media.MediaSequence = n
		}
	case "EXT-X-DISCONTINUITY-SEQUENCE":
		if n, ok := s.integer(tag, value, maxSequence); ok {
			s.media.DiscontinuitySequence = n
		}
	case "EXT-X-PLAYLIST-TYPE":
		if value != "EVENT" && value != "VOD" {
			s.warn("%s is %s", tag, redact.Excerpt(value))
			break
		}
		s.media.Type = value
	case "EXT-X-ENDLIST":
		s.media.End = true
	case "EXT-X-I-FRAMES-ONLY":
		s.media.IFramesOnly = true
	case "EXT-X-PART-INF", "EXT-X-SKIP":
		s.lowLatency(tag, value)
	default:
		return false
	}
	return true
}

func (s *playlistParser) lowLatency(tag, value string) {
	list := s.attributes(tag, value)
	if tag == "EXT-X-PART-INF" {
		if v, ok := s.seconds(tag, attributeValue(list, "PART-TARGET"), false); ok {
			s.media.PartTarget = v
		}
	} else if n, ok := s.integer(tag, attributeValue(list, "SKIPPED-SEGMENTS"), maxSequence/2); ok {
		s.media.Skipped = n
	}
}

func (s *playlistParser) extinf(value string) {
	if s.inf {
		s.double("EXTINF", "the EXTINF before this one has no URI")
	}
	length, title, _ := strings.Cut(value, ",")
	s.inf, s.next.Title = true, strings.TrimSpace(title)
	v, ok := s.seconds("EXTINF", strings.TrimSpace(length), false)
	if !ok {
		v = 0 // the segment is there all the same
	}
	s.next.Duration = v
}

// double notes a tag that is allowed once before a segment: the last one counts.
func (s *playlistParser) double(tag, warning string) {
	s.warn("%s", warning)
	if len(s.next.Doubled) < maxWarnings {
		s.next.Doubled = append(s.next.Doubled, tag)
	}
}

func (s *playlistParser) segment(uri string) {
	if s.count(1); s.err != nil {
		return
	}
	seg := s.next
	seg.URI, seg.Line = uri, s.line
	if seg.Range != nil && seg.Range.Offset < 0 {
		seg.Range = s.rangeAfter(uri, seg.Range.Length)
	}
	s.media.Segments = append(s.media.Segments, seg)
	s.inf = false
	s.next = MediaSegment{
		Keys: seg.Keys, Map: seg.Map, Bitrate: seg.Bitrate, DiscontinuitySequence: seg.DiscontinuitySequence,
	}
}

// rangeAfter is a byte range without an offset: it follows that of the segment before (RFC 8216bis, 4.4.4.2).
func (s *playlistParser) rangeAfter(uri string, length int64) *ByteRange {
	if n := len(s.media.Segments); n > 0 {
		if last := &s.media.Segments[n-1]; last.URI == uri && last.Range != nil {
			offset := last.Range.Offset + last.Range.Length
			if length <= math.MaxInt64-offset {
				return &ByteRange{length, offset}
			}
		}
	}
	s.warn("EXT-X-BYTERANGE has no offset, and the segment before is no range of the same resource: taken from byte 0")
	return &ByteRange{length, 0}
}

// number numbers the segments, when all tags are known.
func (s *playlistParser) number() {
	m := &s.media
	var longest media.Seconds
	for i := range m.Segments {
		seg := &m.Segments[i]
		seg.MSN = m.MediaSequence + m.Skipped + int64(i)
		seg.DiscontinuitySequence += m.DiscontinuitySequence
		longest = max(longest, seg.Duration)
	}
	if m.TargetDuration == 0 {
		const second = media.Seconds(time.Second)
		m.TargetDuration = (longest + second - 1) / second * second
		s.warn("EXT-X-TARGETDURATION is missing: taken as %v s", m.TargetDuration)
	}
}

func (s *playlistParser) key(tag, value string) {
	list := s.attributes(tag, value)
	k := Key{
		Method: attributeValue(list, "METHOD"), URI: attributeValue(list, "URI"),
		Format: attributeValue(list, "KEYFORMAT"), Versions: attributeValue(list, "KEYFORMATVERSIONS"),
	}
	if k.Format == "" {
		k.Format = "identity"
	}
	if iv := attributeValue(list, "IV"); iv != "" {
		digits := strings.TrimPrefix(strings.ToLower(iv), "0x")
		if len(digits) < 32 { // a number: leading zeros may be missing
			digits = strings.Repeat("0", 32-len(digits)) + digits
		}
		b, err := hex.DecodeString(digits)
		if err != nil || len(b) != 16 {
			s.warn("%s: IV is %s", tag, redact.Excerpt(iv))
		} else {
			k.IV = (*[16]byte)(b)
		}
	}
	switch {
	case k.Method == "":
		s.warn("%s has no METHOD", tag)
	case k.Method == "NONE":
		s.next.Keys = nil
	default:
		// Segments share the slice: it is copied when it changes.
		keys := slices.DeleteFunc(slices.Clone(s.next.Keys), func(o Key) bool { return o.Format == k.Format })
		keys = append(keys, k)
		s.next.Keys = keys
		s.count(len(keys))
	}
}

func (s *playlistParser) mapTag(tag, value string) {
	list := s.attributes(tag, value)
	m := &Map{URI: attributeValue(list, "URI"), Keys: s.next.Keys}
	if m.URI == "" {
		s.warn("%s has no URI", tag)
		return
	}
	if r := attributeValue(list, "BYTERANGE"); r != "" {
		m.Range = s.byteRange(tag, r)
		if m.Range != nil {
			m.Range.Offset = max(m.Range.Offset, 0) // without one it begins at the first byte
		}
	}
	s.next.Map = m
}

func (s *playlistParser) dateRange(tag, value string) {
	list := s.attributes(tag, value)
	d := DateRange{
		ID: attributeValue(list, "ID"), Class: attributeValue(list, "CLASS"), Attributes: list, Segment: len(s.media.Segments), Line: s.line,
		EndOnNext: attributeValue(list, "END-ON-NEXT") == "YES",
	}
	if d.ID == "" {
		s.warn("%s has no ID", tag)
		return
	}
	start := attributeValue(list, "START-DATE")
	same := -1
	if start == "" { // tags with one ID belong together (4.4.5.1)
		same = slices.IndexFunc(s.media.DateRanges, func(o DateRange) bool { return o.ID == d.ID })
	}
	var ok bool
	if same >= 0 {
		d.Start, d.Class = s.media.DateRanges[same].Start, cmp.Or(d.Class, s.media.DateRanges[same].Class)
	} else if d.Start, ok = s.time(tag+" START-DATE", start); !ok {
		return
	}
	if end := attributeValue(list, "END-DATE"); end != "" {
		d.End, _ = s.time(tag+" END-DATE", end)
	}
	for name, to := range map[string]**media.Seconds{"DURATION": &d.Duration, "PLANNED-DURATION": &d.PlannedDuration} {
		text := attributeValue(list, name)
		if text == "" {
			continue
		}
		if v, ok := s.seconds(tag+" "+name, text, false); ok {
			*to = &v
		}
	}
	s.media.DateRanges = append(s.media.DateRanges, d)
}

// DateTimes are the times of the segments' first samples: EXT-X-PROGRAM-DATE-TIME, or what follows by EXTINF from the nearest
// before it, or else after it, but never across a discontinuity (RFC 8216bis, 4.4.4.6); zero where not known.
func (m *Media) DateTimes() []time.Time {
	list := make([]time.Time, len(m.Segments))
	for i := range m.Segments {
		switch seg := &m.Segments[i]; {
		case !seg.ProgramDateTime.IsZero():
			list[i] = seg.ProgramDateTime
		case i > 0 && !seg.Discontinuity && !list[i-1].IsZero():
			list[i] = list[i-1].Add(time.Duration(m.Segments[i-1].Duration))
		}
	}
	for i := len(list) - 2; i >= 0; i-- { // in front of the first date
		if list[i].IsZero() && !list[i+1].IsZero() && !m.Segments[i+1].Discontinuity {
			list[i] = list[i+1].Add(-time.Duration(m.Segments[i].Duration))
		}
	}
	return list
}
