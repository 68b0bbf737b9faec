// Package units holds the faults of H.264 access units: what is lost of them or damaged (layer unit), what their SEI messages
// say (layer SEI), and when they are decoded and shown (layer stamps). It rewrites the annotated units of the clean channel; what no
// fault covers stays as it is, byte for byte. A new kind is a function in a file, and a line in the table.
package units

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/faults"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

// maxReorder is how many units the decoding order may bring a picture forward: 16 B-frames on end, the most that x264 makes. All
// frames more than that before a unit are decoded before it.
const maxReorder = 16

// layers are those of this package, in the order in which they are applied.
func layers() []scenario.Layer {
	return []scenario.Layer{scenario.LayerUnit, scenario.LayerSEI, scenario.LayerStamps}
}

// kind is an entry of the catalogue with what it does.
type kind struct {
	scenario.Kind
	// spoils are the sorts of units after which, if one is changed, a decoder shows other pictures wrongly, to the next IDR picture.
	spoils []sort
	// do makes the faulty units of one that the fault covers; changed is false where it is left as it is, see job.keep.
	do func(j *job) (out []media.Unit, changed bool)
}

// table lists the kinds.
func table() []kind {
	return []kind{
		unitDrop(), unitRepeat(), unitTruncate(), unitCorrupt(), unitFiller(),
		seiMissing(), seiLate(), seiOffset(), seiDrift(), seiFrozen(), seiUnknown(),
		ptsStep(), ptsJitter(), ptsDrift(), ptsEqual(), dtsAfterPTS(),
	}
}

// Kinds lists the kinds of the layers unit, SEI and stamps.
func Kinds() (list []*scenario.Kind) {
	for _, k := range table() {
		list = append(list, &k.Kind)
	}
	return list
}

// Rewriter makes the units of a faulty stream out of those of the clean one. It is not safe for concurrent use.
type Rewriter struct {
	plan   *scenario.Plan
	clock  markers.Clock
	report faults.Report
	kinds  map[string]kind

	sps    *h264.SPS // nil until a unit carried one that can be read
	spsNAL []byte
	active []*state
	key    int64   // frame of the last IDR picture
	recent []int64 // frames that were decoded since, the last of them
	said   []said  // for faults of SEI: messages of the last units
}

// state is what is known of a fault whose frames have begun.
type state struct {
	fault scenario.Fault
	done  int64    // frames that were changed
	why   string   // why one was not
	first messages // those of the fault's first unit in decoding order, once begun
	begun bool
}

// job is a unit that a fault covers.
type job struct {
	scenario.Fault
	*state
	r  *Rewriter
	au media.Unit
}

// keep leaves the unit as it is; why may be empty.
func (j *job) keep(why string) ([]media.Unit, bool) {
	if why != "" {
		j.why = why
	}
	return []media.Unit{j.au}, false
}

// New makes the Rewriter of a plan, which may have faults of other layers too, on the clock of the clean channel. A fault of which
// nothing could be done is reported, with the reason, when no more of its frames can follow.
func New(plan *scenario.Plan, clock markers.Clock, report faults.Report) *Rewriter {
	r := &Rewriter{plan: plan, clock: clock, report: report, kinds: map[string]kind{}}
	for _, k := range table() {
		r.kinds[k.Name] = k
	}
	return r
}

// Unit is what the faulty stream has in place of the next unit of the clean one, in decoding order: none, one or several units, all
// with its frame number. au is not changed, and shares with them what stays of it. PTS and DTS may be in any order and go back;
// [github.com/refstream/refstream/format/ts.Muxer.Faulty] packs such units. The error is a unit that is not H.264.
func (r *Rewriter) Unit(au media.Unit) ([]media.Unit, error) {
	if au.Codec() != media.H264 {
		return nil, fmt.Errorf("rewrite frame %d: faults of units are of H.264, this is %v", au.Frame, au.Codec())
	}
	r.learn(au)
	list := []media.Unit{au}
	for _, layer := range layers() {
		if !r.plan.Needs(layer) {
			continue
		}
		for _, f := range r.plan.At(au.Frame, layer) {
			list = r.apply(f, au, list)
		}
	}
	r.remember(au)
	return list, nil
}

// learn takes over what the unit holds about the stream, and ends the faults of which no more frames can follow.
func (r *Rewriter) learn(au media.Unit) {
	for _, nal := range au.NALs {
		if h264.TypeOf(nal) == h264.NALSPS && !bytes.Equal(nal, r.spsNAL) {
			r.spsNAL = bytes.Clone(nal)
			r.sps, _ = h264.ParseSPS(nal) // without it there is no timecode to change
		}
	}
	over := au.Frame - maxReorder
	if au.Key { // GOPs are closed
		over, r.key, r.recent = au.Frame, au.Frame, r.recent[:0]
	}
	r.active = slices.DeleteFunc(r.active, func(s *state) bool {
		gone := s.fault.Last < over
		if gone && s.done == 0 {
			r.report(faults.Change{Fault: s.fault.Key(), Frame: s.fault.First, Spoiled: s.fault.First, NotDone: s.why})
		}
		return gone
	})
}

// remember keeps what later units are compared with.
func (r *Rewriter) remember(au media.Unit) {
	if r.recent = append(r.recent, au.Frame); len(r.recent) > 2*maxReorder {
		r.recent = slices.Delete(r.recent, 0, 1)
	}
	if r.plan.Needs(scenario.LayerSEI) {
		if r.said = append(r.said, said{au.Frame, messagesOf(au)}); len(r.said) > maxSaid {
			r.said = slices.Delete(r.said, 0, 1)
		}
	}
}

// apply does a fault to what is left of the unit au of the clean stream, and reports it.
func (r *Rewriter) apply(f scenario.Fault, au media.Unit, list []media.Unit) (out []media.Unit) {
	k, ok := r.kinds[f.Kind.Name]
	if !ok || len(list) == 0 {
		return list
	}
	s := r.stateOf(f)
	changed := false
	for _, one := range list {
		made, altered := k.do(&job{f, s, r, one})
		out, changed = append(out, made...), changed || altered
	}
	if !changed {
		return out
	}
	s.done++
	c := faults.Change{Fault: f.Key(), Frame: au.Frame, Clean: hash(list), Altered: hash(out), Spoiled: au.Frame}
	if slices.Contains(k.spoils, sortOf(au)) {
		c.Spoiled = max(c.Frame, r.clock.FirstFrame(r.clock.MSN(au.Frame)+1)-1) // a segment is a GOP
		c.Earlier = r.earlier(au.Frame)
	}
	r.report(c)
	return out
}

func (r *Rewriter) stateOf(f scenario.Fault) *state {
	for _, s := range r.active {
		if s.fault.ID == f.ID && s.fault.First == f.First {
			return s
		}
	}
	s := &state{fault: f}
	r.active = append(r.active, s)
	return s
}

// earlier is how many frames before n lie between it and the first of its GOP that is not decoded yet: B-frames may refer to n.
func (r *Rewriter) earlier(n int64) int64 {
	for k := int64(maxReorder); k > 0; k-- {
		if n-k > r.key && !slices.Contains(r.recent, n-k) {
			return k
		}
	}
	return 0
}

// hash is that of the units' NAL units as a byte stream, or of no bytes where there are none.
func hash(list []media.Unit) string {
	var b []byte
	for _, au := range list {
		b = h264.AppendAnnexB(b, au.NALs)
	}
	return faults.Hash(b)
}
