package flv

import (
	"strings"

	"github.com/refstream/refstream/outputs/flv/amf0"
)

// timeOfMetadata is the time of every onMetaData tag, which speaks of the whole stream. Others write 0 too, and ffmpeg
// takes one with another time for a subtitle.
const timeOfMetadata = 0

// metadata is the values of onMetaData (E.5) for a picture of this size. Length and size of the file, which are not
// known while a stream is made, are left out.
func (o Options) metadata(width, height int) []any {
	a := amf0.Array{
		{Name: "width", Value: float64(width)},
		{Name: "height", Value: float64(height)},
		{Name: "framerate", Value: float64(o.Rate.Num) / float64(o.Rate.Den)},
		{Name: "videocodecid", Value: float64(codecAVC)},
	}
	if o.Bitrate > 0 {
		a = append(a, amf0.Property{Name: "videodatarate", Value: float64(o.Bitrate) / 1000}) // kbit/s
	}
	// Players that wait for a second stream look at these.
	a = append(a, amf0.Property{Name: "hasVideo", Value: true}, amf0.Property{Name: "hasAudio", Value: false})
	if s := strings.TrimSpace(o.Version + " " + o.Encoder); s != "" {
		a = append(a, amf0.Property{Name: "encoder", Value: s})
	}
	if o.Channel != "" {
		a = append(a, amf0.Property{Name: "channel", Value: o.Channel})
	}
	return []any{nameMetaData, a}
}
