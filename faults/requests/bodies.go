package requests

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/scenario"
)

// bodies is the kinds of wrong bytes.
func bodies() []kind {
	return []kind{{
		Kind: entry(scenario.Kind{
			Name: "http.corrupt", Property: "body", Doc: "Some bytes of the body, at random places, are not those of the file. Length and validators are.",
			Params: []scenario.Param{{Name: "bytes", Doc: "how many", Type: scenario.Whole, Default: "100", Min: 1, Max: 100_000}},
			Alarms: []string{"corrupt", "checksum", "fragParsingError", "bufferAppendError", "levelParsingError"},
			Tolerates: []string{
				"segment_content", "segment_changed", "playlist_unparsable", "extinf", "pdt_jump", "gap", "trouble", "request_failed", "sequence_jump", "sequence_back",
			},
			Oracle: "cmp with the clean channel",
		}),
		head: func(a *answer, m *met) {
			if a.size == 0 {
				m.why = "the answer has no body"
				return
			}
			at := places(m.draw, m.Params["bytes"].N, a.size)
			m.why = "the answer ended before"
			done := 0
			a.change = func(from int64, b []byte) []byte {
				b = bytes.Clone(b)
				for ; done < len(at) && at[done] < from+int64(len(b)); done++ {
					b[at[done]-from] ^= byte(1 + generator.Mix(m.draw^uint64(at[done]))%255)
				}
				if done > 0 { // another fault may end the answer before the others
					m.did, m.why = fmt.Sprintf("%d bytes changed, the first at %d", done, at[0]), ""
				}
				return b
			}
		},
	}}
}

// places draws up to n different places in so many bytes, in order.
func places(draw uint64, n, size int64) (list []int64) {
	for i := range n {
		list = append(list, int64(generator.Mix(draw+uint64(i))%uint64(size)))
	}
	slices.Sort(list)
	return slices.Compact(list)
}
