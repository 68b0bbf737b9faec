package units

import (
	"bytes"

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// message is a kind of SEI message with the number or the time of a frame.
type message int

// The messages, in the order of the words of the parameter message.
const (
	timecode message = iota // pic_timing
	misb                    // MISB ST 0604
	record                  // annotate.Record
	all
	other message = -1
)

// maxLate is how many frames back messages can be taken from, and maxSaid how many units are remembered for it.
const (
	maxLate = 250
	maxSaid = maxLate + 2*maxReorder
)

// messages are the payloads of a unit's messages, nil where it has none.
type messages [all][]byte

// said is what a frame's messages are.
type said struct {
	frame int64
	messages
}

func messageParam() scenario.Param {
	return scenario.Param{
		Name: "message", Doc: "which SEI: the timecode in pic_timing, the MISB time stamp, the frame record", Type: scenario.Word, Default: "all",
		Words: []string{"timecode", "misb", "record", "all"},
	}
}

// whichMessage is the kind of a SEI message.
func whichMessage(m h264.SEIMessage) message {
	if m.Type == h264.SEIPicTiming {
		return timecode
	}
	if m.Type == h264.SEIUserDataUnregistered && len(m.Payload) >= len(annotate.RecordUUID) {
		switch string(m.Payload[:len(annotate.RecordUUID)]) {
		case h264.UUIDMISBTime:
			return misb
		case annotate.RecordUUID:
			return record
		}
	}
	return other
}

// messagesOf reads a unit's messages; what can't be read is not among them. They are copies.
func messagesOf(au media.Unit) (out messages) {
	for _, nal := range au.NALs {
		if h264.TypeOf(nal) != h264.NALSEI {
			continue
		}
		list, _ := h264.ParseSEI(nal)
		for _, m := range list {
			if w := whichMessage(m); w != other {
				out[w] = bytes.Clone(m.Payload)
			}
		}
	}
	return out
}

// edit makes the unit with other messages, of those that the fault is for: change gives a message's new payload, and nil to take it
// out. A payload that it gives back as it was is left.
func (j *job) edit(change func(w message, payload []byte) []byte) ([]media.Unit, bool) {
	out := j.au
	out.NALs = nil
	changed := false
	chosen := message(j.Params["message"].N)
	for _, nal := range j.au.NALs {
		kept := nal
		if h264.TypeOf(nal) == h264.NALSEI {
			list, err := h264.ParseSEI(nal)
			edited := false
			var rest []h264.SEIMessage
			for _, m := range list {
				if w := whichMessage(m); err == nil && w != other && (chosen == all || chosen == w) {
					payload := change(w, m.Payload)
					edited = edited || !bytes.Equal(payload, m.Payload)
					if m.Payload = payload; payload == nil {
						continue
					}
				}
				rest = append(rest, m)
			}
			switch {
			case edited && len(rest) == 0:
				changed = true
				continue
			case edited:
				kept, changed = h264.AppendSEI(make([]byte, 0, len(nal)), rest), true
			}
		}
		out.NALs = append(out.NALs, kept)
	}
	if !changed || len(out.NALs) == 0 {
		return j.keep("its units have no such SEI, or none that it changes")
	}
	return []media.Unit{out}, true
}

// retimed gives the payload of a pic_timing with the timestamps that change makes of the one that it has; all else in it, such as
// the delays of the buffer, is the picture's own. What can't be read is left.
func (r *Rewriter) retimed(payload []byte, change func(p *h264.PicTiming)) []byte {
	if r.sps == nil {
		return payload
	}
	p, err := h264.ParsePicTiming(payload, r.sps)
	if err != nil || !p.Timestamps[0].Present {
		return payload
	}
	change(&p)
	out, err := p.Append(nil, r.sps)
	if err != nil {
		return payload
	}
	return out
}

// replaced is the unit with other messages in place of its own.
func (j *job) replaced(by messages) ([]media.Unit, bool) {
	return j.edit(func(w message, payload []byte) []byte {
		switch {
		case by[w] == nil:
			return payload
		case w != timecode:
			return by[w]
		}
		return j.r.retimed(payload, func(p *h264.PicTiming) {
			if old, err := h264.ParsePicTiming(by[w], j.r.sps); err == nil && old.PicStruct == p.PicStruct {
				p.Timestamps = old.Timestamps
			}
		})
	})
}
