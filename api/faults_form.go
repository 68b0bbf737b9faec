package api

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/refstream/refstream/api/formats"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

// shownBy is what those of the frames first to last show that a fault of pictures was done to.
func shownBy(log PictureLog, faults []markers.FaultRecord, first, last int64) map[int64]int64 {
	shows := map[int64]int64{}
	for _, f := range faults {
		if f.Layer != string(scenario.LayerPicture) {
			continue
		}
		for _, s := range f.Done {
			for n := max(first, s.Frame); n <= min(last, s.LastFrame); n++ {
				shows[n] = log.Shows(n)
			}
		}
	}
	return shows
}

// faultForm is the form of faults. The columns are a fault's members; what has several values has spaces between them.
func faultForm() formats.List[markers.FaultRecord] {
	n := func(v int64) string { return strconv.FormatInt(v, 10) }
	runs := func(spans []markers.Span) string {
		list := make([]string, len(spans))
		for i, s := range spans {
			list[i] = n(s.Frame) + "-" + n(s.LastFrame)
		}
		return strings.Join(list, " ")
	}
	requests := func(list []markers.FaultRequest) string {
		if len(list) == 0 {
			return ""
		}
		text, _ := json.Marshal(list) // it has strings, numbers and times, which can all be written
		return string(text)
	}
	words := func(list []string) string { return formats.Inert(strings.Join(list, " ")) }
	return formats.List[markers.FaultRecord]{
		Name: "faults",
		Columns: []string{
			"id", "kind", "layer", "decoy", "parameters", "source", "channel", "posted", "ended_early", "frame", "last_frame", "time", "end_time", "pts", "end_pts", "utc", "end_utc",
			"msn", "last_msn", "state", "reason", "done", "collateral", "clean", "altered", "requests", "requests_left_out", "implies", "alarms", "expects", "tolerates", "generator",
		},
		Cells: func(f markers.FaultRecord) []string {
			var params []string
			for _, name := range slices.Sorted(maps.Keys(f.Parameters)) {
				params = append(params, name+"="+f.Parameters[name])
			}
			return []string{
				formats.Inert(f.ID), f.Kind, f.Layer, strconv.FormatBool(f.Decoy), words(params), formats.Inert(f.Source), formats.Inert(f.Channel),
				strconv.FormatBool(f.Posted), strconv.FormatBool(f.EndedEarly), n(f.Frame), n(f.LastFrame), f.Time.String(), f.EndTime.String(), n(f.PTS), n(f.EndPTS), f.UTC.Format(time.RFC3339Nano), f.EndUTC.Format(time.RFC3339Nano),
				n(f.MSN), n(f.LastMSN), string(f.State), formats.Inert(f.Reason), runs(f.Done), runs(f.Collateral), f.Clean, f.Altered,
				requests(f.Requests), n(f.RequestsLeftOut),
				words(f.Implies), words(f.Alarms), words(f.Expects), words(f.Tolerates), f.Generator,
			}
		},
		Cue: func(f markers.FaultRecord) formats.Cue {
			return formats.Cue{ID: f.ID, From: f.Time, To: f.EndTime, Text: f.Kind + ", " + strings.ReplaceAll(string(f.State), "_", " ")}
		},
	}
}
