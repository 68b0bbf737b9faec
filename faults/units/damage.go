package units

import (
	"bytes"
	"math/rand/v2"
	"slices"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// headerSize is more bytes than a slice header has with its NAL unit's: those of x264 have about ten, and thirty where the tables
// of weighted prediction are long.
const headerSize = 32

// damaged is the unit with its slices as change makes them: nil takes one out.
func (j *job) damaged(change func(i int, slice []byte) []byte) media.Unit {
	out := j.au
	out.NALs = nil
	i := 0
	for _, nal := range j.au.NALs {
		if h264.TypeOf(nal).VCL() {
			if nal = change(i, nal); nal == nil {
				continue
			}
			i++
		}
		out.NALs = append(out.NALs, nal)
	}
	return out
}

// slicesOf are the NAL units of the unit's coded slices.
func (j *job) slicesOf() (list [][]byte) {
	for _, nal := range j.au.NALs {
		if h264.TypeOf(nal).VCL() {
			list = append(list, nal)
		}
	}
	return list
}

func unitTruncate() kind {
	return kind{
		Kind: scenario.Kind{
			Name: "unit.truncate", Layer: scenario.LayerUnit, Property: "unit", Default: second(),
			Params: pickParams(scenario.Param{Name: "keep", Doc: "which share of the bytes of the slices stays", Type: scenario.Share, Default: "50%", Min: 1, Max: 99}),
			Doc:    "Coded pictures end too early: the rest of their slices is lost.",
			Alarms: []string{"decode_error", "truncated", "corrupt"}, Implies: []string{"unit.corrupt"},
			Tolerates: []string{"unreadable", "collateral", "missing", "repeated", "misreported"},
			Oracle:    "ffmpeg's decoder: error while decoding MB; framemd5 against the clean twin",
		},
		spoils: []sort{reference, idr},
		do: func(j *job) ([]media.Unit, bool) {
			if why, ok := j.picked(); !ok {
				return j.keep(why)
			}
			return j.truncated()
		},
	}
}

func (j *job) truncated() ([]media.Unit, bool) {
	left, size := 0, 0
	for _, s := range j.slicesOf() {
		size += len(s)
	}
	left = max(1, int(int64(size)*j.Params["keep"].N/100))
	first := true
	out := j.damaged(func(_ int, s []byte) []byte {
		n := min(left, len(s))
		if first { // a unit without a slice is none, and its first two bytes are where it begins
			n = min(max(n, 2), len(s))
		}
		first = false
		left -= min(left, n)
		// No NAL unit ends with a zero byte (H.264, 7.4.1): a reader would take it for a part of the next start code.
		if n < len(s) {
			s = bytes.TrimRight(s[:n:n], "\x00")
		}
		if n == 0 || len(s) == 0 {
			return nil
		}
		return s
	})
	if slices.EqualFunc(out.NALs, j.au.NALs, bytes.Equal) {
		return j.keep("its slices are too small to be cut")
	}
	return []media.Unit{out}, true
}

func unitCorrupt() kind {
	return kind{
		Kind: scenario.Kind{
			Name: "unit.corrupt", Layer: scenario.LayerUnit, Property: "unit", Default: second(),
			Params:    pickParams(scenario.Param{Name: "bytes", Doc: "how many bytes on end are changed", Type: scenario.Whole, Default: "8", Min: 1, Max: 10_000}),
			Doc:       "Bytes of the slices of coded pictures are others, at random. No start code comes of it: only what the picture shows is damaged.",
			Alarms:    []string{"decode_error", "corrupt", "macroblock_error"},
			Tolerates: []string{"unreadable", "collateral", "misreported", "repeated"},
			Oracle:    "ffmpeg's decoder: error while decoding MB; framemd5 against the clean twin",
		},
		spoils: []sort{reference, idr},
		do: func(j *job) ([]media.Unit, bool) {
			if why, ok := j.picked(); !ok {
				return j.keep(why)
			}
			return j.corrupted()
		},
	}
}

// corrupted changes bytes in the unit's largest slice, behind its header. The numbers are drawn for the fault and the frame alone.
func (j *job) corrupted() ([]media.Unit, bool) {
	largest := 0
	list := j.slicesOf()
	for i, s := range list {
		if len(s) > len(list[largest]) {
			largest = i
		}
	}
	rbsp := bytes.Clone(h264.Unescape(list[largest]))
	room := len(rbsp) - 1 - headerSize // the last byte has the stop bit
	if room < 1 {
		return j.keep("its slices are too small: they are all header")
	}
	draw := rand.New(rand.NewPCG(j.Draw, uint64(j.au.Frame)))
	n := int(min(j.Params["bytes"].N, int64(room)))
	from := headerSize + draw.IntN(room-n+1)
	for i := from; i < from+n; i++ {
		rbsp[i] ^= byte(1 + draw.IntN(255))
	}
	// The header of a NAL unit is not 0, so that what is escaped with it is what is escaped behind it.
	return []media.Unit{j.damaged(func(i int, s []byte) []byte {
		if i == largest {
			return h264.Escape(rbsp)
		}
		return s
	})}, true
}
