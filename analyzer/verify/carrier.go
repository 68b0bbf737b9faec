package verify

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/format/m3u8"
	"github.com/refstream/refstream/media"
)

// span is a segment of a playlist: its EXTINF, and the time stamps of its pictures.
type span struct {
	msn, first, last int64
	begin            int64 // time stamp of the first unit
	says             media.Seconds
	units            int64
	discontinuity    bool // after EXT-X-DISCONTINUITY
}

type spans map[int64]*span

func (s spans) take(u analyzer.Unit) {
	if u.MSN < 0 || u.Untimed {
		return
	}
	one, ok := s[u.MSN]
	if !ok {
		one = &span{msn: u.MSN, first: u.PTS, last: u.PTS, begin: u.PTS}
		s[u.MSN] = one
	}
	one.first, one.last = min(one.first, u.PTS), max(one.last, u.PTS)
	one.units++
}

// list joins the spans with their entries in the playlist, in its order.
func (s spans) list(playlist string) (list []span, err error) {
	f, err := os.Open(playlist)
	if err != nil {
		return nil, fmt.Errorf("read playlist: %w", err)
	}
	defer f.Close()
	p, err := m3u8.Parse(f)
	if err != nil {
		return nil, fmt.Errorf("read playlist: %w", err)
	}
	if p.Media == nil {
		return nil, errors.New("read playlist: it has no segments")
	}
	for _, m := range p.Media.Segments {
		if one := s[m.MSN]; one != nil && !m.Gap {
			one.says, one.discontinuity = m.Duration, m.Discontinuity
			list = append(list, *one)
		}
	}
	return list, nil
}

// inexact is by how much EXTINF may differ from the length of the pictures: it may be written in milliseconds, and time stamps
// are rounded to ticks.
const inexact = media.Seconds(time.Millisecond)

// placeAt is the place of the picture at a time stamp, the zero one where there is none.
func (c *checker) placeAt(pts int64, j *matcher) report.Place {
	if i, ok := j.picture(pts); ok {
		return c.place(c.in.pictures[i].Frame)
	}
	if c.labels != nil { // a fault may have left no picture there
		return c.place(max(0, c.frameAt(pts)))
	}
	return report.Place{}
}

// datedFrames are the frames that segments begin with, with whether the playlist dates each segment: some date their first one
// only, and the others follow by EXTINF (RFC 8216, 6.3.3).
func (c *checker) datedFrames(j *matcher) map[int64]bool {
	out := map[int64]bool{}
	for _, s := range c.in.segments {
		if i, ok := j.picture(s.begin); ok {
			out[c.in.pictures[i].Frame] = c.in.dated
		}
	}
	return out
}

// segmentFindings compares EXTINF with the time stamps in each segment, or where its end is missing with those of the next.
func (c *checker) segmentFindings(j *matcher) []report.Finding {
	list := c.in.segments
	var places []report.Place
	var largest media.Seconds
	for i, s := range list {
		if s.units < 2 {
			continue
		}
		between := (s.last - s.first) / (s.units - 1)
		off := s.says - media.NearestSeconds(s.last-s.first+between)
		if i+1 < len(list) && list[i+1].msn == s.msn+1 {
			if next := s.says - media.NearestSeconds(list[i+1].first-s.first); max(next, -next) < max(off, -off) {
				off = next
			}
		}
		at := c.placeAt(s.first, j)
		if max(off, -off) <= inexact || c.explained(report.SegmentLength, string(report.LengthTag), at.First, at.First+c.channel.FramesPerSegment-1) {
			continue
		}
		if max(off, -off) > max(largest, -largest) {
			largest = off
		}
		places = append(places, at)
	}
	if len(places) == 0 {
		return nil
	}
	how, amount := "longer", largest
	if largest < 0 {
		how, amount = "shorter", -largest
	}
	n := int64(len(places))
	return []report.Finding{{
		Kind: report.SegmentLength, Clock: string(report.LengthTag), Field: "EXTINF", Count: n, Amount: &largest, Places: places,
		Text: fmt.Sprintf("EXTINF is %s than its pictures by up to %s s in %s of %d: at frame %d (%s s) first",
			how, report.Brief(amount), report.Plural(n, "segment"), len(list), places[0].First, places[0].Time),
	}}
}

