package score

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/refstream/refstream/markers"
)

// ReadFaults reads records of faults: JSON Lines, an array, or an object whose member "faults" is one. Errors say which record is
// wrong, counted from 1.
func ReadFaults(in io.Reader) (list []markers.FaultRecord, err error) {
	err = eachJSON(in, 0, "faults", func(v json.RawMessage) error {
		var f markers.FaultRecord
		err := json.Unmarshal(v, &f)
		if err == nil {
			err = checkFault(f)
		}
		if err == nil && len(list) == MaxDetections {
			err = fmt.Errorf("there are more than %d", MaxDetections)
		}
		if err != nil {
			return fmt.Errorf("fault %d: %w", len(list)+1, err)
		}
		list = append(list, f)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read faults: %w", err)
	}
	return list, nil
}

// checkFault refuses a record that nothing can be compared with.
func checkFault(f markers.FaultRecord) error {
	switch {
	case f.Kind == "":
		return errors.New("it has no kind: name a file faults.jsonl that refstream wrote")
	case !slices.Contains([]markers.FaultState{markers.FaultDone, markers.FaultActive, markers.FaultPlanned, markers.FaultNotDone}, f.State):
		return fmt.Errorf("state %.40q is not done, not_done, active or planned", string(f.State))
	}
	for _, s := range slices.Concat([]markers.Span{f.Span}, f.Done, f.Collateral) {
		if s.EndTime < s.Time || s.Time < -maxInstant || s.EndTime > maxInstant {
			return fmt.Errorf("it can't be from %s s to %s s", s.Time, s.EndTime)
		}
		if s.Frame < 0 || s.LastFrame < s.Frame || s.LastFrame > markers.MaxFrame {
			return fmt.Errorf("it can't be from frame %d to frame %d", s.Frame, s.LastFrame)
		}
	}
	return nil
}

// Epoch is UTC of HLS time 0 by the records of faults; zero where none has a UTC.
func Epoch(faults []markers.FaultRecord) time.Time {
	for _, f := range faults {
		if !f.UTC.IsZero() {
			return f.UTC.Add(-time.Duration(f.Time))
		}
	}
	return time.Time{}
}
