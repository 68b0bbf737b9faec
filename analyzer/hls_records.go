package analyzer

import (
	"fmt"
	"strconv"
	"time"

	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/media"
)

// attributeFrame is the private attribute in which package hls names the first frame of an event.
const attributeFrame = "X-IO-REFSTREAM-FRAME"

// dateTime is an EXT-X-PROGRAM-DATE-TIME, which speaks of the first sample of the segment that follows (RFC 8216,
// 4.3.2.6).
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

// dateRanges passes on the EXT-X-DATERANGE tags of a playlist that are new, or say something new. known is what those of
// the playlist before said, and becomes what these say.
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
			length := ticksOf(time.Duration(*r.Duration))
			rec.Duration = &length
		}
		for _, a := range r.Attributes {
			if n, err := strconv.ParseInt(a.Value, 10, 64); a.Name == attributeFrame && err == nil {
				rec.Frame = &n
			}
		}
		x.record(rec)
	}
	for key := range known {
		if !present[key] {
			delete(known, key)
		}
	}
}
