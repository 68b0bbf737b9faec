package report

import "slices"

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
