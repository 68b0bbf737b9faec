package packager

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/refstream/refstream/markers"
)

// output is a series with its playlist.
type output struct {
	series
	track    int    // whose units are in it: a rung, or the sound behind the last of them
	sound    int    // the track of the sound
	muxed    bool   // the sound is in it too
	media    string // the playlist's file
	measured throughput
}

// takes reports whether units of a track are in the output.
func (o *output) takes(track int) bool { return track == o.track || o.muxed && track == o.sound }

// publish writes the open segment, then the playlists that name it.
func (w *Writer) publish() (*markers.SegmentRecord, error) {
	s := w.open
	// First, since on a full disk this makes room.
	w.removeOld(s.msn)
	rec := markers.SegmentRecord{
		MSN: s.msn, FirstFrame: s.first, LastFrame: s.last(), Discontinuity: w.breaks, DiscontinuitySequence: w.discontinuity,
	}
	if w.breaks {
		rec.DiscontinuitySequence++
	}
	for i, p := range s.packs {
		o := &w.outputs[i]
		f, err := w.publishFile(o.series, p)
		if err != nil {
			for _, done := range w.outputs[:i] { // all files or none
				_ = w.dir.remove(done.file(s.msn))
			}
			return nil, w.giveUp(err)
		}
		switch {
		case i == 0:
			rec.URI, rec.Bytes, rec.Init = f.URI, f.Bytes, f.Init
		case o.rendition == "":
			rec.Also = f
		default:
			rec.Renditions = append(rec.Renditions, markers.RenditionFile{Name: o.rendition, SegmentFile: f})
		}
	}
	rec.PublishedAt = w.options.Now().UTC()
	s.active = false
	w.breaks, w.discontinuity = false, rec.DiscontinuitySequence
	w.timeline.add(rec)
	w.events.publish(rec.FirstFrame, rec.LastFrame)
	w.measure(&w.timeline.entries[len(w.timeline.entries)-1])
	return &rec, w.writePlaylists()
}

// publishFile writes a file of the open segment, and the initialization section that it needs, if it is new.
func (w *Writer) publishFile(s series, p pack) (f markers.SegmentFile, err error) {
	segment, initialization, err := p.finish(w.clock.PTS(w.open.last() + 1))
	if err != nil {
		return f, err
	}
	f = markers.SegmentFile{URI: s.file(w.open.msn), Bytes: int64(len(segment))}
	if initialization != nil {
		f.Init = initFile(initialization)
		if _, known := w.initFiles[f.Init]; !known || !w.dir.has(f.Init) {
			if err := w.dir.publish(f.Init, initialization); err != nil {
				return f, err
			}
		}
		w.initFiles[f.Init] = w.open.msn
	}
	return f, w.dir.publish(f.URI, segment)
}

// measure takes a segment that is there into account.
func (w *Writer) measure(e *entry) {
	for i := range w.outputs {
		if f := e.files[i]; !f.gone {
			w.outputs[i].measured.add(e.msn, f.bytes, e.last-w.clock.FirstFrame(e.msn)+1)
		}
	}
}

// writePlaylists writes the media playlists and, where they changed, the multivariant playlists, which name them. Those of
// a VOD are written at its end, once: a playlist of that type does not change (RFC 8216, 4.3.3.5).
func (w *Writer) writePlaylists() error {
	if w.options.Window == 0 && !w.closed {
		return nil
	}
	for i := range w.outputs {
		p, ok := w.timeline.media(i, w.events.shown, w.closed, w.list)
		if !ok {
			return nil
		}
		w.list, w.text = p.Media.Segments, p.Append(w.text[:0])
		text := w.text
		if w.options.FaultyPlaylist != nil {
			text = w.options.FaultyPlaylist(w.outputs[i].media, text, w.timeline.lastFrame())
		}
		if err := w.dir.publish(w.outputs[i].media, text); err != nil {
			return fmt.Errorf("%w: %w", ErrPlaylist, err)
		}
	}
	w.timeline.prune()
	if start, ok := w.timeline.start(); ok {
		w.events.prune(w.clock.FirstFrame(start))
	}
	if err := w.writeManifest(); err != nil {
		return fmt.Errorf("%w: %w", ErrPlaylist, err)
	}
	if slices.ContainsFunc(w.variants, func(v variant) bool { return v.track == nil }) || w.options.Channel.Audio && w.sound == nil {
		return nil // nothing was encoded in this run yet: what an earlier one published holds
	}
	for i := range w.masters {
		if err := w.writeMultivariant(&w.masters[i]); err != nil {
			return fmt.Errorf("%w: %w", ErrPlaylist, err)
		}
	}
	return nil
}

func (w *Writer) writeMultivariant(m *multivariant) error {
	p := w.multivariant(m.container)
	text := p.Append(nil)
	if bytes.Equal(text, m.written) && w.dir.has(m.file) {
		return nil
	}
	if err := w.dir.publish(m.file, text); err != nil {
		return err
	}
	m.written = text
	return nil
}

// removeOld removes the files that have been out of the playlist long enough for slot msn. One that can't be
// removed stays and is removed at the next start: it takes room, but no playlist names it.
func (w *Writer) removeOld(msn int64) {
	for old, ok := w.timeline.due(msn); ok; old, ok = w.timeline.due(msn) {
		for _, c := range Containers() { // also those of earlier runs
			for name := range w.renditions {
				_ = w.dir.remove(c.RenditionFile(name, old))
			}
		}
	}
	for name, newest := range w.initFiles {
		if newest < w.timeline.oldest() {
			_ = w.dir.remove(name)
			delete(w.initFiles, name)
		}
	}
}
