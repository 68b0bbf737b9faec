package gaps

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/refstream/refstream/recorder"
)

// variantKey identifies the same segment in several playlists: by the kind of media and its first time stamp.
type variantKey struct {
	run   int64
	media string
	pts   int64
}

type variantSegment struct {
	recorder.Segment
	sequence int64 // discontinuity sequence number
}

// variants compares the playlists' entries of segments that begin at one time stamp: dates and discontinuity sequence numbers
// must be equal (RFC 8216bis, 6.2.4), and media sequence numbers should be, since players switch by them. Each playlist is
// compared with the first that has the segment. Time stamps that occur twice in a playlist are ignored.
func (f *finder) variants() {
	type subject struct {
		playlist, other int64
		what            string
	}
	open := map[subject]*Finding{}
	for _, list := range f.same {
		slices.SortFunc(list, func(a, b variantSegment) int { return int(a.Playlist - b.Playlist) })
		same := func(a, b variantSegment) bool { return a.Playlist == b.Playlist }
		if len(slices.CompactFunc(slices.Clone(list), same)) < len(list) {
			continue
		}
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
					*found = finding(KindVariants, &b.Segment, f.versions[b.Playlist].byID[b.Version].seen,
						"segment %d begins at the time stamp of segment %d of %s, and %s", b.MSN, a.MSN, f.r.playlist(a.Playlist).title(), text)
					if what == "date" {
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

// differences describes how b differs, by what it is about.
func (a *variantSegment) differences(b *variantSegment) map[string]string {
	list := map[string]string{}
	if a.MSN != b.MSN {
		list["number"] = "has another number"
	}
	if by := b.ProgramDateTime.Sub(a.ProgramDateTime); !a.ProgramDateTime.IsZero() && !b.ProgramDateTime.IsZero() && max(by, -by) > time.Millisecond {
		list["date"] = fmt.Sprintf("has EXT-X-PROGRAM-DATE-TIME %s, where that has %s", date(b.ProgramDateTime), date(a.ProgramDateTime))
	}
	if a.sequence != b.sequence {
		list["sequence"] = fmt.Sprintf("has the discontinuity sequence number %d, where that has %d", b.sequence, a.sequence)
	}
	return list
}
