package m3u8

import (
	"math"
	"strings"
)

// multivariantLine takes a tag of a multivariant playlist, and leaves out any other.
func (s *playlistParser) multivariantLine(tag, value string) {
	switch tag {
	case "EXT-X-STREAM-INF":
		s.variants = true
		if s.variant != nil {
			s.warn("the EXT-X-STREAM-INF before this one has no URI")
		}
		s.variant = s.streamInf(tag, value)
	case "EXT-X-I-FRAME-STREAM-INF":
		s.multiTag = true
		v := s.streamInf(tag, value)
		if v.URI = attributeValue(v.Attributes, "URI"); v.URI == "" {
			s.warn("%s has no URI", tag)
			return
		}
		s.multi.IFrames = append(s.multi.IFrames, *v)
		s.count(1)
	case "EXT-X-MEDIA":
		s.multiTag = true
		s.rendition(tag, value)
	case "EXT-X-SESSION-DATA", "EXT-X-SESSION-KEY", "EXT-X-CONTENT-STEERING":
		s.multiTag = true
	}
}

func (s *playlistParser) streamInf(tag, value string) *Variant {
	list := s.attributes(tag, value)
	v := &Variant{
		Codecs: attributeValue(list, "CODECS"), FrameRate: attributeValue(list, "FRAME-RATE"),
		Audio: attributeValue(list, "AUDIO"), Video: attributeValue(list, "VIDEO"),
		Subtitles: attributeValue(list, "SUBTITLES"), Attributes: list, Line: s.line,
	}
	for _, n := range []struct {
		name string
		to   *int64
	}{{"BANDWIDTH", &v.Bandwidth}, {"AVERAGE-BANDWIDTH", &v.AverageBandwidth}} {
		if text := attributeValue(list, n.name); text != "" {
			*n.to, _ = s.integer(tag+" "+n.name, text, math.MaxInt64)
		}
	}
	if size := attributeValue(list, "RESOLUTION"); size != "" {
		width, height, _ := strings.Cut(strings.ToLower(size), "x")
		w, okW := s.integer(tag+" RESOLUTION", width, math.MaxInt32)
		h, okH := s.integer(tag+" RESOLUTION", height, math.MaxInt32)
		if okW && okH {
			v.Width, v.Height = w, h
		}
	}
	return v
}

func (s *playlistParser) rendition(tag, value string) {
	list := s.attributes(tag, value)
	r := Rendition{
		Type: attributeValue(list, "TYPE"), GroupID: attributeValue(list, "GROUP-ID"), Name: attributeValue(list, "NAME"),
		Language: attributeValue(list, "LANGUAGE"), URI: attributeValue(list, "URI"),
		Default: attributeValue(list, "DEFAULT") == "YES", Autoselect: attributeValue(list, "AUTOSELECT") == "YES",
		Attributes: list, Line: s.line,
	}
	if r.Type == "" {
		s.warn("%s has no TYPE", tag)
		return
	}
	s.multi.Renditions = append(s.multi.Renditions, r)
	s.count(1)
}
