package verify

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/analyzer/input"
	"github.com/refstream/refstream/analyzer/verify/internal/verifytest"
	"github.com/refstream/refstream/analyzer/verify/pixels"
	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/analyzer/verify/truth"
	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// given is a source with a truth made by hand.
type given struct {
	channel markers.Channel
	truth   truth.Truth
}

func (g given) Channel(context.Context) (markers.Channel, error)           { return g.channel, nil }
func (g given) Between(context.Context, int64, int64) (truth.Truth, error) { return g.truth, nil }
func (g given) Markers(context.Context, int64, int64) ([]markers.Marker, error) {
	return g.truth.Markers, nil
}

// perfect makes the pictures of frames 0 to n-1.
func perfect(truth truth.Truth, n int64) (list []pixels.Picture) {
	clock := verifytest.Channel().Clock()
	for i := range n {
		p := pixels.Picture{PTS: clock.PTS(i), Timed: true, Frame: i}
		for _, m := range truth.Markers {
			p.Event = p.Event || i >= m.Frame && i <= m.LastFrame
		}
		list = append(list, p)
	}
	return list
}

// statements are those that an annotated access unit makes, of each picture.
func statements(truth truth.Truth, list []pixels.Picture) (out []analyzer.Record) {
	clock := verifytest.Channel().Clock()
	for i, p := range list {
		if p.Frame < 0 {
			continue
		}
		pts, frame, ns := p.PTS, p.Frame, truth.Frames[p.Frame].GenNS
		gen := time.Unix(0, ns/1000*1000)
		one := analyzer.Record{PTS: &pts, Unit: int64(i)}
		record, timing, misb := one, one, one
		record.Source, record.Frame = analyzer.FrameRecord, &frame
		said := annotate.Record{Frame: frame, Channel: "main", Run: 1, GenNS: ns, PTS: clock.PTS(frame), Event: truth.Frames[frame].Event}
		record.Extra = said.AppendJSON(nil)
		timing.Source, timing.Timecode = analyzer.PicTiming, clock.Timecode(frame).String()
		timing.Extra = timingExtra(clock.Timecode(frame))
		misb.Source, misb.UTC = analyzer.MISBTime, &gen
		misb.Extra = fmt.Appendf(nil, `{"status":31,"locked":true,"discontinuity":false,"reverse":false,"us":%d}`, ns/1000)
		out = append(out, record, timing, misb)
	}
	return out
}

// timingExtra is what package analyzer says of a pic_timing.
func timingExtra(tc media.Timecode) []byte {
	return fmt.Appendf(nil, `{"pic_struct":0,"timestamps":[{"clock_timestamp_flag":true,"ct_type":0,"nuit_field_based_flag":true,`+
		`"counting_type":0,"full_timestamp_flag":true,"discontinuity_flag":false,"cnt_dropped_flag":false,"n_frames":%d,`+
		`"seconds_value":%d,"minutes_value":%d,"hours_value":%d,"time_offset":0}]}`, tc.Frames, tc.Seconds, tc.Minutes, tc.Hours)
}

// transport is what ffprobe says of a transport stream of the channel.
func transport() pixels.StreamInfo {
	return pixels.StreamInfo{Format: "mpegts", Codec: "h264", Width: 160, Height: 90, TimeBase: "1/90000", Num: 1, Den: 90000}
}

// checked makes the report on pictures and statements.
func checked(t testing.TB, in streamData, truth truth.Truth) *report.Report {
	t.Helper()
	in.kind = input.TS
	if in.info.Den == 0 {
		in.info = transport()
	}
	r, err := check(t.Context(), in, verifytest.Channel(), given{verifytest.Channel(), truth}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
