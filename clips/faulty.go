package clips

import (
	"fmt"
	"path/filepath"

	"errors"

	"github.com/refstream/refstream/faults"
	"github.com/refstream/refstream/faults/packets"
	"github.com/refstream/refstream/faults/pictures"
	"github.com/refstream/refstream/faults/units"
	"github.com/refstream/refstream/internal/jsonlines"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// faulty are a scenario's faults behind the encoder, in one stream: each stream has some of its own, since they keep what was before.
type faulty struct {
	units   *units.Rewriter
	packets *packets.Rewriter
}

// newFaulty makes those of a plan; nil of none.
func newFaulty(plan *scenario.Plan, clock markers.Clock, report faults.Report) *faulty {
	if plan == nil {
		return nil
	}
	return &faulty{units.New(plan, clock, report), packets.New(plan, clock, report)}
}

// Unit is what the faulty stream has in place of a unit of the clean one.
func (f *faulty) Unit(au media.AccessUnit) ([]media.AccessUnit, error) { return f.units.Unit(au) }

// Packets are those of the faulty stream in place of those of a frame's unit.
func (f *faulty) Packets(frame int64, b []byte) []byte { return f.packets.Packets(frame, b) }

// unreported takes the changes of a stream that is not the first: they are the same.
func unreported(faults.Change) {}

// writeFaults writes faults.jsonl: what became of each fault of the scenario in the clip's frames.
func (o Options) writeFaults(dir string, ledger *faults.Ledger, shown *pictures.Pictures) error {
	last := o.First + o.Frames - 1
	for n := o.First; n <= last; n++ {
		if _, f, ok := shown.Look(n); ok {
			ledger.Report(faults.Change{Fault: f.ID, Frame: n, Spoiled: n})
		}
	}
	log, err := jsonlines.Open[markers.FaultRecord](filepath.Join(dir, "faults.jsonl"), nil)
	if err != nil {
		return fmt.Errorf("create truth file: %w", err)
	}
	if err := errors.Join(log.Append(ledger.Records(o.First, last)...), log.Close()); err != nil {
		return fmt.Errorf("write truth: %w", err)
	}
	return nil
}
