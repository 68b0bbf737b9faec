package hls

import (
	"fmt"
	"strconv"
	"strings"
)

// fetchSegments fetches what waits until there will be no more or ctx is done, one at a time and in order, and tells of
// each.
func (r *reading) fetchSegments(s *Stream, q *queue) {
	init := ""
	for {
		j, left, ok := q.next(r.ctx)
		if !ok || left.count > 0 && r.trouble(s, left) != nil {
			return
		}
		out := &Segment{Stream: s, MediaSegment: j.seg, Version: j.version}
		if r.fetchSegment(out, j) != nil {
			return
		}
		if out.Err == nil {
			id := mapIdentity(j.seg.Map, j.from)
			out.InitChanged, init = id != init, id
		}
		if r.h.Segment != nil && r.tell(func() error { return r.h.Segment(out) }) != nil {
			return
		}
	}
}

// fetchSegment fetches a segment with all that it needs. Its Err says why not; the error is fatal.
func (r *reading) fetchSegment(out *Segment, j job) error {
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
		if out.Init, withoutMap, err = r.fetchMap(out.Stream, m, j); err != nil {
			return err
		}
	}
	e, data, _, err := r.fetch(r.ctx, request{
		ResourceSegment, out.Stream, at, j.seg.Range, j.seg.MSN, or(r.c.MaxSegment, defaultMaxSegment),
	})
	if err != nil {
		return err
	}
	if out.Exchange, out.Err = e, e.Err; out.Err != nil {
		return nil
	}
	if withoutMap != nil { // it is of no use, but was asked for: who records wants it
		out.Err = withoutMap
		return nil
	}
	data, out.Err, err = r.decrypt(out.Stream, data, j.seg.Keys, j)
	if out.Err == nil {
		out.Data = data
	}
	return err
}

// fetchMap fetches an initialization section, or takes it from those that were fetched. failure is why it isn't there,
// err is fatal.
func (r *reading) fetchMap(s *Stream, m *Map, j job) (data []byte, failure, err error) {
	at, err := j.from.resolve(m.URI)
	if err != nil {
		return nil, err, nil
	}
	return r.maps.get(r.ctx, mapIdentity(m, j.from), func() ([]byte, error, error) {
		e, data, _, err := r.fetch(r.ctx, request{ResourceMap, s, at, m.Range, j.seg.MSN, maxMap})
		if err != nil || e.Err != nil {
			return nil, e.Err, err
		}
		return r.decrypt(s, data, m.Keys, j)
	})
}

// mapIdentity tells initialization sections apart, empty for none.
func mapIdentity(m *Map, from location) string {
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
func part(s *MediaSegment) string { return rangeText(s.Range) }

func rangeText(r *ByteRange) string {
	if r == nil {
		return ""
	}
	return "\n" + strconv.FormatInt(r.Offset, 10) + "+" + strconv.FormatInt(r.Length, 10)
}
