package flv

import (
	"fmt"
	"io"
	"strings"

	"github.com/refstream/refstream/format/flv/amf0"
)

// Writer writes an FLV file. It writes what one call gives it in one Write to its destination, and what it writes depends
// on its calls alone. A Writer is not safe for concurrent use.
type Writer struct {
	w     io.Writer
	buf   []byte
	begun bool
	sound bool
}

// NewWriter makes a Writer that writes to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// SetSound announces audio tags in the file header.
func (w *Writer) SetSound() { w.sound = true }

// Write writes the tags in their order, before the first ones the file header. It returns an error for a tag with a body
// of 2^24 bytes or more, and then has written nothing, and when the destination fails.
func (w *Writer) Write(tags ...Tag) error {
	b := w.buf[:0]
	if !w.begun {
		b = append(b, FileHeader(w.sound)...)
	}
	for _, t := range tags {
		if len(t.Body) > maxBody {
			return fmt.Errorf("write FLV tag: body of %d bytes is longer than %d", len(t.Body), maxBody)
		}
		b = AppendTag(b, t)
	}
	w.buf, w.begun = b, true
	if _, err := w.w.Write(b); err != nil {
		return fmt.Errorf("write FLV tags: %w", err)
	}
	return nil
}

// timeOfMetadata is the time of every onMetaData tag, which speaks of the whole stream. Others write 0 too, and ffmpeg
// takes one with another time for a subtitle.
const timeOfMetadata = 0

// metadata is the values of onMetaData (E.5) for a picture of this size. The size is that of the
// SPS, which stays true when it changes in mid-stream. Length, size of the file and data rate, which are not known while a
// stream is made, are left out.
func (o Options) metadata(width, height int) []any {
	a := amf0.Array{
		{Name: "width", Value: float64(width)},
		{Name: "height", Value: float64(height)},
		{Name: "framerate", Value: float64(o.Rate.Num) / float64(o.Rate.Den)},
		{Name: "videocodecid", Value: float64(codecAVC)},
		// Players that wait for a second stream look at these.
		{Name: "hasVideo", Value: true}, {Name: "hasAudio", Value: o.Sound != nil},
	}
	if o.Sound != nil {
		a = append(a, amf0.Property{Name: "audiocodecid", Value: float64(soundAAC)},
			amf0.Property{Name: "audiosamplerate", Value: float64(o.Sound.Timescale)})
	}
	if s := strings.TrimSpace(o.Version + " " + o.Encoder); s != "" {
		a = append(a, amf0.Property{Name: "encoder", Value: s})
	}
	if o.Channel != "" {
		a = append(a, amf0.Property{Name: "channel", Value: o.Channel})
	}
	return []any{nameMetaData, a}
}
