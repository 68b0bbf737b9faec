package ts

import "bytes"

// continuity watches the packets of one PID that have a payload (H.222.0, 2.4.3.3).
type continuity struct {
	counter int    // continuity counter of the last packet, -1 for none
	last    []byte // its payload
}

// reset forgets what was, for another stream.
func (c *continuity) reset() { c.counter = -1 }

// take takes the next packet: repeat says that it is the last one a second time, gap that packets are missing before it.
func (c *continuity) take(payload []byte, counter int, discontinuity bool) (repeat, gap bool) {
	if c.counter >= 0 && !discontinuity {
		if counter == c.counter && bytes.Equal(payload, c.last) {
			return true, false
		}
		gap = counter != (c.counter+1)&0x0F
	}
	c.counter, c.last = counter, append(c.last[:0], payload...)
	return false, gap
}
