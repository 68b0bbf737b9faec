package live

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
	// Kind is one of Kind…, Name an address or path without passwords, stream keys and queries.
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

// Status lists all outputs in the order in which they were made: first those over HTTP.
func (h *Hub) Status() []Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]Status, len(h.outputs))
	for i, o := range h.outputs {
		list[i] = o.status()
	}
	return list
}
