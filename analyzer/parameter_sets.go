package analyzer

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/media"
)

const (
	maxPPS = 255 // pic_parameter_set_id (H.264, 7.4.2.2)
	maxSPS = 31  // seq_parameter_set_id (H.264, 7.4.2.1.1)
	// sliceHead holds a slice's PPS number: the header and three Exp-Golomb codes of up to 32 bits, with emulation prevention.
	sliceHead = 32
)

// parameterSets are those of a stream, and which SPS is active: that of the PPS that the picture's slices name.
type parameterSets struct {
	sps    [maxSPS + 1]spsEntry
	pps    [maxPPS + 1]int16 // number of the SPS, plus one; 0 where there is no such PPS
	active *h264.SPS         // nil before the first picture
}

type spsEntry struct {
	nal    []byte
	parsed *h264.SPS
}

// take keeps a parameter set; other NAL units are passed over. It refers to nal no longer after it.
func (p *parameterSets) take(nal []byte) error {
	switch h264.TypeOf(nal) {
	case h264.NALSPS:
		if slices.ContainsFunc(p.sps[:], func(e spsEntry) bool { return e.parsed != nil && bytes.Equal(e.nal, nal) }) {
			return nil // as nearly all are
		}
		s, err := h264.ParseSPS(nal)
		if err != nil {
			return err
		}
		p.sps[s.ID] = spsEntry{bytes.Clone(nal), s}
	case h264.NALPPS:
		r := h264.NewBitReader(h264.Unescape(nal[:min(len(nal), sliceHead)]))
		r.U(8)
		id, sps := r.UE(), r.UE()
		if err := r.Err(); err != nil {
			return fmt.Errorf("read PPS: %w", err)
		}
		if id > maxPPS || sps > maxSPS {
			return fmt.Errorf("read PPS: number %d, of SPS %d, is out of range", id, sps)
		}
		p.pps[id] = int16(sps) + 1
	}
	return nil
}

// activate finds the SPS of the picture with these NAL units. It stays as it is where they don't say.
func (p *parameterSets) activate(nals [][]byte) {
	for _, nal := range nals {
		switch h264.TypeOf(nal) {
		case h264.NALSlice, h264.NALPartitionA, h264.NALIDR:
		default:
			continue
		}
		r := h264.NewBitReader(h264.Unescape(nal[:min(len(nal), sliceHead)]))
		r.U(8)
		r.UE() // first_mb_in_slice
		r.UE() // slice_type
		pps := r.UE()
		if r.Err() != nil || pps > maxPPS || p.pps[pps] == 0 {
			return
		}
		if s := p.sps[p.pps[pps]-1].parsed; s != nil {
			p.active = s
		}
		return
	}
}

// describe says what of an SPS people notice.
func describe(s *h264.SPS) string {
	text := fmt.Sprintf("%dx%d %s", s.Width, s.Height, s.CodecString())
	if v := s.VUI; v != nil && v.TimeScale > 0 && v.NumUnitsInTick > 0 {
		milli := (int64(v.TimeScale)*1000 + int64(v.NumUnitsInTick)) / (2 * int64(v.NumUnitsInTick))
		text += fmt.Sprintf(" %s frames/s", media.SecondsOf(milli*(media.TicksPerSecond/1000)))
	}
	return text
}

// frameTicks is how long a picture with this pic_struct is shown, in 90 kHz ticks (H.264, table E-6), if the SPS has the timing.
func frameTicks(s *h264.SPS, picStruct uint8) (ticks int64, ok bool) {
	if s == nil || s.VUI == nil || s.VUI.TimeScale == 0 || s.VUI.NumUnitsInTick == 0 {
		return 0, false
	}
	fields := [...]int64{2, 1, 1, 2, 2, 3, 3, 4, 6}
	n := int64(2)
	if int(picStruct) < len(fields) {
		n = fields[picStruct]
	}
	scale := int64(s.VUI.TimeScale)
	return (n*int64(s.VUI.NumUnitsInTick)*media.TicksPerSecond + scale/2) / scale, true
}
