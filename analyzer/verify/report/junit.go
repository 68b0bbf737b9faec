package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/refstream/refstream/faults/verdict"
	"github.com/refstream/refstream/internal/junit"
)

// WriteJUnit writes the report as JUnit XML: a test case for each aspect of the stream, so that what was right is seen
// too. A stream of which nothing is known is an error.
func (r *Report) WriteJUnit(w io.Writer) error {
	suite := junit.Suite{Name: "refstream verify " + r.Input, Time: r.At}
	if r.Verdict == Unknown {
		suite.Cases = append(suite.Cases, junit.Case{
			Class: "verify", Name: "verdict", Error: &junit.Failure{Message: strings.Join(r.Notes, "; "), Type: string(Unknown)},
		})
	}
	for _, a := range r.aspects() {
		c := junit.Case{Class: "verify", Name: a.name}
		var failed, allowed []string
		kind := ""
		for _, f := range r.Findings {
			switch {
			case !a.holds(f):
			case f.Allowed:
				allowed = append(allowed, f.Text)
			default:
				failed = append(failed, f.Text)
				kind = string(f.Kind)
			}
		}
		c.Out = strings.Join(allowed, "; ")
		if len(failed) > 0 {
			c.Failure = &junit.Failure{Message: strings.Join(failed, "; "), Type: kind}
		}
		suite.Cases = append(suite.Cases, c)
	}
	suite.Cases = append(suite.Cases, verdict.Cases("verify", r.Faults)...)
	if err := suite.Write(w); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// aspect is a test case: what is found of it makes it fail.
type aspect struct {
	name  string
	holds func(Finding) bool
}

func (r *Report) aspects() []aspect {
	kinds := func(name string, list ...Kind) aspect {
		return aspect{name, func(f Finding) bool { return slices.Contains(list, f.Kind) }}
	}
	if len(r.Clocks) == 0 { // nothing was held against the truth
		return nil
	}
	list := []aspect{
		kinds("frames are all there", Missing, Trimmed, Retimed, BeyondTruth),
		kinds("frames are shown once and in order", Repeated, Frozen, OutOfOrder, Reversed),
		kinds("pictures can be read", Black, Unreadable, Collateral, Resized, Mirrored, Padded, Tinted, Mislabelled, Blended),
		kinds("events show when their markers say", EventMissed, EventExtra, EventEarly, EventLate, EventLength),
		kinds("events are announced", Unannounced),
		kinds("statements say what is so, once", Misreported, Doubled, Added),
		kinds("decoding times are the encoder's", DTS),
		kinds("segments are as long as the playlist says", SegmentLength),
		kinds("no clock is gone", ClockGone),
		kinds("packets are whole and in order, with tables and PCR in time", TransportKinds()...),
		kinds("the sound is that of the stream", SoundMissing, SoundRepeated, SoundSilent, SoundChannel),
	}
	for _, c := range r.Clocks {
		if c.State != Absent && c.State != Gone {
			list = append(list, aspect{"clock " + c.Name, func(f Finding) bool {
				return f.Clock == c.Name && strings.HasPrefix(string(f.Kind), "clock_") && f.Kind != ClockGone
			}})
		}
	}
	return list
}
