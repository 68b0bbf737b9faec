package requests

import (
	"fmt"
	"time"

	"github.com/refstream/refstream/scenario"
)

// longest is how long an answer may be held back: longer than any client waits.
const longest = time.Hour

// delays is the kinds of answers that take long.
func delays() []kind {
	base := func(name, property, doc string, params ...scenario.Param) scenario.Kind {
		return entry(scenario.Kind{
			Name: name, Property: property, Doc: doc, Params: params, Alarms: []string{"slow", "timeout", "fragLoadTimeOut", "levelLoadTimeOut"},
			Expects: []string{"segment_late", "playlist_slow"}, Tolerates: []string{"request_failed", "segment_missing", "not_recorded", "gap", "sequence_jump"},
			Oracle: "curl",
		})
	}
	return []kind{
		{
			Kind: base("http.delay", "delay", "The answer begins late.", length("time", "how late", "5s", longest)),
			begin: func(a *answer, m *met) bool {
				if !a.hold(m) {
					return true
				}
				d, began := time.Duration(m.Params["time"].N), a.Now()
				a.err = a.wait(d)
				m.did = "delayed by " + d.String()
				if a.err != nil {
					m.did, m.why = "delayed", fmt.Sprintf("the client left after %s, or the server stopped", a.Now().Sub(began).Round(time.Millisecond))
				}
				return a.err == nil
			},
		},
		{
			Kind: base("http.throttle", "rate", "The body is sent slowly.",
				scenario.Param{Name: "rate", Doc: "bits in a second", Type: scenario.Whole, Default: "200000", Min: 100, Max: 1_000_000_000}),
			head: func(a *answer, m *met) {
				if a.size == 0 {
					m.why = "the answer has no body"
				} else if a.hold(m) {
					a.rate = m.Params["rate"].N
					m.did = fmt.Sprintf("throttled to %d bit/s", a.rate)
				}
			},
		},
		{
			Kind: base("http.stall", "stall", "The body stops for a time, which is longer than clients wait, and goes on.",
				length("time", "for how long", "1m", longest), atByte("50%")),
			head: func(a *answer, m *met) {
				a.at(m, func() error {
					if !a.hold(m) {
						return nil
					}
					d, began := time.Duration(m.Params["time"].N), a.Now()
					err := a.wait(d)
					a.paced = a.paced.Add(a.Now().Sub(began)) // a rate continues as before
					m.did, m.why = fmt.Sprintf("stalled after %d of %d bytes for %s", a.sent, a.size, d), ""
					if err != nil {
						m.did = fmt.Sprintf("stalled after %d of %d bytes", a.sent, a.size)
						m.why = fmt.Sprintf("the client left after %s, or the server stopped", a.Now().Sub(began).Round(time.Millisecond))
					}
					return err
				})
			},
		},
	}
}
