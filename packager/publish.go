package packager

import (
	"bytes"
	"fmt"

	"github.com/refstream/refstream/markers"
)

// publish writes the open segment, then the playlists that name it.
func (w *Writer) publish() (*markers.SegmentRecord, error) {
	s := w.open
	// First, since on a full disk this makes room.
	w.removeOld(s.msn)
	rec := markers.SegmentRecord{
		MSN: s.msn, FirstFrame: s.first, LastFrame: s.last, Bytes: int64(s.buf.Len()), URI: SegmentFile(s.msn),
		Discontinuity: w.breaks, DiscontinuitySequence: w.discontinuity,
	}
	if w.breaks {
		rec.DiscontinuitySequence++
	}
	if err := w.dir.publish(rec.URI, s.buf.Bytes()); err != nil {
		return nil, w.giveUp(err)
	}
	rec.PublishedAt = w.options.Now().UTC()
	s.active = false
	w.breaks, w.discontinuity = false, rec.DiscontinuitySequence
	w.timeline.add(rec)
	w.events.publish(rec.FirstFrame, rec.LastFrame)
	w.measured.add(rec.MSN, rec.Bytes, rec.LastFrame-rec.FirstFrame+1)
	return &rec, w.writePlaylists()
}

// writePlaylists writes the media playlist and, where it changed, the multivariant playlist, which names it. Those of
// a VOD are written at its end, once: a playlist of that type does not change (RFC 8216, 4.3.3.5).
func (w *Writer) writePlaylists() error {
	vod := w.options.Window == 0
	if vod && !w.closed {
		return nil
	}
	w.playlist = appendMedia(w.playlist[:0], &w.timeline, w.events.shown, w.closed)
	if len(w.playlist) == 0 {
		return nil
	}
	if err := w.dir.publish(MediaPlaylist, w.playlist); err != nil {
		return fmt.Errorf("%w: %w", ErrPlaylist, err)
	}
	w.timeline.prune()
	if start, ok := w.timeline.start(); ok {
		w.events.prune(w.clock.FirstFrame(start))
	}

	if w.variant.codecs == "" { // nothing was encoded in this run yet: what an earlier one said holds
		return nil
	}
	w.variant.bandwidth = max(w.expected, roundBandwidth(w.measured.peak), w.variant.bandwidth)
	if vod { // everything is there: no need to expect
		w.variant.bandwidth, w.variant.average = w.measured.peak, w.measured.average()
	}
	master := w.variant.append(nil)
	if bytes.Equal(master, w.master) && w.dir.has(MultivariantPlaylist) {
		return nil
	}
	if err := w.dir.publish(MultivariantPlaylist, master); err != nil {
		return fmt.Errorf("%w: %w", ErrPlaylist, err)
	}
	w.master = master
	return nil
}

// removeOld removes the files that have been out of the playlist long enough when slot msn comes. One that can't be
// removed stays and is removed at the next start: it takes room, but nobody is told anything wrong.
func (w *Writer) removeOld(msn int64) {
	for old, ok := w.timeline.due(msn); ok; old, ok = w.timeline.due(msn) {
		_ = w.dir.remove(SegmentFile(old))
	}
}
