package m3u8

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Append appends the text of a playlist to b, as far as refstream's own streams need: no keys or byte ranges, and of date ranges and
// renditions the Attributes.
func (p *Playlist) Append(b []byte) []byte {
	b = appendTag(append(b, "#EXTM3U\n"...), "#EXT-X-VERSION:", int64(p.Version))
	if p.Media != nil {
		return p.Media.append(b, p.Independent)
	}
	b = appendIndependent(b, p.Independent)
	for i := range p.Multivariant.Renditions {
		b = appendAttributes(b, "#EXT-X-MEDIA", p.Multivariant.Renditions[i].Attributes)
	}
	for i := range p.Multivariant.Variants {
		v := &p.Multivariant.Variants[i]
		b = appendAttribute(b, "#EXT-X-STREAM-INF:BANDWIDTH", v.Bandwidth)
		if v.AverageBandwidth > 0 {
			b = appendAttribute(b, ",AVERAGE-BANDWIDTH", v.AverageBandwidth)
		}
		b = append(b, ",CODECS="+Quote(v.Codecs)...)
		b = appendAttribute(b, ",RESOLUTION", v.Width)
		b = strconv.AppendInt(append(b, 'x'), v.Height, 10)
		b = append(b, ",FRAME-RATE="+v.FrameRate...)
		if v.Audio != "" {
			b = append(b, ",AUDIO="+Quote(v.Audio)...)
		}
		b = append(b, "\n"+v.URI+"\n"...)
	}
	return b
}

func (m *Media) append(b []byte, independent bool) []byte {
	if m.Type != "" {
		b = append(b, "#EXT-X-PLAYLIST-TYPE:"+m.Type+"\n"...)
	}
	b = appendTag(b, "#EXT-X-TARGETDURATION:", int64(time.Duration(m.TargetDuration)/time.Second))
	b = appendTag(b, "#EXT-X-MEDIA-SEQUENCE:", m.MediaSequence)
	b = appendTag(b, "#EXT-X-DISCONTINUITY-SEQUENCE:", m.DiscontinuitySequence)
	b = appendIndependent(b, independent)
	discontinuity, events := m.DiscontinuitySequence, m.DateRanges
	var initialization *Map
	for i := range m.Segments {
		s := &m.Segments[i]
		for ; discontinuity < s.DiscontinuitySequence; discontinuity++ {
			b = append(b, "#EXT-X-DISCONTINUITY\n"...)
		}
		if s.Map != nil && (initialization == nil || s.Map.URI != initialization.URI) {
			initialization = s.Map
			b = append(b, "#EXT-X-MAP:URI="+Quote(s.Map.URI)+"\n"...)
		}
		b = append(AppendTime(append(b, "#EXT-X-PROGRAM-DATE-TIME:"...), s.ProgramDateTime), '\n')
		for ; len(events) > 0 && events[0].Segment <= i; events = events[1:] {
			b = events[0].Append(b)
		}
		if s.Gap {
			b = append(b, "#EXT-X-GAP\n"...)
		}
		b = append(append(append(b, "#EXTINF:"...), s.Duration.String()...), ",\n"...)
		b = append(append(b, s.URI...), '\n')
	}
	if m.End {
		b = append(b, "#EXT-X-ENDLIST\n"...)
	}
	return b
}

// Append appends the tag, as a line with its end.
func (d *DateRange) Append(b []byte) []byte {
	return appendAttributes(b, "#EXT-X-DATERANGE", d.Attributes)
}

func appendAttributes(b []byte, tag string, list []Attribute) []byte {
	b = append(b, tag...)
	for i, a := range list {
		b = append(append(append(b, ":,"[min(i, 1)]), a.Name...), '=')
		if a.Quoted {
			b = append(b, Quote(a.Value)...)
		} else {
			b = append(b, a.Value...)
		}
	}
	return append(b, '\n')
}

func appendIndependent(b []byte, independent bool) []byte {
	if independent {
		b = append(b, "#EXT-X-INDEPENDENT-SEGMENTS\n"...)
	}
	return b
}

func appendTag(b []byte, tag string, value int64) []byte {
	return append(strconv.AppendInt(append(b, tag...), value, 10), '\n')
}

func appendAttribute(b []byte, name string, value int64) []byte {
	return strconv.AppendInt(append(append(b, name...), '='), value, 10)
}

// AppendTime appends an ISO 8601 time in UTC with milliseconds, or nanoseconds if these are not exact.
func AppendTime(dst []byte, t time.Time) []byte {
	if t.Nanosecond()%int(time.Millisecond) == 0 {
		return t.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
	}
	return t.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000000000Z")
}

// Quote makes a quoted-string (RFC 8216, 4.2). Quotes, control characters, "{" (of the variable reference "{$", RFC 8216bis, 4.3)
// and the percent sign are percent-encoded, so that the text can be decoded; bytes that are not UTF-8 become U+FFFD.
func Quote(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s { // yields U+FFFD for what is not UTF-8
		if r >= ' ' && r < 0x7F && r != '"' && r != '%' && r != '{' || r >= 0xA0 {
			b.WriteRune(r)
			continue
		}
		for _, c := range utf8.AppendRune(nil, r) {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	b.WriteByte('"')
	return b.String()
}
