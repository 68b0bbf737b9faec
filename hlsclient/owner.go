package hlsclient

import (
	"slices"
	"strings"

	"github.com/refstream/refstream/format/m3u8"
)

// owner copies what segments need of the text of their playlist, which they would keep in memory else: many versions of
// a long one, where segments wait.
type owner struct {
	seg m3u8.MediaSegment // the last, whose keys and initialization section the next usually has too
}

func (o *owner) copyOf(s *m3u8.MediaSegment) m3u8.MediaSegment {
	c := *s
	c.URI, c.Title = strings.Clone(s.URI), strings.Clone(s.Title)
	switch last := o.seg.Map; {
	case s.Map == nil:
	case last != nil && sameMap(last, s.Map):
		c.Map = last
	default:
		c.Map = &m3u8.Map{URI: strings.Clone(s.Map.URI), Range: s.Map.Range, Keys: o.keys(s.Map.Keys)}
	}
	c.Keys = o.keys(s.Keys)
	o.seg = m3u8.MediaSegment{Map: c.Map, Keys: c.Keys}
	return c
}

func (o *owner) keys(keys []m3u8.Key) []m3u8.Key {
	if len(keys) == 0 {
		return nil
	}
	if slices.EqualFunc(o.seg.Keys, keys, sameKey) {
		return o.seg.Keys
	}
	own := slices.Clone(keys)
	for i := range own {
		k := &own[i]
		for _, text := range []*string{&k.Method, &k.URI, &k.Format, &k.Versions} {
			*text = strings.Clone(*text)
		}
	}
	return own
}

func sameMap(a, b *m3u8.Map) bool {
	return a.URI == b.URI && rangeText(a.Range) == rangeText(b.Range) && slices.EqualFunc(a.Keys, b.Keys, sameKey)
}

func sameKey(a, b m3u8.Key) bool {
	iv := a.IV == b.IV || a.IV != nil && b.IV != nil && *a.IV == *b.IV
	a.IV, b.IV = nil, nil
	return iv && a == b
}
