package gaps

import (
	"fmt"
	"slices"
	"time"

	"github.com/refstream/refstream/faults/verdict"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/recorder"
)

const (
	// earliest and latest are how long before a fault begins and after its last version a finding may be: clocks differ a little, and
	// versions come as late as the encoder and the next loading make them.
	earliest, latest = time.Second, 4 * time.Second
	// versionsAfter is how many versions after those of a fault may differ from them: the last of its segments is published at its
	// end, and the next version, without the fault, a segment later.
	versionsAfter = 2
)

// segment is how long a segment of the stream is, by the record of a fault.
func segment(r *markers.FaultRecord) time.Duration {
	if r.Layer != verdict.LayerPlaylist && r.Layer != verdict.LayerRequest { // others are not whole segments long
		return 2 * time.Second
	}
	return r.EndUTC.Sub(r.UTC) / time.Duration(max(1, r.LastMSN-r.MSN+1))
}

// explained reports whether a labelled fault explains a finding.
func (r *Report) explained(f *Finding) bool {
	from := r.utc(f.Moment).Add(r.ahead)
	to := from
	if verdict.Lasts(string(f.Kind)) {
		to = to.Add(f.Amount)
	}
	return r.labels.Explain(verdict.Explained{Finding: string(f.Kind), Count: 1}, func(r *markers.FaultRecord) verdict.Place {
		if f.MSN >= 0 && r.MSN-1 <= f.MSN && f.MSN <= r.LastMSN+1 { // however long ago it was published
			return verdict.Inside
		}
		if to.Before(r.UTC.Add(-earliest)) || from.After(r.EndUTC.Add(versionsAfter*segment(r)+latest)) {
			return verdict.Outside
		}
		return verdict.Inside
	}, false)
}

// judge sets what became of the faults.
func (f *finder) judge() {
	for _, result := range f.r.labels.Results(f.hidden) {
		if f.recorded(result.UTC, result.EndUTC) || len(result.Findings) > 0 {
			f.r.Faults = append(f.r.Faults, result)
		}
	}
}

// recorded reports whether a part of a time was recorded.
func (f *finder) recorded(from, to time.Time) bool {
	return slices.ContainsFunc(f.r.Runs, func(run recorder.Run) bool {
		start := run.Started.Add(f.r.ahead)
		return start.Before(to) && start.Add(run.Ended).After(from)
	})
}

// hidden is why a fault can't be found here, empty where it can.
func (f *finder) hidden(r *markers.FaultRecord) string {
	ours := func(k string) bool { return slices.Contains(Kinds(), Kind(k)) }
	length := segment(r)
	from, to := r.UTC.Add(length), r.EndUTC.Add(length) // its versions are published at the ends of segments
	loadings := 0
	for _, at := range f.r.loadings {
		if at = at.Add(f.r.ahead); at.After(from) && at.Before(to) {
			loadings++
		}
	}
	moved := f.moved(r)
	switch {
	case r.Layer != verdict.LayerPlaylist && r.Layer != verdict.LayerRequest || !slices.ContainsFunc(r.Expects, ours):
		return "gaps does not look for it: refstream verify does"
	case !slices.ContainsFunc(f.r.Runs, func(run recorder.Run) bool {
		start := run.Started.Add(f.r.ahead)
		return start.Add(versionsAfter*length).Before(r.UTC) && start.Add(run.Ended).After(to.Add(length+latest))
	}):
		return "it is at the edge of what was recorded"
	case r.Layer == verdict.LayerRequest:
		return "it may have met the requests of others"
	case loadings < 2:
		return "the playlist was not loaded often enough while it was there"
	case f.o.Threshold > 0 && slices.Contains(r.Expects, string(KindGap)) && to.Sub(r.UTC) <= f.o.Threshold:
		return fmt.Sprintf("it is shorter than the threshold of %v", f.o.Threshold)
	case moved > 0 && moved <= f.o.Tolerance:
		return fmt.Sprintf("it is less than the tolerance of %v", f.o.Tolerance)
	}
	return ""
}

// moved is how far a fault moves dates or durations, 0 where that is no parameter.
func (f *finder) moved(r *markers.FaultRecord) time.Duration {
	if by, err := time.ParseDuration(r.Parameters["by"]); err == nil {
		return by.Abs()
	}
	var ppm int64
	if _, err := fmt.Sscan(r.Parameters["by"], &ppm); err == nil && r.Kind == "playlist.pdt_drift" {
		return (time.Duration(r.EndTime-r.Time) / 1_000_000 * time.Duration(ppm)).Abs()
	}
	return 0
}
