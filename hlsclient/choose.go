package hlsclient

import (
	"github.com/refstream/refstream/format/m3u8"
)

// HighestVariant picks the variant with the highest BANDWIDTH, the first of equals, which has the playlist's best picture.
// Where renditions of video belong to it, that is its own playlist all the same.
func HighestVariant(m *m3u8.Multivariant) []Stream {
	if len(m.Variants) == 0 {
		return nil
	}
	best := &m.Variants[0]
	for i := range m.Variants {
		if m.Variants[i].Bandwidth > best.Bandwidth {
			best = &m.Variants[i]
		}
	}
	return []Stream{{Variant: best}}
}

// AllVariants picks each variant's playlist.
func AllVariants(m *m3u8.Multivariant) []Stream {
	streams := make([]Stream, 0, len(m.Variants))
	for i := range m.Variants {
		streams = append(streams, Stream{Variant: &m.Variants[i]})
	}
	return streams
}

// Everything picks each playlist that the multivariant playlist names: variants, renditions, and those of I-frames.
func Everything(m *m3u8.Multivariant) []Stream {
	streams := AllVariants(m)
	for i := range m.Renditions {
		if m.Renditions[i].URI != "" {
			streams = append(streams, Stream{Rendition: &m.Renditions[i]})
		}
	}
	for i := range m.IFrames {
		streams = append(streams, Stream{Variant: &m.IFrames[i]})
	}
	return streams
}
