package packager

import (
	"errors"
	"maps"
	"slices"
	"sort"

	"github.com/refstream/refstream/markers"
)

// takeOver continues where earlier runs ended: what of theirs is still there, and as recorded, is in the playlist again
// or waits to be removed, and everything else is removed. Files in containers that this run does not have stay as long as
// those in others would: a later run may have them again.
func (w *Writer) takeOver(segments []markers.SegmentRecord, events []markers.Marker) error {
	sizes, playlists, err := w.dir.scan()
	if err != nil {
		return err
	}
	if w.options.DASH != nil {
		w.manifest = readManifest(w.dir.path)
	}
	for _, r := range segments {
		w.timeline.add(r)
		e := &w.timeline.entries[len(w.timeline.entries)-1]
		for i := range e.files {
			f := &e.files[i]
			size, ok := sizes[w.outputs[i].file(r.MSN)]
			_, initialized := sizes[f.initialization]
			f.gone = f.gone || !ok || size != f.bytes || f.initialization != "" && !initialized
		}
		w.timeline.agree()
		for _, f := range r.Renditions {
			w.renditions[f.Name] = true
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
		w.measure(&w.timeline.entries[i])
	}
	var kept []string
	oldest := min(w.timeline.oldest(), w.timeline.newest()-w.timeline.window+1)
	for _, r := range segments[sort.Search(len(segments), func(i int) bool { return segments[i].MSN >= oldest }):] {
		for _, files := range r.Containers() {
			if slices.ContainsFunc(files, func(f markers.SegmentFile) bool {
				size, there := sizes[f.URI]
				_, initialized := sizes[f.Init]
				return !there || size != f.Bytes || f.Init != "" && !initialized
			}) {
				continue
			}
			for _, f := range files {
				if kept = append(kept, f.URI); f.Init != "" {
					w.initFiles[f.Init] = r.MSN
				}
			}
		}
	}
	for _, name := range slices.AppendSeq(kept, maps.Keys(w.initFiles)) {
		delete(sizes, name)
	}
	// The playlist goes first, so that it never names a file that is removed.
	if err := errors.Join(w.removePlaylists(playlists), w.refreshPlaylists()); err != nil {
		return err
	}
	for _, orphan := range slices.Sorted(maps.Keys(sizes)) {
		err = errors.Join(err, w.dir.remove(orphan))
	}
	return err
}

// removePlaylists removes those of containers and renditions that this run does not have, those that name others first.
func (w *Writer) removePlaylists(there []string) (err error) {
	for _, name := range slices.Backward(slices.Sorted(slices.Values(there))) { // master before index
		if name == Manifest && w.options.DASH != nil {
			continue
		}
		if !slices.ContainsFunc(w.outputs, func(o output) bool { return o.media == name }) &&
			!slices.ContainsFunc(w.masters, func(m multivariant) bool { return m.file == name }) {
			err = errors.Join(err, w.dir.remove(name))
		}
	}
	return err
}

// refreshPlaylists makes the playlist of earlier runs live again. Where nothing of them is left, and for a VOD, which
// has no playlist before its end, theirs are removed, those that name others first.
func (w *Writer) refreshPlaylists() error {
	if _, ok := w.timeline.start(); ok && w.options.Window > 0 {
		return w.writePlaylists()
	}
	err := w.dir.remove(Manifest)
	for _, m := range w.masters {
		err = errors.Join(err, w.dir.remove(m.file))
	}
	for _, o := range w.outputs {
		err = errors.Join(err, w.dir.remove(o.media))
	}
	return err
}
