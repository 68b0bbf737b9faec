// Package pipeline wires one channel together and runs it: the generator's frames go into the encoder, its access
// units through annotate to their readers, and the truth about both into the store.
//
// Live keeps to the clock and continues when the encoder, the disk or the machine fails; Generate writes files as fast
// as it can and gives up at the first failure. The package owns its goroutines: when Run returns, all have ended.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/encoder"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
	"github.com/refstream/refstream/stream"
)

// encoderProcess is one run of an encoder (package encoder): frames in, access units out.
type encoderProcess interface {
	runner
	// Write gives frame n to the encoder; picture may be reused when it returns.
	Write(ctx context.Context, n int64, picture []byte) error
}

// runner is what encoders of pictures and of sound have in common.
type runner interface {
	// Run starts the encoder and hands each unit to handle, in decoding order, until the input is closed and drained.
	Run(ctx context.Context, handle func(media.Unit) error) error
	// CloseInput ends the input: no more frames follow.
	CloseInput()
}

// reader takes in every annotated unit, in decoding order: the publisher of HLS, the live outputs (package outputs), a file of
// generate. A live one never waits for those who read from it. It is used by one goroutine.
type reader interface {
	Write(u stream.Unit) error
}

// segmenter is what the publisher makes segments with (package packager). It is used by one goroutine.
type segmenter interface {
	// Write takes the next unit in; the record is that of the segment which it completed, if it did.
	Write(u stream.Unit) (*markers.SegmentRecord, error)
	// Abandon drops the open segment: the encoder that made it has ended.
	Abandon()
	// Close publishes what is left and ends the playlist.
	Close() (*markers.SegmentRecord, error)
}

// appender is the part of a store that the pipeline writes to.
type appender interface {
	Append(ctx context.Context, channel string, b markers.Batch) error
}

// Channel is what Live and Generate have in common: the stream, and where it goes.
type Channel struct {
	Info markers.Channel
	// Encoder makes the encoder process of one run, which takes pictures in the format Raw; empty means RGB24.
	Encoder func() (encoderProcess, error)
	Raw     media.PixelFormat
	// Fill is how large each GOP is made with filler; nil for as large as it is.
	Fill *encoder.Budget
	// Ladder are the renditions besides the first, none by default; Sound makes the encoder of the sound of one run, nil for none.
	Ladder []Rung
	Sound  func() (soundProcess, error)
	HLS    segmenter
	// Outputs are the readers besides HLS.
	Outputs []reader
	Store   appender
	Logger  *slog.Logger
	Metrics *Metrics
	// Now is the wall clock, for what takes how long: its readings carry the monotonic clock too. When something of the
	// stream happened is on the stream's own clock.
	Now func() time.Time
}

// chain is the way of an access unit: ledger, annotate, readers.
type chain struct {
	Channel
	events *events
	ledger *ledger
	tracks map[string]*labels // by the name of the rendition
	// readers are all of them, the publisher last.
	readers   []reader
	publisher *publisher
	// elapsed is how long the run has gone on by the monotonic clock; nil where GEN is virtual.
	elapsed func() time.Duration
	// reached gets the last frame of each segment before anything of the segment is sent. It may be nil.
	reached reached
	// late are markers that became known when an encoder had ended: the next unit takes them along.
	late []markers.Marker
	// begins: the next unit is the first of an encoder's run.
	begins bool
	// warned: the missing pic_struct_present_flag was logged; readerFails: a reader did not take the last unit.
	warned, readerFails bool
}

// labels is what the units of one rendition are labelled and filled with.
type labels struct {
	rung      int // its place in the ladder, 0 for the first
	annotator *annotate.Annotator
	filler    *filler // nil for none
	oversized bool    // the last GOP was larger than its bit rate
	came      int64   // units, of Generate
}

// newChain makes the chain of a run from frame n on. marked is the newest frame that has a marker from an earlier run; now is the
// stream's clock. A lossless run ends with the first failure of a reader.
func newChain(ch Channel, shows *scenario.Scenario, n, marked int64, now func() time.Time, lossless bool) *chain {
	clock := ch.Info.Clock()
	rungs := ch.rungs()
	c := &chain{Channel: ch, events: newEvents(shows), ledger: newLedger(ch.Info, n, marked, len(rungs)), tracks: map[string]*labels{}}
	for i, r := range rungs {
		c.tracks[r.Name] = &labels{rung: i, annotator: annotate.New(ch.Info.Name, clock), filler: newFiller(r.Fill, clock)}
	}
	c.publisher = newPublisher(&c.Channel, newCoverage(clock, clock.MSN(n), now), lossless)
	c.readers = append(slices.Clip(ch.Outputs), c.publisher)
	return c
}

