package outputs

import "slices"

// Kinds of outputs.
const (
	KindHTTPTS  = "http-ts"
	KindHTTPFLV = "http-flv"
	KindTCPTS   = "tcp-ts"
	KindRTMP    = "rtmp"
	KindPush    = "push"
	KindRelay   = "relay"
)

// States of outputs.
const (
	StateListening  = "listening"  // for consumers to come
	StateConnecting = "connecting" // a push to its target
	StateConnected  = "connected"  // the push's stream flows
	StateRunning    = "running"    // the relay's program
	StateWaiting    = "waiting"    // to begin again after a failure
	StateEnded      = "ended"      // for good
)

// Status is what an output does and has done since it was made.
type Status struct {
	// Kind is one of Kind…, Name an address or path without passwords, stream keys and queries:
	// of a push, at most 200 bytes of printable UTF-8.
	Kind string `json:"kind"`
	Name string `json:"name"`
	// State is one of State….
	State string `json:"state"`
	// Clients is how many consumers there are now, ClientsTotal how many there have been. A push's target that takes the
	// stream, and a relay's program, are consumers.
	Clients      int   `json:"clients"`
	ClientsTotal int64 `json:"clients_total"`
	// Bytes were sent to all of them.
	Bytes int64 `json:"bytes"`
	// Dropped counts consumers that were cut off because they were too slow.
	Dropped int64 `json:"dropped"`
	// Reconnects is how often a push or relay was begun again, successfully or not.
	Reconnects int64 `json:"reconnects"`
	// LastError is what ended the last connection or attempt that failed, or empty.
	LastError string `json:"last_error"`
}

// kinds are in the order of Status.
func kinds() []string {
	return []string{KindHTTPTS, KindHTTPFLV, KindTCPTS, KindRTMP, KindPush, KindRelay}
}

// Status lists all outputs, by kind: http-ts, http-flv, tcp-ts, rtmp, push, relay; those of a kind in the order in which
// they were made.
func (h *Hub) Status() []Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]Status, len(h.outputs))
	for i, o := range h.outputs {
		list[i] = o.status()
	}
	order := kinds()
	slices.SortStableFunc(list, func(a, b Status) int {
		return slices.Index(order, a.Kind) - slices.Index(order, b.Kind)
	})
	return list
}
