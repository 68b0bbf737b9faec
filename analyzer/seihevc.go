package analyzer

import (
	"github.com/refstream/refstream/codec/hevc"
	"github.com/refstream/refstream/media"
)

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
