package annotate

import (
	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/markers"
)

// filter takes out of a SEI NAL unit what Annotate replaces. kept is nil when nothing is left, and the NAL unit itself
// when nothing was taken. timing is the pic_timing it held, if any.
func (a *Annotator) filter(nal []byte) (kept []byte, timing *h264.PicTiming, err error) {
	all, err := h264.ParseSEI(nal)
	if err != nil {
		return nil, nil, err
	}
	rest := make([]h264.SEIMessage, 0, len(all))
	for _, m := range all {
		switch m.Type {
		case h264.SEIPicTiming:
			if a.sps == nil {
				continue // it can't be read
			}
			if !a.sps.PicStructPresent() {
				if a.sps.HRD() != nil {
					rest = append(rest, m)
				}
				continue
			}
			p, err := h264.ParsePicTiming(m.Payload, a.sps)
			if err != nil {
				return nil, nil, err
			}
			timing = &p
		case h264.SEIUserDataUnregistered:
			if u, ok := h264.ParseUserData(m.Payload); !ok || !replaced(u.UUID) {
				rest = append(rest, m)
			}
		default:
			rest = append(rest, m)
		}
	}
	switch len(rest) {
	case len(all):
		return nal, timing, nil
	case 0:
		return nil, timing, nil
	}
	return h264.AppendSEI(make([]byte, 0, len(nal)), rest), timing, nil
}

// replaced reports whether user data is taken out.
func replaced(u h264.UUID) bool {
	switch string(u[:]) {
	case h264.UUIDX264, h264.UUIDMISBTime, RecordUUID:
		return true
	}
	return false
}

// sei makes the NAL unit to insert.
func (a *Annotator) sei(old *h264.PicTiming, rec *markers.FrameRecord) ([]byte, error) {
	b, messages := a.payloads[:0], a.messages[:0]
	if a.sps != nil && a.sps.PicStructPresent() && (old != nil || a.sps.HRD() == nil) {
		var err error
		p := a.picTimingOf(old, rec.Frame)
		if b, err = p.Append(b, a.sps); err != nil {
			return nil, err
		}
		a.picTiming = true
	}
	timing := b
	b = h264.MISBTime{Status: h264.MISBLocked, Micros: uint64(rec.GenNS / 1000)}.Append(b)
	stamp := b[len(timing):]
	record := Record{
		Frame: rec.Frame, Channel: a.channel, Run: rec.Run, GenNS: rec.GenNS, PTS: rec.PTS, Event: rec.Event,
	}
	b = append(b, RecordUUID...)
	b = record.AppendJSON(b)
	if a.picTiming {
		messages = append(messages, h264.SEIMessage{Type: h264.SEIPicTiming, Payload: timing})
	}
	messages = append(messages,
		h264.SEIMessage{Type: h264.SEIUserDataUnregistered, Payload: stamp},
		h264.SEIMessage{Type: h264.SEIUserDataUnregistered, Payload: b[len(timing)+len(stamp):]})
	a.payloads, a.messages = b, messages
	// Room for the header, three types and sizes, trailing bits, and a few emulation prevention bytes.
	return h264.AppendSEI(make([]byte, 0, len(b)+32), messages), nil
}

// picTimingOf is the pic_timing of frame n, in place of the encoder's.
func (a *Annotator) picTimingOf(old *h264.PicTiming, n int64) h264.PicTiming {
	var p h264.PicTiming
	if old != nil {
		p.CPBRemovalDelay, p.DPBOutputDelay, p.PicStruct = old.CPBRemovalDelay, old.DPBOutputDelay, old.PicStruct
	}
	p.Timestamps[0] = Timestamp(a.clock, n, a.fieldBased)
	return p
}

// Timestamp is the clock timestamp of frame n (H.264, D.2.3). fieldBased: the SPS counts ticks of half a frame:
// see [FieldBased].
func Timestamp(clock markers.Clock, n int64, fieldBased bool) h264.ClockTimestamp {
	tc := clock.Timecode(n)
	return h264.ClockTimestamp{
		Present:      true,
		FieldBased:   fieldBased,
		CountingType: countingType(clock),
		Full:         true, HasSeconds: true, HasMinutes: true, HasHours: true,
		// At midnight the timecode begins again, and its difference to the one before isn't the time that passed.
		Discontinuity: n != 0 && tc.Hours == 0 && tc.Minutes == 0 && tc.Seconds == 0 && tc.Frames == 0,
		CntDropped:    tc.SkipsBefore(clock.Rate),
		Frames:        uint16(tc.Frames),
		Seconds:       uint8(tc.Seconds), Minutes: uint8(tc.Minutes), Hours: uint8(tc.Hours),
	}
}

// countingType is how the clock leaves out numbers: by twos at 30000/1001, which the standard has a value for, and by
// fours at 60000/1001, which it has none for but "others".
func countingType(c markers.Clock) uint8 {
	switch {
	case !c.DropFrame:
		return h264.CountingNoDrop
	case c.Rate.Base() == 30:
		return h264.CountingDropTwo
	}
	return h264.CountingDropOthers
}
