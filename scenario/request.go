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
