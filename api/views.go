package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"github.com/refstream/refstream/faults/pictures"
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
	// Box is where the block of the event is that the frame shows, in pixels of the rendition asked for.
	Box     *markers.Box           `json:"box,omitempty"`
	Missing *markers.MissingRecord `json:"missing,omitempty"`

	// altered: a fault was done to coded pictures of its segment, so that what the clean channel's encoder made is not there.
	foreign, eventUnknown, altered bool
	// elsewhere: what was measured is of another rendition than the one asked for.
	elsewhere bool
}

// MarshalJSON writes the record, with null in place of what was measured of another generator's frame.
func (v frameView) MarshalJSON() ([]byte, error) {
	type plain frameView
	unknown := []string{"dts", "bytes"}
	if v.foreign {
		unknown = append(unknown, "gen_ns", "mono_ns", "run")
	}
	if v.eventUnknown {
		unknown = append(unknown, "event")
	}
	return withNull(v.foreign || v.altered || v.elsewhere, plain(v), unknown...)
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

// twinTruth is the truth about a faulty twin: the records of its clean channel, with what faults did to the pictures, of the frames
// oldest to newest, of which it is known whether the twin has them.
type twinTruth struct {
	name           string
	source         markers.Channel
	log            FaultLog
	oldest, newest int64
	published      map[int64]bool // by media sequence number
}

// twinTruth finds the truth about a twin, nil where there is no such twin.
func (s *Server) twinTruth(ctx context.Context, name string) (*twinTruth, error) {
	log, err := s.faultLog(ctx, name)
	var p *Problem
	if errors.As(err, &p) && p.Status == http.StatusNotFound {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	channels, err := s.cfg.Store.Channels(ctx)
	if err != nil {
		return nil, err
	}
	t := &twinTruth{name: name, log: log, newest: log.Newest(), published: map[int64]bool{}}
	for _, c := range channels {
		if strings.HasPrefix(name, c.Name+"-") && len(c.Name) > len(t.source.Name) {
			t.source = c
		}
	}
	if t.source.Name == "" {
		return nil, nil
	}
	list, err := s.cfg.Store.Read(ctx, t.source.Name, markers.Segments.Of(strings.TrimPrefix(name, t.source.Name+"-")), markers.Range{})
	if err != nil {
		return nil, err
	}
	segments := markers.Segments.Batch(list).Segments
	for _, r := range segments {
		t.published[r.MSN] = true
	}
	if t.oldest = t.newest + 1; len(segments) > 0 {
		t.oldest = segments[0].FirstFrame
	}
	return t, nil
}

// ledger is that of the clean channel, as far as the twin is.
func (t *twinTruth) ledger(v ledgerView) ledgerView {
	if v.FirstFrame == nil || *v.FirstFrame > t.newest || *v.LastFrame < t.oldest {
		return ledgerView{KeptSeconds: v.KeptSeconds}
	}
	v.FirstFrame, v.LastFrame = new(max(*v.FirstFrame, t.oldest)), new(min(*v.LastFrame, t.newest))
	return v
}

// lacks are what the twin lacks of the frames first to last: what its clean channel lacks, and segments that it could not publish.
func (t *twinTruth) lacks(clean []markers.MissingRecord, first, last int64) []markers.MissingRecord {
	clock := t.source.Clock()
	first, last = max(first, t.oldest), min(last, t.newest)
	out := slices.DeleteFunc(slices.Clone(clean), func(m markers.MissingRecord) bool { return m.Frame > last || m.LastFrame < first })
	for msn := clock.MSN(first); msn <= clock.MSN(last) && first <= last; msn++ {
		from, to := max(first, clock.FirstFrame(msn)), min(last, clock.FirstFrame(msn+1)-1)
		if t.published[msn] || countMissing(clean, from, to) == to-from+1 {
			continue
		}
		out = append(out, markers.MissingRecord{
			Frame: from, LastFrame: to, Reason: markers.ReasonPublish, Detail: "the faulty twin could not publish the segment",
			At: clock.UTC(clock.FirstFrame(msn + 1)), Generator: t.source.Generator,
		})
	}
	slices.SortStableFunc(out, func(a, b markers.MissingRecord) int { return cmp.Compare(a.Frame, b.Frame) })
	return out
}

// labelFrames writes into frames, which are in ascending order, what the twin's faults did to their pictures.
func (t *twinTruth) labelFrames(ctx context.Context, frames []frameView) error {
	if len(frames) == 0 {
		return nil
	}
	clock := t.source.Clock()
	first, last := frames[0].MSN, frames[len(frames)-1].MSN
	faults, err := t.log.Faults(ctx, clock.FirstFrame(first), clock.FirstFrame(last+1)-1)
	if err != nil {
		return err
	}
	altered := map[int64]bool{}
	for _, f := range faults {
		for _, s := range f.Done {
			for msn := max(clock.MSN(s.Frame), first); msn <= min(clock.MSN(s.LastFrame), last); msn++ {
				altered[msn] = altered[msn] || !slices.Contains([]scenario.Layer{scenario.LayerSound, scenario.LayerPlaylist, scenario.LayerRequest}, scenario.Layer(f.Layer))
			}
		}
	}
	var b markers.Batch
	for _, f := range frames {
		b.Frames = append(b.Frames, f.FrameRecord)
	}
	for i, f := range pictures.LooksOf(faults, clock).Label(b).Frames {
		frames[i].FrameRecord, frames[i].altered = f, altered[f.MSN]
		if f.Fault != "" { // the picture is not the frame's own
			frames[i].Box = nil
		}
	}
	return nil
}

// labelMarkers writes into markers which fault hides their events, and how many of their frames the twin lacks.
func (t *twinTruth) labelMarkers(ctx context.Context, s *Server, list []markerView) error {
	if len(list) == 0 {
		return nil
	}
	var b markers.Batch
	first, last := list[0].Frame, list[0].LastFrame
	for _, m := range list {
		b.Markers = append(b.Markers, m.Marker)
		first, last = min(first, m.Frame), max(last, m.LastFrame)
	}
	faults, err := t.log.Faults(ctx, first, last)
	if err != nil {
		return err
	}
	clean, err := s.missingIn(ctx, t.source.Name, first, last)
	if err != nil {
		return err
	}
	missing := t.lacks(clean, first, last)
	for i, m := range pictures.LooksOf(faults, t.source.Clock()).Label(b).Markers {
		list[i].Marker, list[i].MissingFrames = m, countMissing(missing, m.Frame, m.LastFrame)
	}
	return nil
}

// bounded is a query for those of its markers of all of whose frames it is known what the twin shows.
func (t *twinTruth) bounded(ctx context.Context, store markers.Store, q recordQuery) (recordQuery, error) {
	clock := t.source.Clock()
	after, upTo := clock.Time(t.oldest)-1, clock.Time(max(0, t.newest))
	list, err := store.Markers(ctx, t.source.Name, markers.Range{To: markers.EndOfFrame(max(0, t.newest)), Limit: 1, Desc: true})
	if len(list) > 0 && list[0].LastFrame > t.newest {
		upTo = list[0].Time - 1
	}
	if !q.hasAfter || q.after < after {
		q.after, q.hasAfter = after, true
	}
	if !q.hasUpTo || q.upTo > upTo {
		q.upTo, q.hasUpTo = upTo, true
	}
	return q, err
}
