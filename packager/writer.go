package packager

import (
	"errors"
	"fmt"
	"slices"

	"github.com/refstream/refstream/codec/aac"
	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/stream"
)

// Writer publishes one channel. Its memory is bounded by some segments and the window; of a VOD, some tens of bytes a
// segment are kept. It is not safe for concurrent use and starts no goroutine: files are written, and old ones
// removed, in the call that completes a segment.
type Writer struct {
	options Options
	clock   markers.Clock
	dir     directory

	rungs []string // the renditions of pictures, the first of them empty
	open  *segment
	// waiting are units of slots behind the open one, which their tracks have all of: others still lack a part of it, such as sound,
	// which is not coded ahead of its turn.
	waiting []stream.Unit
	newest  int64   // the newest slot that was begun, -1 before the first
	lost    int64   // the slot whose remaining units are let pass, since it was given up; -1 for none
	orders  []order // of the tracks, the sound the last

	timeline timeline
	events   dateRanges
	unmarked []markers.Marker // are in no segment yet; their frames are in the open one or in a later one
	outputs  []output
	expected int64 // bandwidth by the options
	manifest manifest
	masters  []multivariant
	variants []variant    // of the renditions of pictures
	sound    *media.Track // of the newest unit, nil before the first
	// renditions are the names of all that there are files of, those of earlier runs too.
	renditions map[string]bool
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
		options: o, clock: c, dir: directory{o.Dir, fs}, rungs: []string{""}, newest: -1, lost: -1,
		timeline: timeline{clock: c, window: o.Window},
		events:   dateRanges{ids: make(map[string]bool)},
		expected: expectedBandwidth(o.Bitrate, c), initFiles: make(map[string]int64), renditions: make(map[string]bool),
	}
	for _, r := range o.Channel.Ladder {
		w.rungs = append(w.rungs, r.Name)
	}
	if o.Channel.Audio || len(w.rungs) > 1 {
		w.expected = 0
	}
	w.open = newSegment(c, len(w.rungs))
	w.variants, w.orders = make([]variant, len(w.rungs)), make([]order, len(w.rungs)+1)
	for i, container := range o.Containers {
		w.addOutputs(container, i == 0)
	}
	w.open.outputs = w.outputs
	w.options.Segments, w.options.Markers = nil, nil // the caller's; taken over below
	if err := w.takeOver(o.Segments, o.Markers); err != nil {
		return nil, fmt.Errorf("open HLS output: %w", err)
	}
	return w, nil
}

// addOutputs adds those of a container.
func (w *Writer) addOutputs(c Container, first bool) {
	names := w.rungs
	if w.options.Channel.Audio && c == FMP4 {
		names = append(slices.Clip(names), markers.SoundRendition)
	}
	for track, name := range names {
		o := output{
			series: series{c, name}, track: track, sound: len(w.rungs), muxed: w.options.Channel.Audio && c == TS,
			media: playlistFile(MediaPlaylist, name, c, first), measured: throughput{clock: w.clock},
		}
		w.outputs, w.timeline.all = append(w.outputs, o), append(w.timeline.all, o.series)
		w.open.packs = append(w.open.packs, newPack(&o, w.clock, w.options.Faults))
		w.renditions[name] = true
	}
	w.masters = append(w.masters, multivariant{container: c, file: playlistFile(MultivariantPlaylist, "", c, first)})
}

// track is the number of a unit's track: a rung, or the sound behind the last of them; -1 for one that is not published.
func (w *Writer) track(u *media.Unit) int {
	switch {
	case u.Codec() == media.AAC && w.options.Channel.Audio:
		return len(w.rungs)
	case u.Codec() == media.AAC:
		return -1
	case u.Track == nil:
		return 0
	}
	return slices.Index(w.rungs, u.Track.Rendition)
}

// Write takes the next unit in decoding order, of all tracks together, annotated, with the PTS of its frame or sample. When it
// completes a slot, the segment is published and its record returned; otherwise the record is nil. Units of tracks that the channel
// does not have by Options are let pass.
//
// A slot is complete when each rendition has every frame of it, and the sound every unit whose first sample is in it: sound is cut
// at the first unit that begins with the slot's first frame or after it. What is missing of one of them is given up of all.
//
// The errors wrap one of these:
//   - ErrUnit: the unit does not fit here (its slot was not opened by a key unit at the slot's first frame, it lies
//     before the newest slot or outside of the open one, or its time stamps are wrong) and was not taken. It may be one of the units
//     that waited for the open slot.
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
// u is not changed. Its bytes are kept until its slot is over.
func (w *Writer) Write(u stream.Unit) (*markers.SegmentRecord, error) {
	for _, m := range u.Markers {
		w.addMarker(m)
	}
	track := w.track(&u.Unit)
	switch last := lastFrame(w.clock); {
	case w.closed:
		return nil, fmt.Errorf("write frame %d: %w", u.Frame, ErrClosed)
	case track < 0:
		return nil, nil
	case track == len(w.rungs) && (u.Frame < 0 || u.Frame >= w.clock.Rate.Sample(last)):
		return nil, w.unitError(track, u.Frame, "its number is not between 0 and %d", w.clock.Rate.Sample(last)-1)
	case track < len(w.rungs) && (u.Frame < 0 || u.Frame >= last):
		return nil, w.unitError(track, u.Frame, "its number is not between 0 and %d", last-1)
	}
	w.waiting = append(w.waiting, u)
	return w.work()
}

