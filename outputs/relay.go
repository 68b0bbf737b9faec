package outputs

import (
	"cmp"
	"context"
	"errors"
	"io"
	"time"

	"github.com/refstream/refstream/internal/redact"
	"github.com/refstream/refstream/stream"
)

const (
	// relayRenew is how long a relay's program runs at the most, in ticks of the stream. It follows 33-bit time stamps
	// through a wrap only up to 2^33 ticks from where it began, less a minute. From there on it takes the stream's times for
	// a step back and makes up others: so another one takes over before that, after 26 h.
	relayRenew = 26 * 3600 * 90000
	// relayOpen is how long its program may take to open the output: to start on a busy machine, to connect to another one.
	relayOpen = 10 * time.Second
)

// errRenew ends a relay's program without fault: another one takes over at once.
var errRenew = errors.New("the relay begins anew")

// Relay runs ffmpeg -c copy on the stream into an output until the stream has ended, which is no error, or ctx, whose error
// it returns; ffmpeg then gets 1.5 s to end its output in good order, and is gone when Relay returns. An ffmpeg that can't
// be started, fails, or no longer takes its input is begun again, at growing distances up to some seconds, each time at a
// key frame; its messages are in the log and in Status. One that takes it too slowly misses some of it, up to a key frame.
//
// The secrets of an address are on ffmpeg's command line, where other users of the machine may see them.
func (h *Hub) Relay(ctx context.Context, spec RelaySpec) error {
	o := h.newOutput(KindRelay, spec.Name)
	said := &relayLog{hide: spec.secrets.Hide, log: o.logger}
	return h.supervise(ctx, o, func(ctx context.Context, up func(string)) error {
		for {
			err := h.relayOnce(ctx, o, spec, up, said)
			if !errors.Is(err, errRenew) {
				return redact.Error(err, spec.secrets.Hide)
			}
		}
	})
}

// relayOnce runs ffmpeg once. It returns nil when the stream has ended and ffmpeg after it.
func (h *Hub) relayOnce(ctx context.Context, o *output, spec RelaySpec, up func(string), said *relayLog) error {
	// What it begins with is there before it begins: it opens its output only after its input.
	reader := h.ts.Join()
	first, err := reader.Next(ctx)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	output, made, err := spec.prepare()
	if err != nil {
		return err
	}
	if made != "" {
		defer removeEmpty(made)
	}
	if made != spec.file {
		o.logger.Info("the relay goes into a new file, because the other one exists", "file", shown(made))
	}
	open := max(h.o.WriteTimeout, h.times.open)
	if spec.waits { // and then begins anew: nobody should get what is old
		open = cmp.Or(h.times.unused, h.o.WriteTimeout)
	}
	p, err := startRelay(ctx, h.closed, relayCommand{
		program: h.o.FFmpeg, args: spec.arguments(output), said: said, stall: h.o.WriteTimeout, open: open, waits: spec.waits, opened: func() { up(StateRunning) },
		trailer: h.times.trailer, kill: h.times.kill,
	})
	if err != nil {
		return err
	}
	if spec.waits {
		up(StateRunning) // nobody may ever connect
	}
	err = p.end(ctx, h.feedRelay(ctx, o, p, reader, first))
	if errors.Is(err, errSlow) && spec.waits && !p.progress.begun() {
		// Nobody has connected. Another one begins with what is new by now.
		return errRenew
	}
	return err
}

// feedRelay writes the stream to the program until it ends, which is no error.
func (h *Hub) feedRelay(ctx context.Context, o *output, p *relayProcess, reader *stream.Reader[[]byte], c stream.Chunk[[]byte]) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(p.ctx, cancel)
	defer stop()
	begun := c.Time
	for {
		n, err := p.write(c.Payload)
		o.sent(n)
		if err != nil {
			return err
		}
		c, err = reader.Next(ctx)
		if errors.Is(err, stream.ErrBehind) {
			// It gets the newest from a key frame on, as after a loss in the stream itself: whole units are missing.
			o.failed(err, cause(err))
			o.logger.Warn("the relay is too slow: a part of the stream is left out", "error", cause(err))
			reader = h.ts.Join()
			c, err = reader.Next(ctx)
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case c.Start && c.Time-begun >= relayRenew:
			return errRenew
		}
	}
}
