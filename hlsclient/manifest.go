package hlsclient

import (
	"slices"

	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/format/mpd"
)

// manifest reads a manifest of DASH. Where its segments have no numbers of their own, they continue those of the last version.
func (f *follower) manifest(text []byte) (*m3u8.Playlist, error) {
	p, numbered, err := mpd.Reader{Now: f.r.c.Now(), Representation: f.at.representation}.Read(text)
	if err != nil || numbered || p.Media == nil || len(p.Media.Segments) == 0 || f.last == nil || f.last.playlist.Media == nil {
		return p, err
	}
	first, before := identity(&p.Media.Segments[0]), f.last.playlist.Media.Segments
	number := end(f.last.playlist)
	if i := slices.IndexFunc(before, func(s m3u8.MediaSegment) bool { return identity(&s) == first }); i >= 0 {
		number = before[i].MSN
	}
	p.Media.MediaSequence = number
	for i := range p.Media.Segments {
		p.Media.Segments[i].MSN = number + int64(i)
	}
	return p, nil
}

// end is the number after that of the last segment of a playlist, 0 where it has none.
func end(p *m3u8.Playlist) int64 {
	if p.Media == nil || len(p.Media.Segments) == 0 {
		return 0
	}
	return p.Media.Segments[len(p.Media.Segments)-1].MSN + 1
}
