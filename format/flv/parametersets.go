package flv

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/refstream/refstream/codec/h264"
)

// parameterSets are the parameter sets in force, each kind in the order in which they came.
type parameterSets struct {
	sps, pps, extensions [][]byte
}

// with returns the parameter sets after an access unit. An IDR picture with SPS and PPS of its own begins anew; sets that
// come otherwise take the place of those with the same number.
func (p parameterSets) with(nals [][]byte, key bool) (parameterSets, error) {
	var own parameterSets
	for _, nal := range nals {
		var err error
		switch h264.TypeOf(nal) {
		case h264.NALSPS:
			own.sps, err = put(own.sps, nal)
		case h264.NALPPS:
			own.pps, err = put(own.pps, nal)
		case h264.NALSPSExtension:
			own.extensions, err = put(own.extensions, nal)
		}
		if err != nil {
			return p, err
		}
	}
	if own.equal(parameterSets{}) {
		return p, nil
	}
	if key && len(own.sps) > 0 && len(own.pps) > 0 {
		return own, nil
	}
	out := parameterSets{slices.Clone(p.sps), slices.Clone(p.pps), slices.Clone(p.extensions)}
	for _, kind := range []struct {
		to  *[][]byte
		add [][]byte
	}{{&out.sps, own.sps}, {&out.pps, own.pps}, {&out.extensions, own.extensions}} {
		for _, nal := range kind.add {
			var err error
			if *kind.to, err = put(*kind.to, nal); err != nil {
				return p, err
			}
		}
	}
	return out, nil
}

func (p parameterSets) equal(o parameterSets) bool {
	return slices.EqualFunc(p.sps, o.sps, bytes.Equal) && slices.EqualFunc(p.pps, o.pps, bytes.Equal) &&
		slices.EqualFunc(p.extensions, o.extensions, bytes.Equal)
}

// clone copies the parameter sets with their bytes.
func (p parameterSets) clone() parameterSets {
	var out parameterSets
	for _, nal := range p.sps {
		out.sps = append(out.sps, bytes.Clone(nal))
	}
	for _, nal := range p.pps {
		out.pps = append(out.pps, bytes.Clone(nal))
	}
	for _, nal := range p.extensions {
		out.extensions = append(out.extensions, bytes.Clone(nal))
	}
	return out
}

// put puts a parameter set in the place of the one with its number, or at the end.
func put(sets [][]byte, nal []byte) ([][]byte, error) {
	id, err := parameterSetID(nal)
	if err != nil {
		return nil, err
	}
	for i, old := range sets {
		if was, err := parameterSetID(old); err == nil && was == id {
			sets[i] = nal
			return sets, nil
		}
	}
	return append(sets, nal), nil
}

// parameterSetID is the number of an SPS, PPS or SPS extension (H.264, 7.3.2.1, 7.3.2.2, 7.3.2.1.2).
func parameterSetID(nal []byte) (uint32, error) {
	r := h264.NewBitReader(h264.Unescape(nal))
	r.U(8)
	if h264.TypeOf(nal) == h264.NALSPS {
		r.U(24) // profile_idc, constraint_set flags, level_idc
	}
	id := r.UE()
	if err := r.Err(); err != nil {
		return 0, fmt.Errorf("read the number of a parameter set (%v): %w", h264.TypeOf(nal), err)
	}
	return id, nil
}

// inSample says whether a NAL unit stands in the tag of its picture. Parameter sets don't: they are in the sequence
// header (ISO/IEC 14496-15, 5.3.3, avc1). Delimiters, which lengths make superfluous, and filler, which keeps the rate of
// another kind of transport, say nothing about the picture. SEI stays.
func inSample(nal []byte) bool {
	switch h264.TypeOf(nal) {
	case h264.NALSPS, h264.NALPPS, h264.NALSPSExtension, h264.NALAccessUnitDelim, h264.NALFiller:
		return false
	}
	return true
}
