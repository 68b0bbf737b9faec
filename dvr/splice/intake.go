package splice

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/refstream/refstream/format/ts"
)

type intake struct {
	*Receiver
	sender  *sender
	log     *slog.Logger
	entry   Connection
	begun   bool // its first line is in connections.jsonl
	packets ts.Splitter
	proof   proof
	splice  *splice
	out     []byte
	losses  int64 // of the packets, at the last log line
	heard   bool
}

// serve records a connection until it or ctx ends. The error is that recording is impossible; problems of the connection are
// logged.
func (r *Receiver) serve(ctx context.Context, s *sender) error {
	in := &intake{
		Receiver: r, sender: s, log: r.o.Logger.With("sender", s.from),
		entry: Connection{From: s.from, Began: s.began.UTC()},
	}
	in.log.Debug("sender connected")
	reason, err := in.take(ctx)
	return errors.Join(err, in.end(ctx, reason, err))
}

// take reads the connection to its end. reason is why it ended, nil if the sender closed it; err that recording is impossible.
func (in *intake) take(ctx context.Context) (reason, err error) {
	stop := context.AfterFunc(ctx, func() { in.sender.conn.Close() })
	defer in.sender.close()
	defer stop()
	var foreign, held <-chan time.Time
	for {
		select {
		case c := <-in.sender.chunks:
			if len(c.data) > 0 {
				in.heard = true
				in.sender.hear(in.o.Now())
				if foreign == nil {
					foreign = time.After(in.times.foreign)
				}
				if reason, err = in.push(c.data); reason != nil || err != nil {
					return reason, err
				}
				if held == nil && in.splice != nil && in.splice.timed() {
					held = time.After(in.times.hold)
				}
			}
			if c.err != nil {
				return in.explain(ctx, c.err), in.release()
			}
			in.sender.free <- c.data
		case <-foreign:
			// Null packets may be from a sender that waits for its own input.
			if in.packets.Packets == 0 || len(in.proof.held) > 0 {
				return in.unknown(), nil
			}
		case <-held:
			if err := in.release(); err != nil {
				return nil, err
			}
		}
	}
}

// explain is why the connection ended, nil where nothing was wrong.
func (in *intake) explain(ctx context.Context, err error) error {
	dropped := in.sender.dropped.Load()
	switch {
	case ctx.Err() != nil:
		return nil
	case dropped != nil:
		return errors.New(*dropped)
	case errors.Is(err, io.EOF):
		return in.unknown()
	}
	return fmt.Errorf("read from sender: %w", err)
}

// unknown is why nothing of the connection is a stream, nil if nothing was received or some of it is one.
func (in *intake) unknown() error {
	switch {
	case !in.heard || in.proof.found:
		return nil
	case in.packets.Packets == 0:
		return errForeign
	}
	return errNoProgram
}

func (in *intake) push(data []byte) (reason, err error) {
	now := in.o.Now()
	in.out = in.out[:0]
	emit := func(p ts.Packet) {
		if in.splice == nil {
			in.sender.streams.Store(true)
			size := in.session.recording.size.Load()
			in.splice = newSplice(in.timeline, size > 0, now.Sub(in.written))
		}
		in.out = in.splice.push(in.out, p)
	}
	var empty error
	reason = push(&in.packets, data, func(p ts.Packet) {
		if empty == nil {
			empty = in.proof.push(p, emit)
		}
	})
	if reason == nil {
		reason = empty
	}
	if in.packets.Losses > in.losses && in.losses&(in.losses-1) == 0 { // the 1st, 2nd, 3rd, 5th, 9th and so on
		in.log.Warn("the stream is broken: bytes are missing, or belong to no packet", "skipped_bytes", in.packets.Skipped, "times", in.packets.Losses)
	}
	in.losses = in.packets.Losses
	return reason, in.write(now)
}

func (in *intake) release() error {
	if in.splice == nil {
		return nil
	}
	in.out = in.splice.decide(in.out[:0])
	return in.write(in.o.Now())
}

func (in *intake) write(now time.Time) error {
	if len(in.out) == 0 {
		return nil
	}
	if err := in.begin(); err != nil {
		return err
	}
	before := in.session.recording.size.Load()
	err := in.session.recording.write(in.out)
	in.entry.Bytes += in.session.recording.size.Load() - before
	in.written = now
	in.o.Grown()
	return err
}

// begin writes the connection's first line, before its first byte.
func (in *intake) begin() error {
	if in.begun {
		return nil
	}
	in.session.connections.number++
	in.entry.Number = in.session.connections.number
	in.entry.FirstByte = in.session.recording.size.Load()
	in.entry.ShiftTicks = in.splice.shift
	if err := in.session.connections.append(in.entry); err != nil {
		return err
	}
	in.begun = true
	in.connections.Add(1)
	in.log.Info("recording", "connection", in.entry.Number, "at_byte", in.entry.FirstByte, "shift_ticks", in.entry.ShiftTicks)
	return nil
}

// end writes the connection's last line, and logs the outcome. failed is that recording is impossible.
func (in *intake) end(ctx context.Context, reason, failed error) error {
	now := in.o.Now().UTC()
	in.entry.Ended = &now
	switch {
	case failed != nil:
		in.entry.Error = failed.Error()
	case reason != nil:
		in.entry.Error = reason.Error()
	}
	log := in.log
	if in.entry.Error != "" {
		log = log.With("error", in.entry.Error)
	}
	if !in.heard { // somebody looked whether the port is open
		log.Debug("sender left without a word")
		return nil
	}
	if !in.begun { // so that no other connection gets the number
		in.session.connections.number++
		in.entry.Number = in.session.connections.number
		in.entry.FirstByte = in.session.recording.size.Load()
	}
	level, text := slog.LevelInfo, "sender left"
	switch {
	case ctx.Err() != nil:
		text = "recording stopped"
	case reason != nil && in.entry.Bytes == 0:
		level, text = slog.LevelWarn, "nothing of the connection is recorded"
	case reason != nil:
		level, text = slog.LevelWarn, "connection broke off"
	}
	if in.splice != nil && in.splice.split > 0 && in.splice.shift != 0 {
		in.log.Warn("time stamps that were spread over two packets are not shifted", "count", in.splice.split)
	}
	log.Log(ctx, level, text, "connection", in.entry.Number, "bytes", in.entry.Bytes,
		"duration", now.Sub(in.entry.Began).Round(time.Millisecond), "skipped_bytes", in.packets.Skipped)
	err := in.session.connections.append(in.entry)
	if in.entry.Bytes > 0 && failed == nil {
		err = errors.Join(err, in.session.recording.sync())
	}
	in.o.Grown()
	return err
}