// handle takes the next unit that leaves the encoders. The truth about it is stored before it is published: that about a frame with its
// unit of the first rendition. Of sound there is none that is measured.
func (c *chain) handle(ctx context.Context, au media.Unit) error {
	if au.Codec() == media.AAC {
		return c.deliver(stream.Unit{Unit: au})
	}
	l := c.tracks[rendition(&au)]
	frame, err := c.ledger.record(l.rung, au)
	if err != nil {
		return err
	}
	unit, err := l.annotator.Annotate(au, frame.record)
	if err != nil {
		return err
	}
	if au.Key && !c.warned && !l.annotator.PicTiming() {
		c.warned = true
		c.Logger.Warn("the encoder's SPS has no pic_struct_present_flag: frames carry no SMPTE timecode (pic_timing), "+
			"only the MISB time stamp and the frame record", "channel", c.Info.Name)
	}
	if l.filler != nil {
		var over int64
		if unit, over = l.filler.fill(unit); over > 0 {
			c.Metrics.Oversized.Inc()
			if !l.oversized {
				c.Logger.Warn("the segments are larger than the bit rate", "channel", c.Info.Name, "rendition", rendition(&au),
					"msn", c.Info.Clock().MSN(au.Frame), "bytes", over)
			}
		}
		if l.filler.complete() {
			l.oversized = over > 0
		}
	}
	frame.record.Bytes = unit.Size()
	if l.rung > 0 {
		c.Metrics.Bytes.Add(float64(frame.record.Bytes))
		return c.deliver(stream.Unit{Unit: unit, Record: frame.record})
	}
	c.Metrics.encoded(frame.record, c.Now())
	if c.elapsed != nil {
		c.Metrics.Latency.Observe((c.elapsed() - frame.mono).Seconds())
	}
	batch := c.ledger.add(frame)
	c.store(ctx, batch)
	if au.Key && c.reached != nil {
		clock := c.Info.Clock()
		if err := c.reached.Reach(clock.FirstFrame(clock.MSN(au.Frame)+1) - 1); err != nil {
			c.Logger.Warn("a restart after a kill may not know what was sent", "channel", c.Info.Name, "error", err)
		}
	}
	known := slices.Concat(c.late, batch.Markers)
	c.late = nil
	u := stream.Unit{Unit: unit, Record: frame.record, Markers: known, Begins: c.begins}
	c.begins = false
	return c.deliver(u)
}

// deliver gives a unit to all readers. The failure of one costs a live channel nothing else: it is counted, and logged when it
// begins.
func (c *chain) deliver(u stream.Unit) error {
	var failed error
	for _, r := range c.readers {
		if err := r.Write(u); err != nil {
			failed = errors.Join(failed, fmt.Errorf("write %s: %w", describe(&u.Unit), err))
			c.Metrics.OutputErrors.Inc()
		}
	}
	if c.publisher.lossless {
		return failed
	}
	if failed != nil && !c.readerFails {
		c.Logger.Error("the live outputs fail", "channel", c.Info.Name, "error", failed)
	}
	c.readerFails = failed != nil
	return nil
}

// store appends to the store. A failure is logged when it begins and when it is over, counted, and survived: the store
// keeps the records and tries again, but not those that are late.
func (c *Channel) store(ctx context.Context, b markers.Batch) {
	if b.Empty() {
		return
	}
	for i := range b.Missing {
		b.Missing[i].Generator = c.Info.Generator
	}
	err := c.Store.Append(context.WithoutCancel(ctx), c.Info.Name, b)
	c.Metrics.Markers.Add(float64(len(b.Markers)))
	if err != nil {
		c.Metrics.StoreErrors.Inc()
	}
	switch failed := err != nil; {
	case errors.Is(err, markers.ErrLate):
		c.Logger.Error("the truth lacks records", "channel", c.Info.Name, "error", err)
	case c.Metrics.storeFails.Swap(failed) == failed:
	case failed:
		c.Logger.Error("store records: they are kept in memory meanwhile", "channel", c.Info.Name, "error", err)
	default:
		c.Logger.Info("the store works again", "channel", c.Info.Name)
	}
}
