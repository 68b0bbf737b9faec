package rtmp

import (
	"sync"
	"time"
)

// past is a deadline that has gone by.
func past() time.Time { return time.Unix(1, 0) }

// timeout carries out an action unless it is stopped within a time. It runs on the monotonic clock.
type timeout struct {
	timer *time.Timer
	done  chan struct{}
	stop  sync.Once
	hit   bool
}

func startTimeout(d time.Duration, action func()) *timeout {
	t := &timeout{done: make(chan struct{})}
	t.timer = time.AfterFunc(d, func() {
		defer close(t.done)
		action()
	})
	return t
}

// end stops it, after which its action isn't running and won't any more, and says whether the time had gone by. It can be
// called again.
func (t *timeout) end() bool {
	t.stop.Do(func() {
		if !t.timer.Stop() {
			<-t.done
			t.hit = true
		}
	})
	return t.hit
}
