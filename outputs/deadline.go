package outputs

import (
	"errors"
	"fmt"
	"time"
)

// errSlow: a consumer did not take an access unit in time.
var errSlow = errors.New("it does not read")

// longAgo is a deadline that has passed.
func longAgo() time.Time { return time.Unix(1, 0) }

// deadline bounds how long writes may take. It is a timer that sets a connection's deadline in the past when it goes off:
// so it runs on the monotonic clock, and needs no clock.
type deadline struct {
	// set is the connection's SetWriteDeadline. An error means that it has none, as in tests in memory, where nobody is slow.
	set     func(time.Time) error
	timeout time.Duration

	timer   *time.Timer
	expired chan struct{}
}

// keep calls write. If it takes longer than the timeout, it is interrupted and the error wraps errSlow; the connection is
// of no further use then, nor is the deadline.
func (d *deadline) keep(write func() error) error {
	if d.timer == nil {
		d.expired = make(chan struct{})
		d.timer = time.AfterFunc(d.timeout, func() {
			defer close(d.expired)
			_ = d.set(longAgo())
		})
	} else {
		d.timer.Reset(d.timeout)
	}
	err := write()
	if !d.timer.Stop() {
		<-d.expired // it must not touch the connection any more when this returns
		return fmt.Errorf("send stream: %w: nothing was taken for %v", errSlow, d.timeout)
	}
	return err
}
