package api

import (
	"cmp"
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/refstream/refstream/markers"
)

// missingIn reads the records of what is missing from first to last, inclusive, in the order of their first frames.
//
// The log is read whole: a record that came late is behind others, and one of a long time reaches far. It is short where
// all is well, and has some ten thousand records a day where a machine can't keep up at all.
func (s *Server) missingIn(ctx context.Context, channel string, first, last int64) ([]markers.MissingRecord, error) {
	all, err := s.cfg.Store.Missing(ctx, channel, markers.Range{})
	if err != nil {
		return nil, err
	}
	elsewhere, folder := s.elsewhere(channel), s.cfg.HLSDir(channel)
	out := slices.DeleteFunc(all, func(m markers.MissingRecord) bool {
		return m.LastFrame < first || m.Frame > last || elsewhere(m.Generator)
	})
	for i := range out { // earlier versions wrote the folder into the records
		if folder != "" {
			out[i].Detail = strings.ReplaceAll(out[i].Detail, folder+string(filepath.Separator), "")
		}
	}
	slices.SortStableFunc(out, func(a, b markers.MissingRecord) int { return cmp.Compare(a.Frame, b.Frame) })
	return out, nil
}

// view counts the missing frames of markers that stand in the order of their frames, either way.
func (s *Server) view(ctx context.Context, channel string, ms []markers.Marker) ([]markerView, error) {
	if len(ms) == 0 {
		return nil, nil
	}
	first, last := ms[0].Frame, ms[0].LastFrame
	for _, m := range ms {
		first, last = min(first, m.Frame), max(last, m.LastFrame)
	}
	missing, err := s.missingIn(ctx, channel, first, last)
	if err != nil {
		return nil, err
	}
	return s.viewWith(channel, ms, missing), nil
}

// viewWith is view where it is known what is missing of the markers' frames.
func (s *Server) viewWith(channel string, ms []markers.Marker, missing []markers.MissingRecord) []markerView {
	own := s.own(channel)
	out := make([]markerView, len(ms))
	for i, m := range ms {
		out[i] = markerView{Marker: m, foreign: !own(m.Generator), MissingFrames: countMissing(missing, m.Frame, m.LastFrame)}
	}
	return out
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
