// Package tr101290 watches the packets of a transport stream for what ETSI TR 101 290, 5.2, calls errors, by its names and
// numbers.
package tr101290

import "github.com/refstream/refstream/media"

// The indicators of ETSI TR 101 290 that are watched for.
const (
	SyncLoss           = "TS_sync_loss"                      // 1.1: the packets are no longer where they should be
	SyncByteError      = "Sync_byte_error"                   // 1.2: bytes between packets
	PATError           = "PAT_error"                         // 1.3
	ContinuityError    = "Continuity_count_error"            // 1.4
	PMTError           = "PMT_error"                         // 1.5
	PIDError           = "PID_error"                         // 1.6: of video and audio
	TransportError     = "Transport_error"                   // 2.1
	CRCError           = "CRC_error"                         // 2.2
	PCRRepetitionError = "PCR_repetition_error"              // 2.3a
	PCRStepError       = "PCR_discontinuity_indicator_error" // 2.3b
	PTSError           = "PTS_error"                         // 2.5
	UnreferencedPID    = "Unreferenced_PID"                  // 3.4
)

// Number is the number of an indicator.
func Number(name string) string {
	return map[string]string{
		SyncLoss: "1.1", SyncByteError: "1.2", PATError: "1.3", ContinuityError: "1.4", PMTError: "1.5", PIDError: "1.6",
		TransportError: "2.1", CRCError: "2.2", PCRRepetitionError: "2.3a", PCRStepError: "2.3b", PTSError: "2.5", UnreferencedPID: "3.4",
	}[name]
}

const (
	// absent is how long the tables may stay away (1.3, 1.5), pcrLimit the PCR (2.3a), in ticks of 90 kHz. A PCR that stays
	// away as long as no table may is reported at once, before it comes again.
	absent   = media.TicksPerSecond / 2
	pcrLimit = media.TicksPerSecond / 10
	// ptsLimit is how far PTS may be apart (2.5), silence how long a stream may stay away, which 1.6 leaves to the user:
	// as long as DVB's measuring devices have it, and longer than any encoder holds audio back.
	ptsLimit = media.TicksPerSecond * 7 / 10
	silence  = 5 * media.TicksPerSecond
	// longestStep is how much time a picture can take at most: what is more is a gap in the stream, in which nothing is
	// late.
	longestStep = media.TicksPerSecond / 10

	// UnknownPID is where no PID is known.
	UnknownPID = -1
)
