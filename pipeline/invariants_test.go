package pipeline

import (
	"maps"
	"reflect"
	"slices"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

// check holds what the runs stored and published against what they were given. Whatever the faults were:
//   - every frame from the first to the last is in one published segment or one missing record;
//   - the frame records are those of the units that the encoders gave, and say what their pictures show;
//   - each event that a frame shows has one marker, which was put into the playlist in time;
//   - the metrics count what was stored.
//
// A run that was killed may have lost the newest records.
func (r *rig) check() {
	r.t.Helper()
	r.checkAccount()
	r.checkFrames()
	r.checkMarkers()
	for i, run := range r.runs {
		if !run.killed {
			r.checkRun(i, run)
		}
	}
	for kind, n := range r.store.LeftOut() {
		if n > 0 {
			r.t.Errorf("%d records of %s came twice or too late", n, kind)
		}
	}
}

func (r *rig) checkAccount() {
	r.t.Helper()
	type span struct{ first, last int64 }
	var spans []span
	for _, s := range r.segments() {
		spans = append(spans, span{s.FirstFrame, s.LastFrame})
	}
	for _, m := range r.missing() {
		spans = append(spans, span{m.Frame, m.LastFrame})
	}
	slices.SortFunc(spans, func(a, b span) int { return int(a.first - b.first) })
	for i, s := range spans {
		if s.last < s.first || i > 0 && s.first != spans[i-1].last+1 {
			r.t.Errorf("each frame has to be accounted for once: %q", r.account())
			return
		}
	}
	// What was never rendered did not go into an encoder, and what went in is in the account.
	for _, e := range r.encoders {
		for _, n := range e.wrote {
			for _, m := range r.missing() {
				if m.Frame <= n && n <= m.LastFrame && m.Reason == markers.ReasonSkipped {
					r.t.Errorf("frame %d was rendered, though the record says that it was skipped", n)
				}
			}
		}
	}
}

func (r *rig) checkFrames() {
	r.t.Helper()
	gave, events := map[int64]bool{}, map[int64]bool{}
	for _, e := range r.encoders {
		maps.Copy(events, e.events)
		if len(e.wrong) > 0 {
			r.t.Errorf("the pictures of frames %v have other numbers", e.wrong)
		}
		for _, n := range e.gave {
			if gave[n] {
				r.t.Errorf("frame %d left two encoders", n)
			}
			gave[n] = true
		}
	}
	recorded := map[int64]markers.FrameRecord{}
	last := int64(-1)
	begun := map[int64]int64{} // by run: the moment from which MonoNS counts
	for _, f := range r.frames() {
		if at, ok := begun[f.Run]; ok && f.GenNS-f.MonoNS < at || f.MonoNS < 0 { // the stream's clock is set forward at times
			r.t.Errorf("frame %d was made %d ns after a start at %d; frames before it at %d", f.Frame, f.MonoNS, f.GenNS-f.MonoNS, at)
		}
		begun[f.Run] = f.GenNS - f.MonoNS
		if events[f.Frame] != (f.Event != "") {
			r.t.Errorf("the picture of frame %d shows an event: %v; its record: %q", f.Frame, events[f.Frame], f.Event)
		}
		if f.Frame <= last || !gave[f.Frame] {
			r.t.Errorf("record of frame %d after %d; it left an encoder: %v", f.Frame, last, gave[f.Frame])
		}
		last, recorded[f.Frame] = f.Frame, f
		c := r.info.Clock()
		if f.PTS != c.PTS(f.Frame) || f.MSN != c.MSN(f.Frame) || f.Offset != c.Offset(f.Frame) || f.Key != (f.Offset == 0) ||
			f.Timecode != c.Timecode(f.Frame).String() || !f.UTC.Equal(c.UTC(f.Frame)) || f.Bytes == 0 {
			r.t.Errorf("record %+v", f)
		}
	}
	if !r.killed && len(recorded) != len(gave) {
		r.t.Errorf("%d frames have a record, %d left the encoders", len(recorded), len(gave))
	}
	for _, s := range r.segments() {
		for n := s.FirstFrame; n <= s.LastFrame; n++ {
			if _, ok := recorded[n]; !ok {
				r.t.Errorf("frame %d is published and has no record", n)
			}
		}
	}
}

// shows is the event that frame n shows, by the schedule and the accepted triggers alone.
func (r *rig) shows(s *scenario.Scenario, n int64) (markers.Event, bool) {
	if ev, ok := s.At(n); ok {
		return s.Show(ev, n, ""), true
	}
	for _, t := range r.triggers {
		if t.Frame <= n && n <= t.LastFrame {
			return s.Show(scenario.Event{First: t.Frame, Last: t.LastFrame}, n, t.Text), true
		}
	}
	return markers.Event{}, false
}

func (r *rig) checkMarkers() {
	r.t.Helper()
	s := r.scenario()
	byID := map[string]markers.Marker{}
	for _, m := range r.markers() {
		if _, twice := byID[m.ID]; twice {
			r.t.Errorf("marker %s is there twice", m.ID)
		}
		byID[m.ID] = m
	}
	first := map[string]markers.FrameRecord{} // by ID
	for _, f := range r.frames() {
		ev, ok := r.shows(s, f.Frame)
		id := ""
		if ok {
			id = ev.ID("main")
		}
		if f.Event != id {
			r.t.Errorf("the record of frame %d says that it shows %q, it shows %q", f.Frame, f.Event, id)
		}
		if _, known := first[id]; !known && ok {
			first[id] = f
		}
	}
	for id, f := range first {
		m, ok := byID[id]
		ev, _ := r.shows(s, m.Frame)
		c := r.info
		c.Run = m.Run
		want := markers.Plan(c, ev)
		want.GenTime, want.GenSeconds = m.GenTime, m.GenSeconds
		if !ok || m != want {
			r.t.Errorf("event %s, which frame %d shows, has the marker %+v, want %+v", id, f.Frame, m, want)
		}
		if !r.killed && (m.Frame != f.Frame || m.GenTime.UnixNano() != f.GenNS || m.Run != f.Run) || m.Frame > f.Frame {
			r.t.Errorf("marker %s begins at frame %d of run %d, the first that shows it is %d of run %d", id, m.Frame, m.Run, f.Frame, f.Run)
		}
	}
	if !r.killed && len(byID) != len(first) {
		r.t.Errorf("%d markers for %d events that are in the stream", len(byID), len(first))
	}
}

// checkRun holds what the segmenter of one run was given against what was stored.
func (r *rig) checkRun(i int, run ranOnce) {
	r.t.Helper()
	s := r.scenario()
	stored := r.segments()
	for k, seg := range run.hls.published {
		if !slices.ContainsFunc(stored, func(s markers.SegmentRecord) bool { return reflect.DeepEqual(s, seg) }) {
			r.t.Errorf("segment %d is published but not stored: %+v", seg.MSN, seg)
		}
		for n := seg.FirstFrame; n <= seg.LastFrame; n++ {
			ev, ok := r.shows(s, n)
			if before, added := run.hls.markers[ev.ID("main")]; ok && (!added || before > k) {
				r.t.Errorf("run %d: frame %d of segment %d shows %s, whose marker the playlist lacked then (%v, %d)",
					i+1, n, seg.MSN, ev.ID("main"), added, before)
				break
			}
		}
	}
	if len(run.hls.addedTwice) > 0 {
		r.t.Errorf("run %d: markers %v were put into the playlist twice", i+1, run.hls.addedTwice)
	}
	if run.hls.refused > 0 {
		r.t.Errorf("run %d: the segmenter refused %d units", i+1, run.hls.refused)
	}
	if n := counted(r.t, run.registry, "segments_total"); n != float64(len(run.hls.published)) {
		r.t.Errorf("run %d: %v segments counted, %d published", i+1, n, len(run.hls.published))
	}
}

// checkTotals holds the metrics of the only run against the store.
func (r *rig) checkTotals() {
	r.t.Helper()
	lost := map[string]int64{}
	for _, m := range r.missing() {
		lost[m.Reason] += m.LastFrame - m.Frame + 1
	}
	for _, reason := range []string{markers.ReasonSkipped, markers.ReasonEncoder, markers.ReasonDown, markers.ReasonPublish} {
		if n := r.counted("frames_missing_total", reason); n != float64(lost[reason]) {
			r.t.Errorf("%v frames counted as missing for reason %s, %d are recorded", n, reason, lost[reason])
		}
	}
	bytes := 0
	for _, f := range r.frames() {
		bytes += f.Bytes
	}
	for name, want := range map[string]int{"frames_total": len(r.frames()), "markers_total": len(r.markers()),
		"segments_total": len(r.segments()), "access_unit_bytes_total": bytes, "encoder_restarts_total": len(r.encoders) - 1} {
		if n := r.counted(name); n != float64(want) {
			r.t.Errorf("%s is %v, want %d", name, n, want)
		}
	}
}

func (r *rig) scenario() *scenario.Scenario {
	r.t.Helper()
	s, err := scenario.New(r.info)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}
