package limits

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// ErrSlowClient is a client that did not take a message in time.
var ErrSlowClient = errors.New("client is too slow")

// Writer writes an answer that has no end, each message of which must be taken within a time.
type Writer struct {
	w       http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
}

// NewWriter takes over the deadlines of w's connection: those for whole requests and answers go.
func NewWriter(w http.ResponseWriter, timeout time.Duration) *Writer {
	c := http.NewResponseController(w)
	// Writers without deadlines are those of tests in memory, where nobody is slow.
	_ = c.SetReadDeadline(time.Time{})
	_ = c.SetWriteDeadline(time.Time{})
	return &Writer{w, c, timeout}
}

// Send sends one message. The error wraps ErrSlowClient where it took too long.
//
// The deadline is a timer that sets one in the past when it goes off: so it runs on the monotonic clock.
func (d *Writer) Send(b []byte) error {
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
		return fmt.Errorf("write event: %w", ErrSlowClient)
	}
	if err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	return nil
}
