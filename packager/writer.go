package packager

import (
	"errors"
	"fmt"

	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/stream"
)

// Writer publishes one channel. Its memory is bounded by one segment and the window; of a VOD, some tens of bytes a
// segment are kept. It is not safe for concurrent use and starts no goroutine: files are written, and old ones
// removed, in the call that completes a segment.
type Writer struct {
	options Options
	clock   markers.Clock
	dir     directory

	open   *segment
	newest int64 // the newest slot that was begun, -1 before the first
	spoilt bool  // the newest slot was given up; its remaining units are let pass
	order  order

	timeline timeline
	events   dateRanges
	unmarked []markers.Marker // are in no segment yet; their frames are in the open one or in a later one
	outputs  []output
	expected int64 // bandwidth by the options
	variant  variant
	manifest manifest
	// initFiles are the initialization sections that are there, each with the newest slot that needs it.
	initFiles map[string]int64

	breaks        bool  // the next segment's encoding does not continue the one before
	discontinuity int64 // discontinuity sequence number of the last segment
	closed        bool

	list []m3u8.MediaSegment // used again
	text []byte              // of a media playlist, used again
}

// order watches that decoding time goes forward as long as one encoder runs.
type order struct {
	known bool
	dts   int64
}

// New makes a Writer. It takes in what earlier runs left in the directory: their segments by Options.Segments,
// and with them a playlist that is live again; everything else of theirs is removed.
func New(o Options) (*Writer, error) { return newWriter(o, disk{}) }

func newWriter(o Options, fs fileSystem) (*Writer, error) {
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("open HLS output: %w", err)
	}
	if len(o.Containers) == 0 {
		o.Containers = []Container{TS}
	}
	c := o.Channel.Clock()
	w := &Writer{
		options: o, clock: c, dir: directory{o.Dir, fs},
		open: &segment{seen: make([]bool, c.FramesPerSegment)}, newest: -1,
		timeline: timeline{clock: c, window: o.Window, all: o.Containers},
		events:   dateRanges{ids: make(map[string]bool)},
		expected: expectedBandwidth(o.Bitrate, c),
		variant:  variant{rate: c.Rate}, initFiles: make(map[string]int64),
	}
	for i, container := range o.Containers {
		out := output{container: container, media: MediaPlaylist, master: MultivariantPlaylist, measured: throughput{clock: c}}
		if i > 0 {
			out.media, out.master = playlistFile(MediaPlaylist, container), playlistFile(MultivariantPlaylist, container)
		}
		w.outputs = append(w.outputs, out)
		w.open.packs = append(w.open.packs, newPack(container, c, o.Faults))
	}
	w.options.Segments, w.options.Markers = nil, nil // the caller's; taken over below
	if err := w.takeOver(o.Segments, o.Markers); err != nil {
		return nil, fmt.Errorf("open HLS output: %w", err)
	}
	return w, nil
}

// Write takes the next access unit in decoding order, annotated, with the PTS of its frame. When it completes a slot,
// the segment is published and its record returned; otherwise the record is nil.
//
// The errors wrap one of these:
//   - ErrUnit: the unit does not fit here (its slot was not opened by a key unit at the slot's first frame, it lies
//     before the newest slot or outside of the open one, or its time stamps are wrong) and was not taken.
//   - ErrPublish, as a *PublishError: a slot is lost and becomes a gap, because its segment could not be written;
//     because the next slot began before it was whole; or because a unit was written twice or with a wrong time stamp, so
//     that the slot's frames can't be trusted (it wraps ErrUnit too, and the slot's remaining units are let pass
//     without further errors). The Writer continues, and a unit that opens the next slot was taken.
//   - ErrPlaylist: there is a record too. The segment is published, but no playlist names it before the next.
//
// The unit's Markers are put into the playlist as EXT-X-DATERANGE, each from the first published segment on that has frames
// of it, for as long as a slot that it reaches into is in the playlist; also those of a unit that is not taken. They are put
// into the segment that holds their first frame too, in front of the unit that is written there next: to be in time for
// players, a marker is written with the unit of its first frame. Once that segment is over, the playlist alone has it. A marker
// whose ID is there already, or whose frames are no interval, is left out: what was published of an ID never changes.
//
// u is neither changed nor kept.
func (w *Writer) Write(u stream.Unit) (*markers.SegmentRecord, error) {
	for _, m := range u.Markers {
		w.addMarker(m)
	}
	au := u.Unit
	if w.closed {
		return nil, fmt.Errorf("write frame %d: %w", au.Frame, ErrClosed)
	}
	if au.Frame < 0 || au.Frame >= lastFrame(w.clock) {
		return nil, unitError(au.Frame, "its number is not between 0 and %d", lastFrame(w.clock)-1)
	}
	msn := w.clock.MSN(au.Frame)
	if msn == w.newest && w.spoilt {
		return nil, nil
	}
	opens := au.Key && w.clock.Offset(au.Frame) == 0 && msn > w.newest
	switch {
	case opens:
	case !w.open.active || msn != w.open.msn:
		return nil, w.misplaced(au)
	case w.open.holds(au.Frame):
		return nil, w.spoil(msn, unitError(au.Frame, "it is in segment %d already", msn))
	}
	if err := w.checkTimes(au); err != nil {
		return nil, w.spoil(msn, err)
	}
	var lost error
	if opens {
		var err error
		if lost, err = w.begin(msn, au); err != nil {
			return nil, errors.Join(lost, err)
		}
	}
	w.mark()
	if err := w.open.add(u); err != nil {
		return nil, errors.Join(lost, w.spoil(msn, fmt.Errorf("%w: %w", ErrUnit, err)))
	}
	w.order = order{true, au.DTS}
	if !w.open.whole() {
		return nil, lost
	}
	rec, err := w.publish()
	return rec, errors.Join(lost, err)
}

