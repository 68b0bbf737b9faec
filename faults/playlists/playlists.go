// Package playlists holds the faults of the layer playlist: what is wrong with a version of an HLS media playlist (RFC 8216bis, 4.4
// and 6.2). It rewrites the text of the clean version line by line: each line that a fault does not change stays as it is, byte for
// byte. A fault is on in the versions whose newest segment is one of its own.
package playlists

import (
	"bytes"
	"errors"
	"slices"

	"github.com/refstream/refstream/faults"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

// maxBack is how many versions back a fault may go, which are kept: with two-second segments 20 s.
const maxBack = 10

// kind is an entry of the catalogue with what it does.
type kind struct {
	scenario.Kind
	// change makes the fault in a version, or returns why there is none to make: then it has changed nothing.
	change func(f scenario.Fault, v *version) (why string)
}

// version is one of a playlist: first the clean one, then what is made of it.
type version struct {
	newest int64 // last frame of its newest segment
	text   []byte
	r      *Rewriter
}

// table is in the order in which faults of the same version are made: which version is shown, its entries, the tags of the whole
// playlist, the text. What is done to entries finds them by their numbers, and so those are changed later.
func table() []kind {
	return slices.Concat(versions(), dates(), entries(), discontinuities(), headers(), texts())
}

// Kinds lists the kinds of the layer.
func Kinds() (list []*scenario.Kind) {
	for _, k := range table() {
		k.Layer, k.Grid, k.Carriers = scenario.LayerPlaylist, true, []scenario.Carrier{scenario.HLS}
		if k.Default == (scenario.Span{}) {
			k.Default.Segments = 3
		}
		if !k.Decoy { // verify reads segments as the playlist has them
			k.Tolerates = append(slices.Clone(k.Tolerates), "missing", "repeated", "out_of_order", "segment_length", "clock_step", "clock_gaps", "misreported",
				"added", "doubled")
		}
		list = append(list, &k.Kind)
	}
	return list
}

// Rewriter makes the versions of a faulty playlist from those of a clean one. It is not safe for concurrent use.
type Rewriter struct {
	plan   *scenario.Plan
	clock  markers.Clock
	report faults.Report
	kinds  []kind
	kept   []version // the last clean ones
	// held is the version that stays during the stale fault named holder that begins with frame since.
	holder string
	since  int64
	held   version
}

// New makes the Rewriter of a plan, which may have faults of other layers too, for one media playlist of the channel with that
// clock.
func New(plan *scenario.Plan, clock markers.Clock, report faults.Report) *Rewriter {
	return &Rewriter{plan: plan, clock: clock, report: report, kinds: table()}
}

// Playlist makes what the faulty stream has in place of a version of the clean playlist. newest is the last frame of the version's
// newest segment. It is called once for each version, in order. clean is neither changed nor kept; where
// there is nothing to change, it is what is returned.
func (r *Rewriter) Playlist(clean []byte, newest int64) []byte {
	v := version{newest, clean, r}
	if newest < 0 {
		return clean
	}
	if r.kept = append(r.kept, version{newest: newest, text: bytes.Clone(clean)}); len(r.kept) > maxBack+1 {
		r.kept = slices.Delete(r.kept, 0, 1)
	}
	planned := r.plan.At(newest, scenario.LayerPlaylist)
	for _, k := range r.kinds {
		for _, f := range planned {
			if f.Kind.Name == k.Name {
				r.do(k, f, &v)
			}
		}
	}
	return v.text
}

// do makes a fault in a version, and reports it for the frames of the newest segment.
func (r *Rewriter) do(k kind, f scenario.Fault, v *version) {
	before := *v
	why := k.change(f, v)
	if why == "" && bytes.Equal(v.text, before.text) {
		why = "it changes nothing in the version"
	}
	if why != "" {
		*v = before
		r.report(faults.Change{Fault: f.Key(), Frame: v.newest, Spoiled: v.newest, NotDone: why})
		return
	}
	for n := r.clock.FirstFrame(r.clock.MSN(v.newest)); n < v.newest; n++ {
		r.report(faults.Change{Fault: f.Key(), Frame: n, Spoiled: n})
	}
	r.report(faults.Change{Fault: f.Key(), Frame: v.newest, Spoiled: v.newest, Clean: faults.Hash(before.text), Altered: faults.Hash(v.text)})
}

// by is the parameter of how far something is off.
func by(doc string, typ scenario.ParamType, byDefault string, least, most int64) scenario.Param {
	return scenario.Param{Name: "by", Doc: doc, Type: typ, Default: byDefault, Min: least, Max: most}
}

// notZero refuses a fault that is off by 0, which would change nothing.
func notZero(f scenario.Fault, _ markers.Clock) error {
	if f.Params["by"].N == 0 {
		return errors.New("by is 0, which changes nothing: use another value")
	}
	return nil
}
