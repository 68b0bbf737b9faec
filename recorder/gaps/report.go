package gaps

import (
	"cmp"
	"slices"
	"time"

	"github.com/refstream/refstream/faults/verdict"
	"github.com/refstream/refstream/recorder"
)

// Report is what was found in a session.
type Report struct {
	Session   recorder.Info
	Runs      []recorder.Run
	Playlists []PlaylistReport // those that were checked
	// Gaps are in the order of time. Each is in Findings too.
	Gaps     []Gap
	Findings []Finding // in the order of time, the first 1000 of each kind and playlist
	// Counts is the number of findings of each kind, including those that were left out.
	Counts map[Kind]int64
	// Faults are the labelled faults in what was recorded; then Findings are those that none of them explains.
	Faults []verdict.Result
	// Shown are the versions around the findings, by playlist and in the order of time, where Options.Show asks for them.
	Shown []Shown

	labels   *verdict.Labels // nil where there are none
	ahead    time.Duration   // of the server's clock
	loadings []time.Time     // of playlists, where there are labels
	kept     map[kept]int
	timeline recorder.Timeline // of Runs
	// failedLists and failedOthers are some of the failed requests for playlists and for other things: as many as a plot can show.
	failedLists, failedOthers []recorder.Moment
}

// PlaylistReport describes how a playlist was published.
type PlaylistReport struct {
	recorder.Playlist
	// Label is a short name, unlike that of any other: the path, from the session's folder on the server.
	Label string
	// Threshold is what was taken for a gap, at last; TargetDuration is that of the last version. 0 where there is none.
	TargetDuration, Threshold time.Duration
	PlaylistCounts
	// Shortest, Median and Longest are of the Intervals. Uncertainty is the median of how long a version may have existed before
	// it was seen.
	Shortest, Median, Longest, Uncertainty time.Duration

	intervals, delays []sample
	delayed           *recorder.Segment // that of the last of delays
	uncertain         []time.Duration
}

// PlaylistCounts counts the loadings of a playlist, its versions and those of them that are stale; its segments, those that
// could not be fetched, that the recorder was too late for, and that have EXT-X-GAP; and the times between versions with news
// of which it is known when the first one appeared.
type PlaylistCounts struct {
	Loadings    int64 `json:"loadings"`
	Versions    int64 `json:"versions"`
	Stale       int64 `json:"stale_versions"`
	Segments    int64 `json:"segments"`
	Missing     int64 `json:"missing_segments"`
	NotRecorded int64 `json:"not_recorded_segments"`
	Gaps        int64 `json:"gap_segments"`
	Intervals   int64 `json:"intervals"`
}

// sample is a value of a plot.
type sample struct {
	recorder.Moment
	value  time.Duration
	begins bool // something is missing before it
}

// kept is what maxFindings bounds.
type kept struct {
	kind     Kind
	playlist int64
}

// add adds a finding, unless a labelled fault explains it.
func (r *Report) add(f Finding) (added bool) {
	if r.explained(&f) {
		return false
	}
	r.Counts[f.Kind]++
	k := kept{f.Kind, f.Playlist}
	if r.kept[k]++; r.kept[k] > maxFindings {
		return true
	}
	f.UTC = r.utc(f.Moment)
	f.Count = max(f.Count, 1)
	r.Findings = append(r.Findings, f)
	return true
}

// Offset is the position of a moment in the recording, with its runs one after the other, as a replay counts.
func (r *Report) Offset(m recorder.Moment) time.Duration { return r.timeline.Offset(m) }

// run gives a run by its id, nil where there is none.
func (r *Report) run(id int64) *recorder.Run {
	if i := slices.IndexFunc(r.Runs, func(run recorder.Run) bool { return run.ID == id }); i >= 0 {
		return &r.Runs[i]
	}
	return nil
}

// utc is zero for a run that isn't there.
func (r *Report) utc(m recorder.Moment) time.Time {
	run := r.run(m.Run)
	if run == nil {
		return time.Time{}
	}
	return run.Started.Add(m.At).UTC()
}

// playlist gives the report of a playlist that is checked, nil for others.
func (r *Report) playlist(id int64) *PlaylistReport {
	if i := slices.IndexFunc(r.Playlists, func(p PlaylistReport) bool { return p.ID == id }); i >= 0 {
		return &r.Playlists[i]
	}
	return nil
}

func (r *Report) finish() {
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Run, b.Run), cmp.Compare(a.At, b.At), cmp.Compare(a.Playlist, b.Playlist))
	})
	slices.SortStableFunc(r.Gaps, func(a, b Gap) int {
		return cmp.Or(cmp.Compare(a.Before.Run, b.Before.Run), cmp.Compare(a.Before.Seen, b.Before.Seen))
	})
	for i := range r.Playlists {
		r.Playlists[i].finish()
	}
}

func (p *PlaylistReport) finish() {
	p.Intervals = int64(len(p.intervals))
	values := make([]time.Duration, len(p.intervals))
	for i := range p.intervals {
		values[i] = p.intervals[i].value
	}
	if len(values) > 0 {
		slices.Sort(values)
		p.Shortest, p.Median, p.Longest = values[0], values[len(values)/2], values[len(values)-1]
	}
	if n := len(p.uncertain); n > 0 {
		slices.Sort(p.uncertain)
		p.Uncertainty = p.uncertain[n/2]
	}
}
