package flv

import (
	"strings"

	"github.com/refstream/refstream/format/flv/amf0"
)

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
		{Name: "hasVideo", Value: true}, {Name: "hasAudio", Value: false},
	}
	if s := strings.TrimSpace(o.Version + " " + o.Encoder); s != "" {
		a = append(a, amf0.Property{Name: "encoder", Value: s})
	}
	if o.Channel != "" {
		a = append(a, amf0.Property{Name: "channel", Value: o.Channel})
	}
	return []any{nameMetaData, a}
}
