package verify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/refstream/refstream/analyzer/input"
	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/faults/verdict"
	"github.com/refstream/refstream/markers"
)

// faultResults are what became of the faults in the frames that were read.
func (c *checker) faultResults(allow []report.Allowance) []verdict.Result {
	if c.labels == nil {
		return nil
	}
	list := c.labels.Results(func(r *markers.FaultRecord) string { return c.hidden(r, allow) })
	return slices.DeleteFunc(list, func(r verdict.Result) bool {
		return len(r.Findings) == 0 && (r.LastFrame < c.first || r.Frame > c.last)
	})
}

// hidden is why verify can't find a fault here, empty where it can.
func (c *checker) hidden(r *markers.FaultRecord, allow []report.Allowance) string {
	allowed := func(k report.Kind) bool {
		return slices.ContainsFunc(allow, func(a report.Allowance) bool { return a.Kind == k })
	}
	ours := func(k string) bool { return slices.Contains(report.Kinds(), report.Kind(k)) }
	edge := c.channel.Rate.Base()
	limit := 2*c.ptsTolerance() + roundingNanos
	switch {
	case r.Layer == verdict.LayerPlaylist || r.Layer == verdict.LayerRequest || !slices.ContainsFunc(r.Expects, ours):
		return "verify does not look for it: refstream gaps does, in a recorded session"
	case c.in.unread != nil && r.Layer != verdict.LayerPicture:
		return "the statements of the stream can't be read"
	case r.Layer == verdict.LayerPackets && !c.in.packets:
		return "this carrier has no transport packets"
	case allowed(report.DTS) && (r.Layer == verdict.LayerPackets || r.Layer == verdict.LayerStamps):
		return "--allow: another multiplexer wrote the packets and time stamps"
	case allowed(report.Resized) && (r.Layer == verdict.LayerUnit || r.Layer == verdict.LayerSEI):
		return "--allow: another encoder wrote the coded pictures"
	case r.Frame < c.first+edge || r.LastFrame > c.last-edge:
		return "it is at the edge of what was read"
	case r.Kind == "ts.pcr_step" && c.in.kind == input.HLS:
		return "the PCR steps between segments, which are read one by one"
	case r.Layer == verdict.LayerSEI && c.gone(r, report.Gone), r.Layer == verdict.LayerStamps && slices.Contains(r.Expects, string(report.DTS)) && c.gone(r, report.Absent):
		return "the stream has no such statements"
	case r.Kind == "dts.after_pts":
		return "ffmpeg guesses the time stamps of such pictures, so that their decoding times can't be compared"
	case r.Layer == verdict.LayerStamps && c.amplitude(r) <= limit:
		return "it is less than can be seen in the time stamps of this carrier"
	case r.Layer == verdict.LayerSEI && c.amplitude(r) < c.channel.Rate.Nanos(1):
		return "it is less than a frame"
	case r.Layer == verdict.LayerPackets && r.Parameters["pid"] != "" && r.Parameters["pid"] != "video":
		return "no later packet of its PID may be in the segment, whose counter would show it"
	case r.Layer == verdict.LayerPicture && len(c.labels.matched) == 0 && c.cadence.retimed:
		return "the stream has another frame rate"
	}
	return ""
}

// gone reports whether a clock that a fault makes wrong is in a state, or is not in the stream at all.
func (c *checker) gone(r *markers.FaultRecord, s report.State) bool {
	for _, k := range c.clocks {
		if r.Layer == verdict.LayerSEI && strings.HasPrefix(k.Name, "sei.") && affects(r, k.Name) || r.Layer != verdict.LayerSEI && k.Name == report.DTSClock {
			return k.State == s
		}
	}
	return true
}

// amplitude is how far a fault moves time stamps or messages, in nanoseconds: very far where that is no parameter.
func (c *checker) amplitude(r *markers.FaultRecord) int64 {
	number := func(name string) (v int64) {
		if _, err := fmt.Sscan(r.Parameters[name], &v); err != nil {
			return 0
		}
		return max(v, -v)
	}
	switch by, err := time.ParseDuration(r.Parameters["by"]); {
	case r.Parameters["ppm"] != "":
		return number("ppm") * int64(r.EndTime-r.Time) / 1_000_000
	case r.Parameters["frames"] != "" && number("frames") != 0:
		return c.channel.Rate.Nanos(number("frames"))
	case err == nil:
		return int64(by.Abs())
	}
	return int64(time.Hour)
}
