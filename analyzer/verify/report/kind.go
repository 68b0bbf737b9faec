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

// Kind is the kind of a finding.
type Kind string

// The kinds of findings.
const (
	Missing            Kind = "missing"
	Repeated           Kind = "repeated"
	Frozen             Kind = "frozen"
	Black              Kind = "black"
	Unreadable         Kind = "unreadable"
	Collateral         Kind = "collateral"
	OutOfOrder         Kind = "out_of_order"
	Reversed           Kind = "reversed"
	Mirrored           Kind = "mirrored"
	Padded             Kind = "padded"
	Tinted             Kind = "tinted"
	Mislabelled        Kind = "mislabelled"
	Blended            Kind = "blended"
	Trimmed            Kind = "trimmed"
	Retimed            Kind = "retimed"
	Resized            Kind = "resized"
	ClockOffset        Kind = "clock_offset"
	ClockDrift         Kind = "clock_drift"
	ClockStep          Kind = "clock_step"
	ClockNoise         Kind = "clock_noise"
	ClockGone          Kind = "clock_gone"
	ClockGaps          Kind = "clock_gaps"
	EventMissed        Kind = "event_missed"
	EventExtra         Kind = "event_extra"
	EventEarly         Kind = "event_early"
	EventLate          Kind = "event_late"
	EventLength        Kind = "event_length"
	Unannounced        Kind = "unannounced"
	Misreported        Kind = "misreported"
	Doubled            Kind = "doubled"
	Added              Kind = "added"
	DTS                Kind = "dts"
	SegmentLength      Kind = "segment_length"
	BeyondTruth        Kind = "beyond_truth"
	SoundMissing       Kind = "sound_missing"
	SoundRepeated      Kind = "sound_repeated"
	SoundSilent        Kind = "sound_silent"
	SoundChannel       Kind = "sound_channel"
	SyncLoss           Kind = "ts_sync_loss"
	SyncByteError      Kind = "sync_byte_error"
	PATError           Kind = "pat_error"
	ContinuityError    Kind = "continuity_count_error"
	PMTError           Kind = "pmt_error"
	PIDError           Kind = "pid_error"
	TransportError     Kind = "transport_error"
	CRCError           Kind = "crc_error"
	PCRRepetitionError Kind = "pcr_repetition_error"
	PCRStepError       Kind = "pcr_discontinuity_indicator_error"
	PTSError           Kind = "pts_error"
	UnreferencedPID    Kind = "unreferenced_pid"
)

// meanings say of each kind what is found.
func meanings() []meaning {
	return []meaning{
		{Missing, "frames that no picture shows"},
		{Repeated, "a frame is shown again"},
		{Frozen, "a frame is shown for long"},
		{Black, "black pictures"},
		{Unreadable, "pictures whose frame code can't be read"},
		{Collateral, "frames in the stream that the loss of another one spoilt: unreadable, shown as another frame, or not decoded"},
		{OutOfOrder, "pictures of frames that were due before"},
		{Reversed, "the pictures come from the last to the first"},
		{Mirrored, "pictures are mirrored, upside down or both"},
		{Padded, "pictures have borders around them"},
		{Tinted, "pictures have a colour cast"},
		{Mislabelled, "pictures are not what the record of a labelled fault says of them"},
		{Blended, "pictures are two frames or more laid over each other"},
		{Trimmed, "frames are missing at either end"},
		{Retimed, "another frame rate"},
		{Resized, "another picture size"},
		{ClockOffset, "a clock is wrong by a constant"},
		{ClockDrift, "a clock runs too fast or too slow"},
		{ClockStep, "a clock jumps"},
		{ClockNoise, "a clock is wrong by this and that"},
		{ClockGone, "a clock or a kind of message is no longer there"},
		{ClockGaps, "a clock or a kind of message is there in some places only"},
		{EventMissed, "a marker's event does not show"},
		{EventExtra, "an event shows without a marker"},
		{EventEarly, "an event begins before its marker says"},
		{EventLate, "an event begins after its marker says"},
		{EventLength, "an event is longer or shorter than its marker says"},
		{Unannounced, "a carrier that announces markers leaves one out"},
		{Misreported, "a field of a statement says what is not so"},
		{Doubled, "a statement stands there more than once"},
		{Added, "a statement stands where there should be none"},
		{DTS, "decoding times are not the encoder's, as after a remux"},
		{SegmentLength, "EXTINF is not as long as the segment's pictures"},
		{BeyondTruth, "frames that the truth is not about"},
		{SoundMissing, "there is no sound, or its time stamps leave a gap where pictures are"},
		{SoundRepeated, "the time stamps of the sound go back"},
		{SoundSilent, "the sound is silent for longer than it should be"},
		{SoundChannel, "the sound of the left channel is in the right one, or in both"},
		{SyncLoss, "the packets of a transport stream are no longer where they should be (TR 101 290, 1.1)"},
		{SyncByteError, "bytes between packets of a transport stream, or a wrong sync byte (1.2)"},
		{PATError, "the PAT is absent for 0.5 s, or is another table (1.3)"},
		{ContinuityError, "packets of a transport stream are missing or out of order (1.4)"},
		{PMTError, "the PMT is absent for 0.5 s (1.5)"},
		{PIDError, "video or audio that the PMT names is absent for 5 s (1.6)"},
		{TransportError, "packets that are marked as damaged (2.1)"},
		{CRCError, "PAT or PMT with a wrong CRC (2.2)"},
		{PCRRepetitionError, "no PCR for 0.5 s (2.3a)"},
		{PCRStepError, "the PCR steps, and the video does not (2.3b)"},
		{PTSError, "PES packets of video or audio without a PTS for 0.7 s (2.5)"},
		{UnreferencedPID, "packets whose PID no table names (3.4)"},
	}
}

type meaning struct {
	kind Kind
	text string
}

// Kinds lists every kind.
func Kinds() (list []Kind) {
	for _, m := range meanings() {
		list = append(list, m.kind)
	}
	return list
}

// Known says whether it is one of Kinds.
func (k Kind) Known() bool { return slices.Contains(Kinds(), k) }

// TransportKinds are the kinds that are indicators of ETSI TR 101 290.
func TransportKinds() []Kind {
	return []Kind{
		SyncLoss, SyncByteError, PATError, ContinuityError, PMTError, PIDError, TransportError, CRCError, PCRRepetitionError, PCRStepError,
		PTSError, UnreferencedPID,
	}
}

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
