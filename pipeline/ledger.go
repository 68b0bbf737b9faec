package pipeline

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// produced is what the generator has of a frame on its way through the encoder.
type produced struct {
	gen   time.Time
	mono  time.Duration
	event markers.Event // the zero event when the frame shows none
}

func (p produced) shows() bool { return p.event.Kind != "" }

// ledger writes the truth about the frames that leave the encoder: a record for each frame, in presentation order,
// and a marker for each event, as soon as it is certain which of its frames is the first in the stream.
type ledger struct {
	channel markers.Channel
	clock   markers.Clock

	mu sync.Mutex
	// inFlight are the frames that each rendition's encoder has.
	inFlight []map[int64]produced

	// next is the frame whose record is due; held keeps the records of later ones (pictures leave the encoder in
	// decoding order). marked is the scheduled first frame of the newest event that has its marker.
	next   int64
	held   map[int64]heldFrame
	marked int64
}

type heldFrame struct {
	record markers.FrameRecord
	produced
}

// newLedger begins at frame next; marked is the scheduled first frame of the newest marker that is stored, or -1. The channel has so
// many renditions of pictures.
func newLedger(c markers.Channel, next, marked int64, renditions int) *ledger {
	l := &ledger{channel: c, clock: c.Clock(), next: next, held: map[int64]heldFrame{}, marked: marked}
	for range renditions {
		l.inFlight = append(l.inFlight, map[int64]produced{})
	}
	return l
}

// sent notes that frame n goes to the encoders.
func (l *ledger) sent(n int64, p produced) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, frames := range l.inFlight {
		frames[n] = p
	}
}

// record makes the ledger's line for a unit of a rendition that left its encoder. An unit of a frame that was not sent, or that has
// come out already, is an error: nothing true can be said about it.
func (l *ledger) record(rendition int, au media.Unit) (heldFrame, error) {
	l.mu.Lock()
	p, ok := l.inFlight[rendition][au.Frame]
	delete(l.inFlight[rendition], au.Frame)
	l.mu.Unlock()
	if !ok {
		return heldFrame{}, fmt.Errorf("record frame %d: it was not sent to the encoder, or came out twice", au.Frame)
	}
	k := l.clock
	r := markers.FrameRecord{
		Frame: au.Frame, PTS: au.PTS, DTS: au.DTS, Sample: l.channel.Sample(au.Frame),
		Timecode: k.Timecode(au.Frame).String(), UTC: k.UTC(au.Frame),
		GenNS: p.gen.UnixNano(), MonoNS: p.mono.Nanoseconds(), Run: l.channel.Run,
		Key: au.Key, MSN: k.MSN(au.Frame), Offset: k.Offset(au.Frame),
		Generator: l.channel.Generator,
	}
	if p.shows() {
		r.Event = p.event.ID(l.channel.Name)
	}
	return heldFrame{r, p}, nil
}

// add takes in a frame as it was published and returns what can be written now.
//
// An IDR picture ends the wait for frames before it: GOPs are closed, so those that are not there never will be.
func (l *ledger) add(f heldFrame) markers.Batch {
	var b markers.Batch
	if f.record.Key {
		l.releaseBefore(f.record.Frame, &b)
	}
	// The first frame of an event gets its marker at once, without waiting for the pictures before it, unless one of
	// those may show an earlier event that has no marker yet.
	if f.shows() && f.record.Frame == f.event.Scheduled && !l.earlierUnmarked(f) {
		l.mark(f, &b)
	}
	l.held[f.record.Frame] = f
	for {
		h, ok := l.held[l.next]
		if !ok {
			return b
		}
		l.release(h, &b)
	}
}

// flush releases every record that is held, in order, after the last unit.
func (l *ledger) flush() markers.Batch {
	var b markers.Batch
	l.releaseBefore(1<<62, &b)
	return b
}

func (l *ledger) releaseBefore(n int64, b *markers.Batch) {
	var frames []int64
	for f := range l.held {
		if f < n {
			frames = append(frames, f)
		}
	}
	slices.Sort(frames)
	for _, f := range frames {
		l.release(l.held[f], b)
	}
	if n < 1<<62 {
		l.next = max(l.next, n)
	}
}

func (l *ledger) release(h heldFrame, b *markers.Batch) {
	delete(l.held, h.record.Frame)
	l.next = h.record.Frame + 1
	if h.shows() {
		l.mark(h, b)
	}
	b.Frames = append(b.Frames, h.record)
}

// mark writes the marker of the event that h shows, beginning with h, unless it has one.
func (l *ledger) mark(h heldFrame, b *markers.Batch) {
	if h.event.Scheduled <= l.marked {
		return
	}
	l.marked = h.event.Scheduled
	e := h.event
	b.Markers = append(b.Markers, markers.Plan(l.channel, e).At(h.gen, l.channel.Epoch))
}

// earlierUnmarked reports whether a frame before f, still in the encoder or held, shows another event without marker.
func (l *ledger) earlierUnmarked(f heldFrame) bool {
	for n, h := range l.held {
		if n < f.record.Frame && h.shows() && h.event.Scheduled > l.marked && h.event.Scheduled != f.event.Scheduled {
			return true
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for n, p := range l.inFlight[0] {
		if n < f.record.Frame && p.shows() && p.event.Scheduled > l.marked && p.event.Scheduled != f.event.Scheduled {
			return true
		}
	}
	return false
}

// lost forgets the frames that went into encoders that ended.
func (l *ledger) lost() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, frames := range l.inFlight {
		clear(frames)
	}
}
