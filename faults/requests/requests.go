// Package requests holds the faults of the layer request: what is wrong with an answer of an HTTP server (RFC 9110, 9111, 9112). It
// is between who sends the clean answer and the connection, and logs what left the socket.
//
// A fault selects requests by the frames of what they are for: of a segment its own, whenever it is requested, so that its fate is the
// same for everybody; of all else those of the newest segment when the request arrived. Which of these it meets, and where, is drawn
// for the client, the file and the number of the client's request for it, never by the order in which clients arrive.
package requests

import (
	"slices"
	"time"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/scenario"
)

// kind is an entry of the catalogue with what it does to an answer.
type kind struct {
	scenario.Kind
	// begin is called before anything is sent. It may put another answer in place of the clean one, or end it: then it returns false.
	begin func(a *answer, m *met) bool
	// head is called when the clean answer's header is there, before it is sent.
	head func(a *answer, m *met)
	// chained: a request that the fault itself has sent the client on with belongs to the one before.
	chained bool
}

// met is a fault that meets a request, and what became of it.
type met struct {
	scenario.Fault
	kind
	draw uint64
	// did is what was done, empty where nothing was; why is why not, or why it was not all that was planned.
	did, why string
}

// table is in the order in which faults of the same answer are made.
func table() []kind {
	return slices.Concat(delays(), ends(), statuses(), headers(), bodies())
}

// Kinds lists the kinds of the layer.
func Kinds() (list []*scenario.Kind) {
	for _, k := range table() {
		list = append(list, &k.Kind)
	}
	return list
}

// entry fills in what all kinds of the layer have.
func entry(k scenario.Kind) scenario.Kind {
	k.Layer, k.Grid, k.Carriers, k.Default = scenario.LayerRequest, true, []scenario.Carrier{scenario.HLS}, scenario.Span{Segments: 1}
	if !k.Decoy { // what verify may find where a segment is missing, or only a part of it came
		k.Tolerates = append(k.Tolerates, "missing", "repeated", "unreadable", "collateral", "out_of_order", "misreported", "unannounced", "clock_gaps", "clock_step",
			"segment_length", "dts", "continuity_count_error", "ts_sync_loss", "sync_byte_error", "pat_error", "pmt_error", "crc_error", "transport_error",
			"event_missed", "event_late", "event_early", "event_length", "event_extra")
	}
	k.Params = append(k.Params, scenario.Param{
		Name: "share", Doc: "how many of the requests it meets, drawn for each", Type: scenario.Share, Default: "100%", Min: 1, Max: 100,
	})
	return k
}

// position is the parameters of a place in an answer's body.
func position() []scenario.Param {
	return []scenario.Param{
		{Name: "after", Doc: "how much of the answer is sent before", Type: scenario.Word, Default: "bytes", Words: []string{"nothing", "headers", "bytes"}},
		atByte("50%"),
	}
}

func atByte(byDefault string) scenario.Param {
	return scenario.Param{Name: "at_byte", Doc: "how many bytes of the body are sent before", Type: scenario.Offset, Default: byDefault, Max: 1 << 40}
}

func length(name, doc, byDefault string, most time.Duration) scenario.Param {
	return scenario.Param{Name: name, Doc: doc, Type: scenario.Length, Default: byDefault, Min: int64(time.Millisecond), Max: int64(most)}
}

// Draw is the random number of a fault in the nth request of a client for a file.
func Draw(f scenario.Fault, client, file string, nth int64) uint64 {
	h := f.Draw
	for _, text := range []string{client, file} {
		for _, c := range []byte(text) {
			h = generator.Mix(h ^ uint64(c))
		}
		h = generator.Mix(h ^ 0x100) // no byte: where the one ends and the other begins counts
	}
	return generator.Mix(h ^ uint64(nth))
}

// Meets reports whether a fault meets a request with a draw of it, of those that are for its resource and frames.
func Meets(f scenario.Fault, draw uint64) bool { return int64(draw%100) < f.Params["share"].N }
