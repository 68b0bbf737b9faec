package encoder

import (
	"fmt"
	"sync"

	"github.com/refstream/refstream/media"
)

// maxRounding is how far, in ticks, a time stamp of ffmpeg's may be from that of a picture: it rounds each to the nearest
// tick, and the first, which is subtracted, too; and Ticks rounds down.
const maxRounding = 2

// timeline finds the frame of a unit among those that ffmpeg was given. give and place may be called by different goroutines.
type timeline struct {
	rate   media.FrameRate
	gop    int64
	origin int64 // PTS of frame 0

	mu    sync.Mutex
	given []givenFrame // in the order of the input, from index first on; the head is dropped when it is out
	first int64
	last  int64 // the frame given last
	begun bool  // there was one

	// The output side's own.
	started bool
	start   int64 // ffmpeg's PTS of the first picture
	lastDTS int64
}

type givenFrame struct {
	n   int64
	out bool
}

// give notes that ffmpeg is given frame n next, or refuses n: frames follow one another, and only where a GOP is full
// may some be left out, up to the start of a later GOP.
func (t *timeline) give(n int64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case n < 0:
		return fmt.Errorf("frame numbers are not negative")
	case !t.begun && n%t.gop != 0:
		return fmt.Errorf("the first frame must start a GOP: a multiple of %d", t.gop)
	case t.begun && n <= t.last:
		return fmt.Errorf("it does not come after frame %d", t.last)
	case t.begun && n != t.last+1 && (n%t.gop != 0 || (t.last+1)%t.gop != 0):
		return fmt.Errorf("after frame %d only whole GOPs of %d frames can be left out", t.last, t.gop)
	}
	t.given = append(t.given, givenFrame{n: n})
	t.last, t.begun = n, true
	return nil
}

// pending is the frames given that did not come out, in order.
func (t *timeline) pending() []int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	var frames []int64
	for _, g := range t.given {
		if !g.out {
			frames = append(frames, g.n)
		}
	}
	return frames
}

// place finds out which frame a unit with ffmpeg's time stamps is, and returns it with its number and our time stamps. Units
// come in decoding order. Whatever is not as it must be is an error that names the frame.
func (t *timeline) place(au media.Unit) (media.Unit, error) {
	if !t.started {
		t.started, t.start = true, au.PTS // the first unit is the first picture, which is checked below to be an IDR picture
	}
	index, off := t.rate.FrameAtTicks(au.PTS - t.start)
	dtsIndex, dtsOff := t.rate.FrameAtTicks(au.DTS - t.start)
	if !rounded(off) || !rounded(dtsOff) {
		return au, fmt.Errorf("PTS %d or DTS %d of ffmpeg is no frame's: %d and %d ticks off at input frames %d and %d",
			au.PTS, au.DTS, off, dtsOff, index, dtsIndex)
	}
	n, err := t.take(index)
	if err != nil {
		return au, err
	}
	if due := n%t.gop == 0; au.Key != due {
		if due {
			return au, fmt.Errorf("frame %d starts a GOP and is no key frame", n)
		}
		return au, fmt.Errorf("frame %d is a key frame inside a GOP of %d", n, t.gop)
	}
	// The decoding time as a number of frames before the presentation time, so that a gap in the frame numbers stays one
	// gap and doesn't tear the units around it.
	dtsFrame := n - (index - dtsIndex)
	dts := t.origin + t.rate.Ticks(dtsFrame)
	pts := t.origin + t.rate.Ticks(n)
	if dts > pts {
		return au, fmt.Errorf("frame %d is decoded %d frames after it is shown", n, dtsIndex-index)
	}
	if index > 0 && dts <= t.lastDTS {
		return au, fmt.Errorf("frame %d has DTS %d, not later than %d of the unit before", n, dts, t.lastDTS)
	}
	t.lastDTS = dts
	au.Frame, au.PTS, au.DTS = n, pts, dts
	return au, nil
}

func rounded(off int64) bool { return off >= -maxRounding && off <= maxRounding }

// take marks the picture with that input index as out and returns its frame number.
func (t *timeline) take(index int64) (int64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if index >= t.first+int64(len(t.given)) || index < 0 {
		return 0, fmt.Errorf("a unit of input frame %d came out, which was not written", index)
	}
	if index < t.first || t.given[index-t.first].out {
		return 0, fmt.Errorf("a second unit of input frame %d came out", index)
	}
	g := &t.given[index-t.first]
	g.out = true
	n := g.n
	head := 0
	for head < len(t.given) && t.given[head].out {
		head++
	}
	t.given = t.given[head:] // append moves what is left to a new array from time to time
	t.first += int64(head)
	return n, nil
}
