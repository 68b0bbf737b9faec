package api

import (
	"context"

	"github.com/refstream/refstream/markers"
)

// markerView is a marker as the API shows it.
type markerView struct {
	markers.Marker
	// MissingFrames is the number of the frames from Frame to LastFrame that are not in the published segments.
	MissingFrames int64 `json:"missing_frames,omitempty"`
}

// plannedView is a marker whose frames have not been produced yet, so that it has no GEN times: the members here hide
// those of the marker.
type plannedView struct {
	markers.Marker
	GenTime    *struct{} `json:"gen_time,omitempty"`
	GenSeconds *struct{} `json:"gen_seconds,omitempty"`
}

// missingBefore is how many records before a range are looked at for one that reaches into it. Records follow each
// other without overlap but for frames that were lost twice, once in the encoder and once in publishing.
const missingBefore = 8

// missingIn reads the records of the missing frames from first to last, inclusive, in order, at most limit of them
// (0: all); more is true where there are further ones.
func (s *Server) missingIn(ctx context.Context, channel string, first, last int64, limit int,
) (out []markers.MissingRecord, more bool, err error) {
	var before []markers.MissingRecord
	if first > 0 { // a zero To would mean no bound
		before, err = s.cfg.Store.Missing(ctx, channel, markers.Range{
			To: markers.EndOfFrame(first - 1), Limit: missingBefore, Desc: true,
		})
		if err != nil {
			return nil, false, err
		}
	}
	for i := len(before) - 1; i >= 0; i-- {
		if before[i].LastFrame >= first {
			out = append(out, before[i])
		}
	}
	r := markers.Range{From: markers.AtFrame(first), To: markers.EndOfFrame(last)}
	if limit > 0 {
		r.Limit = limit + 1
	}
	within, err := s.cfg.Store.Missing(ctx, channel, r)
	if err != nil {
		return nil, false, err
	}
	out = append(out, within...)
	if limit > 0 && len(out) > limit {
		return out[:limit], true, nil
	}
	return out, false, nil
}

// view counts the missing frames of markers that stand in the order of their frames, either way.
func (s *Server) view(ctx context.Context, channel string, ms []markers.Marker) ([]markerView, error) {
	out := make([]markerView, len(ms))
	if len(ms) == 0 {
		return out, nil
	}
	first, last := ms[0].Frame, ms[0].LastFrame
	for i, m := range ms {
		out[i].Marker = m
		first, last = min(first, m.Frame), max(last, m.LastFrame)
	}
	missing, _, err := s.missingIn(ctx, channel, first, last, 0)
	if err != nil {
		return nil, err
	}
	if len(missing) == 0 {
		return out, nil
	}
	for i, m := range ms {
		out[i].MissingFrames = countMissing(missing, m.Frame, m.LastFrame)
	}
	return out, nil
}

// countMissing is the number of frames from first to last that at least one record names. Records are in the order of
// their first frames.
func countMissing(records []markers.MissingRecord, first, last int64) int64 {
	var n int64
	next := first // the first frame that has not been counted yet
	for _, r := range records {
		if r.Frame > last {
			break
		}
		from, to := max(r.Frame, next), min(r.LastFrame, last)
		if from <= to {
			n += to - from + 1
			next = to + 1
		}
	}
	return n
}
