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
	sizes, err := w.dir.scan()
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
		w.measure(&w.timeline.entries[i])
	}
	var kept []string
	oldest := min(w.timeline.oldest(), w.timeline.newest()-w.timeline.window+1)
	for _, r := range segments[sort.Search(len(segments), func(i int) bool { return segments[i].MSN >= oldest }):] {
		for _, f := range r.Files() {
			size, there := sizes[f.URI]
			_, initialized := sizes[f.Init]
			if !there || size != f.Bytes || f.Init != "" && !initialized {
				continue
			}
			if kept = append(kept, f.URI); f.Init != "" {
				w.initFiles[f.Init] = r.MSN
			}
		}
	}
	for _, name := range slices.AppendSeq(kept, maps.Keys(w.initFiles)) {
		delete(sizes, name)
	}
	// The playlist goes first, so that it never names a file that is removed.
	if err := errors.Join(w.removePlaylists(), w.refreshPlaylists()); err != nil {
		return err
	}
	for _, orphan := range slices.Sorted(maps.Keys(sizes)) {
		err = errors.Join(err, w.dir.remove(orphan))
	}
	return err
}

// removePlaylists removes those of containers that this run does not have, and the manifest where it has none.
func (w *Writer) removePlaylists() (err error) {
	if w.options.DASH == nil {
		err = w.dir.remove(Manifest)
	}
	for _, c := range Containers() {
		name := playlistFile(MediaPlaylist, c)
		if !slices.ContainsFunc(w.outputs, func(o output) bool { return o.media == name }) {
			err = errors.Join(err, w.dir.remove(playlistFile(MultivariantPlaylist, c)), w.dir.remove(name))
		}
	}
	return err
}

// refreshPlaylists makes the playlist of earlier runs live again. Where nothing of them is left, and for a VOD, which
// has no playlist before its end, theirs are removed, the one that names the other first.
func (w *Writer) refreshPlaylists() error {
	if _, ok := w.timeline.start(); ok && w.options.Window > 0 {
		return w.writePlaylists()
	}
	err := w.dir.remove(Manifest)
	for _, o := range w.outputs {
		err = errors.Join(err, w.dir.remove(o.master), w.dir.remove(o.media))
	}
	return err
}
