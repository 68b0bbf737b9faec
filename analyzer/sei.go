package analyzer

import (
	"bytes"
	"encoding/json"
	"math"
	"time"

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/codec/hevc"
	"github.com/refstream/refstream/media"
)

// sei takes a NAL unit of supplemental enhancement information.
func (x *extractor) sei(m *moment, nal []byte) {
	messages, err := h264.ParseSEI(nal)
	if err != nil {
		x.note(NoteDamaged, err, "unit %d has SEI that can't be read to its end", m.number)
	}
	x.hlsTime(m, messages)
	for _, msg := range messages {
		switch msg.Type {
		case h264.SEIPicTiming:
			x.picTiming(m, msg.Payload)
		case h264.SEIUserDataUnregistered:
			x.userData(m, msg.Payload)
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
		if !x.lacked {
			x.lacked = true
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
	if tc, of := x.counts.take(p.Timestamps[:], wideTimecode(sps)); of != nil {
		r.Timecode, r.clock = tc.String(), clockTimestamp(tc, of, sps.VUI)
	}
	own := *m
	own.dur, own.hasDur = frameTicks(sps, p.PicStruct)
	x.unitRecord(&own, r)
}

// userData takes a user_data_unregistered message, which states a time if its UUID is a known one.
func (x *extractor) userData(m *moment, payload []byte) {
	if stamp, ok := h264.ParseMISBTime(payload); ok {
		if stamp.Micros > math.MaxInt64 {
			return // no clock says so
		}
		x.misb(m, stamp.Status, "us", int64(stamp.Micros), time.UnixMicro(int64(stamp.Micros)))
		return
	}
	u, ok := h264.ParseUserData(payload)
	if !ok {
		return
	}
	if string(u.UUID[:]) == annotate.RecordUUID {
		x.frameRecord(m, u.Data)
		return
	}
	switch u.UUID.String() {
	case uuidMISBMicros, uuidMISBNanos:
		x.otherMISB(m, u)
	case uuidOBS:
		x.obs(m, u.Data)
	case uuidMillicast:
		x.millicast(m, u.Data)
	}
}

// frameRecord takes the user data that package annotate writes.
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

// seiHEVC takes a NAL unit of supplemental enhancement information of HEVC. User data is as in H.264.
func (x *extractor) seiHEVC(m *moment, nal []byte) {
	messages, err := hevc.ParseSEI(nal)
	if err != nil {
		x.note(NoteDamaged, err, "unit %d has SEI that can't be read to its end", m.number)
	}
	x.hlsTime(m, messages)
	for _, msg := range messages {
		switch msg.Type {
		case hevc.SEITimeCode:
			x.timeCode(m, msg.Payload)
		case hevc.SEIUserDataUnregistered:
			x.userData(m, msg.Payload)
		}
	}
}

// timeCode takes a time code message.
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
