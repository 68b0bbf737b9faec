package h264

import "fmt"

// maxPicStruct is the highest pic_struct that is not reserved (H.264, table D-1).
const maxPicStruct = 8

// PicTiming is a pic_timing SEI message (H.264, D.1.3 and D.2.3). Which of its fields are coded, and in how many bits,
// depends on the SPS that is active for the picture.
type PicTiming struct {
	// CPBRemovalDelay and DPBOutputDelay are coded where the SPS has HRD parameters, and zero otherwise. Both count
	// ticks of the VUI's clock.
	CPBRemovalDelay, DPBOutputDelay uint32
	// PicStruct is pic_struct, 0 to 8; 0 is a progressive frame. It and the timestamps are coded where the SPS has
	// pic_struct_present_flag, and zero otherwise.
	PicStruct uint8
	// Timestamps holds NumClockTS timestamps; the rest is zero.
	Timestamps [3]ClockTimestamp
}

// NumClockTS is the number of clock timestamps that a picture with this pic_struct has room for (H.264, table D-1), 0
// for reserved values.
func NumClockTS(picStruct uint8) int {
	counts := [...]int{1, 1, 1, 2, 2, 3, 3, 2, 3}
	if int(picStruct) >= len(counts) {
		return 0
	}
	return counts[picStruct]
}

// ParsePicTiming reads the payload of a message of type 1 under its SPS. Bits after the last field are not looked at.
func ParsePicTiming(payload []byte, sps *SPS) (PicTiming, error) {
	var p PicTiming
	r := NewBitReader(payload)
	hrd := sps.HRD()
	if hrd != nil {
		p.CPBRemovalDelay = r.U(int(hrd.CPBRemovalDelayLength))
		p.DPBOutputDelay = r.U(int(hrd.DPBOutputDelayLength))
	}
	if sps.PicStructPresent() {
		p.PicStruct = uint8(limit(r, "pic_struct", r.U(4), maxPicStruct))
		for i := range NumClockTS(p.PicStruct) {
			p.Timestamps[i] = readClockTimestamp(r, timeOffsetLength(hrd))
		}
	}
	if r.Err() != nil {
		return PicTiming{}, fmt.Errorf("read pic_timing: %w", r.Err())
	}
	return p, nil
}

// Append appends the payload of a message of type 1 under an SPS to dst, and returns the extended slice. A value that
// doesn't fit its field is an error, and dst is returned as it was.
func (p *PicTiming) Append(dst []byte, sps *SPS) ([]byte, error) {
	w := BitWriter{dst: dst}
	hrd := sps.HRD()
	if hrd != nil {
		w.U(int(hrd.CPBRemovalDelayLength), p.CPBRemovalDelay)
		w.U(int(hrd.DPBOutputDelayLength), p.DPBOutputDelay)
	}
	if sps.PicStructPresent() {
		if p.PicStruct > maxPicStruct {
			w.Fail("pic_struct is %d, more than %d", p.PicStruct, maxPicStruct)
		}
		w.U(4, uint32(p.PicStruct))
		for i := range NumClockTS(p.PicStruct) {
			p.Timestamps[i].write(&w, timeOffsetLength(hrd))
		}
	}
	w.AlignPayload()
	if w.Err() != nil {
		return dst, fmt.Errorf("write pic_timing: %w", w.Err())
	}
	return w.Bytes(), nil
}

func timeOffsetLength(hrd *HRD) int {
	if hrd == nil {
		return noHRDTimeOffsetLength
	}
	return int(hrd.TimeOffsetLength)
}
