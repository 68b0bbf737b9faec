package units

import (
	"slices"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// The decoys of this package are legal: nothing may alarm, and no picture changes.

func unitFiller() kind {
	return kind{
		Kind: scenario.Kind{
			Name: "unit.filler", Layer: scenario.LayerUnit, Property: "unit", Default: second(), Decoy: true,
			Params: []scenario.Param{{Name: "bytes", Doc: "how many bytes each picture gets", Type: scenario.Whole, Default: "200", Min: 1, Max: 10_000}},
			Doc:    "Pictures have filler data behind their slices (H.264, 7.3.2.7).",
			Oracle: "ffmpeg framemd5 against the clean twin",
		},
		do: func(j *job) ([]media.Unit, bool) {
			return []media.Unit{with(j.au, len(j.au.NALs), h264.Filler(h264.MinFiller+int(j.Params["bytes"].N)))}, true
		},
	}
}

func seiUnknown() kind {
	return kind{
		Kind: scenario.Kind{
			Name: "sei.unknown", Layer: scenario.LayerSEI, Property: "unknown", Default: scenario.Span{Nanos: 5e9}, Decoy: true,
			Doc:    "Pictures have user data under a UUID that nobody knows, besides their own SEI messages.",
			Oracle: "ffmpeg trace_headers; framemd5 against the clean twin",
		},
		do: func(j *job) ([]media.Unit, bool) {
			at := slices.IndexFunc(j.au.NALs, func(nal []byte) bool { t := h264.TypeOf(nal); return t.VCL() || t == h264.NALPrefix })
			if at < 0 {
				return j.keep("its units have no slices")
			}
			const text = "\x5a\x1e\x33\x9b\x07\xd4\x4c\x60\x9a\x51\x2b\x68\xf0\x3d\xc4\x17" + "user data of somebody else"
			sei := h264.AppendSEI(nil, []h264.SEIMessage{{Type: h264.SEIUserDataUnregistered, Payload: []byte(text)}})
			return []media.Unit{with(j.au, at, sei)}, true
		},
	}
}

// with is a unit with a NAL unit more.
func with(au media.Unit, at int, nal []byte) media.Unit {
	au.NALs = slices.Insert(slices.Clone(au.NALs), at, nal)
	return au
}