// compareTags finds doubled tags, discontinuities that are missing where another run's encoder begins, and those where there can
// be none. The encoder of a live stream may have begun anew at any segment; that of a folder of files has not.
func (c *checker) compareTags(m *comparison, j *matcher) {
	for i := range c.in.segments {
		s := &c.in.segments[i]
		for _, tag := range c.in.doubled[s.msn] {
			source := report.LengthTag
			if tag == "EXT-X-PROGRAM-DATE-TIME" {
				source = analyzer.ProgramDateTime
			}
			m.doubled[source] = append(m.doubled[source], c.placeAt(s.first, j))
		}
		if i == 0 {
			continue
		}
		before := &c.in.segments[i-1]
		a, known := j.picture(before.last)
		b, knownToo := j.picture(s.first)
		if !known || !knownToo || before.msn+1 != s.msn {
			continue
		}
		last, first := c.in.pictures[a].Frame, c.in.pictures[b].Frame
		old, now := m.run(last), m.run(first)
		switch {
		case old == "" || now == "":
		case old != now && !s.discontinuity:
			m.missing[report.DiscontinuityTag] = append(m.missing[report.DiscontinuityTag], c.placeAt(s.first, j))
		case old == now && s.discontinuity && first == last+1 && c.truth.Bounded:
			m.added[report.DiscontinuityTag] = append(m.added[report.DiscontinuityTag], c.placeAt(s.first, j))
		}
	}
}

// run is the run of the generator that a frame's record names, empty where it has none.
func (m *comparison) run(frame int64) string {
	if list := m.frames[analyzer.FrameRecord][frame]; len(list) > 0 {
		return statedFields(list[0])["run"]
	}
	return ""
}

// absentPCR is how long a PCR may be missing without a finding, in ticks. TR 101 290 wants one every 0.1 s, but many muxers
// write it somewhat more seldom.
const absentPCR = 45000

// unitFrame is the frame of an access unit, or of the nearest one whose frame is known.
func (c *checker) unitFrame(number int64, j *matcher) int64 {
	for d := range int64(len(c.in.units)) {
		for _, k := range []int64{number - d, number + d} {
			if k < 0 || k >= int64(len(c.in.units)) {
				continue
			}
			if n, ok := j.named[k]; ok {
				return n
			}
			if i, ok := j.picture(c.in.units[k].pts); ok {
				return c.in.pictures[i].Frame
			}
		}
	}
	return 0
}

// transportFindings are what was wrong with the packets of a transport stream, by indicator.
func (c *checker) transportFindings(j *matcher) (list []report.Finding) {
	for i := range c.in.transport {
		r := &c.in.transport[i]
		fields := statedFields(r)
		kind := report.Kind(strings.ToLower(fields["indicator"]))
		if c.labels != nil {
			if n := c.unitFrame(r.Unit, j); c.explained(kind, "", n, n) {
				continue
			}
		}
		k := slices.IndexFunc(list, func(f report.Finding) bool { return f.Kind == kind })
		if k < 0 {
			where := fmt.Sprintf("byte %d", r.Offset)
			if pid := fields["pid"]; pid != "" {
				where += ", PID " + pid
			}
			k = len(list)
			list = append(list, report.Finding{
				Kind: kind, Clock: string(analyzer.Transport), Field: fields["indicator"], Found: fields["detail"],
				Text: fmt.Sprintf("%s (TR 101 290, %s) at %s: %s", fields["indicator"], fields["number"], where, fields["detail"]),
			})
		}
		list[k].Count++
		if r.PTS == nil || len(list[k].Places) == report.MaxPlaces {
			continue
		}
		if n, ok := j.picture(*r.PTS); ok {
			list[k].Places = append(list[k].Places, c.place(c.in.pictures[n].Frame))
		}
	}
	for k := range list {
		if n := list[k].Count; n > 1 {
			list[k].Text += fmt.Sprintf(" first, %d times in all", n)
		}
	}
	return list
}
