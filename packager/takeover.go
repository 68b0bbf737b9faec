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
		for i := range e.files {
			f := &e.files[i]
			size, ok := sizes[w.outputs[i].container.SegmentFile(r.MSN)]
			_, initialized := sizes[f.initialization]
			f.gone = f.gone || !ok || size != f.bytes || f.initialization != "" && !initialized
		}
		w.newest, w.discontinuity, w.breaks = r.MSN, r.DiscontinuitySequence, true
	}
	for _, m := range events {
		w.addMarker(m)
	}
	if w.timeline.window > 0 {
		w.timeline.prune()
	}
	for i := range w.timeline.entries {
		e := &w.timeline.entries[i]
		w.measure(e)
		for k, f := range e.files {
			if !f.gone {
				delete(sizes, w.outputs[k].container.SegmentFile(e.msn))
				if f.initialization != "" {
					w.initFiles[f.initialization] = e.msn
				}
			}
		}
	}
	for name := range w.initFiles {
		delete(sizes, name)
	}
	for _, l := range w.timeline.leaving {
		for _, o := range w.outputs {
			delete(sizes, o.container.SegmentFile(l.msn))
		}
	}
	// The playlist goes first, so that it never names a file that is removed.
	if err := w.refreshPlaylists(); err != nil {
		return err
	}
	for _, orphan := range slices.Sorted(maps.Keys(sizes)) {
		err = errors.Join(err, w.dir.remove(orphan))
	}
	return err
}

// refreshPlaylists makes the playlist of earlier runs live again. Where nothing of them is left, and for a VOD, which
// has no playlist before its end, theirs are removed, the one that names the other first.
func (w *Writer) refreshPlaylists() error {
	if _, ok := w.timeline.start(); ok && w.options.Window > 0 {
		return w.writePlaylists()
	}
	var err error
	for _, o := range w.outputs {
		err = errors.Join(err, w.dir.remove(o.master), w.dir.remove(o.media))
	}
	return err
}
