package hevc

import (
	"fmt"

	"github.com/refstream/refstream/codec/h264"
)

const maxSeconds, maxMinutes, maxHours = 59, 59, 23 // D.3.27

// ParseTimeCode reads the payload of a message of type 136: the clock timestamps of a picture, at most three (H.265, D.2.27
// and D.3.27). ScanType is 0; FieldBased is units_field_based_flag. Bits after the last field are not looked at. Errors name
// the bit.
func ParseTimeCode(payload []byte) ([]h264.ClockTimestamp, error) {
	r := h264.NewBitReader(payload)
	list := make([]h264.ClockTimestamp, r.U(2))
	for i := range list {
		list[i] = readTimestamp(r)
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("read time code: %w", err)
	}
	return list, nil
}

func readTimestamp(r *h264.BitReader) (c h264.ClockTimestamp) {
	if c.Present = r.Flag(); !c.Present {
		return c
	}
	c.FieldBased = r.Flag()
	c.CountingType = uint8(r.U(5))
	c.Full, c.Discontinuity, c.CntDropped = r.Flag(), r.Flag(), r.Flag()
	c.Frames = uint16(r.U(9))
	if c.HasSeconds = c.Full || r.Flag(); c.HasSeconds {
		c.Seconds = part(r, "seconds_value", 6, maxSeconds)
		if c.HasMinutes = c.Full || r.Flag(); c.HasMinutes {
			c.Minutes = part(r, "minutes_value", 6, maxMinutes)
			if c.HasHours = c.Full || r.Flag(); c.HasHours {
				c.Hours = part(r, "hours_value", 5, maxHours)
			}
		}
	}
	c.TimeOffset = r.I(int(r.U(5)))
	return c
}

// part reads one of n bits that may be no more than most.
func part(r *h264.BitReader, name string, n int, most uint8) uint8 {
	v := r.U(n)
	if v > uint32(most) {
		r.Fail("%s is %d, more than %d", name, v, most)
		return 0
	}
	return uint8(v)
}
