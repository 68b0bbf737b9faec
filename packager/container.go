package packager

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"time"

	"github.com/refstream/refstream/codec/aac"
	"github.com/refstream/refstream/format/id3"
	"github.com/refstream/refstream/format/mp4"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/stream"
)

// Container is what segments are packed in.
type Container string

// The containers.
const (
	TS   Container = "ts"   // MPEG-TS, with events as timed ID3
	FMP4 Container = "fmp4" // fragmented MP4 (CMAF), with events as emsg boxes that hold the same ID3, and GEN as prft
)

// Containers are all of them.
func Containers() []Container { return []Container{TS, FMP4} }

// ParseContainers reads a list such as "ts,fmp4".
func ParseContainers(list string) (all []Container, err error) {
	for name := range strings.SplitSeq(list, ",") {
		c := Container(name)
		if !slices.Contains(Containers(), c) || slices.Contains(all, c) {
			return nil, fmt.Errorf("%q: use ts, fmp4, or both with a comma between them, the one of index.m3u8 first", list)
		}
		all = append(all, c)
	}
	return all, nil
}

// SegmentFile is the name of the file that holds segment msn, and its URI relative to the playlist. Ten digits keep
// the names of 600 years of two-second segments in order.
func (c Container) SegmentFile(msn int64) string { return c.RenditionFile("", msn) }

// RenditionFile is SegmentFile of a rendition of a name, markers.SoundRendition for sound in files of its own; empty for the first one.
func (c Container) RenditionFile(rendition string, msn int64) string {
	if rendition != "" {
		rendition += "-"
	}
	return fmt.Sprintf("%s%s%010d%s", segmentPrefix, rendition, msn, c.suffix())
}

func (c Container) suffix() string {
	if c == FMP4 {
		return ".m4s"
	}
	return ".ts"
}

// pack packs the units of one slot after the other.
type pack interface {
	// begin starts the segment of a slot.
	begin(msn int64)
	// unit takes the next unit. After an error the segment is as it was.
	unit(u stream.Unit) error
	// marker takes an event whose first frame is in the segment, and its tag, before the next unit.
	marker(m markers.Marker, tag id3.Timed)
	// finish is the segment, whose last frame ends at a PTS, and the initialization section that it needs, nil for none.
	// They are valid until begin.
	finish(end int64) (segment, initialization []byte, err error)
	// drop forgets the segment: nobody saw it.
	drop()
}

// newPack makes that of an output. Faults are those of the first rendition.
func newPack(o *output, clock markers.Clock, f ts.Faults) pack {
	switch {
	case o.rendition == markers.SoundRendition:
		return &soundPack{}
	case o.container == FMP4:
		return &fmp4Pack{clock: clock}
	}
	p := &tsPack{}
	p.mux = ts.NewWriter(&p.buf)
	p.mux.SetStep(clock.Rate.Ticks(1))
	if o.muxed {
		p.mux.SetSound()
	}
	if o.rendition == "" {
		p.mux.SetFaults(f)
	}
	return p
}

// tsPack packs in MPEG-TS.
type tsPack struct {
	buf bytes.Buffer
	mux *ts.Writer
	// start is the muxer at the start of the segment: its continuity counters go back with a segment that is dropped.
	start ts.Writer
}

func (p *tsPack) begin(int64) {
	p.buf.Reset()
	p.start = *p.mux
}

func (p *tsPack) unit(u stream.Unit) error {
	size := p.buf.Len()
	err := p.mux.WriteUnit(u.Unit)
	if err != nil {
		p.buf.Truncate(size)
	}
	return err
}

func (p *tsPack) marker(_ markers.Marker, tag id3.Timed)    { p.mux.WriteID3(tag) }
func (p *tsPack) finish(int64) (segment, i []byte, _ error) { return p.buf.Bytes(), nil, nil }
func (p *tsPack) drop()                                     { *p.mux = p.start }

// fmp4Pack packs pictures in fragmented MP4, a fragment a segment.
type fmp4Pack struct {
	clock          markers.Clock
	segment        mp4.Segment
	buf            []byte
	track          *media.Track // of the initialization section
	initialization []byte
	// next is the frame whose time is the decoding time of the next unit.
	next int64
}

func (p *fmp4Pack) begin(msn int64) { p.segment.Reset(msn) }

func (p *fmp4Pack) unit(u stream.Unit) error {
	if u.Key && p.clock.Offset(u.Frame) == 0 {
		if !u.Track.Equal(p.track) {
			section, err := mp4.Init(u.Track)
			if err != nil {
				return err
			}
			p.track, p.initialization = u.Track, section
		}
		reordered, _ := p.clock.Rate.FrameAtTicks(u.PTS - u.DTS)
		p.next = u.Frame - reordered
		if u.Record.GenNS != 0 {
			p.segment.SetProduced(time.Unix(0, u.Record.GenNS))
		}
	}
	// The encoder's decoding times are frame times too, rounded to ticks in its own way. Here they are rounded as PTS is, so that
	// the durations of all samples together are exact: some readers add them up.
	u.DTS = p.clock.PTS(p.next)
	if err := p.segment.AddUnit(u.Unit); err != nil {
		return err
	}
	p.next++
	return nil
}

func (p *fmp4Pack) marker(m markers.Marker, tag id3.Timed) {
	pts := p.clock.PTS(m.Frame)
	p.segment.AddEvent(mp4.Event{Scheme: mp4.SchemeID3, ID: eventID(m), PTS: pts, Duration: p.clock.PTS(m.LastFrame+1) - pts, Data: tag.Tag})
}

func (p *fmp4Pack) finish(end int64) (segment, initialization []byte, err error) {
	p.buf, err = p.segment.Append(p.buf[:0], end)
	return p.buf, p.initialization, err
}

func (p *fmp4Pack) drop() {}

// soundPack packs sound in fragmented MP4, a fragment a segment.
type soundPack struct {
	segment        mp4.Segment
	buf            []byte
	track          *media.Track // of the initialization section
	initialization []byte
	end            int64 // of the last unit
}

func (p *soundPack) begin(msn int64) { p.segment.Reset(msn) }

func (p *soundPack) unit(u stream.Unit) error {
	if !u.Track.Equal(p.track) {
		section, err := mp4.Init(u.Track)
		if err != nil {
			return err
		}
		p.track, p.initialization = u.Track, section
	}
	p.end = u.PTS + aac.UnitSamples
	return p.segment.AddUnit(u.Unit)
}

func (p *soundPack) marker(markers.Marker, id3.Timed) {}

func (p *soundPack) finish(int64) (segment, initialization []byte, err error) {
	p.buf, err = p.segment.Append(p.buf[:0], p.end)
	return p.buf, p.initialization, err
}

func (p *soundPack) drop() {}

// initFile is the name of an initialization section: another section has another name.
func initFile(section []byte) string {
	return fmt.Sprintf("%s%08x%s", initPrefix, crc32.ChecksumIEEE(section), initSuffix)
}
