package analyzer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/codec/hevc"
	"github.com/refstream/refstream/media"
)

func (x *extractor) sei(m *moment, codec media.Codec, nal []byte) {
	parse := h264.ParseSEI
	if codec == media.HEVC {
		parse = hevc.ParseSEI
	}
	messages, err := parse(nal)
	if err != nil {
		x.note(NoteDamaged, err, "unit %d has SEI that can't be read to its end", m.number)
	}
	x.hlsTime(m, messages)
	for _, msg := range messages {
		switch {
		case msg.Type == h264.SEIUserDataUnregistered: // of HEVC too
			x.userData(m, msg.Payload)
		case codec == media.H264 && msg.Type == h264.SEIPicTiming:
			x.picTiming(m, msg.Payload)
		case codec == media.HEVC && msg.Type == hevc.SEITimeCode:
			x.timeCode(m, msg.Payload)
		}
	}
}

// hlsTime puts the unit on the HLS clock, where a frame record is among its messages: before any of them is passed on.
func (x *extractor) hlsTime(m *moment, messages []h264.SEIMessage) {
	var vui *h264.VUI
	if x.sets.active != nil {
		vui = x.sets.active.VUI
	}
	for _, msg := range messages {
		if msg.Type != h264.SEIUserDataUnregistered {
			continue
		}
		if u, ok := h264.ParseUserData(msg.Payload); ok && string(u.UUID[:]) == annotate.RecordUUID {
			if rec, err := annotate.ParseRecord(u.Data); err == nil { // else there is a note of it
				m.time = new(rec.Time(vui))
			}
		}
	}
}

// picTiming takes a pic_timing message. One that has room for nothing, because the SPS says so, states nothing.
func (x *extractor) picTiming(m *moment, payload []byte) {
	sps := x.sets.active
	if sps == nil {
		if !x.lackedSPS {
			x.lackedSPS = true
			x.note(NoteDamaged, nil, "pic_timing of unit %d can't be read: no SPS came before it", m.number)
		}
		return
	}
	if sps.HRD() == nil && !sps.PicStructPresent() {
		return
	}
	p, err := h264.ParsePicTiming(payload, sps)
	if err != nil {
		x.note(NoteDamaged, err, "pic_timing of unit %d can't be read", m.number)
		return
	}
	r := Record{Source: PicTiming, Extra: appendPicTiming(nil, &p, sps)}
	// The clock ticks twice a frame.
	wide := sps.VUI != nil && sps.VUI.NumUnitsInTick > 0 &&
		media.FrameRate{Num: int64(sps.VUI.TimeScale), Den: 2 * int64(sps.VUI.NumUnitsInTick)}.WideTimecode()
	if tc, of := x.counts.take(p.Timestamps[:], wide); of != nil {
		r.Timecode, r.clock = tc.String(), clockTimestamp(tc, of, sps.VUI)
	}
	own := *m
	own.dur, own.hasDur = frameTicks(sps, p.PicStruct)
	x.unitRecord(&own, r)
}

func (x *extractor) frameRecord(m *moment, data []byte) {
	rec, err := annotate.ParseRecord(data)
	if err != nil {
		x.note(NoteDamaged, err, "the frame record of unit %d can't be read", m.number)
		return
	}
	if x.run != 0 && rec.Run != x.run {
		x.note(NoteRestart, nil, "the generator was started anew: run %d after run %d, at frame %d", rec.Run, x.run, rec.Frame)
	}
	x.run = rec.Run
	x.unitRecord(m, Record{
		Source: FrameRecord, Frame: &rec.Frame, UTC: new(time.Unix(0, rec.GenNS).UTC()), Extra: oneLine(bytes.TrimRight(data, "\x00")),
	})
}

// oneLine copies JSON that is known to be valid, without white space between its parts where it has line breaks.
func oneLine(valid []byte) json.RawMessage {
	if bytes.ContainsAny(valid, "\r\n") {
		var b bytes.Buffer
		if json.Compact(&b, valid) == nil {
			return b.Bytes()
		}
	}
	return bytes.Clone(bytes.TrimSpace(valid))
}

func (x *extractor) timeCode(m *moment, payload []byte) {
	list, err := hevc.ParseTimeCode(payload)
	if err != nil {
		x.note(NoteDamaged, err, "the time code of unit %d can't be read", m.number)
		return
	}
	r := Record{Source: TimeCode, Extra: append(appendTimestamps([]byte{'{'}, list, media.HEVC), '}')}
	// The rate is not known here: frames have two digits where two are enough.
	if tc, of := x.counts.take(list, false); of != nil {
		r.Timecode = tc.String()
	}
	x.unitRecord(m, r)
}

// clockCount keeps the parts of the last clock timestamp, which the next one may leave out where they are the same (H.264, D.2.3).
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

// clockTimestamp is a timecode in nanoseconds since midnight (H.264, equation D-1), nil where the VUI has no frame duration.
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
	return new(seconds*int64(time.Second) + media.FrameRate{Num: int64(vui.TimeScale), Den: 1}.Nanos(ticks))
}

// appendPicTiming appends what a message says as JSON, by the names of the standard's syntax elements.
func appendPicTiming(b []byte, p *h264.PicTiming, sps *h264.SPS) []byte {
	b = append(b, '{')
	if sps.HRD() != nil {
		b = fmt.Appendf(b, `"cpb_removal_delay":%d,"dpb_output_delay":%d`, p.CPBRemovalDelay, p.DPBOutputDelay)
	}
	if sps.PicStructPresent() {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `"pic_struct":%d,`, p.PicStruct)
		b = appendTimestamps(b, p.Timestamps[:h264.NumClockTS(p.PicStruct)], media.H264)
	}
	return append(b, '}')
}

// appendTimestamps appends clock timestamps as a member of a JSON object, by the names that the codec's standard has.
func appendTimestamps(b []byte, list []h264.ClockTimestamp, codec media.Codec) []byte {
	b = append(b, `"timestamps":[`...)
	for i, t := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `{"clock_timestamp_flag":%t`, t.Present)
		if t.Present {
			fieldBased, offset := "units_field_based_flag", "time_offset_value"
			if codec == media.H264 {
				fieldBased, offset = "nuit_field_based_flag", "time_offset"
				b = fmt.Appendf(b, `,"ct_type":%d`, t.ScanType)
			}
			b = fmt.Appendf(b, `,"%s":%t,"counting_type":%d,"full_timestamp_flag":%t,"discontinuity_flag":%t,"cnt_dropped_flag":%t,"n_frames":%d`,
				fieldBased, t.FieldBased, t.CountingType, t.Full, t.Discontinuity, t.CntDropped, t.Frames)
			if t.HasSeconds {
				b = fmt.Appendf(b, `,"seconds_value":%d`, t.Seconds)
			}
			if t.HasMinutes {
				b = fmt.Appendf(b, `,"minutes_value":%d`, t.Minutes)
			}
			if t.HasHours {
				b = fmt.Appendf(b, `,"hours_value":%d`, t.Hours)
			}
			b = fmt.Appendf(b, `,"%s":%d`, offset, t.TimeOffset)
		}
		b = append(b, '}')
	}
	return append(b, ']')
}