// work takes the units that wait, in order, those of the open slot and then those of the next one, until something came of one:
// the rest is for the next call.
func (w *Writer) work() (*markers.SegmentRecord, error) {
	var lost error
	for i := 0; i < len(w.waiting); {
		u := w.waiting[i]
		track := w.track(&u.Unit)
		switch msn := w.clock.UnitMSN(&u.Unit); {
		case !w.open.active || msn <= w.open.msn:
		case w.open.has(track) && !w.late(msn):
			i++
			continue
		case w.open.has(track) || track == len(w.rungs):
			// Sound opens no slot: its units are taken once the pictures in front of them have opened theirs.
			if lost != nil {
				return nil, lost
			}
			lost = w.giveUp(fmt.Errorf("%s came, and %s", w.name(track, u.Frame), w.open.lacks()))
			i = 0
			continue
		}
		w.waiting = slices.Delete(w.waiting, i, i+1)
		newest := w.newest
		rec, err := w.take(track, u)
		if rec != nil || err != nil && (w.newest == newest || !errors.Is(err, ErrPublish)) {
			return rec, errors.Join(lost, err)
		}
		lost = errors.Join(lost, err) // a slot that was given up since the next one began
		if w.newest != newest {
			i = 0
		}
	}
	return nil, lost
}

// longestWait is how long after the end of the open slot one may begin, in ticks, without that the open one is given up: a second, far
// longer than a track is behind another in decoding order.
const longestWait = media.TicksPerSecond

// late reports whether the open slot can't be waited for when units of a later slot are there.
func (w *Writer) late(msn int64) bool {
	return w.clock.PTS(w.clock.FirstFrame(msn))-w.clock.PTS(w.clock.FirstFrame(w.open.msn+1)) >= longestWait
}

// take takes a unit that has not to wait.
func (w *Writer) take(track int, u stream.Unit) (*markers.SegmentRecord, error) {
	msn := w.clock.UnitMSN(&u.Unit)
	if msn == w.lost {
		return nil, nil
	}
	if track == len(w.rungs) {
		return w.takeSound(msn, track, u)
	}
	au := u.Unit
	first := au.Key && w.clock.Offset(au.Frame) == 0
	opens := first && msn > w.newest
	switch {
	case opens:
	case !w.open.active || msn != w.open.msn:
		return nil, w.misplaced(track, au.Frame, msn)
	case w.open.holds(track, au.Frame):
		return nil, w.spoil(msn, w.unitError(track, au.Frame, "it is in segment %d already", msn))
	case w.open.rungs[track].count == 0 && !first:
		return nil, w.spoil(msn, w.notBegun(track, au.Frame, msn))
	}
	if err := w.checkTimes(track, au, w.clock.PTS(au.Frame)); err != nil {
		return nil, w.spoil(msn, err)
	}
	if first {
		if err := w.variants[track].read(au); err != nil {
			return nil, w.spoil(msn, w.unitError(track, au.Frame, "it can't begin segment %d: %v", msn, err))
		}
	}
	var lost error
	if opens {
		lost = w.begin(msn, track, au)
	}
	w.mark()
	rec, err := w.add(msn, track, u)
	return rec, errors.Join(lost, err)
}

// takeSound takes a unit of sound.
func (w *Writer) takeSound(msn int64, track int, u stream.Unit) (*markers.SegmentRecord, error) {
	switch {
	case !w.open.active || msn != w.open.msn:
		return nil, w.misplaced(track, u.Frame, msn)
	case u.Frame < w.open.next:
		return nil, w.spoil(msn, w.unitError(track, u.Frame, "it is in segment %d already, or does not begin with a multiple of %d", msn, aac.UnitSamples))
	case u.Frame > w.open.next:
		return nil, w.spoil(msn, w.unitError(track, u.Frame, "sample %d is missing before it", w.open.next))
	}
	if err := w.checkTimes(track, u.Unit, media.SampleRate+u.Frame); err != nil {
		return nil, w.spoil(msn, err)
	}
	w.sound = u.Track
	return w.add(msn, track, u)
}

