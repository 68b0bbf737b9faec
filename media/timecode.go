package media

import "fmt"

// Timecode is a SMPTE ST 12-1 time address. Frames runs up to the rate's Base minus one.
type Timecode struct {
	Hours, Minutes, Seconds, Frames int
	// Drop marks drop-frame counting: the first numbers of each minute, but for every tenth, are left out.
	Drop bool
	// Wide is the rate's WideTimecode: the frames have three digits, from 000 on.
	Wide bool
}

// Drop-frame counting of 30000/1001 leaves out 2 numbers in 9 of 10 minutes, which makes 17982 frames in ten
// minutes and 1798 in a minute that drops; at 60000/1001 each of these doubles (SMPTE ST 12-1, 5.2.2; ST 12-3).
const (
	droppedPerMinute30 = 2
	framesPer10Min30   = 17982
	framesPerDropMin30 = 1798
)

// TimecodeAt is the timecode of frame n, which wraps at 24 hours of counted time; n may be negative.
// drop asks for drop-frame counting; at a rate that does not define it (FrameRate.DropFrame) nothing is dropped.
func TimecodeAt(n int64, r FrameRate, drop bool) Timecode {
	base := r.Base()
	drop = drop && r.DropFrame()
	if drop {
		k := base / 30
		d, rem := floorDivMod(n, framesPer10Min30*k)
		n += 9 * droppedPerMinute30 * k * d
		if rem >= droppedPerMinute30*k {
			n += droppedPerMinute30 * k * ((rem - droppedPerMinute30*k) / (framesPerDropMin30 * k))
		}
	}
	_, n = floorDivMod(n, 24*3600*base)
	s := n / base
	return Timecode{
		Hours: int(s / 3600), Minutes: int(s / 60 % 60), Seconds: int(s % 60), Frames: int(n % base), Drop: drop,
		Wide: r.WideTimecode(),
	}
}

// String writes hh:mm:ss:ff, with a semicolon before the frames of a drop-frame code; hh:mm:ss:fff where it is Wide, as
// ffmpeg does. SMPTE ST 12-3, which carries such rates, doesn't define how they are written.
func (t Timecode) String() string {
	sep := ':'
	if t.Drop {
		sep = ';'
	}
	return fmt.Sprintf("%02d:%02d:%02d%c%0*d", t.Hours, t.Minutes, t.Seconds, sep, t.FrameDigits(), t.Frames)
}

// FrameDigits is how many digits the frames have at least: 2, or 3 where the code is Wide.
func (t Timecode) FrameDigits() int {
	if t.Wide {
		return 3
	}
	return 2
}

// SkipsBefore reports whether counting left out numbers just before this address: true on the first frame of
// each minute that drops. The SEI's cnt_dropped_flag is the same (H.264, D.2.3).
func (t Timecode) SkipsBefore(r FrameRate) bool {
	return t.Drop && t.Seconds == 0 && t.Minutes%10 != 0 && t.Frames == int(droppedPerMinute30*r.Base()/30)
}

// floorDivMod is floor division: the remainder is never negative for a positive divisor.
func floorDivMod(a, b int64) (q, rem int64) {
	q, rem = a/b, a%b
	if rem < 0 {
		q, rem = q-1, rem+b
	}
	return q, rem
}
