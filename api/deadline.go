package api

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// errSlowClient is a client that did not take a message in time.
var errSlowClient = errors.New("client is too slow")

// deadlineWriter writes an answer that has no end, each message of which must be taken within a time.
type deadlineWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
}

// newDeadlineWriter takes over the deadlines of w's connection: those for whole requests and answers go.
func newDeadlineWriter(w http.ResponseWriter, timeout time.Duration) *deadlineWriter {
	c := http.NewResponseController(w)
	// Writers without deadlines are those of tests in memory, where nobody is slow.
	_ = c.SetReadDeadline(time.Time{})
	_ = c.SetWriteDeadline(time.Time{})
	return &deadlineWriter{w, c, timeout}
}

// write sends one message. The error wraps errSlowClient where it took too long.
//
// The deadline is a timer that sets one in the past when it goes off: so it runs on the monotonic clock.
func (d *deadlineWriter) write(b []byte) error {
	expired := make(chan struct{})
	timer := time.AfterFunc(d.timeout, func() {
		defer close(expired)
		_ = d.control.SetWriteDeadline(time.Unix(1, 0))
	})
	_, err := d.w.Write(b)
	if err == nil {
		err = d.control.Flush()
	}
	if !timer.Stop() {
		<-expired // it must not touch the connection after the handler is done
		return fmt.Errorf("write event: %w", errSlowClient)
	}
	if err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	return nil
}
