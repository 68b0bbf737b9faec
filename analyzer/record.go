package analyzer

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/refstream/refstream/media"
)

// Source names the kind of timing statement.
type Source string

// The sources. Those that begin with sei are in access units, with amf in FLV script tags and RTMP data messages, with hls in
// playlists.
const (
	PicTiming       Source = "sei.pic_timing"   // SMPTE timecode (H.264, D.2.3)
	TimeCode        Source = "sei.time_code"    // SMPTE timecode of HEVC (H.265, D.2.27)
	MISBTime        Source = "sei.misb"         // precision time stamp (MISB ST 0604)
	FrameRecord     Source = "sei.frame_record" // package annotate
	UserData        Source = "sei.user_data"    // other user_data_unregistered that is known to hold a time
	OnFI            Source = "amf.onFI"         // timecode and wall clock
	OnMetaData      Source = "amf.onMetaData"   // description of the stream
	OnCuePoint      Source = "amf.onCuePoint"   // event
	OnTextData      Source = "amf.onTextData"   // text
	ID3             Source = "id3"              // timed ID3 in MPEG-TS
	ProducerTime    Source = "mp4.prft"         // wall clock for a time of the track (ISO/IEC 14496-12, 8.16.5)
	ProgramDateTime Source = "hls.program_date_time"
	DateRange       Source = "hls.daterange"
	ManifestEvent   Source = "dash.event" // of an EventStream (ISO/IEC 23009-1, 5.10.2)
	// Transport is what is wrong with the packets of a transport stream (ETSI TR 101 290, 5.2; package tr101290).
	Transport Source = "ts.transport"
)

// Record is one timing statement of a stream, with the moment in the stream that it speaks of.
type Record struct {
	StreamURL string `json:"stream_url"`
	// Timestamp is the wall clock when the statement was read.
	Timestamp time.Time `json:"timestamp"`
	// StreamTime is PTS in seconds. Nil where a statement is not tied to a picture.
	StreamTime *media.Seconds `json:"stream_time"`
	// Time is the HLS clock in seconds, as markers have it, where the access unit holds a frame record: that of refstream itself is a
	// second less than StreamTime, since its PTS begin at 1 s.
	Time *media.Seconds `json:"time,omitempty"`
	// PTS and DTS are 90 kHz ticks, unwrapped; Duration is how long what it speaks of lasts, in ticks. Nil where unknown.
	PTS      *int64 `json:"pts"`
	DTS      *int64 `json:"dts"`
	Duration *int64 `json:"duration"`
	Source   Source `json:"source"`
	// Extra is what the statement says, an object whose members depend on Source.
	Extra json.RawMessage `json:"extra_data"`

	// Unit counts the access units of the stream from 0 in decoding order; -1 where the statement is not in one.
	Unit int64 `json:"unit"`
	Key  bool  `json:"key"`
	// Frame is the frame number that the statement names, UTC the wall clock, Timecode the SMPTE timecode; nil or empty
	// where it names none.
	Frame    *int64     `json:"frame,omitempty"`
	UTC      *time.Time `json:"utc,omitempty"`
	Timecode string     `json:"timecode,omitempty"`
	// MSN and URI are those of the HLS segment that holds it.
	MSN *int64 `json:"msn,omitempty"`
	URI string `json:"uri,omitempty"`
	// Offset is the position of the statement in the bytes of the stream, or of the segment; -1 where it has none.
	Offset int64 `json:"offset"`

	// clock is the clockTimestamp of pic_timing (H.264, D.2.3) in nanoseconds since midnight, nil where it is not known.
	clock *int64
}

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

// appendNumber appends whole numbers without an exponent as long as a double has them exactly.
func appendNumber(b []byte, v float64) []byte {
	const exact = 1 << 53
	switch {
	case math.IsNaN(v), math.IsInf(v, 0):
		return append(b, "null"...)
	case v == math.Trunc(v) && math.Abs(v) <= exact:
		return strconv.AppendInt(b, int64(v), 10)
	}
	return strconv.AppendFloat(b, v, 'g', -1, 64)
}

// appendText appends a JSON string; what isn't UTF-8 becomes U+FFFD.
func appendText(b []byte, s string) []byte {
	plain := true
	for i := range len(s) {
		c := s[i]
		plain = plain && c >= ' ' && c <= '~' && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&'
	}
	if plain { // nearly all are
		return append(append(append(b, '"'), s...), '"')
	}
	quoted, err := json.Marshal(strings.ToValidUTF8(s, "\uFFFD"))
	if err != nil {
		return append(b, `""`...) // not reached: any string can be marshalled
	}
	return append(b, quoted...)
}

// appendMembers appends a list as a JSON object. Of entries with one name the last counts.
func appendMembers[T any](b []byte, list []T, name func(T) string, value func([]byte, T) []byte) []byte {
	last := make(map[string]int, len(list))
	for i, e := range list {
		last[name(e)] = i
	}
	b = append(b, '{')
	for i, e := range list {
		if last[name(e)] != i {
			continue
		}
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = value(append(appendText(b, name(e)), ':'), e)
	}
	return append(b, '}')
}
