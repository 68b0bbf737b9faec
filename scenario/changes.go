package scenario

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/refstream/refstream/markers"
)

// timeline is the faults of a plan. A changed plan has another one, which is not changed.
type timeline struct {
	// rows are the faults of the file, layers what they change. Those that begin before the frame from are left out: the file had others.
	rows   []row
	layers map[Layer]bool
	from   int64
	// added are those that were posted, and those of an earlier file that had begun.
	added []Fault
	ended map[string]int64 // by key, the last frame of those that were ended early, before the first one where they were withdrawn
}

// asEnded is a fault as it is where it was ended early.
func (t *timeline) asEnded(f Fault) Fault {
	if len(t.ended) > 0 {
		if last, ok := t.ended[f.Key()]; ok && f.Last > last {
			return f.Until(last)
		}
	}
	return f
}

// Until is the fault ended early, with a last frame that is before its own.
func (f Fault) Until(last int64) Fault {
	if f.EndedEarly = true; last >= f.First {
		f.Meant, f.Last = cmp.Or(f.Meant, f.Last), last
	} else {
		f.Refused = "it was withdrawn before it began"
	}
	return f
}

// Has reports whether the plan has a fault of an id, or an entry whose faults have it with a number behind it.
func (p *Plan) Has(id string) bool {
	t := p.current.Load()
	return slices.ContainsFunc(t.rows, func(r row) bool {
		number, ok := strings.CutPrefix(id, r.id+"-")
		return r.id == id || ok && strings.Trim(number, "0123456789") == ""
	}) ||
		slices.ContainsFunc(t.added, func(f Fault) bool { return f.ID == id })
}

// Ended reports whether a fault of an id was ended early.
func (p *Plan) Ended(id string) bool {
	for key := range p.current.Load().ended {
		if strings.HasPrefix(key, id+" ") {
			return true
		}
	}
	return false
}

// Restore is a posted fault as its record has it.
func (p *Plan) Restore(r markers.FaultRecord, kinds []*Kind) (Fault, error) {
	i := slices.IndexFunc(kinds, func(k *Kind) bool { return k.Name == r.Kind })
	if i < 0 {
		return Fault{}, fmt.Errorf("there is no kind %.40q", r.Kind)
	}
	f := Fault{ID: r.ID, Kind: kinds[i], Params: Params{}, First: r.Frame, Last: r.LastFrame, Decoy: r.Decoy, Posted: true,
		EndedEarly: r.EndedEarly, Meant: r.MeantLast, On: Resource(r.Parameters["on"]), Draw: p.draw(r.ID)}
	f.Requests, _ = strconv.ParseInt(r.Parameters["requests"], 10, 64) // 0 without one
	for _, param := range kinds[i].Params {
		v, err := param.parse(r.Parameters[param.Name])
		if err != nil {
			return f, err
		}
		f.Params[param.Name] = v
	}
	return f, nil
}

// Add adds a fault, which must not overlap with another one, and whose frames nobody may have asked for yet.
func (p *Plan) Add(f Fault) {
	p.change(func(t *timeline) { t.added = append(slices.Clip(t.added), f) })
}

// End ends the fault of a key with a frame, which withdraws one that has not begun by then. Nobody may have asked for later frames yet.
func (p *Plan) End(key string, last int64) {
	p.change(func(t *timeline) {
		ended := maps.Clone(t.ended)
		if ended == nil {
			ended = map[string]int64{}
		}
		ended[key] = last
		t.ended = ended
	})
}

// Change has the faults of another plan, of a file with the same name, in place of those of the file from a frame on. Those that had begun
// by then continue where the other plan has them too, and are ended early otherwise. Nobody may have asked for later frames yet, and nobody
// asks any more for those before the frame keep.
func (p *Plan) Change(to *Plan, keep, from int64) {
	next := to.current.Load()
	var added []Fault
	for _, f := range p.Between(keep, from-1) {
		if !f.Posted && f.Refused == "" && f.Last >= from && !slices.ContainsFunc(to.Between(f.First, f.First, f.Kind.Layer), f.equal) {
			f = f.Until(from - 1)
		}
		added = append(added, f)
	}
	p.change(func(t *timeline) {
		for _, f := range t.added {
			if f.First >= from {
				added = append(added, f)
			}
		}
		t.rows, t.layers, t.from, t.added = next.rows, next.layers, from, added
	})
}

// equal reports whether two faults do the same to the same frames.
func (f Fault) equal(o Fault) bool {
	return f.ID == o.ID && f.Refused == o.Refused && f.Kind.Name == o.Kind.Name && f.First == o.First && f.Last == o.Last && f.Draw == o.Draw && f.On == o.On && f.Requests == o.Requests && maps.Equal(f.Params, o.Params)
}

// Forget drops the faults that were added, and are over before a frame.
func (p *Plan) Forget(before int64) {
	over := func(f Fault) bool { return f.Last < before }
	if slices.ContainsFunc(p.current.Load().added, over) {
		p.change(func(t *timeline) { t.added = slices.DeleteFunc(slices.Clone(t.added), over) })
	}
}

func (p *Plan) change(do func(*timeline)) {
	p.changing.Lock()
	defer p.changing.Unlock()
	t := *p.current.Load()
	do(&t)
	p.current.Store(&t)
}

// Needs reports whether there are faults of one of some layers, at any time.
func (p *Plan) Needs(layers ...Layer) bool {
	t := p.current.Load()
	return slices.ContainsFunc(layers, func(l Layer) bool {
		return t.layers[l] || slices.ContainsFunc(t.added, func(f Fault) bool { return f.Kind.Layer == l })
	})
}
