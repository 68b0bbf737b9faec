package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/refstream/refstream/codec/aac"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/packager"
	"github.com/refstream/refstream/stream"
)

// publisher is the reader that makes HLS of the units. It hands them to the segmenter on a goroutine of its own, through a bounded queue, so that a slow
// disk delays nothing but itself, and accounts for every segment slot.
type publisher struct {
	*Channel
	coverage *coverage
	queue    chan message
	// lossless makes Write wait for room in the queue; otherwise the slot is given up when there is none.
	lossless bool
	// broken is called with the first failure to publish when it is lossless: there is no point in going on.
	broken func(error)
	// published is called after each segment.
	published func(context.Context, markers.SegmentRecord)
	// accounting keeps the missing records in order.
	accounting sync.Mutex
	// Only the goroutine that calls Write uses these, until the queue is closed. dropping is the first slot that is being given up, or -1, and
	// resumed the one after the last that was. pending are the markers of units that were given up: their events may continue in later
	// segments.
	dropping, resumed int64
	pending           []markers.Marker
}

// tooSlow is why a slot was given up that found no room in the queue.
var tooSlow = reason{markers.ReasonPublish, "the disk is too slow: the queue of access units was full"}

// message is one step for the segmenter: a unit, or the end of an encoder's run.
type message struct {
	unit    stream.Unit
	abandon bool
	// first, last and why are the fate of slots, where why is not zero.
	first, last int64
	why         reason
}

// queuedSegments is how much the queue holds: enough to ride out a disk that stalls for a few segments, and a bound
// on the memory that a dead disk takes.
const queuedSegments = 4

func newPublisher(c *Channel, cov *coverage, lossless bool) *publisher {
	size := queuedSegments * c.unitsPerSegment()
	if lossless {
		size = 64
	}
	return &publisher{Channel: c, coverage: cov, queue: make(chan message, size), lossless: lossless, dropping: -1}
}

// unitsPerSegment is how many units a segment has in all tracks.
func (c *Channel) unitsPerSegment() int64 {
	n := c.Info.FramesPerSegment * int64(1+len(c.Ladder))
	if c.Sound != nil {
		n += c.Info.Rate.Sample(c.Info.FramesPerSegment)/aac.UnitSamples + 1
	}
	return n
}

// Write queues the next unit. It never fails: what fails to be published is accounted for, or ends a lossless run through broken.
func (p *publisher) Write(u stream.Unit) error {
	if p.lossless {
		p.queue <- message{unit: u}
		return nil
	}
	p.pending = append(p.pending, u.Markers...)
	msn := p.Info.Clock().UnitMSN(&u.Unit)
	if msn < p.resumed && rendition(&u.Unit) != "" {
		return nil // the rest of a slot that was given up
	}
	if p.dropping >= 0 {
		if !u.Key || rendition(&u.Unit) != "" {
			return nil
		}
		gap := message{abandon: true, first: 0, last: msn - 1, why: tooSlow}
		select {
		case p.queue <- gap:
			p.dropping, p.resumed = -1, msn
		default:
			return nil
		}
	}
	u.Markers = p.pending
	select {
	case p.queue <- message{unit: u}:
		p.pending = nil
	default:
		p.dropping = msn
		p.Logger.Error("give up segment: the disk is too slow", "channel", p.Info.Name, "msn", msn)
	}
	return nil
}

// run works until the queue is closed, then publishes the rest and ends the playlist. Failures to publish are logged,
// counted and accounted for when it is not lossless; otherwise the first one is the last.
func (p *publisher) run(ctx context.Context) error {
	var failed error
	for m := range p.queue {
		if failed != nil {
			continue // the sender must not wait for ever
		}
		if err := p.step(ctx, m); err != nil && p.lossless {
			failed = err
			p.broken(err)
		}
	}
	if failed != nil {
		return failed
	}
	seg, err := p.HLS.Close()
	p.done(ctx, seg)
	if err != nil {
		p.lost(ctx, err)
	}
	p.settle(ctx, seg)
	if !p.lossless && errors.Is(err, packager.ErrPublish) && !errors.Is(err, packager.ErrPlaylist) {
		return nil // the last segment is lost and accounted for, and the playlist has ended
	}
	if err != nil {
		return fmt.Errorf("end playlist: %w", err)
	}
	return nil
}

