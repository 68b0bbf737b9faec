package annotate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/refstream/refstream/codec/h264"
)

// RecordUUID is the UUID, as 16 bytes, of the user_data_unregistered SEI message that holds a frame record. It is the
// name-based UUID, version 5 (RFC 9562, 5.5), of RecordName in the namespace for URLs,
// 6ba7b811-9dad-11d1-80b4-00c04fd430c8.
const RecordUUID = "\xbb\x53\xd2\xdf\xcb\x3f\x50\x8b\xaf\x64\xb4\x60\x92\x64\x51\x1b" // bb53d2df-cb3f-508b-af64-b4609264511b

// RecordName is the name that RecordUUID is made from. It identifies the form of the record, and nothing need be
// found there.
const RecordName = "https://github.com/refstream/refstream/frame-record"

// Record is the frame record, which each access unit carries. After the UUID the message holds a JSON object
// (RFC 8259) without white space:
//
//	{"frame":600,"channel":"main","run":1,"gen_ns":1767225620000000000,"pts":1890000,"event":"main-e4"}
//
// Readers must accept further members, in any order.
type Record struct {
	// Frame is the frame's number from the epoch.
	Frame int64
	// Channel is the stream's name.
	Channel string
	// Run counts the generator's starts, from 1.
	Run int64
	// GenNS is when the generator produced the frame, in UTC nanoseconds since 1970.
	GenNS int64
	// PTS is the presentation time stamp in 90 kHz ticks, not wrapped to the 33 bits it has in a transport stream.
	PTS int64
	// Event is the ID of the marker whose event the frame shows; empty, and null in JSON, when there is none.
	Event string
}

// AppendJSON appends the record's JSON, the user data without its UUID, to dst, and returns the extended slice. Texts
// that aren't UTF-8 get U+FFFD for what isn't.
func (r *Record) AppendJSON(dst []byte) []byte {
	dst = strconv.AppendInt(append(dst, `{"frame":`...), r.Frame, 10)
	dst = appendString(append(dst, `,"channel":`...), r.Channel)
	dst = strconv.AppendInt(append(dst, `,"run":`...), r.Run, 10)
	dst = strconv.AppendInt(append(dst, `,"gen_ns":`...), r.GenNS, 10)
	dst = strconv.AppendInt(append(dst, `,"pts":`...), r.PTS, 10)
	if dst = append(dst, `,"event":`...); r.Event == "" {
		dst = append(dst, "null"...)
	} else {
		dst = appendString(dst, r.Event)
	}
	return append(dst, '}')
}

// MarshalJSON writes the record as AppendJSON does.
func (r Record) MarshalJSON() ([]byte, error) { return r.AppendJSON(nil), nil }

// UnmarshalJSON reads the record as ParseRecord does.
func (r *Record) UnmarshalJSON(b []byte) error {
	v, err := ParseRecord(b)
	if err == nil {
		*r = v
	}
	return err
}

// ParseRecord reads a record's JSON, the user data without its UUID. Every member but event must be there; others are
// ignored, and so are zero bytes at the end.
func ParseRecord(data []byte) (Record, error) {
	var in struct {
		Frame   *int64  `json:"frame"`
		Channel *string `json:"channel"`
		Run     *int64  `json:"run"`
		GenNS   *int64  `json:"gen_ns"`
		PTS     *int64  `json:"pts"`
		Event   string  `json:"event"`
	}
	if err := json.Unmarshal(bytes.TrimRight(data, "\x00"), &in); err != nil {
		return Record{}, fmt.Errorf("read frame record: %w", err)
	}
	if in.Frame == nil || in.Channel == nil || in.Run == nil || in.GenNS == nil || in.PTS == nil {
		return Record{}, errors.New("read frame record: frame, channel, run, gen_ns or pts is missing")
	}
	return Record{*in.Frame, *in.Channel, *in.Run, *in.GenNS, *in.PTS, in.Event}, nil
}

// FindRecord reads the frame record of an access unit, given by its NAL units. Without one ok is false. SEI that can't
// be read is passed over, for it may be another's; a record that can't be read is an error.
func FindRecord(nals [][]byte) (r Record, ok bool, err error) {
	for _, nal := range nals {
		if h264.TypeOf(nal) != h264.NALSEI {
			continue
		}
		messages, _ := h264.ParseSEI(nal)
		for _, m := range messages {
			if m.Type != h264.SEIUserDataUnregistered {
				continue
			}
			if u, isUser := h264.ParseUserData(m.Payload); isUser && string(u.UUID[:]) == RecordUUID {
				r, err = ParseRecord(u.Data)
				return r, err == nil, err
			}
		}
	}
	return Record{}, false, nil
}

// appendString appends s as a JSON string.
func appendString(dst []byte, s string) []byte {
	plain := true
	for i := range len(s) {
		c := s[i]
		plain = plain && c >= ' ' && c <= '~' && c != '"' && c != '\\'
	}
	if plain { // every channel name and marker ID that this project makes
		return append(append(append(dst, '"'), s...), '"')
	}
	quoted, err := json.Marshal(s)
	if err != nil {
		return append(dst, `""`...) // not reached: any string can be marshalled
	}
	return append(dst, quoted...)
}
