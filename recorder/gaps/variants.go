package gaps

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/refstream/refstream/recorder"
)

// variantKey says of which segments of several playlists it can be told that they are the same: they begin at one time stamp, in
// one kind of media.
type variantKey struct {
	run   int64
	media string
	pts   int64
}

// variantSegment is such a segment.
type variantSegment struct {
	recorder.Segment
	sequence int64 // discontinuity sequence number
}

// readVariant keeps a segment for [finder.variants].
func (f *finder) readVariant(h *history, s *recorder.Segment) {
	if s.Timing == nil {
		return
	}
	k := variantKey{s.Run, s.Timing.Media, s.Timing.First}
	f.same[k] = append(f.same[k], variantSegment{*s, h.sequences[place{s.Run, s.MSN}]})
}

// variants looks at what playlists say of segments that begin at one time stamp: dates and discontinuity sequence numbers must be
// the same (RFC 8216bis, 6.2.4), and media sequence numbers should be, since players change by them. Each playlist is held
// against the first that has the segment. What comes twice in a playlist, as where a programme is repeated with its time
// stamps, says nothing.
func (f *finder) variants() {
	type subject struct {
		playlist, other int64
		what            string
	}
	open := map[subject]*Finding{}
	for _, list := range f.same {
		if len(list) < 2 || repeats(list) {
			continue
		}
		slices.SortFunc(list, func(a, b variantSegment) int { return int(a.Playlist - b.Playlist) })
		a := &list[0]
		for i := range list[1:] {
			b := &list[1+i]
			for what, text := range a.differences(b) {
				k := subject{b.Playlist, a.Playlist, what}
				found := open[k]
				if found == nil {
					found = &Finding{MSN: b.MSN}
					open[k] = found
				}
				count := found.Count + 1
				if found.Count == 0 || b.MSN < found.MSN {
					*found = finding(KindVariants, &b.Segment, f.versions[b.Playlist].byID[b.Version].seen, fmt.Sprintf(
						"segment %d begins at the time stamp of segment %d of %s, and %s", b.MSN, a.MSN, f.r.playlist(a.Playlist).title(), text))
					if what == variantDate {
						found.Amount = b.ProgramDateTime.Sub(a.ProgramDateTime)
					}
				}
				found.Count = count
			}
		}
	}
	list := slices.SortedFunc(maps.Values(open), func(a, b *Finding) int {
		return cmp.Or(cmp.Compare(a.Playlist, b.Playlist), cmp.Compare(a.MSN, b.MSN), cmp.Compare(a.Text, b.Text))
	})
	for _, found := range list {
		if n := found.Count - 1; n > 0 {
			found.Text += fmt.Sprintf("; so do %s more", plural(n, "segment"))
		}
		f.r.add(*found)
	}
}

// What playlists say differently of a segment.
const (
	variantNumber   = "number"
	variantDate     = "date"
	variantSequence = "sequence"
)

// differences are what b says otherwise, in words, by what it is about.
func (a *variantSegment) differences(b *variantSegment) map[string]string {
	list := map[string]string{}
	if a.MSN != b.MSN {
		list[variantNumber] = "has another number"
	}
	if by := b.ProgramDateTime.Sub(a.ProgramDateTime); !a.ProgramDateTime.IsZero() && !b.ProgramDateTime.IsZero() && max(by, -by) > time.Millisecond {
		list[variantDate] = fmt.Sprintf("has EXT-X-PROGRAM-DATE-TIME %s, where that has %s", date(b.ProgramDateTime), date(a.ProgramDateTime))
	}
	if a.sequence != b.sequence {
		list[variantSequence] = fmt.Sprintf("has the discontinuity sequence number %d, where that has %d", b.sequence, a.sequence)
	}
	return list
}

// repeats says whether a playlist has two of the segments.
func repeats(list []variantSegment) bool {
	seen := map[int64]bool{}
	for i := range list {
		if seen[list[i].Playlist] {
			return true
		}
		seen[list[i].Playlist] = true
	}
	return false
}
