package outputs

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"syscall"

	"github.com/refstream/refstream/format/rtmp"
	"github.com/refstream/refstream/internal/quietlog"
	"github.com/refstream/refstream/stream"
)

// burst is how many lines about an output may follow each other at once: absent, there, lost, there again.
const burst = 4

// output counts what becomes of one output, for [Hub.Status].
type output struct {
	logger *slog.Logger
	// consumers logs what consumers bring about, of whom there may be any number; quiet is its handler.
	consumers *slog.Logger
	quiet     *quietlog.Handler
	max       int // clients

	mu   sync.Mutex
	s    Status
	full bool // a consumer found no place, and that was logged
}

// newOutput adds an output to those that Status lists. name is shown: it has no secrets.
func (h *Hub) newOutput(kind, name string) *output {
	logger := h.o.Logger.With("channel", h.o.Channel.Name, "output", kind, "name", name)
	o := &output{
		logger: logger, quiet: quietlog.New(logger.Handler(), quietlog.Options{Burst: burst, Quiet: h.times.quiet, Now: h.o.Now}),
		max: h.o.MaxClients, s: Status{Kind: kind, Name: name, State: StateWaiting},
	}
	o.consumers = slog.New(o.quiet)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.outputs = append(h.outputs, o)
	return o
}

func (o *output) status() Status {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.s
}

func (o *output) setState(state string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.s.State = state
}

// enter takes a place for a consumer, if one is left; it is given back with leave.
func (o *output) enter() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.s.Clients >= o.max {
		if !o.full {
			o.full = true
			o.consumers.Warn("all places for consumers are taken: further ones are turned away", "clients", o.max)
		}
		return false
	}
	// Logged again only when there has been room, not with each consumer that gets the last place.
	o.full = o.full && o.s.Clients > o.max/2
	o.s.Clients++
	o.s.ClientsTotal++
	return true
}

func (o *output) leave() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.s.Clients--
}

// sent counts bytes.
func (o *output) sent(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.s.Bytes += int64(n)
}

func (o *output) reconnect() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.s.Reconnects++
}

// failed keeps what ended a connection or an attempt, and counts it as dropped if the consumer was too slow.
func (o *output) failed(err error, text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.s.LastError = text
	if tooSlow(err) {
		o.s.Dropped++
	}
}

// gone notes how a consumer has ended that connected by itself. That it left is no error; that it was dropped is
// logged, as long as there are few.
func (o *output) gone(remote string, err error) {
	switch {
	case err == nil, errors.Is(err, context.Canceled), hasLeft(err):
	case tooSlow(err):
		o.failed(err, cause(err))
		o.consumers.Warn("a consumer was too slow and is cut off", "remote", remote, "error", cause(err))
	default:
		o.failed(err, cause(err))
		o.consumers.Info("a consumer was not served", "remote", remote, "error", cause(err))
	}
}

// hasLeft reports whether an error of a connection means that it was closed, by either side.
func hasLeft(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe)
}

// tooSlow reports whether an error means that a consumer did not keep up.
func tooSlow(err error) bool {
	return errors.Is(err, errSlow) || errors.Is(err, rtmp.ErrSlow) || errors.Is(err, stream.ErrBehind)
}
