package verify

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/refstream/refstream/analyzer"
)

// maxForeign bounds the names of other channels that are told apart.
const maxForeign = 8

// foreign counts the frame records that name another channel, by its name.
type foreign map[string]int64

// take looks at a statement.
func (f foreign) take(r analyzer.Record, channel string) {
	if r.Source != analyzer.FrameRecord {
		return
	}
	var v struct {
		Channel *string `json:"channel"`
	}
	if json.Unmarshal(r.Extra, &v) != nil || v.Channel == nil || *v.Channel == channel {
		return
	}
	name := *v.Channel
	if _, known := f[name]; !known && len(f) == maxForeign {
		name = "…"
	}
	f[name]++
}

// findings says which other channels are named.
func (f foreign) findings(channel string) []Finding {
	if len(f) == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(f))
	n := int64(0)
	for _, count := range f {
		n += count
	}
	return []Finding{{
		Kind: Misreported, Clock: string(analyzer.FrameRecord), Count: n,
		Text: fmt.Sprintf("%s names channel %s in %s, not %s", analyzer.FrameRecord, strings.Join(names, ", "), plural(n, "picture"), channel),
	}}
}
