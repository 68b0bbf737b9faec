package units

import (
	"fmt"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// sort is what other pictures need a unit for.
type sort int64

// The sorts, in the order of the words of the parameter of.
const (
	disposable sort = iota // nothing refers to it
	reference              // other pictures of its GOP refer to it
	idr                    // its GOP begins with it
	unknown                // it has no slice
)

// sortOf is a unit's sort. It goes by nal_ref_idc (H.264, 7.4.1) and not by the type of the picture: B-frames may be referred to,
// and P-frames not.
func sortOf(au media.Unit) sort {
	for _, nal := range au.NALs {
		switch t := h264.TypeOf(nal); {
		case t == h264.NALIDR:
			return idr
		case t.VCL() && h264.RefIDC(nal) == 0:
			return disposable
		case t.VCL():
			return reference
		}
	}
	return unknown
}

// pickParams are the parameters of kinds that are done to some units of their frames.
func pickParams(more ...scenario.Param) []scenario.Param {
	return append([]scenario.Param{
		{Name: "of", Doc: "what the units are for other pictures", Type: scenario.Word, Default: "disposable", Words: []string{"disposable", "reference", "idr"}},
		{Name: "units", Doc: "how many units, the first of that sort in decoding order", Type: scenario.Whole, Default: "1", Min: 1, Max: 100_000},
	}, more...)
}

// second is the length of a fault that is done to the first unit of a sort: every stream has a disposable or a reference picture in
// it, where it has any.
func second() scenario.Span { return scenario.Span{Nanos: 1e9} }

// picked reports whether the fault is for the unit; why it is not may be empty.
func (j *job) picked() (why string, ok bool) {
	if sortOf(j.au) != sort(j.Params["of"].N) {
		return fmt.Sprintf("none of its units is of the sort %s", j.Params["of"].Text), false
	}
	return "", j.done < j.Params["units"].N
}
