package verify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/markers"
)

// announcement checks one kind of statement about events (DATERANGE, onCuePoint, timed ID3) against the markers.
type announcement struct {
	source analyzer.Source
	// frames are those that the statements name, with the number of the marker there.
	said map[int64]bool
	// samples are how far the statements' own times are ahead of their markers'.
	samples []sample
	wrong   []Place
	// strange are the IDs among them that no marker has.
	strange map[string]bool
}

// announced is how exact the times of announcements are: the playlist's are in milliseconds, and so are FLV's.
const announced = markers.Seconds(time.Millisecond)

// announcements checks every kind that the stream has.
func (c *checker) announcements(j *joint) (clocks []ClockReport, findings []Finding) {
	for _, source := range []analyzer.Source{analyzer.DateRange, analyzer.OnCuePoint, analyzer.ID3} {
		a := &announcement{source: source, said: map[int64]bool{}, strange: map[string]bool{}}
		for _, r := range c.in.statements {
			if r.Source == source {
				c.announce(a, r, j)
			}
		}
		if len(a.said) == 0 && len(a.wrong) == 0 {
			if c.carries(source) && c.announceable() {
				clocks = append(clocks, ClockReport{Name: string(source), State: Gone, Tolerance: announced})
			}
			continue
		}
		sortSamples(a.samples)
		spec := clockSpec{name: string(source), tolerance: int64(announced)}
		if len(a.samples) > 0 {
			clocks = append(clocks, newClockReport(spec, a.samples, 0, true))
		}
		findings = append(findings, c.unannounced(a)...)
	}
	return clocks, findings
}

// announce takes in a statement: it names a frame, or the time of one.
func (c *checker) announce(a *announcement, r analyzer.Record, j *joint) {
	var frame int64
	switch {
	case r.Frame != nil:
		frame = *r.Frame
	case r.UTC != nil:
		frame = c.channel.Rate.Frames(int64(r.UTC.Sub(c.channel.Epoch)))
	case r.PTS != nil:
		i, ok := j.picture(*r.PTS)
		if !ok {
			return
		}
		frame = c.in.pictures[i].frame
	default:
		return
	}
	i := slices.IndexFunc(c.truth.Markers, func(m markers.Marker) bool { return m.Frame == frame })
	if id := markerID(r); i >= 0 && id != "" && id != c.truth.Markers[i].ID {
		if !a.strange[id] {
			a.strange[id] = true
			a.wrong = append(a.wrong, Place{First: frame, Last: frame, Time: c.clock.Time(frame), Marker: id})
		}
		a.said[frame] = true
		return
	}
	if a.said[frame] {
		return // a playlist says it again in each version
	}
	if i < 0 {
		// One of an event just outside of what was read is no mistake: it is not known here.
		if frame >= c.first && frame <= c.last {
			a.wrong = append(a.wrong, Place{First: frame, Last: frame, Time: c.clock.Time(frame)})
			a.said[frame] = true
		}
		return
	}
	a.said[frame] = true
	m := c.truth.Markers[i]
	at := int64(m.Time)
	if r.UTC != nil && a.source == analyzer.DateRange {
		a.samples = append(a.samples, sample{frame, at, int64(r.UTC.Sub(m.UTC))})
	} else if r.PTS != nil {
		// Against the picture, not against the clock: what moved both is told of the clock.
		if p, ok := c.pictureOf(frame); ok {
			err := centre(*r.PTS+j.shift-p.pts, c.in.info.modulus())
			a.samples = append(a.samples, sample{frame, at, nanos(err)})
		}
	}
}

// pictureOf is the picture that shows a frame first.
func (c *checker) pictureOf(frame int64) (picture, bool) {
	k, ok := slices.BinarySearchFunc(c.anchors, frame, func(i int, n int64) int {
		switch f := c.in.pictures[i].frame; {
		case f < n:
			return -1
		case f > n:
			return 1
		}
		return 0
	})
	if !ok {
		return picture{}, false
	}
	p := c.in.pictures[c.anchors[k]]
	return p, p.timed
}

// announcedLate is how far behind its picture an announcement may stand in a stream: muxers interleave data with the
// video that is decoded at that time, so that what was read may break off between the two.
const announcedLate = 500 * time.Millisecond

// breaksOff says that a frame is so near to the end of what was read that its announcement may come after it. Where the
// truth ends with the stream, nothing comes after it.
func (c *checker) breaksOff(frame int64) bool {
	if c.truth.Bounded && c.last >= c.truth.Last {
		return false
	}
	return c.channel.Rate.Nanos(c.last-frame) < int64(announcedLate)
}

// unannounced says which markers a carrier leaves out, and which of its announcements there is no marker for.
func (c *checker) unannounced(a *announcement) (list []Finding) {
	var left []Place
	for _, m := range c.truth.Markers {
		if _, there := c.pictureOf(m.Frame); there && c.within(m.Frame) && !a.said[m.Frame] && !c.breaksOff(m.Frame) {
			left = append(left, Place{First: m.Frame, Last: m.LastFrame, Time: m.Time, Marker: m.ID})
		}
	}
	for kind, places := range map[Kind][]Place{Unannounced: left, Misreported: a.wrong} {
		if len(places) == 0 {
			continue
		}
		text := "%s says nothing of %s: %s"
		if kind == Misreported {
			text = "%s tells of %s without a marker: %s"
		}
		list = append(list, Finding{
			Kind: kind, Clock: string(a.source), Count: int64(len(places)), Places: places[:min(len(places), maxPlaces)],
			Text: fmt.Sprintf(text, a.source, plural(int64(len(places)), "event"), name(places)),
		})
	}
	slices.SortFunc(list, func(a, b Finding) int { return strings.Compare(string(a.Kind), string(b.Kind)) })
	return list
}
