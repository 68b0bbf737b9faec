package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/media"
)

// Allowance is what is found on purpose, and does not make a stream untrue.
type Allowance struct {
	Kind Kind
	// Clocks are those that it is about, nil for all.
	Clocks []string
	// Most is how many there may be (Finding.Count), -1 for any number. Low and High bound how far a clock is off
	// (Finding.Amount), where Bounded is set.
	Most      int64
	Bounded   bool
	Low, High media.Seconds
}

// Presets of what something that stands in the way of a stream may change.
const (
	presetRemux     = "remux"
	presetTranscode = "transcode"
)

// ParseAllowance reads a preset, or a kind of finding with or without a bound: missing, missing=3, clock_offset=0.96s..1.04s,
// clock_offset=40ms for no more than that either way.
func ParseAllowance(text string) ([]Allowance, error) {
	// What a container may have no room for; SEI is none of it.
	messages := []string{
		string(analyzer.ID3), string(analyzer.OnCuePoint), OnFIClock, OnFITCClock, string(analyzer.DateRange), string(analyzer.ProgramDateTime),
		string(analyzer.ProducerTime),
	}
	remux := []Allowance{
		{Kind: DTS, Most: -1}, {Kind: SegmentLength, Most: -1}, {Kind: PCRRepetitionError, Most: -1}, {Kind: PCRStepError, Most: -1}, {Kind: ClockOffset, Clocks: []string{PTSClock}, Most: -1},
		{Kind: Added, Clocks: []string{string(DiscontinuityTag)}, Most: -1}, {Kind: ClockGaps, Clocks: []string{string(DiscontinuityTag)}, Most: -1},
		{Kind: ClockGone, Clocks: messages, Most: -1},
	}
	switch text {
	case presetRemux:
		return remux, nil
	case presetTranscode:
		return append(remux, Allowance{Kind: Resized, Most: -1}, Allowance{Kind: Retimed, Most: -1}, Allowance{Kind: ClockGone, Most: -1}), nil
	}
	name, bound, bounded := strings.Cut(text, "=")
	a := Allowance{Kind: Kind(name), Most: -1}
	if !a.Kind.Known() {
		return nil, fmt.Errorf("%q is no kind of finding: use %s, %s or some of %v", name, presetRemux, presetTranscode, Kinds())
	}
	if !bounded {
		return []Allowance{a}, nil
	}
	if n, err := strconv.ParseInt(bound, 10, 64); err == nil && n >= 0 {
		a.Most = n
		return []Allowance{a}, nil
	}
	low, high, isRange := strings.Cut(bound, "..")
	if !isRange {
		low, high = "-"+strings.TrimPrefix(bound, "-"), strings.TrimPrefix(bound, "-")
	}
	from, err1 := time.ParseDuration(low)
	to, err2 := time.ParseDuration(high)
	if err1 != nil || err2 != nil || from > to {
		return nil, fmt.Errorf("%q: %q is no bound: use a number such as %s=3, or times such as %s=0.96s..1.04s or %s=40ms",
			text, bound, Missing, ClockOffset, ClockOffset)
	}
	a.Bounded, a.Low, a.High = true, media.Seconds(from), media.Seconds(to)
	return []Allowance{a}, nil
}

// allows says whether a finding is as it should be.
func (a Allowance) allows(f Finding) bool {
	if a.Kind != f.Kind || a.Most >= 0 && f.Count > a.Most {
		return false
	}
	if a.Bounded && (f.Amount == nil || *f.Amount < a.Low || *f.Amount > a.High) {
		return false
	}
	return a.Clocks == nil || !slices.ContainsFunc(strings.Split(f.Clock, ","), func(clock string) bool { return !slices.Contains(a.Clocks, clock) })
}

// AllowanceHelp says on a line each what can be allowed for.
func AllowanceHelp() string {
	var b strings.Builder
	for _, p := range [][2]string{
		{presetRemux, "what another container changes: dts, segment_length, the two of PCR, clock_offset of pts, discontinuities that are added or gone, and\n" +
			"clock_gone of messages: ID3, onFI, cue points, dates"},
		{presetTranscode, "that, and what another encoder changes: resized, retimed, and clock_gone of SEI"},
	} {
		fmt.Fprintf(&b, "  %-15s %s\n", p[0], strings.ReplaceAll(p[1], "\n", "\n"+strings.Repeat(" ", 18)))
	}
	for _, m := range meanings() {
		fmt.Fprintf(&b, "  %-15s %s\n", m.kind, m.text)
	}
	return b.String()
}
