package markers

import "fmt"

// Trigger asks for an event at a given time: it is written before the generator renders its first frame.
type Trigger struct {
	Frame     int64  `json:"frame"`
	LastFrame int64  `json:"last_frame"`
	Text      string `json:"text"`
}

// RecordID is the record's place in its log.
func (r Trigger) RecordID() ID { return ID{r.Frame, 1} }

// Validate reports why no log can hold the record. Whether a channel can show the event is for Check.
func (r Trigger) Validate() error { return checkFrames(r.Frame, r.LastFrame) }

func (r Trigger) wire() Record { return r }

// Check reports why no generator of the channel takes the trigger, as the API does before it writes one.
func (r Trigger) Check(c Channel) error {
	if err := r.Validate(); err != nil {
		return err
	}
	if n, longest := r.LastFrame-r.Frame+1, c.LongestEvent(); n > longest {
		return fmt.Errorf("an event of %d frames is too long: at most %d are allowed", n, longest)
	}
	return CheckText(r.Text)
}

// Touches reports whether two events have no frame without an event between them.
func (r Trigger) Touches(o Trigger) bool { return r.Frame <= o.LastFrame+1 && o.Frame <= r.LastFrame+1 }
