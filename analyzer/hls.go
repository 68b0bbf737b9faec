package analyzer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/refstream/refstream/analyzer/input"
	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/format/mp4"
	"github.com/refstream/refstream/hlsclient"
	"github.com/refstream/refstream/media"
)

// stalledTargets is how many target durations a playlist may stay the same: a change is due after 1.5 (RFC 8216, 6.2.1), and
// players hold three (6.3.3).
const stalledTargets = 3

func (s *source) hlsClient() *hlsclient.Client {
	c := &hlsclient.Client{
		Now: s.o.Now, HTTP: s.o.HTTP, Timeout: s.o.Stall, RetryMin: s.o.RetryMin, RetryMax: s.o.RetryMax,
		Follow: s.o.Follow, DASH: true,
	}
	if !s.o.Follow {
		c.GiveUp = s.o.Stall
	}
	return c
}

// readHLS reads the stream; with Options.Follow one whose playlist is complete is complete all the same.
func (s *source) readHLS(ctx context.Context, x *extractor) (complete bool, err error) {
	h := &hlsReading{ctx: ctx, x: x, ranges: map[string]string{}}
	err = s.hlsClient().Run(ctx, s.t.Address(), hlsclient.Handler{Version: h.version, Segment: h.segment, Trouble: h.trouble})
	h.reportGaps()
	if err == nil && x.units == 0 && h.unread != nil {
		return true, fmt.Errorf("no segment could be read: %w", h.unread)
	}
	return err == nil, err
}

// hlsReading takes what a client reads.
type hlsReading struct {
	ctx context.Context
	x   *extractor

	changed     time.Time // when the media playlist last said something new, zero before there was one
	stalled     bool      // that it does not was reported
	lastTrouble string    // the trouble that was reported last, empty since it was over
	unread      error     // why the last segment that couldn't be read could not
	ranges      map[string]string

	gaps     int64 // segments on end that the playlist says are not there, which are reported when it is known how many
	firstGap *hlsclient.Segment
}

func (h *hlsReading) version(v *hlsclient.Version) error {
	x, m := h.x, v.Playlist.Media
	h.lastTrouble = ""
	if m == nil {
		return nil
	}
	if h.changed.IsZero() {
		kind := "live"
		if m.End {
			kind = "complete"
		}
		x.note(NoteConnected, nil, "reading %s (%s): %d segments of %s s at the most in %s", h.protocol(v), kind, len(m.Segments),
			m.TargetDuration, v.Stream.URL)
		if n := len(v.Playlist.Warnings); n > 0 {
			w := v.Playlist.Warnings[0]
			x.note(NoteDamaged, nil, "%d lines of the playlist are not as they should be, the first is line %d: %s", n, w.Line, w.Text)
		}
	}
	switch {
	case v.Stale:
		x.note(NoteDamaged, nil, "an older playlist came than the one before: nothing is taken from it")
		return x.err
	case v.Restarted:
		x.note(NoteRestart, nil, "the playlist's numbering begins anew at %d", m.MediaSequence)
	case v.Missed > 0:
		x.note(NoteMissing, nil, "%d segments were gone from the playlist before it was seen again", v.Missed)
	}
	if err := h.watch(v, m); err != nil {
		return err
	}
	switch {
	case !v.Changed:
	case m3u8.IsManifest(v.Text):
		x.manifestEvents(v.Text, h.ranges)
	default:
		x.dateRanges(m.DateRanges, h.ranges)
	}
	return x.err
}

// protocol is what a version is of.
func (h *hlsReading) protocol(v *hlsclient.Version) string {
	if m3u8.IsManifest(v.Text) {
		return "DASH"
	}
	return "HLS"
}

// watch reports that the playlist stays the same for too long, which is the end unless it is followed.
func (h *hlsReading) watch(v *hlsclient.Version, m *m3u8.Media) error {
	now := v.Exchange.Ended
	if v.Changed || h.changed.IsZero() {
		h.changed, h.stalled = now, false
		return nil
	}
	limit := max(h.x.o.Stall, stalledTargets*time.Duration(m.TargetDuration))
	if m.End || h.stalled || now.Sub(h.changed) < limit {
		return nil
	}
	h.stalled = true
	if !h.x.o.Follow {
		return fmt.Errorf("%w: the playlist has not changed for %v", input.ErrStalled, limit)
	}
	h.x.note(NoteStalled, nil, "the playlist has not changed for %v", limit)
	h.x.lost()
	return nil
}

// trouble reports what went wrong, once until it is over.
func (h *hlsReading) trouble(t *hlsclient.Trouble) error {
	text := t.Err.Error()
	if text != h.lastTrouble {
		h.lastTrouble = text
		h.x.note(NoteLost, t.Err, "the playlist can't be had, trying again")
		h.x.lost()
	}
	return h.x.err
}

// reportGaps reports the gaps that came on end, if any.
func (h *hlsReading) reportGaps() {
	switch {
	case h.gaps == 1:
		h.x.note(NoteMissing, nil, "segment %d (%s) is a gap", h.firstGap.MSN, h.firstGap.URI)
	case h.gaps > 1:
		h.x.note(NoteMissing, nil, "%d segments from %d (%s) on are gaps", h.gaps, h.firstGap.MSN, h.firstGap.URI)
	}
	h.gaps = 0
}

