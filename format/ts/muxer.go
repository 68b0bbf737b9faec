package ts

import (
	"errors"
	"fmt"

	"github.com/refstream/refstream/codec/aac"
	"github.com/refstream/refstream/format/id3"
	"github.com/refstream/refstream/media"
)

const (
	// tablesEvery is the longest time between two of the same table, in ticks of stream time: 400 ms. ETSI TR 101 290,
	// 1.3.a and 1.5.a, calls 500 ms an error.
	tablesEvery = 36000
	// unitOverhead is what packing adds at the most to a unit besides the packets' headers and its start codes: PES header
	// 19, delimiter 6, PCR 8, filling of the last packet 183.
	unitOverhead = 216
	// tagSize is room for the packets of a usual tag.
	tagSize = 8 * PacketSize
)

// Faults makes a faulty stream out of a clean one (packages faults/...). It is called for each unit, of pictures and of sound, in decoding order.
type Faults interface {
	// Unit is what the faulty stream has in place of a unit: none, one or several, whose PTS and DTS may be any.
	Unit(au media.Unit) ([]media.Unit, error)
	// Packets are those of the faulty stream in place of the packets of a frame's units. It is not called for sound.
	Packets(frame int64, packets []byte) []byte
}

// Muxer packs access units and ID3 tags into a transport stream. What it makes depends on its calls alone. A Muxer is not safe for
// concurrent use.
//
// The stream: PAT and PMT, a packet each; the video on PID 0x100 with stream type 0x1B, a PCR 50 ms before the DTS in the first
// packet of every access unit, where units are up to 80 ms apart in the last one too, and packets with only a PCR where more are
// needed for one every 40 ms;
// random_access_indicator on key frames; timed ID3 on PID 0x101 with stream type 0x15; AAC on PID 0x102 with stream type 0x0F.
// Continuity counters run on over all
// calls, so that segments can be joined.
type Muxer struct {
	// Step is how far the second unit is from the first, in ticks; 0 where that is not known.
	Step int64
	// Sound announces a stream of AAC.
	Sound bool
	// Faults makes the stream a faulty one; nil for a clean one. With it PTS and DTS may be any: PCR and tables go by the clean DTS.
	Faults Faults

	packer
	pending []id3.Timed // of units that the faulty stream does not have, for the next one
	begun   bool
	last    int64 // DTS of the last unit, ticks
	clock   int64 // what the last PCR is as of a unit with that DTS, ticks
	tabled  int64 // DTS of the last unit with tables before it, ticks
}

// NewMuxer makes a Muxer of a new stream.
func NewMuxer() *Muxer { return &Muxer{} }

// Unit is the packets of the next unit in decoding order: the tables before the first unit and each key frame, and so
// that no more than 400 ms of stream time pass without them as long as no units are missing; the tags with their PTS, cut to
// 33 bits; the access unit as a PES packet with its PTS and, where it
// differs, its DTS, both cut to 33 bits. A missing access unit delimiter is put in front, which the standard demands
// (H.222.0, 2.14.1). The slice is new and the caller's. au and the tags are neither changed nor kept.
//
// A unit of AAC is a PES packet with its ADTS header, without tables, PCR or tags. It may be before or after a unit
// of video that is decoded at the same time.
//
// It returns an error for a unit without NAL units, with an empty one, or with DTS after PTS; it is not in the stream then, and
// neither are the tags.
func (m *Muxer) Unit(au media.Unit, tags ...id3.Timed) ([]byte, error) {
	if au.Codec() == media.AAC {
		return m.soundUnit(au)
	}
	if m.Faults != nil {
		return m.faulty(au, tags)
	}
	if au.DTS > au.PTS {
		return nil, fmt.Errorf("pack access unit: frame %d: DTS %d is after PTS %d", au.Frame, au.DTS, au.PTS)
	}
	return m.pack(au, au.DTS, tags)
}

// soundUnit is the packets of a unit of AAC.
func (m *Muxer) soundUnit(u media.Unit) ([]byte, error) {
	units := []media.Unit{u}
	var err error
	if !m.Sound {
		err = errors.New("the tables have no sound")
	} else if m.Faults != nil {
		units, err = m.Faults.Unit(u)
	}
	var all [][]byte
	for _, one := range units { // an error must leave the continuity counter as it is
		if err != nil {
			break
		}
		var adts []byte
		adts, err = aac.AppendUnit(nil, one)
		all = append(all, adts)
	}
	if err != nil {
		return nil, fmt.Errorf("pack sound: sample %d: %w", u.Frame, err)
	}
	var out []byte
	for i, adts := range all {
		out = m.sound(out, adts, media.MulDivFloor(units[i].PTS, media.TicksPerSecond, u.Track.Timescale))
	}
	return out, nil
}

// faulty is the packets that a faulty stream has in place of those of a unit.
func (m *Muxer) faulty(au media.Unit, tags []id3.Timed) ([]byte, error) {
	units, err := m.Faults.Unit(au)
	if err != nil {
		return nil, err
	}
	m.pending = append(m.pending, tags...)
	var out []byte
	for _, faulty := range units {
		packets, err := m.pack(faulty, au.DTS, m.pending)
		if err != nil {
			return nil, err
		}
		out, m.pending = append(out, packets...), nil
	}
	return m.Faults.Packets(au.Frame, out), nil
}

// pack makes the packets of a unit whose place in the stream is that of a DTS.
func (m *Muxer) pack(au media.Unit, dts int64, tags []id3.Timed) ([]byte, error) {
	if err := checkUnit(au); err != nil {
		return nil, fmt.Errorf("pack access unit: frame %d: %w", au.Frame, err)
	}
	tabled := m.tabled
	out := make([]byte, 0, sizeOf(&au, len(tags)))
	if m.begun {
		for at := range between(m.clock, dts) {
			if at+pcrEvery-tabled > tablesEvery {
				out, tabled = m.tables(out, m.Sound), at
			}
			out = m.reference(out, at)
		}
	}
	if m.tablesDue(au.Key, dts, tabled) {
		out, tabled = m.tables(out, m.Sound), dts
	}
	for _, t := range tags {
		out = m.id3(out, t.Tag, t.PTS)
	}
	again := int64(0)
	step := m.Step
	if m.begun { // the next unit is taken to be as far away as the one before
		step = dts - m.last
	}
	if step > pcrEvery && step <= 2*pcrEvery {
		again = step / 2
	}
	out = m.unit(out, au, dts, again)
	m.begun, m.last, m.clock, m.tabled = true, dts, dts+again, tabled
	return out, nil
}

// tablesDue reports whether the tables belong before a unit with that DTS, when they were last there at a DTS of tabled: before the
// next one, taken to be as far from it as it is from the one before, or before the next PCR, it would be too late. Time
// that goes back is the start of another stream.
func (m *Muxer) tablesDue(key bool, dts, tabled int64) bool {
	step := dts - m.last
	if step <= longestFrame {
		step = min(step, pcrEvery)
	}
	return !m.begun || key || step < 0 || dts+step-tabled > tablesEvery
}

// sizeOf is room for the packets of a unit with so many tags, without much to spare: whoever keeps them for readers counts the
// bytes.
func sizeOf(au *media.Unit, tags int) int {
	pes := au.Size() + 4*len(au.NALs) + unitOverhead
	return 3*PacketSize + tagSize*tags + (pes+bodySize-1)/bodySize*PacketSize
}