// begin opens the segment that a key unit begins. lost is what became of a segment that was still open.
func (w *Writer) begin(msn int64, au media.Unit) (lost, err error) {
	if err := w.variant.read(au); err != nil {
		return nil, unitError(au.Frame, "it can't begin segment %d: %v", msn, err)
	}
	if w.open.active {
		lost = w.giveUp(fmt.Errorf("frame %d came after %d of its %d frames",
			au.Frame, w.open.count, w.clock.FramesPerSegment))
	}
	w.newest, w.spoilt = msn, false
	w.open.begin(msn, au.Frame)
	return lost, nil
}

// checkTimes finds time stamps that don't belong to the frame. Players find the frame that they show by them.
func (w *Writer) checkTimes(au media.Unit) error {
	switch want := w.clock.PTS(au.Frame); {
	case au.PTS != want:
		return unitError(au.Frame, "its PTS is %d, not %d", au.PTS, want)
	case au.DTS > au.PTS:
		return unitError(au.Frame, "its DTS %d is after its PTS %d", au.DTS, au.PTS)
	case w.order.known && au.DTS <= w.order.dts:
		return unitError(au.Frame, "its DTS %d is not after that of the unit before, %d", au.DTS, w.order.dts)
	}
	return nil
}

// misplaced is why a unit that opens no segment is in none.
func (w *Writer) misplaced(au media.Unit) error {
	msn := w.clock.MSN(au.Frame)
	switch {
	case msn < w.newest:
		return unitError(au.Frame, "segment %d is over: segment %d has begun", msn, w.newest)
	case msn == w.newest:
		return unitError(au.Frame, "segment %d is over", msn)
	}
	return unitError(au.Frame, "segment %d has not been begun by a key unit with frame %d", msn, w.clock.FirstFrame(msn))
}

// spoil gives up the open segment if the faulty unit belongs to it.
func (w *Writer) spoil(msn int64, err error) error {
	if !w.open.active || msn != w.open.msn {
		return err
	}
	w.spoilt = true
	return w.giveUp(err)
}

// giveUp drops the open segment; its slot becomes a gap.
func (w *Writer) giveUp(why error) error {
	s := w.open
	s.drop()
	return &PublishError{MSN: s.msn, First: s.first, Last: s.last, Err: why}
}

func (w *Writer) addMarker(m markers.Marker) {
	if m.Frame < 0 || m.LastFrame < m.Frame || m.LastFrame >= lastFrame(w.clock) {
		return
	}
	if w.events.add(newDateRange(m, w.clock), w.timeline.holds(m.Frame, m.LastFrame)) && w.markable(m) {
		w.unmarked = append(w.unmarked, m)
	}
}

// markable reports whether units of the slot that holds the marker's first frame can still be written.
func (w *Writer) markable(m markers.Marker) bool {
	msn := w.clock.MSN(m.Frame)
	return msn > w.newest || w.open.active && msn == w.open.msn
}

// mark puts the markers that belong into the open segment there, and forgets those whose segment was not begun.
func (w *Writer) mark() {
	later := w.unmarked[:0]
	for _, m := range w.unmarked {
		switch msn := w.clock.MSN(m.Frame); {
		case msn == w.open.msn:
			w.open.mark(m)
		case msn > w.open.msn:
			later = append(later, m)
		}
	}
	clear(w.unmarked[len(later):])
	w.unmarked = later
}

// Abandon is called when the encoder ended before its time: the open segment is dropped, its slot becomes a gap, and the
// next segment begins with EXT-X-DISCONTINUITY.
func (w *Writer) Abandon() {
	w.breaks = w.breaks || len(w.timeline.entries) > 0
	w.order = order{}
	if w.open.active {
		w.open.drop()
	}
}

// Close ends the stream: it publishes the open segment, if it has the slot's first frames without a hole, returns its
// record, and ends the playlist with EXT-X-ENDLIST. The errors are those of Write; a slot that can't be published is
// lost, and the playlist ended all the same. Only the first call does anything.
func (w *Writer) Close() (*markers.SegmentRecord, error) {
	if w.closed {
		return nil, nil
	}
	w.closed = true
	var lost error
	if w.open.active && w.open.contiguous() {
		rec, err := w.publish()
		if rec != nil || len(w.timeline.entries) == 0 {
			return rec, err
		}
		lost = err
	} else if w.open.active {
		lost = w.giveUp(errors.New("the stream ended and frames before the last one were missing"))
	}
	return nil, errors.Join(lost, w.writePlaylists())
}
