package hlsclient

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/refstream/refstream/format/m3u8"
)

// fetchSegment fetches a segment with its key and initialization section; failed is called for each failed request, and reports
// whether to repeat one for the segment itself. out.Err is why it failed; the error is fatal.
func (r *reading) fetchSegment(ctx context.Context, out *Segment, j job, failed func() (again bool)) error {
	at, err := j.from.resolve(j.seg.URI)
	if err != nil {
		out.Err = err
		return nil
	}
	out.URL = at.String()
	if j.seg.Gap {
		out.Err = ErrGap
		return nil
	}
	var withoutMap error
	if m := j.seg.Map; m != nil {
		if out.Init, withoutMap, err = r.fetchMap(out.Stream, m, j, failed); err != nil {
			return err
		}
	}
	e, got, _, err := r.fetch(ctx, request{
		ResourceSegment, out.Stream, at, j.seg.Range, j.seg.MSN, cmp.Or(r.c.MaxSegment, defaultMaxSegment), failed,
	})
	if err != nil {
		return err
	}
	if out.Exchange, out.Err = e, e.Err; out.Err != nil {
		return nil
	}
	if withoutMap != nil { // it is of no use, but was requested: who records wants it
		out.Err = withoutMap
		return nil
	}
	got, out.Err, err = r.decrypt(out.Stream, got, j.seg.Keys, j, failed)
	if out.Err == nil {
		out.Data, out.Spool = got.data, got.spool
	}
	return err
}

// fetchMap fetches an initialization section, or takes it from the cache. failure is why it failed, err is fatal.
func (r *reading) fetchMap(s *Stream, m *m3u8.Map, j job, failed func() bool) (data []byte, failure, err error) {
	at, err := j.from.resolve(m.URI)
	if err != nil {
		return nil, err, nil
	}
	return r.maps.get(mapIdentity(m, j.from), func() ([]byte, error, error) {
		e, got, _, err := r.fetch(r.ctx, request{ResourceMap, s, at, m.Range, j.seg.MSN, maxMap, always(failed)})
		r.release(e)
		if err != nil || e.Err != nil {
			return nil, e.Err, err
		}
		plain, failure, err := r.decrypt(s, got, m.Keys, j, failed)
		return plain.data, failure, err
	})
}

// always repeats requests for what several segments share, even if the segment that it is fetched for has left.
func always(failed func() bool) func() bool {
	return func() bool { failed(); return true }
}

// mapIdentity identifies an initialization section, empty for none.
func mapIdentity(m *m3u8.Map, from location) string {
	if m == nil {
		return ""
	}
	var b strings.Builder
	if at, err := from.resolve(m.URI); err == nil {
		b.WriteString(at.String())
	}
	b.WriteString(rangeText(m.Range))
	for _, k := range m.Keys {
		fmt.Fprintf(&b, "\n%s %q", k.Method, k.URI)
		if k.IV != nil {
			fmt.Fprintf(&b, " %x", *k.IV)
		}
	}
	return b.String()
}

// part is the byte range of a segment, for its identity.
func part(s *m3u8.MediaSegment) string { return rangeText(s.Range) }

func rangeText(r *m3u8.ByteRange) string {
	if r == nil {
		return ""
	}
	return "\n" + strconv.FormatInt(r.Offset, 10) + "+" + strconv.FormatInt(r.Length, 10)
}

// owner copies what segments need of the text of their playlist, which many waiting segments would keep in memory otherwise. Segments
// of a playlist share keys and initialization section, and so do their copies.
type owner struct {
	section, ownSection *m3u8.Map
	keys, ownKeys       []m3u8.Key
}

func (o *owner) copyOf(s *m3u8.MediaSegment) m3u8.MediaSegment {
	c := *s
	c.URI, c.Title, c.Keys = strings.Clone(s.URI), strings.Clone(s.Title), o.copyKeys(s.Keys)
	if s.Map != nil && s.Map != o.section {
		o.section, o.ownSection = s.Map, &m3u8.Map{URI: strings.Clone(s.Map.URI), Range: s.Map.Range, Keys: o.copyKeys(s.Map.Keys)}
	}
	if s.Map != nil {
		c.Map = o.ownSection
	}
	return c
}

func (o *owner) copyKeys(keys []m3u8.Key) []m3u8.Key {
	if len(keys) == 0 {
		return nil
	}
	if len(o.keys) == 0 || &keys[0] != &o.keys[0] {
		o.keys, o.ownKeys = keys, slices.Clone(keys)
		for i := range o.ownKeys {
			k := &o.ownKeys[i]
			for _, text := range []*string{&k.Method, &k.URI, &k.Format, &k.Versions} {
				*text = strings.Clone(*text)
			}
		}
	}
	return o.ownKeys
}
