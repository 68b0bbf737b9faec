package score

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// Report says how good a list of detections is. Errors are detection minus marker: a positive one is late. What can't be
// told, such as the precision of no detections, is nil.
type Report struct {
	Clock     Clock          `json:"clock"`
	Tolerance media.Seconds  `json:"tolerance"`
	Offset    media.Seconds  `json:"offset"`
	From      *media.Seconds `json:"from,omitempty"`
	To        *media.Seconds `json:"to,omitempty"`
	// Markers and Detections are those that were compared, Matched the pairs. The rest of the markers is Missed, that of
	// the detections Spurious.
	Markers    int `json:"markers"`
	Detections int `json:"detections"`
	Matched    int `json:"matched"`
	Missed     int `json:"missed"`
	Spurious   int `json:"spurious"`
	// Precision is Matched/Detections, Recall Matched/Markers, F1 their harmonic mean.
	Precision *float64 `json:"precision"`
	Recall    *float64 `json:"recall"`
	F1        *float64 `json:"f1"`
	// Bias is the mean error. P50, P95 and Max are of the errors' absolute values, by nearest rank.
	Bias *media.Seconds `json:"bias"`
	P50  *media.Seconds `json:"error_p50"`
	P95  *media.Seconds `json:"error_p95"`
	Max  *media.Seconds `json:"error_max"`
	// DriftPPM is by how many millionths the detector's clock runs fast: the slope of the errors over time, by least
	// squares. It takes three matches.
	DriftPPM *float64 `json:"drift_ppm"`

	// MissedBefore of the missed markers are before the first detection and MissedAfter after the last, where there are detections: the
	// detector may not have watched then. Note is a line on how to leave them out, empty where there are none.
	MissedBefore int    `json:"missed_before"`
	MissedAfter  int    `json:"missed_after"`
	Note         string `json:"note,omitempty"`

	Matches            []Match         `json:"matches"`
	MissedMarkers      []MissedMarker  `json:"missed_markers"`
	SpuriousDetections []SpuriousPoint `json:"spurious_detections"`
}

// Match is a marker and its detection. Index is the detection's place in the list as given, from 0.
type Match struct {
	ID        string        `json:"id"`
	Frame     int64         `json:"frame"`
	Marker    media.Seconds `json:"marker"`
	Detection media.Seconds `json:"detection"`
	Error     media.Seconds `json:"error"`
	Index     int           `json:"index"`
}

// MissedMarker is a marker without a detection.
type MissedMarker struct {
	ID    string        `json:"id"`
	Frame int64         `json:"frame"`
	At    media.Seconds `json:"at"`
}

// SpuriousPoint is a detection without a marker.
type SpuriousPoint struct {
	Index int           `json:"index"`
	At    media.Seconds `json:"at"`
}

// newReport counts what match left. pairs stand last first.
func newReport(l List, list []markers.Marker, truth, found []point, pairs []pair, o Options) Report {
	r := Report{
		Clock: l.Clock, Tolerance: o.Tolerance, Offset: o.Offset, From: o.From, To: o.To,
		Markers: len(truth), Matched: len(pairs), Missed: len(truth) - len(pairs),
		Matches: []Match{}, MissedMarkers: []MissedMarker{}, SpuriousDetections: []SpuriousPoint{},
	}
	slices.Reverse(pairs)
	hasMarker, hasDetection := make([]bool, len(truth)), make([]bool, len(found))
	for _, p := range pairs {
		hasMarker[p.marker], hasDetection[p.detection] = true, true
		m, t, d := list[truth[p.marker].index], truth[p.marker], found[p.detection]
		r.Matches = append(r.Matches, Match{m.ID, m.Frame, t.at, d.at, d.at - t.at, d.index})
	}
	for i, t := range truth {
		if !hasMarker[i] {
			r.MissedMarkers = append(r.MissedMarkers, MissedMarker{list[t.index].ID, list[t.index].Frame, t.at})
		}
	}
	for i, d := range found {
		if !hasDetection[i] && o.inRange(d.at) {
			r.SpuriousDetections = append(r.SpuriousDetections, SpuriousPoint{d.index, d.at})
		}
	}
	r.Spurious = len(r.SpuriousDetections)
	r.Detections = r.Matched + r.Spurious
	r.Precision, r.Recall = ratio(r.Matched, r.Detections), ratio(r.Matched, r.Markers)
	r.F1 = ratio(2*r.Matched, r.Detections+r.Markers)
	r.describeErrors()
	if len(found) > 0 {
		r.noteUnwatched(found[0].at-o.Tolerance, found[len(found)-1].at+o.Tolerance)
	}
	return r
}

// noteUnwatched counts the missed markers before and after the instants at which there may be a detection.
func (r *Report) noteUnwatched(first, last media.Seconds) {
	for _, m := range r.MissedMarkers {
		switch {
		case m.At < first:
			r.MissedBefore++
		case m.At > last:
			r.MissedAfter++
		}
	}
	var what, how []string
	const ms = media.Seconds(time.Millisecond) // rounded outwards, for a range that leaves out its first instant too
	if r.MissedBefore > 0 {
		what, how = append(what, fmt.Sprintf("%d before the first detection", r.MissedBefore)), append(how, fmt.Sprintf("--ts-start %s", first/ms*ms-ms))
	}
	if r.MissedAfter > 0 {
		what, how = append(what, fmt.Sprintf("%d after the last detection", r.MissedAfter)), append(how, fmt.Sprintf("--ts-end %s", last/ms*ms+ms))
	}
	if len(what) > 0 {
		r.Note = fmt.Sprintf("events missed: %s; if the detector did not watch then, leave them out with %s (ts_start and ts_end over HTTP)",
			strings.Join(what, ", "), strings.Join(how, " "))
	}
}

func ratio(a, b int) *float64 {
	if b == 0 {
		return nil
	}
	return new(float64(a) / float64(b))
}

// describeErrors fills in the statistics of the matches.
func (r *Report) describeErrors() {
	n := len(r.Matches)
	if n == 0 {
		return
	}
	size := make([]media.Seconds, n)
	var sum media.Seconds // at most MaxDetections times MaxTolerance, which fits
	for i, m := range r.Matches {
		size[i] = max(m.Error, -m.Error)
		sum += m.Error
	}
	slices.Sort(size)
	r.Bias, r.P50, r.P95, r.Max = new(sum/media.Seconds(n)), new(rank(size, 50)), new(rank(size, 95)), new(size[n-1])
	r.DriftPPM = r.drift()
}

// rank is a percentile by nearest rank of a sorted list that is not empty.
func rank(sorted []media.Seconds, percent int) media.Seconds {
	return sorted[max(0, (len(sorted)*percent+99)/100-1)]
}

// minDrift is the number of matches that a slope takes: through two any line fits.
const minDrift = 3

// drift is the slope of the errors over the markers' times in millionths, nil where there is none.
func (r *Report) drift() *float64 {
	n := len(r.Matches)
	if n < minDrift {
		return nil
	}
	// From the middle, so that the differences are small enough to be exact in a double.
	middle := r.Matches[n/2].Marker
	var sx, sy, sxx, sxy float64
	for _, m := range r.Matches {
		x, y := float64(m.Marker-middle), float64(m.Error)
		sx, sy, sxx, sxy = sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	d := sxx - sx*sx/float64(n)
	if d <= 0 {
		return nil
	}
	const million = 1e6
	return new((sxy - sx*sy/float64(n)) / d * million)
}
