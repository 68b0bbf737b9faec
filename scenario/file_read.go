package scenario

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Parse reads a scenario file, YAML or JSON, with the kinds of a catalogue. Everything that it does not know is an error. An error
// is one line: the path, the line, what is wrong and what to write.
func Parse(path string, text []byte, kinds []*Kind) (*File, error) {
	p := parser{f: &File{Path: path}, kinds: kinds}
	if len(text) > MaxFileSize {
		return nil, fmt.Errorf("%s: it has more than %d bytes: use fewer faults, or every and mean", path, MaxFileSize)
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, p.f.problem(1, "the file is empty: begin with version: 1")
	} else if err != nil {
		return nil, p.syntax(err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, p.f.problem(doc.Line, "there is more than one document: use a file for each")
	}
	if err := p.file(doc.Content[0]); err != nil {
		return nil, err
	}
	return p.f, nil
}

type parser struct {
	f     *File
	kinds []*Kind
}

var yamlLine = regexp.MustCompile(`line (\d+): `)

// syntax is an error of the YAML reader as one of ours, with the line in its place.
func (p *parser) syntax(err error) error {
	text, line := strings.TrimPrefix(err.Error(), "yaml: "), 1
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = strings.Replace(text, m[0], "", 1)
	}
	text, _, _ = strings.Cut(text, "\n")
	return p.f.problem(line, "it is neither YAML nor JSON: %s", text)
}

// keys reads a mapping: each key's value goes to its function.
func (p *parser) keys(n *yaml.Node, what string, of map[string]func(*yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return p.f.problem(n.Line, "%s is not a mapping: write key: value", what)
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		read, ok := of[key.Value]
		if !ok || key.Kind != yaml.ScalarNode {
			known := make([]string, 0, len(of))
			for k := range of {
				known = append(known, k)
			}
			slices.Sort(known)
			return p.f.problem(key.Line, "%s has no key %.40q: use %s", what, key.Value, strings.Join(known, ", "))
		}
		if seen[key.Value] {
			return p.f.problem(key.Line, "%s is there twice: leave one out", key.Value)
		}
		seen[key.Value] = true
		if err := read(value); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) file(n *yaml.Node) error {
	var list *yaml.Node
	version, seed := int64(0), int64(0)
	err := p.keys(n, "the file", map[string]func(*yaml.Node) error{
		"version": p.whole("version", &version, 1),
		"name": p.scalar("name", func(text string) error {
			p.f.Name = text
			return nil
		}),
		"seed":   p.whole("seed", &seed, 0),
		"repeat": p.length("repeat", &p.f.repeat, maxRepeat),
		"pictures": p.scalar("pictures", func(text string) (err error) {
			if p.f.Pictures, err = strconv.ParseBool(text); err != nil {
				err = fmt.Errorf("%.40q is not known: use true or false", text)
			}
			return err
		}),
		"faults": func(n *yaml.Node) error {
			list = n
			return nil
		},
	})
	if err != nil {
		return err
	}
	p.f.seed, p.f.nameLine = uint64(seed), n.Line
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "name" {
			p.f.nameLine = n.Content[i].Line
		}
	}
	switch {
	case version != 1:
		return p.f.problem(n.Line, "version: it is not there, or not 1: write version: 1")
	case p.f.Name == "":
		return p.f.problem(n.Line, "name: it is not there: write one such as name: outage")
	case list == nil || list.Kind != yaml.SequenceNode || len(list.Content) == 0:
		return p.f.problem(n.Line, "faults: there is no list of them: write a line such as - {do: freeze, at: 10s, for: 5s} under faults:")
	case len(list.Content) > maxFaults:
		return p.f.problem(list.Line, "faults: there are %d: use %d at most, with every or mean for those that come again", len(list.Content), maxFaults)
	}
	lines := map[string]int{}
	for _, item := range list.Content {
		e, err := p.fault(item)
		if err != nil {
			return err
		}
		if before, ok := lines[e.id]; ok {
			return p.f.problem(e.line, "the fault of %s is %q too: give each an id of its own", p.f.place(before), e.id)
		}
		lines[e.id] = e.line
		p.f.faults = append(p.f.faults, e)
	}
	return nil
}

