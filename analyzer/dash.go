package analyzer

import (
	"encoding/json"
	"maps"
	"strconv"

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/format/id3"
	"github.com/refstream/refstream/format/mpd"
)

// manifestEvents passes on the events of a manifest of DASH that are new or have changed. known has those of the one before, and gets
// these.
func (x *extractor) manifestEvents(text []byte, known map[string]string) {
	m, err := mpd.Parse(text)
	if err != nil {
		return // it was read a moment ago
	}
	x.now, x.at = x.o.Now(), place{offset: -1}
	present := map[string]bool{}
	for _, e := range mpd.Events(m) {
		shown := struct {
			Scheme string  `json:"scheme"`
			Value  string  `json:"value,omitempty"`
			ID     *uint64 `json:"id,omitempty"`
			Data   []byte  `json:"data,omitempty"` // in base 64
		}{e.Scheme, e.Value, e.ID, e.Data}
		extra, err := json.Marshal(shown)
		if err != nil {
			continue
		}
		key := e.Scheme + "\n" + e.Value + "\n" + strconv.FormatInt(e.PTS, 10)
		if e.ID != nil {
			key += "\n" + strconv.FormatUint(*e.ID, 10)
		}
		present[key] = true
		if known[key] == string(extra) {
			continue
		}
		known[key] = string(extra)
		r := Record{Source: ManifestEvent, Extra: extra}
		if e.Duration >= 0 {
			r.Duration = &e.Duration
		}
		if frames, err := id3.Parse(e.Data); err == nil && (e.Scheme == schemeID3AOM || e.Scheme == schemeID3Apple) {
			if m, ok, err := annotate.MarkerOfID3(frames); ok && err == nil {
				r.Frame, r.UTC, r.Timecode = &m.Frame, jsonTime(m.UTC), m.Timecode
			}
		}
		x.timedRecord(e.PTS, r)
	}
	maps.DeleteFunc(known, func(key, _ string) bool { return !present[key] })
}
