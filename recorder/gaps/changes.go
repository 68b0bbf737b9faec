package gaps

import (
	"fmt"
	"strings"
	"time"

	"github.com/refstream/refstream/format/m3u8"
)

// changes reports how a version changed the segments that the previous one has too. RFC 8216bis, 6.2.1, allows only to remove
// segments at the start and to append some.
func (t *tracker) changes(l *loaded) {
	prev := t.prev
	from, to := max(prev.first(), l.first()), min(prev.end(), l.end())
	if from >= to {
		if len(prev.m.Segments) > 0 && len(l.m.Segments) > 0 {
			t.discontinuities(l, len(prev.m.Segments)-1, 0)
		}
		return
	}
	f := t.between(KindSegmentChanged, l)
	for msn := from; msn < to; msn++ {
		i, j := int(msn-prev.first()), int(msn-l.first())
		text := difference(&prev.m.Segments[i], &l.m.Segments[j], i > 0 && j > 0)
		if text == "" {
			continue
		}
		if f.Count++; f.Count == 1 {
			f.MSN, f.Text = msn, fmt.Sprintf("segment %d is not what it was: %s", msn, text)
		}
	}
	t.addCounted(f)
	t.discontinuities(l, int(from-prev.first()), int(from-l.first()))
	t.dateChanges(l, from, to)
}

// difference describes how two entries of the same segment differ, empty if they don't. With inner set EXT-X-DISCONTINUITY is
// compared, which may be missing before the first of a playlist.
func difference(a, b *m3u8.MediaSegment, inner bool) string {
	var list []string
	note := func(what, was, is string) {
		if was != is {
			list = append(list, fmt.Sprintf("%s was %s and is %s", what, printable(was), printable(is)))
		}
	}
	note("its URI", withoutQuery(a.URI), withoutQuery(b.URI))
	note("its part", part(a.Range), part(b.Range))
	if a.Duration != b.Duration {
		note("EXTINF", a.Duration.String(), b.Duration.String())
	}
	if inner && a.Discontinuity != b.Discontinuity {
		verb := "gone"
		if b.Discontinuity {
			verb = "new"
		}
		list = append(list, "its EXT-X-DISCONTINUITY is "+verb)
	}
	return strings.Join(list, ", ")
}

// withoutQuery is a URI without its query, which may change with each version, as tokens do.
func withoutQuery(uri string) string {
	p, _, _ := strings.Cut(uri, "?")
	return p
}

func part(r *m3u8.ByteRange) string {
	if r == nil {
		return "all"
	}
	return fmt.Sprintf("%d@%d", r.Length, r.Offset)
}

// discontinuities compares the discontinuity sequence numbers of segment i of the previous version and segment j of this one,
// the same or a later one.
func (t *tracker) discontinuities(l *loaded, i, j int) {
	a, b := &t.prev.m.Segments[i], &l.m.Segments[j]
	by := b.DiscontinuitySequence - a.DiscontinuitySequence
	f := t.between(KindDiscontinuitySequence, l)
	f.MSN = b.MSN
	switch {
	case a.MSN == b.MSN && by != 0:
		f.Text = fmt.Sprintf("segment %d had the discontinuity sequence number %d and has %d", b.MSN,
			a.DiscontinuitySequence, b.DiscontinuitySequence)
	case by < 0:
		f.Text = fmt.Sprintf("segment %d has the discontinuity sequence number %d, and segment %d before it had %d", b.MSN,
			b.DiscontinuitySequence, a.MSN, a.DiscontinuitySequence)
	default:
		return
	}
	f.Count = max(by, -by)
	t.f.r.add(f)
}

// dateChanges compares the dates of the segments that are in both versions.
func (t *tracker) dateChanges(l *loaded, from, to int64) {
	f := t.between(KindPDTJump, l)
	for msn := from; msn < to; msn++ {
		a, b := t.prev.dates[msn-t.prev.first()], l.dates[msn-l.first()]
		if a.at.IsZero() || b.at.IsZero() {
			continue
		}
		by := b.at.Sub(a.at)
		if max(by, -by) <= t.f.o.Tolerance+a.slack+b.slack {
			continue
		}
		if f.Count++; f.Count == 1 {
			f.MSN, f.Amount = msn, by
			f.Text = fmt.Sprintf("segment %d had EXT-X-PROGRAM-DATE-TIME %s and has %s, %s", msn, date(a.at), date(b.at), later(by))
		}
	}
	t.addCounted(f)
}

// addCounted adds a finding that names the first of so many segments, if there are any.
func (t *tracker) addCounted(f Finding) {
	if f.Count > 1 {
		f.Text += fmt.Sprintf("; and %s more", plural(f.Count-1, "segment"))
	}
	if f.Count > 0 {
		t.f.r.add(f)
	}
}

func date(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// later describes a difference of time.
func later(by time.Duration) string {
	if by < 0 {
		return seconds(-by) + " earlier"
	}
	return seconds(by) + " later"
}
