package packager

import (
	"errors"
	"maps"
	"slices"

	"github.com/refstream/refstream/markers"
)

// takeOver goes on where earlier runs ended: what of theirs is still there, and as recorded, is in the playlist again
// or waits to be removed, and everything else is removed.
func (w *Writer) takeOver(segments []markers.SegmentRecord, events []markers.Marker) error {
	sizes, err := w.dir.scan()
	if err != nil {
		return err
	}
	for _, r := range segments {
		w.timeline.add(r)
		e := &w.timeline.entries[len(w.timeline.entries)-1]
		size, ok := sizes[r.MSN]
		e.gone = !ok || size != r.Bytes
		w.newest, w.discontinuity, w.breaks = r.MSN, r.DiscontinuitySequence, true
	}
	for _, m := range events {
		w.AddMarker(m)
	}
	if w.timeline.window > 0 {
		w.timeline.prune()
	}
	for _, e := range w.timeline.entries {
		if !e.gone {
			w.measured.add(e.msn, e.bytes, e.last-w.clock.FirstFrame(e.msn)+1)
			delete(sizes, e.msn)
		}
	}
	for _, l := range w.timeline.leaving {
		delete(sizes, l.msn)
	}
	// The playlist goes first, so that it never names a file that is removed.
	if err := w.refreshPlaylists(); err != nil {
		return err
	}
	for _, orphan := range slices.Sorted(maps.Keys(sizes)) {
		err = errors.Join(err, w.dir.remove(SegmentFile(orphan)))
	}
	return err
}

// refreshPlaylists makes the playlist of earlier runs live again. Where nothing of them is left, and for a VOD, which
// has no playlist before its end, theirs are removed, the one that names the other first.
func (w *Writer) refreshPlaylists() error {
	if _, ok := w.timeline.start(); ok && w.options.Window > 0 {
		return w.writePlaylists()
	}
	return errors.Join(w.dir.remove(MultivariantPlaylist), w.dir.remove(MediaPlaylist))
}
