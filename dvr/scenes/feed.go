package scenes

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"github.com/refstream/refstream/format/ts"
)

// errDecoderGone is that a decoder takes no more.
var errDecoderGone = errors.New("the decoder takes no more")

// feed is what one decoder is given of a recording. step is called by one goroutine at a time.
type feed struct {
	src     *source
	picker  picker
	began   int64 // where reading began: a byte of the connection
	at      int64 // how far the recording was read
	next    place // where the next decoder begins, set when step returned io.EOF
	over    bool
	out     []byte
	scanned *atomic.Int64 // set to how far the recording was read
	// span is the stream time given to the decoder, in 90 kHz ticks; waiting is set while the decoder accepts no input.
	span    atomic.Int64
	waiting atomic.Bool

	mu sync.Mutex
	// Met, and not taken yet.
	keys    []keyPoint
	records []recordedTime
}

func newFeed(src *source, from place, skip int, scanned *atomic.Int64) *feed {
	return &feed{src: src, picker: picker{from: from, skip: skip}, began: from.Tables, at: from.Tables, scanned: scanned}
}

// step returns the next packets, at least one, valid until the next call. The error is io.EOF at the end of the stretch, and
// errAllRead at the end of the recording.
func (f *feed) step(ctx context.Context) ([]byte, error) {
	f.out = f.out[:0]
	for len(f.out) == 0 {
		if f.over {
			return nil, io.EOF
		}
		b, err := f.src.next(ctx, f.began, f.at)
		if errors.Is(err, io.EOF) || errors.Is(err, errAllRead) {
			if out, over := f.picker.release(f.out); over || len(out) > 0 {
				f.out, f.over, f.next = out, over, f.picker.end
				f.meet()
				continue
			}
		}
		if errors.Is(err, io.EOF) {
			at := f.src.after(f.at)
			f.over, f.next = true, place{at, at}
		}
		if err != nil {
			return nil, err
		}
		for ; len(b) > 0 && !f.over; b = b[ts.PacketSize:] {
			if f.out, f.over = f.picker.take(f.out, b[:ts.PacketSize], f.at); f.over {
				f.next = f.picker.end
				break
			}
			f.at += ts.PacketSize
		}
		f.scanned.Store(f.at)
		f.span.Store(f.picker.dts - f.picker.first)
		f.meet()
	}
	return f.out, nil
}

func (f *feed) meet() {
	f.mu.Lock()
	f.keys = append(f.keys, f.picker.keys...)
	f.records = append(f.records, f.picker.records.found...)
	f.mu.Unlock()
	f.picker.keys, f.picker.records.found = f.picker.keys[:0], f.picker.records.found[:0]
}

// run writes the packets to a decoder, and closes its input. It returns io.EOF or errAllRead of step, or errDecoderGone.
func (f *feed) run(ctx context.Context, out []byte, in io.WriteCloser) error {
	for {
		f.waiting.Store(true)
		_, err := in.Write(out)
		f.waiting.Store(false)
		if err != nil {
			return errors.Join(errDecoderGone, err, in.Close())
		}
		if out, err = f.step(ctx); err != nil {
			return errors.Join(err, in.Close())
		}
	}
}

// takeMet returns the key points and frame records met since the last call.
func (f *feed) takeMet() (keys []keyPoint, records []recordedTime) {
	f.mu.Lock()
	defer f.mu.Unlock()
	keys, records = f.keys, f.records
	f.keys, f.records = nil, nil
	return keys, records
}
