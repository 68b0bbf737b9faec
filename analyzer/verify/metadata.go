package verify

import (
	"math"
	"strconv"

	"github.com/refstream/refstream/analyzer"
)

// metadataClaim is what onMetaData says of the stream as it is, by the names of FLV (E.5). Who writes it anew may say more, or
// leave any of it out.
func (c *checker) metadataClaim() fields {
	return fields{
		{name: "channel", text: c.channel.Name},
		{name: "framerate", text: strconv.FormatFloat(float64(c.channel.Rate.Num)/float64(c.channel.Rate.Den), 'g', -1, 64)},
		{name: "hasVideo", text: "true"},
		{name: "height", text: strconv.Itoa(c.in.info.Height)},
		{name: "videocodecid", text: "7"}, // AVC
		{name: "width", text: strconv.Itoa(c.in.info.Width)},
	}
}

// mostCodecs is the highest number that FLV has for a codec (E.4.3.1: 4 bits).
const mostCodecs = 15

// roughly is by how much a frame rate may differ: who counts in milliseconds says 30.3 of 30.
const roughly = 0.02

// compareMetadata compares the descriptions of a stream of FLV.
func (c *checker) compareMetadata(m *comparison) {
	if c.in.info.Codec != "h264" {
		return
	}
	for i := range c.in.metadata {
		got := said(&c.in.metadata[i])
		_, anew := got["duration"] // ffmpeg writes it, and a frame rate that it has estimated
		for _, f := range c.metadataClaim() {
			text, there := got[f.name]
			if !there || same(f.text, text, 0) {
				continue
			}
			a, errA := strconv.ParseFloat(f.text, 64)
			b, errB := strconv.ParseFloat(text, 64)
			numbers := errA == nil && errB == nil
			switch f.name {
			case "framerate":
				if anew || c.cadence.retimed || numbers && math.Abs(a-b) <= roughly*a {
					continue
				}
			case "videocodecid":
				if !numbers || b > mostCodecs { // others have names, or four letters as a number
					continue
				}
			case "hasVideo":
				if text == "1" {
					continue
				}
			}
			m.differ(fieldKey{analyzer.OnMetaData, f.name}, f.text, text, c.place(c.first))
		}
	}
}
