package packager

import (
	"slices"
	"strconv"

	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// eventClass is the CLASS of the date ranges, and attribute the beginning of their own attributes' names: a name of
// our own in reverse, so that they mean the same to everybody (RFC 8216, 4.3.2.7).
const (
	eventClass = "io.refstream.event"
	attribute  = "X-IO-REFSTREAM-"
)

// dateRange is an event in the playlist. That of an ID never changes.
type dateRange struct {
	id          string
	first, last int64 // frames
	tag         m3u8.DateRange
	marker      markers.Marker
}

// newDateRange makes it of a marker. The range ends where the last frame ends, at the start of the frame after it.
func newDateRange(m markers.Marker, c markers.Clock) dateRange {
	start, end := c.UTC(m.Frame), c.UTC(m.LastFrame+1)
	var d m3u8.DateRange
	add := func(name, value string, quoted bool) {
		d.Attributes = append(d.Attributes, m3u8.Attribute{Name: name, Value: value, Quoted: quoted})
	}
	add("ID", m.ID, true)
	add("CLASS", eventClass, true)
	add("START-DATE", string(m3u8.AppendTime(nil, start)), true)
	add("END-DATE", string(m3u8.AppendTime(nil, end)), true)
	add("DURATION", media.Seconds(end.Sub(start)).String(), false)
	add(attribute+"FRAME", strconv.FormatInt(m.Frame, 10), false)
	add(attribute+"LAST-FRAME", strconv.FormatInt(m.LastFrame, 10), false)
	add(attribute+"PTS", strconv.FormatInt(c.PTS(m.Frame), 10), false)
	add(attribute+"LAST-PTS", strconv.FormatInt(c.PTS(m.LastFrame), 10), false)
	add(attribute+"KIND", m.Kind, true)
	add(attribute+"TEXT", m.Text, true)
	return dateRange{m.ID, m.Frame, m.LastFrame, d, m}
}

// DateRangeTag is the EXT-X-DATERANGE tag of a marker, as a line with its end.
func DateRangeTag(m markers.Marker, c markers.Clock) []byte {
	r := newDateRange(m, c)
	return r.tag.Append(nil)
}

// dateRanges are the events that the playlist has, or may have later.
type dateRanges struct {
	ids map[string]bool
	// shown are those with a frame in a published segment, by first frame; waiting are the others.
	shown, waiting []dateRange
}

// add takes an event; published reports whether a published segment has frames of it. It returns false for an ID that
// is there already.
func (d *dateRanges) add(r dateRange, published bool) bool {
	if d.ids[r.id] {
		return false
	}
	d.ids[r.id] = true
	if published {
		d.show(r)
	} else {
		d.waiting = append(d.waiting, r)
	}
	return true
}

func (d *dateRanges) show(r dateRange) {
	at, _ := slices.BinarySearchFunc(d.shown, r, func(a, b dateRange) int {
		if a.first <= b.first { // after its equals
			return -1
		}
		return 1
	})
	d.shown = slices.Insert(d.shown, at, r)
}

// publish shows the events that have frames from first to last, which are in a segment now, and forgets those that
// are over without a frame in any segment.
func (d *dateRanges) publish(first, last int64) {
	waiting := d.waiting[:0]
	for _, r := range d.waiting {
		switch {
		case r.first > last:
			waiting = append(waiting, r)
		case r.last >= first:
			d.show(r)
		default:
			delete(d.ids, r.id)
		}
	}
	clear(d.waiting[len(waiting):])
	d.waiting = waiting
}

// prune forgets the events that ended before frame n.
func (d *dateRanges) prune(n int64) {
	d.shown = slices.DeleteFunc(d.shown, func(r dateRange) bool {
		if r.last < n {
			delete(d.ids, r.id)
		}
		return r.last < n
	})
}
