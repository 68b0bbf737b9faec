package analyzer

import (
	"strconv"
	"time"
)

// AppendJSON appends the record as a JSON object on one line to dst, and returns the extended slice: what json.Marshal
// makes of it, several times as fast.
func (r *Record) AppendJSON(dst []byte) []byte {
	b := appendText(append(dst, `{"stream_url":`...), r.StreamURL)
	b = appendTime(append(b, `,"timestamp":`...), r.Timestamp)
	b = append(b, `,"stream_time":`...)
	if r.StreamTime == nil {
		b = append(b, "null"...)
	} else {
		b = append(b, r.StreamTime.String()...)
	}
	if r.Time != nil {
		b = append(append(b, `,"time":`...), r.Time.String()...)
	}
	b = appendOptional(append(b, `,"pts":`...), r.PTS)
	b = appendOptional(append(b, `,"dts":`...), r.DTS)
	b = appendOptional(append(b, `,"duration":`...), r.Duration)
	b = appendText(append(b, `,"source":`...), string(r.Source))
	b = append(b, `,"extra_data":`...)
	if len(r.Extra) == 0 {
		b = append(b, "null"...)
	} else {
		b = append(b, r.Extra...)
	}
	b = strconv.AppendInt(append(b, `,"unit":`...), r.Unit, 10)
	b = strconv.AppendBool(append(b, `,"key":`...), r.Key)
	if r.Frame != nil {
		b = strconv.AppendInt(append(b, `,"frame":`...), *r.Frame, 10)
	}
	if r.UTC != nil {
		b = appendTime(append(b, `,"utc":`...), *r.UTC)
	}
	if r.Timecode != "" {
		b = appendText(append(b, `,"timecode":`...), r.Timecode)
	}
	if r.MSN != nil {
		b = strconv.AppendInt(append(b, `,"msn":`...), *r.MSN, 10)
	}
	if r.URI != "" {
		b = appendText(append(b, `,"uri":`...), r.URI)
	}
	b = strconv.AppendInt(append(b, `,"offset":`...), r.Offset, 10)
	return append(b, '}')
}

func appendTime(b []byte, t time.Time) []byte {
	return append(t.AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
}

func appendOptional(b []byte, v *int64) []byte {
	if v == nil {
		return append(b, "null"...)
	}
	return strconv.AppendInt(b, *v, 10)
}
