package analyzer

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/codec/h264"
)

// UUIDs of user data that holds a time, besides those of packages h264 and annotate.
const (
	uuidMISBMicros = "a8687dd4-d759-3758-a5ce-f0338b6545f1" // MISB ST 0604, microseconds in HEVC
	uuidMISBNanos  = "cf848278-ee23-306c-9265-e8fef22fb8b8" // MISB ST 0604, nanoseconds
	uuidOBS        = "0aecffe7-5272-4e2f-a62f-d19cd61a93b5" // OBS Studio, time stamps of a frame's way
	uuidMillicast  = "9a21f3be-31f0-4b78-b0be-c7f7dbb97250" // Millicast, Unix time in milliseconds
)

// userData takes a user_data_unregistered message, which states a time if its UUID is a known one.
func (x *extractor) userData(m *moment, payload []byte) {
	u, ok := h264.ParseUserData(payload)
	if !ok {
		return
	}
	switch string(u.UUID[:]) {
	case annotate.RecordUUID:
		x.frameRecord(m, u.Data)
		return
	case h264.UUIDMISBTime:
		x.misb(m, payload, "us", time.UnixMicro)
		return
	}
	// The body is that of the time stamp for H.264: with its UUID it is parsed as one.
	misb := slices.Concat([]byte(h264.UUIDMISBTime), u.Data)
	switch u.UUID.String() {
	case uuidMISBMicros:
		x.misb(m, misb, "us", time.UnixMicro)
	case uuidMISBNanos:
		x.misb(m, misb, "ns", func(ns int64) time.Time { return time.Unix(0, ns) })
	case uuidOBS:
		x.obs(m, u.Data)
	case uuidMillicast:
		x.millicast(m, u.Data)
	}
}

// misb takes a precision time stamp that counts in the unit. Its status byte is that of MISB ST 0603.
func (x *extractor) misb(m *moment, payload []byte, unit string, at func(int64) time.Time) {
	const unlocked, jumped, backwards = 0x80, 0x40, 0x20
	stamp, ok := h264.ParseMISBTime(payload)
	if !ok || stamp.Micros > math.MaxInt64 { // no clock counts so far
		return
	}
	b := fmt.Appendf(nil, `{"status":%d,"locked":%t,"discontinuity":%t,"reverse":%t,"%s":%d}`, stamp.Status, stamp.Status&unlocked == 0,
		stamp.Status&jumped != 0, stamp.Status&backwards != 0, unit, stamp.Micros)
	x.unitRecord(m, Record{Source: MISBTime, UTC: jsonTime(at(int64(stamp.Micros)).UTC()), Extra: b})
}

// jsonTime is nil for a time that has no form in JSON: years beyond 0 to 9999 (RFC 3339).
func jsonTime(t time.Time) *time.Time {
	if y := t.Year(); y < 0 || y > 9999 {
		return nil
	}
	return &t
}

// millicast takes a Unix time in milliseconds, eight bytes, most significant first.
func (x *extractor) millicast(m *moment, data []byte) {
	const size = 8
	if len(data) < size {
		return
	}
	ms := binary.BigEndian.Uint64(data)
	if ms > math.MaxInt64 {
		return
	}
	x.unitRecord(m, Record{
		Source: UserData, UTC: jsonTime(time.UnixMilli(int64(ms)).UTC()), Extra: fmt.Appendf(nil, `{"convention":"millicast","ms":%d}`, ms),
	})
}

// obsStamp is one time stamp of OBS's user data: when an event happened to the frame.
type obsStamp struct {
	Event uint8 `json:"event"`
	// One of them is set.
	Text    string `json:"rfc3339,omitempty"`
	Millis  *int64 `json:"ms,omitempty"`
	DeltaNS *int64 `json:"delta_ns,omitempty"`
}

// obs takes OBS's list of time stamps. The time of the record is that of the first that says one.
func (x *extractor) obs(m *moment, data []byte) {
	stamps, utc := parseOBS(data)
	if len(stamps) == 0 {
		return
	}
	b, err := json.Marshal(struct {
		Convention string     `json:"convention"`
		Timestamps []obsStamp `json:"timestamps"`
	}{"obs", stamps})
	if err != nil {
		return
	}
	x.unitRecord(m, Record{Source: UserData, UTC: utc, Extra: b})
}

// parseOBS reads the list as far as it can be read.
func parseOBS(data []byte) (stamps []obsStamp, utc *time.Time) {
	const (
		text, millis, delta = 1, 2, 3
		longest             = 64 // RFC 3339 with nanoseconds has half of that
	)
	if len(data) == 0 {
		return nil, nil
	}
	count := 1 + int(data[0])
	data = data[1:]
	for ; count > 0 && len(data) >= 2; count-- {
		kind, s := data[0], obsStamp{Event: data[1]}
		data = data[2:]
		switch kind {
		case text:
			end := bytes.IndexByte(data, 0)
			if end < 0 || end > longest {
				return stamps, utc
			}
			s.Text = strings.ToValidUTF8(string(data[:end]), "\uFFFD")
			if t, err := time.Parse(time.RFC3339Nano, s.Text); err == nil && utc == nil {
				utc = jsonTime(t.UTC())
			}
			data = data[end+1:]
		case millis, delta:
			if len(data) < 8 {
				return stamps, utc
			}
			v := int64(binary.BigEndian.Uint64(data))
			data = data[8:]
			if kind == delta {
				s.DeltaNS = &v
				break
			}
			s.Millis = &v
			if utc == nil {
				utc = jsonTime(time.UnixMilli(v).UTC())
			}
		default:
			return stamps, utc
		}
		stamps = append(stamps, s)
	}
	return stamps, utc
}
