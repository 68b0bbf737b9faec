package hls

import (
	"errors"
	"sync/atomic"
)

const (
	// maxMemory is how many bytes all that a Run has in memory may take together: the bodies of answers, and the playlists
	// with what was read of them. With it a process stays below 200 MB, whatever it is sent.
	maxMemory = 96 << 20
	// forPlaylists of them are kept free for playlists, which can't go to temporary files: a day of two-second segments, of
	// which two versions are there while one is read, has some 60 MB.
	forPlaylists = 80 << 20
	// perEntry is what a segment or attribute of a playlist takes besides its text: what it says, and what it is known again
	// by.
	perEntry = 384
	// perSlot is what a segment takes that waits, besides its URI, and once more when it is done.
	perSlot = 384
)

// errNoRoom is why a playlist is not taken.
var errNoRoom = errors.New("there is no room for it in memory: the playlists of one stream may take 96 MiB together")

// budget is memory that is shared.
type budget struct{ left atomic.Int64 }

// take takes n bytes, if so many others stay free.
func (b *budget) take(n, others int64) bool {
	for {
		left := b.left.Load()
		if left-n < others {
			return false
		}
		if b.left.CompareAndSwap(left, left-n) {
			return true
		}
	}
}

// use takes n bytes that are in use already.
func (b *budget) use(n int64) { b.left.Add(-n) }

// give gives n bytes back.
func (b *budget) give(n int64) { b.left.Add(n) }

// memory is what a playlist takes besides its text.
func (p *Playlist) memory() int64 {
	n := int64(0)
	if m := p.Media; m != nil {
		n = int64(len(m.Segments))
		for i := range m.DateRanges {
			n += 1 + int64(len(m.DateRanges[i].Attributes))
		}
	}
	if m := p.Multivariant; m != nil {
		for _, list := range [][]Variant{m.Variants, m.IFrames} {
			for i := range list {
				n += 1 + int64(len(list[i].Attributes))
			}
		}
		for i := range m.Renditions {
			n += 1 + int64(len(m.Renditions[i].Attributes))
		}
	}
	return n*perEntry + p.replaced
}
