package markers

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/refstream/refstream/media"
)

// FaultState is how far a fault has got.
type FaultState string

// The states of a fault.
const (
	FaultPlanned FaultState = "planned"
	FaultActive  FaultState = "active"
	FaultDone    FaultState = "done"
	// FaultNotDone: nothing was changed; the record has the reason. A detector that does not find it is right.
	FaultNotDone FaultState = "not_done"
)

// FaultRecord is the truth about one labelled fault: what was planned, and what was done.
type FaultRecord struct {
	ID    string `json:"id"`
	Kind  string `json:"kind"`
	Layer string `json:"layer"`
	// Decoy marks what is legal, and is there to raise no alarm.
	Decoy bool `json:"decoy,omitempty"`
	// Parameters are as in the scenario file, with the defaults of those that it does not have.
	Parameters map[string]string `json:"parameters,omitempty"`
	// Source is the clean channel, Channel its faulty twin, SOURCE-NAME; empty in a clip.
	Source  string `json:"source"`
	Channel string `json:"channel,omitempty"`
	// Span is what was planned.
	Span
	PTS     int64     `json:"pts"`     // of the first frame, 90 kHz ticks, not wrapped
	EndPTS  int64     `json:"end_pts"` // where the last frame ends
	UTC     time.Time `json:"utc"`
	EndUTC  time.Time `json:"end_utc"`
	MSN     int64     `json:"msn"`
	LastMSN int64     `json:"last_msn"`

	State  FaultState `json:"state"`
	Reason string     `json:"reason,omitempty"`
	// Posted: it was asked for while the stream ran. EndedEarly: it was withdrawn before it began, or ended after LastFrame, which was to
	// be a later one.
	Posted     bool `json:"posted,omitempty"`
	EndedEarly bool `json:"ended_early,omitempty"`
	// MeantLast is that later one.
	MeantLast int64 `json:"meant_last_frame,omitempty"`
	// Done are the frames that were changed, Collateral those that were not and look wrong because of it.
	Done       []Span `json:"done,omitempty"`
	Collateral []Span `json:"collateral,omitempty"`
	// Adds: of Done and Collateral it has only what is new since the fault's record before it. Logs alone have such records, of faults that
	// are active: package faults puts them together.
	Adds bool `json:"adds,omitempty"`
	// Clean and Altered are made of the SHA-256s of each changed frame's bytes before and after, in the order of the changes: the
	// SHA-256 of these, joined, in hexadecimal. They are empty where not all bytes are known: pictures are encoded once, and a server
	// that starts within a fault does not know those of the run before.
	Clean   string `json:"clean,omitempty"`
	Altered string `json:"altered,omitempty"`

	// Requests are those that a fault of a server's answers has met, in the order in which the answers ended. There were
	// RequestsLeftOut more, which are not remembered any more.
	Requests        []FaultRequest `json:"requests,omitempty"`
	RequestsLeftOut int64          `json:"requests_left_out,omitempty"`

	// Implies are other kinds whose alarms are right too, Alarms the names that monitors give to it, Expects and Tolerates findings
	// of refstream's tools.
	Implies   []string `json:"implies,omitempty"`
	Alarms    []string `json:"alarms,omitempty"`
	Expects   []string `json:"expects,omitempty"`
	Tolerates []string `json:"tolerates,omitempty"`

	// Generator is the Channel.Generator that made the twin.
	Generator string `json:"generator,omitempty"`
	// Place is the record's place in its log, which is in the order in which they became known: Place.Frame is the stream's newest frame by
	// then. Of several records of a fault the last one holds. A log moves a record with an earlier place behind its newest.
	Place ID `json:"place,omitzero"`
}

// Fault is the same for all records of a fault, and no other fault of its log has it.
func (r FaultRecord) Fault() string { return fmt.Sprint(r.ID, " ", r.Frame, " ", r.Generator) }

// Covers reports whether the fault is planned for one of the frames first to last.
func (r FaultRecord) Covers(first, last int64) bool { return r.Frame <= last && first <= r.LastFrame }

// RecordID is the record's place in its log.
func (r FaultRecord) RecordID() ID { return r.Place }

// Validate reports why no log can hold the record.
func (r FaultRecord) Validate() error {
	if r.ID == "" || r.Kind == "" {
		return errors.New("it has no id or no kind")
	}
	if r.Channel != "" && !strings.HasPrefix(r.Channel, r.Source+"-") {
		return fmt.Errorf("%s is no twin of %s", r.Channel, r.Source)
	}
	return errors.Join(CheckRendition(r.rendition()), checkFrames(r.Place.Frame), checkFrames(r.Frame, r.LastFrame))
}

func (r FaultRecord) generator() string { return r.Generator }

// rendition is the twin's scenario: each twin has a log.
func (r FaultRecord) rendition() string { return strings.TrimPrefix(r.Channel, r.Source+"-") }

func (r FaultRecord) wire() Record {
	r.UTC, r.EndUTC = wireTime(r.UTC), wireTime(r.EndUTC)
	if len(r.Parameters) == 0 {
		r.Parameters = nil
	}
	for _, list := range []*[]string{&r.Implies, &r.Alarms, &r.Expects, &r.Tolerates} {
		if len(*list) == 0 {
			*list = nil
		}
	}
	for _, list := range []*[]Span{&r.Done, &r.Collateral} {
		if len(*list) == 0 {
			*list = nil
		}
	}
	requests := r.Requests
	r.Requests = nil
	for _, q := range requests {
		q.At, q.End = wireTime(q.At), wireTime(q.End)
		r.Requests = append(r.Requests, q)
	}
	return r
}

func (r FaultRecord) after(newest ID) Record {
	r.Place = ID{newest.Frame, newest.Sub + 1}
	return r
}

// Late is false: a log has the same already only where all of it is written again.
func (r FaultRecord) Late() bool { return false }

func (r FaultRecord) same(o Record) bool {
	other, ok := o.(FaultRecord)
	if !ok || r.ID != other.ID || r.Frame != other.Frame || r.State != other.State {
		return false
	}
	other.Place = r.Place
	return reflect.DeepEqual(r.wire(), other.wire())
}

// FaultRequest is a request that a fault has met, and what left the socket.
type FaultRequest struct {
	// Client is the name that the client has given itself, empty where it has none.
	Client string `json:"client,omitempty"`
	File   string `json:"file"`
	// Number counts the client's requests for the file, from 1.
	Number int64     `json:"number"`
	Method string    `json:"method"`
	At     time.Time `json:"at"`
	End    time.Time `json:"end"`
	// Status is 0 where no header was sent. Bytes are those of the body that the system has taken.
	Status int   `json:"status"`
	Bytes  int64 `json:"bytes"`
	// Did is what was done, empty where nothing was; Reason is why not, or why it was not all.
	Did    string `json:"did,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Span is a run of frames, both inclusive, with the HLS times at which the first begins and the last ends.
type Span struct {
	Frame     int64         `json:"frame"`
	LastFrame int64         `json:"last_frame"`
	Time      media.Seconds `json:"time"`
	EndTime   media.Seconds `json:"end_time"`
}

// Span is the frames first to last, inclusive.
func (c Clock) Span(first, last int64) Span {
	return Span{first, last, c.Time(first), c.Time(last + 1)}
}
