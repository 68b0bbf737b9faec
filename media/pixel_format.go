package media

import "fmt"

// PixelFormat is how the bytes of a raw picture are laid out, by ffmpeg's names. A picture has no padding.
type PixelFormat string

// The pixel formats that pictures are rendered in.
const (
	// RGB24 is rows of three bytes a pixel, full range.
	RGB24 PixelFormat = "rgb24"
	// YUV420P is a plane of Y, one of Cb and one of Cr, these of half the width and height: ITU-R BT.709 in limited range. Both
	// sides of the picture are even.
	YUV420P PixelFormat = "yuv420p"
)

// Validate reports a format that is neither of the two.
func (f PixelFormat) Validate() error {
	if f != RGB24 && f != YUV420P {
		return fmt.Errorf("%q is no format of raw pictures: use %s or %s", string(f), RGB24, YUV420P)
	}
	return nil
}

// FrameSize is the number of bytes of a picture of this size.
func (f PixelFormat) FrameSize(width, height int) int {
	if f == YUV420P {
		return width * height * 3 / 2
	}
	return width * height * 3
}
