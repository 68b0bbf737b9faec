package requests

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/refstream/refstream/internal/hangup"
)

const (
	// taking is how long a client may take to accept some bytes, as with an answer without faults.
	taking = time.Minute
	// step is how often a throttled body is continued: players don't notice shorter pauses.
	step = 20 * time.Millisecond
)

// errOver is that the answer was ended by a fault.
var errOver = errors.New("a fault has ended the answer")

// answer is the ResponseWriter of the clean answer to one request.
type answer struct {
	Request
	w      http.ResponseWriter
	r      *http.Request
	faults []*met
	clean  func(http.ResponseWriter)

	status int
	size   int64 // of the body that the clean answer has; 0 where it has none
	sent   int64 // bytes of the body
	marks  []mark
	change func(from int64, b []byte) []byte
	rate   int64     // bit/s, 0 for no limit
	paced  time.Time // when the rate began
	holds  bool
	conn   net.Conn // where it was taken from the server
	err    error    // of writing
}

// mark is what is done where so many bytes of the body were sent.
type mark struct {
	at int64
	do func() error
}

// serve makes the answer.
func (a *answer) serve() {
	_ = http.NewResponseController(a.w).SetReadDeadline(time.Time{}) // the time for the request is over, and the answer may take longer
	defer a.release()
	for _, m := range a.faults {
		if m.begin != nil && !m.begin(a, m) {
			return
		}
	}
	a.clean(a)
	if a.conn != nil {
		hangup.Close(a.r.Context(), a.conn)
	}
}

// Header is that of the answer.
func (a *answer) Header() http.Header { return a.w.Header() }

// WriteHeader sends the header, as the faults want it.
func (a *answer) WriteHeader(status int) {
	if a.status != 0 || status < http.StatusOK {
		return
	}
	a.status = status
	if a.r.Method != http.MethodHead && status != http.StatusNotModified && status != http.StatusNoContent {
		a.size, _ = strconv.ParseInt(a.Header().Get("Content-Length"), 10, 64) // http.ServeContent sets it
	}
	for _, m := range a.faults {
		if m.head != nil {
			m.head(a, m)
		}
	}
	slices.SortStableFunc(a.marks, func(x, y mark) int { return cmp.Compare(x.at, y.at) })
	a.extend()
	a.w.WriteHeader(status)
	if len(a.marks) > 0 || a.rate > 0 || a.Header().Get("Content-Length") == "" {
		a.err = a.flush()
	}
	a.paced = a.Now()
	a.pass()
}

// pass does what is marked for the bytes that were sent.
func (a *answer) pass() {
	for a.err == nil && len(a.marks) > 0 && a.marks[0].at <= a.sent {
		do := a.marks[0].do
		a.marks = a.marks[1:]
		a.err = do()
	}
}

// Write sends bytes of the clean body.
func (a *answer) Write(b []byte) (n int, err error) {
	a.WriteHeader(http.StatusOK)
	if a.size == 0 { // net/http drops it
		return a.w.Write(b)
	}
	for n < len(b) && a.err == nil {
		part := b[n:]
		if len(a.marks) > 0 {
			part = part[:min(int64(len(part)), a.marks[0].at-a.sent)]
		}
		if a.rate > 0 {
			part = part[:min(int64(len(part)), max(a.rate/8*int64(step)/int64(time.Second), 1))]
			a.err = a.wait(timeOf(a.sent+int64(len(part)), a.rate) - a.Now().Sub(a.paced))
		}
		if a.err == nil {
			a.err = a.write(part)
		}
		if a.err == nil {
			a.sent += int64(len(part))
			n += len(part)
			a.pass()
		}
	}
	return n, a.err
}

// write hands bytes to the system, so that what is counted has left.
func (a *answer) write(b []byte) error {
	if a.change != nil {
		b = a.change(a.sent, b)
	}
	if a.extend(); a.conn != nil {
		_, err := a.conn.Write(b)
		return err
	}
	if _, err := a.w.Write(b); err != nil {
		return err
	}
	return a.flush()
}

// extend gives the client time for the next bytes. A writer that can't has times of its own.
func (a *answer) extend() {
	until := a.Now().Add(taking)
	if a.conn != nil {
		_ = a.conn.SetWriteDeadline(until)
		return
	}
	_ = http.NewResponseController(a.w).SetWriteDeadline(until)
}

// flush sends what was written. A writer that can't sends it at the end.
func (a *answer) flush() error {
	if err := http.NewResponseController(a.w).Flush(); !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// timeOf is how long so many bytes take at a rate in bit/s.
func timeOf(bytes, rate int64) time.Duration {
	bits := bytes * 8
	return time.Duration(bits/rate)*time.Second + time.Duration(bits%rate*int64(time.Second)/rate)
}

// wait lets a time pass. The error is that the client has left, or the server stops.
func (a *answer) wait(d time.Duration) error {
	timer := time.NewTimer(max(d, 0))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-a.r.Context().Done():
		return context.Cause(a.r.Context())
	}
}

// hold takes one of the places for answers that take long; m gets why there is none.
func (a *answer) hold(m *met) bool {
	if !a.holds {
		select {
		case a.Places <- struct{}{}:
			a.holds = true
		default:
			m.why = fmt.Sprintf("%d answers are held back already, and no more may be", cap(a.Places))
		}
	}
	return a.holds
}

func (a *answer) release() {
	if a.holds {
		<-a.Places
	}
}

// at has something done at the byte that the fault names; m gets why there is no such byte.
func (a *answer) at(m *met, do func() error) {
	at := m.Params["at_byte"].N
	if strings.HasSuffix(m.Params["at_byte"].Text, "%") {
		at = a.size/100*at + a.size%100*at/100
	}
	switch {
	case m.Params["after"].Text == "headers":
		at = 0
	case a.size == 0:
		m.why = "the answer has no body"
		return
	case at >= a.size:
		m.why = fmt.Sprintf("the body has %d bytes", a.size)
		return
	}
	m.why = "the answer ended before"
	a.marks = append(a.marks, mark{at, do})
}

// end ends the connection for a fault, with a reset or without.
func (a *answer) end(m *met, reset bool) error {
	word := map[bool]string{false: "closed", true: "reset"}[reset]
	at := fmt.Sprintf("after %d of %d bytes", a.sent, a.size)
	switch {
	case a.status == 0:
		at = "without an answer"
	case a.size == 0 || m.Params["after"].Text == "headers":
		at = "after the header"
	}
	conn := a.conn
	if a.conn = nil; conn == nil {
		var err error
		if conn, err = hangup.Take(a.w); err != nil {
			m.did, m.why = "the answer was aborted "+at, "the connection can't be "+word+": it is not one of HTTP/1.1"
			panic(http.ErrAbortHandler)
		}
	}
	m.did, m.why = word+" "+at, ""
	if reset {
		hangup.Reset(a.r.Context(), conn)
	} else {
		hangup.Close(a.r.Context(), conn)
	}
	return errOver
}
