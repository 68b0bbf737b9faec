package analyzer

import (
	"bytes"
	"encoding/json"
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
				seconds := rec.Time(vui)
				m.time = &seconds
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
	utc := time.Unix(0, rec.GenNS).UTC()
	x.unitRecord(m, Record{
		Source: FrameRecord, Frame: &rec.Frame, UTC: &utc, Extra: oneLine(bytes.TrimRight(data, "\x00")),
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