var validID = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,63}$`)

func (p *parser) fault(n *yaml.Node) (e fault, err error) {
	e.line = n.Line
	var names, with, at *yaml.Node
	do := ""
	keep := func(to **yaml.Node, key string) func(*yaml.Node) error {
		return func(n *yaml.Node) error {
			*to = n
			if do != "" && key != "" {
				return p.f.problem(n.Line, "there are %s and %s: leave one out", do, key)
			}
			if key != "" {
				do = key
			}
			return nil
		}
	}
	err = p.keys(n, "a fault", map[string]func(*yaml.Node) error{
		"id": p.scalar("id", func(text string) error {
			if !validID.MatchString(text) {
				return fmt.Errorf("%.70q is not possible: use up to 64 of a-z, 0-9, _, . and -", text)
			}
			e.id = text
			return nil
		}),
		"do": keep(&names, "do"), "decoy": keep(&names, "decoy"), "choose": keep(&names, "choose"),
		"with": keep(&with, ""), "at": keep(&at, ""), "on": func(n *yaml.Node) (err error) {
			e.on, err = p.resource(n)
			return err
		},
		"for": func(n *yaml.Node) (err error) {
			e.length, err = p.span(n)
			return err
		},
		"every": p.length("every", &e.every, maxRepeat), "jitter": p.length("jitter", &e.jitter, maxRepeat),
		"mean": p.length("mean", &e.mean, maxRepeat), "times": p.whole("times", &e.times, 1),
	})
	if err != nil {
		return e, err
	}
	if names == nil {
		return e, p.f.problem(e.line, "the fault is of no kind: write do: KIND, decoy: KIND or choose: {KIND: WEIGHT, ...}")
	}
	e.decoy = do == "decoy"
	if at != nil {
		if e.at, err = p.point(at); err != nil {
			return e, err
		}
	}
	switch {
	case at == nil && e.every == 0 && e.mean == 0:
		return e, p.f.problem(e.line, "the fault has no time: write at, every or mean")
	case e.mean > 0 && (at != nil || e.every > 0 || e.jitter > 0 || e.times > 0):
		return e, p.f.problem(e.line, "mean: the times are random: leave at, every, jitter and times out")
	case (e.jitter > 0 || e.times > 0) && e.every == 0:
		return e, p.f.problem(e.line, "jitter, times: they are for a fault that comes again: write every too")
	case at == nil && e.every > 0:
		e.at = point{n: e.every}
	}
	return e, p.kindsOf(&e, do, names, with)
}

// kindsOf reads the kinds of a fault, and their parameters.
func (p *parser) kindsOf(e *fault, do string, names, with *yaml.Node) error {
	list := []*yaml.Node{names}
	if do == "choose" {
		list = nil
		if names.Kind != yaml.MappingNode || len(names.Content) < 4 {
			return p.f.problem(names.Line, "choose: it is not a mapping of two kinds or more: write {KIND: WEIGHT, KIND: WEIGHT}")
		}
		for i := 0; i < len(names.Content); i += 2 {
			list = append(list, names.Content[i])
		}
	}
	used := map[string]bool{}
	for i, name := range list {
		at := slices.IndexFunc(p.kinds, func(k *Kind) bool { return k.Name == name.Value })
		if at < 0 || name.Kind != yaml.ScalarNode {
			if p.f.brief {
				return p.f.problem(name.Line, "an expression has no kind %.40q: %suse one of the layers playlist and request, which refstream scenario kinds lists",
					name.Value, DidYouMean(name.Value, p.kinds))
			}
			return p.f.problem(name.Line, "%s: there is no kind %.40q: %srefstream scenario kinds lists them", do, name.Value, DidYouMean(name.Value, p.kinds))
		}
		if slices.ContainsFunc(e.kinds, func(k choice) bool { return k.kind == p.kinds[at] }) {
			return p.f.problem(name.Line, "choose: %s is there twice: leave one out", name.Value)
		}
		k := choice{kind: p.kinds[at]}
		if k.kind.Decoy != e.decoy {
			return p.f.problem(name.Line, "%s is %s: write %s", k.kind.Name,
				map[bool]string{true: "legal", false: "a fault"}[k.kind.Decoy], map[bool]string{true: "decoy: ", false: "do: "}[k.kind.Decoy]+k.kind.Name)
		}
		if do == "choose" {
			var weight int64
			if err := p.whole("weight of "+name.Value, &weight, 1)(names.Content[2*i+1]); err != nil {
				return err
			}
			k.weight = uint64(weight)
		}
		if err := p.lengthOf(e, k.kind, name.Line); err != nil {
			return err
		}
		var err error
		if k.params, err = p.params(k.kind, name, with, used); err != nil {
			return err
		}
		e.kinds = append(e.kinds, k)
	}
	if with != nil {
		for i := 0; i+1 < len(with.Content); i += 2 {
			if key := with.Content[i]; !used[key.Value] {
				var known []string
				for _, k := range e.kinds {
					for _, param := range k.kind.Params {
						known = append(known, param.Name)
					}
				}
				if len(known) == 0 {
					return p.f.problem(key.Line, "with: %s has no parameters: leave it out", e.kinds[0].kind.Name)
				}
				return p.f.problem(key.Line, "with: there is no parameter %.40q: use %s", key.Value, strings.Join(known, ", "))
			}
		}
	}
	e.id, e.on = cmp.Or(e.id, e.kinds[0].kind.Name), cmp.Or(e.on, Resources()[0])
	return nil
}

// lengthOf checks the fault's length against its kind.
func (p *parser) lengthOf(e *fault, k *Kind, line int) error {
	switch {
	case e.length == (Span{}) && k.Default == (Span{}):
		return p.f.problem(line, "%s: it has no length: write for, such as for: 5s", k.Name)
	case e.length.Requests > 0 && k.Layer != LayerRequest:
		return p.f.problem(line, "for: requests are for faults of requests: use a time, {frames: N} or {segments: N}")
	case e.on != "" && k.Layer != LayerRequest:
		return p.f.problem(line, "on: it is for faults of requests: leave it out")
	}
	return nil
}

// params reads the parameters of a kind that is named at a place. It marks the names that it knows.
func (p *parser) params(k *Kind, name, with *yaml.Node, used map[string]bool) (Params, error) {
	out := Params{}
	given := map[string]*yaml.Node{}
	if with != nil {
		if with.Kind != yaml.MappingNode {
			return nil, p.f.problem(with.Line, "with is not a mapping: write {name: value}")
		}
		for i := 0; i+1 < len(with.Content); i += 2 {
			key := with.Content[i]
			if given[key.Value] != nil {
				return nil, p.f.problem(key.Line, "%s is there twice: leave one out", key.Value)
			}
			given[key.Value] = with.Content[i+1]
		}
	}
	for _, param := range k.Params {
		text := param.Default
		if n := given[param.Name]; n != nil {
			used[param.Name] = true
			if n.Kind != yaml.ScalarNode {
				return nil, p.f.problem(n.Line, "%s is not a single value", param.Name)
			}
			if text = n.Value; text == "" {
				return nil, p.f.problem(n.Line, "%s is empty", param.Name)
			}
		} else if text == "" {
			return nil, p.f.problem(name.Line, "%s: with has no %s: %s", k.Name, param.Name, param.Doc)
		}
		v, err := param.parse(text)
		if err != nil { // of the file: a default is right
			return nil, p.f.problem(given[param.Name].Line, "%s: %v", k.Name, err)
		}
		out[param.Name] = v
	}
	return out, nil
}
