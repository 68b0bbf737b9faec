package hlsclient

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
