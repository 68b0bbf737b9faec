package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/analyzer/verify/report"
)

// absentPCR is how long a PCR may stay away without being absent, in ticks. TR 101 290 wants one every 0.1 s; that many
// muxers bring it somewhat more seldom is no fault of a stream that went through them.
const absentPCR = 45000

// transportFindings are what was wrong with the packets of a transport stream, by indicator.
func (c *checker) transportFindings(j *joint) (list []report.Finding) {
	for i := range c.in.transport {
		r := &c.in.transport[i]
		fields := said(r)
		kind := report.Kind(strings.ToLower(fields["indicator"]))
		k := slices.IndexFunc(list, func(f report.Finding) bool { return f.Kind == kind })
		if k < 0 {
			where := fmt.Sprintf("byte %d", r.Offset)
			if pid := fields["pid"]; pid != "" {
				where += ", PID " + pid
			}
			k = len(list)
			list = append(list, report.Finding{
				Kind: kind, Clock: string(analyzer.Transport), Field: fields["indicator"], Found: fields["detail"],
				Text: fmt.Sprintf("%s (TR 101 290, %s) at %s: %s", fields["indicator"], fields["number"], where, fields["detail"]),
			})
		}
		list[k].Count++
		if r.PTS == nil || len(list[k].Places) == report.MaxPlaces {
			continue
		}
		if n, ok := j.picture(*r.PTS); ok {
			list[k].Places = append(list[k].Places, c.place(c.in.pictures[n].Frame))
		}
	}
	for k := range list {
		if n := list[k].Count; n > 1 {
			list[k].Text += fmt.Sprintf(" first, %d times in all", n)
		}
	}
	return list
}
