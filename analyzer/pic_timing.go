package analyzer

import (
	"time"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/media"
)

// clockCount keeps the parts of the last clock timestamp: those that the next one leaves out are the same (H.264,
// D.2.3).
type clockCount struct {
	seconds, minutes, hours             uint8
	hasSeconds, hasMinutes, hasHoursToo bool
}

// take gives the timecode of the first timestamp of a message, with three digits of frames where wide, and that timestamp: nil
// where there is none, or hours, minutes or seconds were never in one.
func (c *clockCount) take(list []h264.ClockTimestamp, wide bool) (tc media.Timecode, of *h264.ClockTimestamp) {
	for i := range list {
		t := &list[i]
		if !t.Present {
			continue
		}
		if t.HasSeconds {
			c.seconds, c.hasSeconds = t.Seconds, true
		}
		if t.HasMinutes {
			c.minutes, c.hasMinutes = t.Minutes, true
		}
		if t.HasHours {
			c.hours, c.hasHoursToo = t.Hours, true
		}
		if of == nil && c.hasSeconds && c.hasMinutes && c.hasHoursToo {
			of = t
			tc = media.Timecode{
				Hours: int(c.hours), Minutes: int(c.minutes), Seconds: int(c.seconds), Frames: int(t.Frames),
				Drop: t.CountingType == h264.CountingDropTwo || t.CountingType == h264.CountingDropOthers || t.CntDropped,
				Wide: wide,
			}
		}
	}
	return tc, of
}

// clockTimestamp is that of a timecode in nanoseconds since midnight, nil where the VUI doesn't say how long a frame is (H.264,
// equation D-1).
func clockTimestamp(tc media.Timecode, of *h264.ClockTimestamp, vui *h264.VUI) *int64 {
	if vui == nil || vui.TimeScale == 0 {
		return nil
	}
	ticks := int64(tc.Frames) * int64(vui.NumUnitsInTick)
	if of.FieldBased {
		ticks *= 2
	}
	ticks += int64(of.TimeOffset)
	seconds := int64(tc.Hours*60+tc.Minutes)*60 + int64(tc.Seconds)
	nanos := seconds*int64(time.Second) + media.FrameRate{Num: int64(vui.TimeScale), Den: 1}.Nanos(ticks)
	return &nanos
}

// appendPicTiming appends what a message says as JSON, by the names of the standard's syntax elements.
func appendPicTiming(b []byte, p *h264.PicTiming, sps *h264.SPS) []byte {
	b = append(b, '{')
	if sps.HRD() != nil {
		b = appendInt(b, "cpb_removal_delay", int64(p.CPBRemovalDelay))
		b = appendInt(append(b, ','), "dpb_output_delay", int64(p.DPBOutputDelay))
	}
	if sps.PicStructPresent() {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = appendInt(b, "pic_struct", int64(p.PicStruct))
		b = appendTimestamps(append(b, ','), p.Timestamps[:h264.NumClockTS(p.PicStruct)], media.H264)
	}
	return append(b, '}')
}

// appendTimestamps appends clock timestamps as a member of a JSON object.
func appendTimestamps(b []byte, list []h264.ClockTimestamp, codec media.Codec) []byte {
	b = append(b, `"timestamps":[`...)
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendTimestamp(b, &list[i], codec)
	}
	return append(b, ']')
}

// appendTimestamp appends a clock timestamp by the names that the codec's standard has.
func appendTimestamp(b []byte, t *h264.ClockTimestamp, codec media.Codec) []byte {
	b = appendBool(append(b, '{'), "clock_timestamp_flag", t.Present)
	if !t.Present {
		return append(b, '}')
	}
	fieldBased, offset := "nuit_field_based_flag", "time_offset"
	if codec == media.HEVC {
		fieldBased, offset = "units_field_based_flag", "time_offset_value"
	} else {
		b = appendInt(append(b, ','), "ct_type", int64(t.ScanType))
	}
	b = appendBool(append(b, ','), fieldBased, t.FieldBased)
	b = appendInt(append(b, ','), "counting_type", int64(t.CountingType))
	b = appendBool(append(b, ','), "full_timestamp_flag", t.Full)
	b = appendBool(append(b, ','), "discontinuity_flag", t.Discontinuity)
	b = appendBool(append(b, ','), "cnt_dropped_flag", t.CntDropped)
	b = appendInt(append(b, ','), "n_frames", int64(t.Frames))
	for _, part := range []struct {
		name string
		has  bool
		v    uint8
	}{
		{"seconds_value", t.HasSeconds, t.Seconds},
		{"minutes_value", t.HasMinutes, t.Minutes},
		{"hours_value", t.HasHours, t.Hours},
	} {
		if part.has {
			b = appendInt(append(b, ','), part.name, int64(part.v))
		}
	}
	b = appendInt(append(b, ','), offset, int64(t.TimeOffset))
	return append(b, '}')
}
