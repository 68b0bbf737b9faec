package scenario

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
)

// changes are what was added to a plan while its stream ran. They are replaced as a whole, and not changed.
type changes struct {
	added []Fault
	ended map[string]int64 // the last frame of those that were ended early, before the first one where they were withdrawn
}

// of is a fault as it is with the changes.
func (c *changes) of(f Fault) Fault {
	last, ok := c.ended[f.ID]
	if !ok || f.Last <= last {
		return f
	}
	return f.Until(last)
}

// Until is the fault ended early, with a last frame that is before its own.
func (f Fault) Until(last int64) Fault {
	if f.EndedEarly = true; last >= f.First {
		f.Last = last
	} else {
		f.Refused = "it was withdrawn before it began"
	}
	return f
}

// Request is a fault that is asked for while a stream runs: an entry of a file that happens once.
type Request struct {
	entry fault
	now   bool // at the first frame that can have it
	named bool // it gives an id
}

// MemberError is what is wrong with a member of a request, empty where it is with the whole.
type MemberError struct{ Member, Text string }

func (e *MemberError) Error() string { return e.Text }

// Now is the time of a request that can begin as soon as possible.
const Now = "now"

// ParseRequest reads the members of a JSON object, which are keys of a fault in a file, without those of faults that come again. at may be
// Now, which it is without the member. The errors are a *MemberError.
func ParseRequest(members map[string]json.RawMessage, kinds []*Kind) (r Request, err error) {
	_, r.named = members["id"]
	r.now = true
	entry := yaml.Node{Kind: yaml.MappingNode}
	names := slices.Sorted(maps.Keys(members))
	for i, name := range names {
		var doc yaml.Node
		if err := yaml.Unmarshal(members[name], &doc); err != nil || len(doc.Content) != 1 {
			return r, &MemberError{name, name + ": it can't be read: write it as in a scenario file"}
		}
		value := doc.Content[0]
		if name == "at" && value.Kind == yaml.ScalarNode && value.Value == Now {
			continue
		}
		r.now = r.now && name != "at"
		onLine(value, i+1) // so that the line of an error names the member
		entry.Content = append(entry.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name, Line: i + 1}, value)
	}
	if r.now {
		at := yaml.Node{Kind: yaml.ScalarNode, Value: "0s"}
		entry.Content = append(entry.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "at"}, &at)
	}
	p := parser{f: &File{}, kinds: kinds}
	r.entry, err = p.fault(&entry)
	return r, memberError(err, names)
}

func onLine(n *yaml.Node, line int) {
	n.Line = line
	for _, c := range n.Content {
		onLine(c, line)
	}
}

// memberError names the member that an error of a file is about.
func memberError(err error, names []string) error {
	var p *problem
	if !errors.As(err, &p) {
		return err
	}
	e := &MemberError{Text: p.text}
	if p.line > 0 && p.line <= len(names) {
		e.Member = names[p.line-1]
	}
	return e
}

// Kind is that of the fault.
func (r Request) Kind() *Kind { return r.entry.kinds[0].kind }

// Place finds the frames of a request, from the first frame that can have it on, and the id of one that gives none: posted-KIND-FRAME. The
// error is a *MemberError.
func (p *Plan) Place(r Request, earliest int64) (f Fault, err error) {
	e := r.entry
	if r.now {
		e.at = point{kind: atFrame, n: earliest}
	}
	row, err := (&File{seed: p.File.seed}).row(e, p.clock)
	if err != nil {
		member := "do"
		if at := memberError(err, nil).Error(); strings.HasPrefix(at, "at:") || strings.HasPrefix(at, "for:") {
			member, _, _ = strings.Cut(at, ":")
		}
		return f, &MemberError{member, memberError(err, nil).Error()}
	}
	f = row.occurrence(0)
	if !r.named {
		f.ID = fmt.Sprintf("posted-%s-%d", f.Kind.Name, f.First)
	}
	f.Posted, f.Draw = true, p.draw(f.ID)
	switch {
	case f.First < earliest:
		return f, &MemberError{"at", fmt.Sprintf("at: it would begin with frame %d, and what is before frame %d is made already: use a later time, or %s",
			f.First, earliest, Now)}
	case f.Last > markers.MaxFrame:
		return f, &MemberError{"for", fmt.Sprintf("for: it would end with frame %d: use a shorter time", f.Last)}
	}
	return f, nil
}

// draw is the random number of a posted fault.
func (p *Plan) draw(id string) uint64 {
	return generator.Mix(generator.Mix(p.File.seed^textHash(id)) ^ generator.Mix(0))
}

// Overlap finds a fault of the plan that changes the same property of some of the frames as f.
func (p *Plan) Overlap(f Fault) (other Fault, ok bool) {
	for _, o := range p.Between(f.First, f.Last, f.Kind.Layer) {
		if o.Refused == "" && o.overlaps(f) {
			return o, true
		}
	}
	return other, false
}

// Has reports whether the plan has a fault of an id, or an entry whose faults have it with a number behind it.
func (p *Plan) Has(id string) bool {
	return slices.ContainsFunc(p.rows, func(r row) bool {
		number, ok := strings.CutPrefix(id, r.id+"-")
		return r.id == id || ok && strings.Trim(number, "0123456789") == ""
	}) ||
		slices.ContainsFunc(p.changes.Load().added, func(f Fault) bool { return f.ID == id })
}

// Restore is a posted fault as its record has it.
func (p *Plan) Restore(r markers.FaultRecord, kinds []*Kind) (Fault, error) {
	i := slices.IndexFunc(kinds, func(k *Kind) bool { return k.Name == r.Kind })
	if i < 0 {
		return Fault{}, fmt.Errorf("there is no kind %.40q", r.Kind)
	}
	f := Fault{ID: r.ID, Kind: kinds[i], Params: Params{}, First: r.Frame, Last: r.LastFrame, Decoy: r.Decoy, Posted: true,
		EndedEarly: r.EndedEarly, Draw: p.draw(r.ID)}
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
	p.change(func(c *changes) { c.added = append(slices.Clip(c.added), f) })
}

// End ends a fault with a frame, which withdraws one that has not begun by then. Nobody may have asked for later frames yet.
func (p *Plan) End(id string, last int64) {
	p.change(func(c *changes) {
		ended := maps.Clone(c.ended)
		if ended == nil {
			ended = map[string]int64{}
		}
		ended[id] = last
		c.ended = ended
	})
}

// Forget drops the faults that were added, and are over before a frame.
func (p *Plan) Forget(before int64) {
	over := func(f Fault) bool { return f.Last < before }
	if slices.ContainsFunc(p.changes.Load().added, over) {
		p.change(func(c *changes) { c.added = slices.DeleteFunc(slices.Clone(c.added), over) })
	}
}

func (p *Plan) change(do func(*changes)) {
	p.changing.Lock()
	defer p.changing.Unlock()
	c := *p.changes.Load()
	do(&c)
	p.changes.Store(&c)
}

// Needs reports whether there are faults of one of some layers, at any time.
func (p *Plan) Needs(layers ...Layer) bool {
	return slices.ContainsFunc(layers, func(l Layer) bool {
		return p.layers[l] || slices.ContainsFunc(p.changes.Load().added, func(f Fault) bool { return f.Kind.Layer == l })
	})
}