func (h *hlsReading) segment(s *hlsclient.Segment) error {
	x := h.x
	if errors.Is(s.Err, hlsclient.ErrGap) {
		h.unread = s.Err
		if h.gaps++; h.gaps == 1 {
			h.firstGap = s
		}
		return x.err
	}
	h.reportGaps()
	if s.Err != nil {
		h.unread = s.Err
		x.note(NoteMissing, s.Err, "segment %d (%s) can't be had", s.MSN, s.URI)
		return x.err
	}
	msn := s.MSN
	wrap := int64(tsWrap)
	data, err := s.Open()
	if err != nil {
		return fmt.Errorf("read segment %d: %w", s.MSN, err)
	}
	defer data.Close()
	isMP4 := holdsMP4(s, data)
	if isMP4 {
		wrap = noWrap
	}
	x.begin(wrap, &msn, s.URI)
	if s.Discontinuity && x.units > 0 {
		x.note(NoteJump, nil, "a discontinuity is announced before segment %d (%s)", s.MSN, s.URI)
	}
	if !s.DateTime.IsZero() {
		x.dateTime = &dateTime{s.DateTime, s.ProgramDateTime.IsZero(), s.Duration, s.Discontinuity, s.DiscontinuitySequence}
	}
	before := x.units
	switch {
	case isMP4 && len(s.Init) > 0:
		err = x.readMP4(h.ctx, mp4.NewSegmentReader(s.Init, data))
	case isMP4: // its initialization section is in it
		err = x.readMP4(h.ctx, mp4.NewReader(data))
	default:
		err = x.readTS(h.ctx, data)
	}
	if h.ctx.Err() != nil {
		return h.ctx.Err()
	}
	if err == nil && x.units == before {
		err = errors.New("it holds no H.264 or HEVC")
	}
	if err != nil {
		h.unread = err
		x.note(NoteDamaged, err, "segment %d (%s) can't be read to its end", s.MSN, s.URI)
	}
	x.dateTimeWithoutUnit()
	return x.err
}

func holdsMP4(s *hlsclient.Segment, data *hlsclient.Reader) bool {
	var head [8]byte // of the first box
	n, _ := data.ReadAt(head[:], 0)
	return len(s.Init) > 0 || mp4.IsMP4(head[:n])
}

// attributeFrame is the private attribute in which package hls names the first frame of an event.
const attributeFrame = "X-IO-REFSTREAM-FRAME"

// dateTime is an EXT-X-PROGRAM-DATE-TIME, the date of the first sample of the segment that follows (RFC 8216, 4.3.2.6).
type dateTime struct {
	at            time.Time
	extrapolated  bool          // it follows from that of another segment by EXTINF (RFC 8216, 6.3.3)
	duration      media.Seconds // of the segment
	discontinuity bool
	sequence      int64 // discontinuity sequence number
}

// record is the statement without its place.
func (d *dateTime) record() Record {
	extrapolated := ""
	if d.extrapolated {
		extrapolated = `,"extrapolated":true`
	}
	b := fmt.Appendf(nil, `{"program_date_time":"%s","segment_duration":%s%s,"discontinuity":%t,"discontinuity_sequence":%d}`,
		d.at.Format(time.RFC3339Nano), d.duration, extrapolated, d.discontinuity, d.sequence)
	return Record{Source: ProgramDateTime, UTC: jsonTime(d.at.UTC()), Extra: b}
}

// stateDateTime passes on the segment's date and time with its first unit.
func (x *extractor) stateDateTime(m *moment) {
	r := x.dateTime.record()
	own := *m
	own.dur, own.hasDur = ticksOf(time.Duration(x.dateTime.duration)), true
	x.dateTime = nil
	x.unitRecord(&own, r)
}

// dateTimeWithoutUnit passes on that of a segment in which there was no unit.
func (x *extractor) dateTimeWithoutUnit() {
	if x.dateTime == nil {
		return
	}
	r := x.dateTime.record()
	x.dateTime, x.now = nil, x.o.Now()
	x.at.offset = -1
	r.Unit = -1
	x.record(r)
}

// dateRanges passes on the EXT-X-DATERANGE tags of a playlist that are new or have changed. known has those of the playlist
// before, and gets these.
func (x *extractor) dateRanges(ranges []m3u8.DateRange, known map[string]string) {
	x.now = x.o.Now()
	x.at = place{offset: -1}
	present, times := map[string]bool{}, map[string]int{}
	for i := range ranges {
		r := &ranges[i]
		extra := appendMembers(nil, r.Attributes, func(a m3u8.Attribute) string { return a.Name },
			func(b []byte, a m3u8.Attribute) []byte { return appendText(b, a.Value) })
		key := r.ID
		if times[r.ID]++; times[r.ID] > 1 { // tags with one ID belong together, and may say different things
			key += "\n" + strconv.Itoa(times[r.ID])
		}
		present[key] = true
		if known[key] == string(extra) {
			continue
		}
		known[key] = string(extra)
		rec := Record{Source: DateRange, UTC: jsonTime(r.Start.UTC()), Extra: extra, Unit: -1}
		if r.Duration != nil {
			rec.Duration = new(ticksOf(time.Duration(*r.Duration)))
		}
		for _, a := range r.Attributes {
			if n, err := strconv.ParseInt(a.Value, 10, 64); a.Name == attributeFrame && err == nil {
				rec.Frame = &n
			}
		}
		x.record(rec)
	}
	maps.DeleteFunc(known, func(key, _ string) bool { return !present[key] })
}
