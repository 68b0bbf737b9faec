package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

// Several generators of one stream can write to one store, and the first one's record stands. What they measure differs,
// so a record holds in full for the segments of its own generator only. Of another one's, null is answered in place of
// what was measured.

// own says which records hold in full for the segments of a channel that this process serves.
func (s *Server) own(channel string) func(generator string) bool {
	if s.cfg.Generator == nil {
		return func(string) bool { return true }
	}
	id := s.cfg.Generator(channel)
	return func(generator string) bool { return id != "" && generator == id }
}

// elsewhere says which missing records are of the segments of another generator, so that they say nothing here. Where it is
// not known whose segments these are, none is.
func (s *Server) elsewhere(channel string) func(generator string) bool {
	if s.cfg.Generator == nil {
		return func(string) bool { return false }
	}
	id := s.cfg.Generator(channel)
	return func(generator string) bool { return id != "" && generator != "" && generator != id }
}

// withNull writes v, which is an object, with null in place of some of its members where it is foreign.
func withNull(foreign bool, v any, members ...string) (json.RawMessage, error) {
	text, err := json.Marshal(v)
	if err != nil || !foreign {
		return text, err
	}
	out := []byte{'{'}
	for name, value := range eachMember(text) {
		if slices.Contains(members, name) {
			value = []byte("null")
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = fmt.Appendf(out, "%q:%s", name, value)
	}
	return append(out, '}'), nil
}

// frameView is a frame that left the encoder, and why it is missing where it was not published.
type frameView struct {
	markers.FrameRecord
	Missing *markers.MissingRecord `json:"missing,omitempty"`

	foreign, eventUnknown bool
}

// MarshalJSON writes the record, with null in place of what was measured of another generator's frame.
func (v frameView) MarshalJSON() ([]byte, error) {
	type plain frameView
	measured := []string{"dts", "gen_ns", "mono_ns", "run", "bytes"}
	if v.eventUnknown {
		measured = append(measured, "event")
	}
	return withNull(v.foreign, plain(v), measured...)
}

// frameViews shows records, which are in ascending order.
func (s *Server) frameViews(ctx context.Context, ch markers.Channel, records []markers.FrameRecord) ([]frameView, error) {
	own, foreign := s.own(ch.Name), false
	out := make([]frameView, len(records))
	for i, r := range records {
		out[i] = frameView{FrameRecord: r, foreign: !own(r.Generator)}
		foreign = foreign || out[i].foreign
	}
	if !foreign {
		return out, nil
	}
	// A triggered event can come too late for one generator and in time for another; a scheduled one is the same for all.
	shows, err := scenario.New(ch)
	if err != nil {
		return nil, err
	}
	triggers, err := s.cfg.Store.Triggers(ctx, ch.Name, markers.Range{
		From: markers.AtFrame(max(0, records[0].Frame-ch.LongestEvent())), To: markers.EndOfFrame(records[len(records)-1].Frame),
	})
	if err != nil {
		return nil, err
	}
	for i := range out {
		n := out[i].Frame
		_, scheduled := shows.At(n)
		triggered := func(t markers.Trigger) bool { return t.Frame <= n && n <= t.LastFrame }
		out[i].eventUnknown = !scheduled && (out[i].Event != "" || slices.ContainsFunc(triggers, triggered))
	}
	return out, nil
}

// markerView is a marker as the API shows it.
type markerView struct {
	markers.Marker
	// MissingFrames is the number of the frames from Frame to LastFrame that are not in the published segments.
	MissingFrames int64 `json:"missing_frames,omitempty"`

	foreign bool
}

// MarshalJSON writes the marker, with null in place of what was measured of another generator's.
func (v markerView) MarshalJSON() ([]byte, error) {
	type plain markerView
	return withNull(v.foreign, plain(v), "run", "gen_time", "gen_seconds")
}

// plannedView is a marker whose frames have not been produced yet, so that it has no GEN times: the members here hide
// those of the marker.
type plannedView struct {
	markers.Marker
	GenTime    *struct{} `json:"gen_time,omitempty"`
	GenSeconds *struct{} `json:"gen_seconds,omitempty"`
}

// segmentView is a segment as the API shows it.
type segmentView struct {
	markers.SegmentRecord

	foreign bool
}

// MarshalJSON writes the record, with null in place of what was measured of another generator's segment.
func (v segmentView) MarshalJSON() ([]byte, error) {
	if v.foreign { // its files are elsewhere
		v.Init, v.Also, v.Renditions = "", markers.SegmentFile{}, nil
	}
	return withNull(v.foreign, v.SegmentRecord, "bytes", "published_at", "discontinuity", "discontinuity_sequence")
}

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

// markerViews counts the missing frames of markers.
func (s *Server) markerViews(channel string, ms []markers.Marker, missing []markers.MissingRecord) []markerView {
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