// add adds a unit to the open segment, and publishes that when it is whole.
func (w *Writer) add(msn int64, track int, u stream.Unit) (*markers.SegmentRecord, error) {
	if err := w.open.add(track, u); err != nil {
		return nil, w.spoil(msn, fmt.Errorf("%w: %w", ErrUnit, err))
	}
	w.orders[track] = order{true, u.DTS}
	if !w.open.whole() {
		return nil, nil
	}
	return w.publish()
}

// begin opens the segment that a key unit begins. It returns what became of a segment that was still open.
func (w *Writer) begin(msn int64, track int, au media.Unit) (lost error) {
	if w.open.active {
		lost = w.giveUp(fmt.Errorf("%s came after %d of its %d frames",
			w.name(track, au.Frame), w.open.rungs[track].count, w.clock.FramesPerSegment))
	}
	w.newest = msn
	w.open.begin(msn, w.options.Channel.Audio)
	return lost
}

// checkTimes finds time stamps that don't belong to the frame or sample. Players find the frame that they show by them.
func (w *Writer) checkTimes(track int, u media.Unit, want int64) error {
	switch o := w.orders[track]; {
	case u.PTS != want:
		return w.unitError(track, u.Frame, "its PTS is %d, not %d", u.PTS, want)
	case u.DTS > u.PTS:
		return w.unitError(track, u.Frame, "its DTS %d is after its PTS %d", u.DTS, u.PTS)
	case o.known && u.DTS <= o.dts:
		return w.unitError(track, u.Frame, "its DTS %d is not after that of the unit before, %d", u.DTS, o.dts)
	}
	return nil
}

// misplaced is why a unit that opens no segment is in none.
func (w *Writer) misplaced(track int, n, msn int64) error {
	switch {
	case msn < w.newest:
		return w.unitError(track, n, "segment %d is over: segment %d has begun", msn, w.newest)
	case msn == w.newest:
		return w.unitError(track, n, "segment %d is over", msn)
	}
	return w.notBegun(track, n, msn)
}

func (w *Writer) notBegun(track int, n, msn int64) error {
	return w.unitError(track, n, "segment %d has not been begun by a key unit with frame %d", msn, w.clock.FirstFrame(msn))
}

// unitError refuses the unit of frame or sample n.
func (w *Writer) unitError(track int, n int64, format string, args ...any) error {
	return fmt.Errorf("write %s: %w: %s", w.name(track, n), ErrUnit, fmt.Sprintf(format, args...))
}

// name names frame or sample n of a track.
func (w *Writer) name(track int, n int64) string {
	if track == len(w.rungs) {
		return fmt.Sprintf("sample %d", n)
	}
	return fmt.Sprintf("frame %d%s", n, of(w.rungs[track]))
}

// spoil gives up the open segment if the faulty unit belongs to it.
func (w *Writer) spoil(msn int64, err error) error {
	if !w.open.active || msn != w.open.msn {
		return err
	}
	w.lost = msn
	return w.giveUp(err)
}

// giveUp drops the open segment; its slot becomes a gap.
func (w *Writer) giveUp(why error) error {
	s := w.open
	if len(w.rungs) > 1 || w.options.Channel.Audio { // others may not be as far
		w.lost = s.msn
	}
	s.drop()
	return &PublishError{MSN: s.msn, First: s.first, Last: s.last(), Err: why}
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

// Abandon is called when the encoder ended before its time: the open segment and all that waits for it is dropped, their slots become
// gaps, and the next segment begins with EXT-X-DISCONTINUITY.
func (w *Writer) Abandon() {
	w.breaks = w.breaks || len(w.timeline.entries) > 0
	clear(w.orders)
	w.waiting = nil
	if w.open.active {
		w.open.drop()
	}
}

// Close ends the stream: it publishes the open segment, if it has the slot's first frames without a hole and their sound, returns its
// record, and ends the playlist with EXT-X-ENDLIST. The errors are those of Write, one for each slot that can't be published: it is
// lost, and the playlist ended all the same. Only the first call does anything.
func (w *Writer) Close() (rec *markers.SegmentRecord, err error) {
	if w.closed {
		return nil, nil
	}
	w.closed = true
	for {
		done, lost := w.work()
		if done == nil && lost == nil {
			if !w.open.active {
				break
			}
			if lost = w.open.cut(); lost != nil {
				lost = w.giveUp(lost)
			} else {
				done, lost = w.publish()
			}
		}
		err = errors.Join(err, lost)
		if done != nil {
			rec = done
		}
	}
	if rec != nil {
		return rec, err
	}
	return nil, errors.Join(err, w.writePlaylists())
}
