package h264

const (
	maxSeconds, maxMinutes, maxHours = 59, 59, 23 // D.2.3

)

// Values of counting_type: how numbers are left out of n_frames (H.264, table D-2).
const (
	CountingNoDrop     = 0 // none is, and time_offset is not used
	CountingDropTwo    = 4 // 0 and 1, at second 0 of each minute but every tenth: drop-frame timecode at 30000/1001
	CountingDropOthers = 6 // unspecified numbers in unspecified counts: drop-frame timecode at 60000/1001, which drops 4
)

// ClockTimestamp is one clock timestamp of a pic_timing message (H.264, D.1.3 and D.2.3), or of a time code message of HEVC,
// which has the same but for ct_type.
type ClockTimestamp struct {
	// Present is clock_timestamp_flag; where it is false the rest is zero.
	Present bool
	// ScanType is ct_type: 0 progressive, 1 interlaced, 2 unknown.
	ScanType uint8
	// FieldBased is nuit_field_based_flag: n_frames counts in two ticks of the VUI's clock, not in one.
	FieldBased bool
	// CountingType is counting_type, 0 to 31; CntDropped states that it left out numbers just before this one.
	CountingType uint8
	// Full is full_timestamp_flag: Seconds, Minutes and Hours are all coded without flags of their own.
	Full bool
	// Discontinuity states that the difference to the timestamp before is not the time that passed.
	Discontinuity bool
	CntDropped    bool
	// Frames is n_frames, 0 to 255; of HEVC 0 to 511.
	Frames uint16
	// Seconds and Minutes are 0 to 59, Hours 0 to 23. Where the flag is false the value is not coded, is zero here, and
	// is meant to be that of the timestamp before. The flags are true where Full is. Minutes need seconds, hours need
	// minutes.
	Seconds, Minutes, Hours          uint8
	HasSeconds, HasMinutes, HasHours bool
	// TimeOffset is time_offset in ticks of the VUI's clock.
	TimeOffset int32
}

func readClockTimestamp(r *BitReader, timeOffsetLength int) ClockTimestamp {
	c := ClockTimestamp{Present: r.Flag()}
	if !c.Present {
		return c
	}
	c.ScanType = uint8(r.U(2))
	c.FieldBased = r.Flag()
	c.CountingType = uint8(r.U(5))
	c.Full = r.Flag()
	c.Discontinuity = r.Flag()
	c.CntDropped = r.Flag()
	c.Frames = uint16(r.U(8))
	if c.HasSeconds = c.Full || r.Flag(); c.HasSeconds {
		c.Seconds = uint8(limit(r, "seconds_value", r.U(6), maxSeconds))
		if c.HasMinutes = c.Full || r.Flag(); c.HasMinutes {
			c.Minutes = uint8(limit(r, "minutes_value", r.U(6), maxMinutes))
			if c.HasHours = c.Full || r.Flag(); c.HasHours {
				c.Hours = uint8(limit(r, "hours_value", r.U(5), maxHours))
			}
		}
	}
	c.TimeOffset = r.I(timeOffsetLength)
	return c
}

func (c *ClockTimestamp) write(w *BitWriter, timeOffsetLength int) {
	w.Flag(c.Present)
	if !c.Present {
		return
	}
	w.U(2, uint32(c.ScanType))
	w.Flag(c.FieldBased)
	w.U(5, uint32(c.CountingType))
	w.Flag(c.Full)
	w.Flag(c.Discontinuity)
	w.Flag(c.CntDropped)
	w.U(8, uint32(c.Frames))
	if c.writePart(w, c.HasSeconds, 6, c.Seconds, maxSeconds) &&
		c.writePart(w, c.HasMinutes, 6, c.Minutes, maxMinutes) {
		c.writePart(w, c.HasHours, 5, c.Hours, maxHours)
	}
	w.I(timeOffsetLength, c.TimeOffset)
}

// writePart writes seconds, minutes or hours with its flag, and reports whether a further part may follow.
func (c *ClockTimestamp) writePart(w *BitWriter, has bool, n int, v, most uint8) bool {
	if v > most {
		w.Fail("timestamp part %d is more than %d", v, most)
	}
	if !c.Full {
		w.Flag(has)
	}
	if has || c.Full {
		w.U(n, uint32(v))
		return true
	}
	return false
}