func (p *publisher) step(ctx context.Context, m message) error {
	if m.abandon {
		p.HLS.Abandon()
	}
	if m.why != (reason{}) {
		p.account(ctx, m.first, m.last, m.why)
		return nil
	}
	seg, err := p.HLS.Write(m.unit)
	p.done(ctx, seg)
	if err != nil {
		p.lost(ctx, err)
	}
	return err
}

// lost logs a failure to publish, and accounts for the segment that it cost, if it did cost one. A lossless run ends
// with the failure, so there is nothing more to log.
func (p *publisher) lost(ctx context.Context, err error) {
	if p.lossless {
		return
	}
	p.Metrics.PublishErrors.Inc()
	p.Metrics.publishFail.Store(&err)
	p.Logger.Error("publish", "channel", p.Info.Name, "error", err)
	for _, slot := range packager.PublishErrors(err) {
		p.account(ctx, slot.MSN, slot.MSN, reason{markers.ReasonPublish, firstLine(slot)})
	}
}

// done records a segment that was published.
func (p *publisher) done(ctx context.Context, seg *markers.SegmentRecord) {
	if seg == nil {
		return
	}
	p.Metrics.Segments.Inc()
	p.Metrics.publishFail.Store(nil)
	seg.Generator = p.Info.Generator
	p.store(ctx, markers.Batch{Segments: []markers.SegmentRecord{*seg}})
	// A stop can cut the last segment short. The next run accounts for all frames behind the newest record, so there must be
	// none that leaves out the rest of this slot: see settle.
	if p.Info.Clock().Offset(seg.LastFrame+1) == 0 {
		p.account(ctx, seg.MSN, seg.MSN, reason{})
	}
	if p.published != nil {
		p.published(ctx, *seg)
	}
}

// settle writes what is known of slots behind those that the encoder still had when the run ended, and accounts for these.
// last is the segment that the end published, or nil.
func (p *publisher) settle(ctx context.Context, last *markers.SegmentRecord) {
	pending := p.coverage.pending()
	if pending < 0 {
		return // the next run accounts for what follows
	}
	kept := reason{markers.ReasonEncoder, "the encoder ended before it gave them back"}
	if clock := p.Info.Clock(); last != nil && clock.Offset(last.LastFrame+1) != 0 {
		why := kept
		if p.dropping >= 0 && p.dropping <= last.MSN {
			why = tooSlow
		}
		p.write(ctx, markers.MissingRecord{Frame: last.LastFrame + 1, LastFrame: clock.FirstFrame(last.MSN+1) - 1,
			Reason: why.code, Detail: why.detail, At: p.coverage.now().UTC()})
		p.account(ctx, last.MSN, last.MSN, reason{})
	}
	if p.dropping >= 0 {
		p.account(ctx, p.dropping, min(pending, p.Info.Clock().MSN(p.Metrics.latest.Load())), tooSlow)
	}
	p.account(ctx, 0, pending, kept)
}

// account reports the fate of slots and writes the missing records that are due.
func (p *publisher) account(ctx context.Context, first, last int64, why reason) {
	p.accounting.Lock()
	defer p.accounting.Unlock()
	p.write(ctx, p.coverage.report(first, last, why)...)
}

// write stores and logs missing records.
func (p *publisher) write(ctx context.Context, due ...markers.MissingRecord) {
	for _, m := range due {
		p.Metrics.Missing.WithLabelValues(m.Reason).Add(float64(m.LastFrame - m.Frame + 1))
		p.Logger.Warn("frames are missing", "channel", p.Info.Name, "first", m.Frame, "last", m.LastFrame,
			"reason", m.Reason, "detail", m.Detail)
	}
	if len(due) > 0 {
		p.store(ctx, markers.Batch{Missing: due})
	}
}
