package hlsclient

import (
	"strings"
	"time"

	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/media"
)

const (
	firstBehind = 3    // how many target durations before the end of a live playlist a client begins (RFC 8216bis, 6.3.3)
	remembered  = 4096 // how many segments are remembered after they left the playlist, in case an old version is served
)

// progress is how far a playlist was read.
type progress struct {
	// first is the number of the first segment of the last version that was taken, end the one after that of its last.
	first, end int64
	// known are the segments of that version and earlier ones, by number and without the query, which may change; listed are
	// those of that version, with it.
	known  map[int64]knownSegment
	listed map[string]bool
	older  older
}

// knownSegment is what a playlist listed.
type knownSegment struct {
	id       string
	at       time.Time // EXT-X-PROGRAM-DATE-TIME, zero for none
	duration media.Seconds
}

// same reports whether a segment with that number is the known one: by its identity, or, since a token in the path may change,
// by its date, or without a date by the last part of its name.
func (k *knownSegment) same(s *m3u8.MediaSegment) bool {
	id := identity(s)
	switch {
	case k.id == id:
		return true
	case k.duration != s.Duration:
		return false
	case !k.at.IsZero() && !s.ProgramDateTime.IsZero():
		return k.at.Equal(s.ProgramDateTime)
	}
	return lastPart(k.id) == lastPart(id)
}

func lastPart(id string) string { return id[strings.LastIndexByte(id, '/')+1:] }

// begin takes the first version and picks its segments to be fetched.
func (p *progress) begin(m *m3u8.Media, behind time.Duration) (take []int) {
	p.remember(m)
	return indexes(startOf(m, behind), len(m.Segments))
}

// startOf is the segment to begin with: the last that begins so far before the end, or else the first.
func startOf(m *m3u8.Media, behind time.Duration) int {
	if m.End || behind < 0 {
		return 0
	}
	if behind == 0 {
		behind = firstBehind * time.Duration(m.TargetDuration)
	}
	i := len(m.Segments)
	for left := behind; i > 0 && left > 0; i-- {
		left -= time.Duration(m.Segments[i-1].Duration)
	}
	return i
}

// next takes a changed version, picks the segments to fetch, and sets Stale, Restarted and Missed of v.
func (p *progress) next(m *m3u8.Media, v *Version) (take []int) {
	n := len(m.Segments)
	if n == 0 {
		return nil
	}
	first, end := m.Segments[0].MSN, m.Segments[n-1].MSN+1
	shared, same, contradicted := p.compare(m)
	back := end < p.end
	switch {
	case same > 0 && contradicted && (back || first < p.first), same > 0 && back && p.goesOn(first, end):
		v.Restarted = true // under the same names, which the last version may have listed
		take = indexes(0, n)
		p.known = nil
	case shared > 0 && same == 0, shared == 0 && end <= p.end:
		v.Restarted = true
		for i := range m.Segments {
			if !p.listed[wholeIdentity(&m.Segments[i])] {
				take = append(take, i)
			}
		}
		p.known = nil
	case back:
		v.Stale = true
		return nil
	default:
		v.Missed = max(0, first-m.Skipped-p.end)
		take = indexes(int(max(0, p.end-first)), n)
	}
	p.remember(m)
	return take
}

func (p *progress) remember(m *m3u8.Media) {
	n := len(m.Segments)
	p.listed = make(map[string]bool, n)
	p.older = older{}
	if p.known == nil {
		p.known = make(map[int64]knownSegment, n)
		p.first, p.end = m.MediaSequence, m.MediaSequence
	}
	if n == 0 {
		return
	}
	for i := range m.Segments {
		s := &m.Segments[i]
		k := knownSegment{strings.Clone(identity(s)), s.ProgramDateTime, s.Duration} // not to hold on to the text of the playlist
		if before := p.known[s.MSN]; k.at.IsZero() && before.same(s) {
			k.at = before.at
		}
		p.known[s.MSN] = k
		p.listed[wholeIdentity(s)] = true
	}
	p.first, p.end = m.Segments[0].MSN, m.Segments[n-1].MSN+1
	if len(p.known) > n+2*remembered { // seldom, since it looks at all
		for msn := range p.known {
			if msn < m.MediaSequence-remembered {
				delete(p.known, msn)
			}
		}
	}
}

// identity is what stays the same of a segment from version to version.
func identity(s *m3u8.MediaSegment) string {
	path, _, _ := strings.Cut(s.URI, "?")
	return path + part(s)
}

func wholeIdentity(s *m3u8.MediaSegment) string { return s.URI + part(s) }

func indexes(from, to int) (list []int) {
	for ; from < to; from++ {
		list = append(list, from)
	}
	return list
}
