package markers

import (
	"encoding/json"
	"strconv"
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
	// Source is the clean channel.
	Source string `json:"source"`
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
	// Done are the frames that were changed, Collateral those that were not and look wrong because of it.
	Done       []Span `json:"done,omitempty"`
	Collateral []Span `json:"collateral,omitempty"`
	// Clean and Altered are made of the SHA-256s of each changed frame's bytes before and after, in the order of the changes: the
	// SHA-256 of these, joined, in hexadecimal. They are empty where the bytes are not known before: pictures are encoded once.
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

// Shown is a frame whose picture another one shows; the zero Shown is none.
type Shown struct {
	Frame int64
	Set   bool
}

// IsZero reports whether the frame shows its own picture.
func (s Shown) IsZero() bool { return !s.Set }

// MarshalJSON writes the frame's number.
func (s Shown) MarshalJSON() ([]byte, error) { return strconv.AppendInt(nil, s.Frame, 10), nil }

// UnmarshalJSON reads a frame's number.
func (s *Shown) UnmarshalJSON(b []byte) error {
	s.Set = true
	return json.Unmarshal(b, &s.Frame)
}
