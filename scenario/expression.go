package scenario

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

const (
	// maxExpression bounds an expression, in bytes: browsers and servers take URLs of some thousand.
	maxExpression = 1000
	// maxExpressionFaults keeps the check for faults that overlap short, since anybody may ask for it.
	maxExpressionFaults = 8
	// expressionCompared keeps it to some milliseconds. Later ones are refused one by one.
	expressionCompared = 500
	// always is the length of a fault that has neither a time nor a length: 100 years.
	always = 100 * 365 * 24 * 3600 * int64(1e9)
)

var validClient = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// CheckClient reports why a client of requests can't have a name.
func CheckClient(name string) error {
	if !validClient.MatchString(name) {
		return fmt.Errorf("%.70q can't name a client: use 1 to 64 letters, digits, '.', '_' and '-'", name)
	}
	return nil
}

// ParseExpression reads a scenario file that is written as an expression, which needs no escapes in the path of a URL:
//
//	expression = item *( ";" item )
//	item       = KIND [ "(" [ arg *( "," arg ) ] ")" ] / ( "seed" / "repeat" / "client" ) "=" VALUE
//	arg        = NAME "=" VALUE
//
// A NAME is a key of a fault in a file, or a parameter of its kind, which may be written with.NAME too. A VALUE is one of letters,
// digits and ".:_-"; 50% is 50pct. A time of at may be frame:N, msn:N or a UTC, a length of for frames:N, segments:N or requests:N; on
// is the kind of resource. A fault without a time and a length is always there.
//
// refuse is why there is no fault of a kind in an expression, empty where there may be one. client is the name that it has for
// the client, or empty. The errors have the number of the character, counted from 1, in the place of a line.
func ParseExpression(text string, kinds []*Kind, refuse func(*Kind) string) (f *File, client string, err error) {
	x := expression{parser: parser{f: &File{Path: "expression", Name: "x", brief: true, compared: expressionCompared}, kinds: kinds}, text: text}
	if len(text) > maxExpression {
		return nil, "", x.f.problem(maxExpression+1, "it has more than %d characters: use a scenario file", maxExpression)
	}
	for {
		if err := x.item(); err != nil {
			return nil, "", err
		}
		if x.at == len(x.text) {
			break
		}
		if !x.take(';') {
			return nil, "", x.unexpected("; between faults")
		}
	}
	if len(x.faults.Content) == 0 {
		return nil, "", x.f.problem(1, "there is no fault: write one such as http.status")
	}
	if len(x.faults.Content) > maxExpressionFaults {
		return nil, "", x.f.problem(x.faults.Content[maxExpressionFaults].Line, "there are more than %d faults: use a scenario file", maxExpressionFaults)
	}
	root := mapping(1, scalar(1, "version"), scalar(1, "1"), scalar(1, "name"), scalar(1, "x"), scalar(1, "faults"), &x.faults)
	root.Content = append(root.Content, x.settings...)
	x.faults.Kind, x.faults.Line = yaml.SequenceNode, 1
	if err := x.file(root); err != nil {
		return nil, "", err
	}
	for i := range x.f.faults {
		e := &x.f.faults[i]
		for _, k := range e.kinds {
			if why := refuse(k.kind); why != "" {
				return nil, "", x.f.problem(e.line, "%s: %s", k.kind.Name, why)
			}
		}
		if x.always[i] {
			e.length = Span{Nanos: always}
		}
	}
	return x.f, x.client, nil
}

// expression reads an expression into the nodes of a file, whose lines are characters.
type expression struct {
	parser
	text     string
	at       int
	faults   yaml.Node
	always   []bool // by fault
	settings []*yaml.Node
	client   string
}

func scalar(line int, text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Line: line, Value: text}
}

func mapping(line int, content ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Line: line, Content: content}
}

func (x *expression) take(c byte) bool {
	if x.at < len(x.text) && x.text[x.at] == c {
		x.at++
		return true
	}
	return false
}

func (x *expression) unexpected(want string) error {
	if x.at == len(x.text) {
		return x.f.problem(x.at+1, "it ends here: write %s", want)
	}
	return x.f.problem(x.at+1, "%s is not possible here: write %s", strconv.QuoteToASCII(x.text[x.at:x.at+1]), want)
}

// word reads a name or a value.
func (x *expression) word(what string) (*yaml.Node, error) {
	from := x.at
	for x.at < len(x.text) && strings.IndexByte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:_-%", x.text[x.at]) >= 0 {
		x.at++
	}
	if from == x.at {
		return nil, x.unexpected(what)
	}
	text := x.text[from:x.at]
	if number, ok := strings.CutSuffix(text, "pct"); ok {
		text = number + "%"
	}
	return scalar(from+1, text), nil
}

// item reads a fault or a setting.
func (x *expression) item() error {
	name, err := x.word("a kind of fault such as http.status")
	if err != nil {
		return err
	}
	if x.take('=') {
		value, err := x.word("a value")
		if err != nil {
			return err
		}
		switch name.Value {
		case "seed", "repeat":
			x.settings = append(x.settings, name, value)
		case "client":
			x.client, err = value.Value, CheckClient(value.Value)
			if err != nil {
				return x.f.problem(value.Line, "client: %v", err)
			}
		default:
			return x.f.problem(name.Line, "there is no setting %.40q: use client, seed, repeat, or KIND(NAME=VALUE,NAME=VALUE)", name.Value)
		}
		return nil
	}
	do := "do"
	for _, k := range x.kinds {
		if k.Name == name.Value && k.Decoy {
			do = "decoy"
		}
	}
	e, with := mapping(name.Line, scalar(name.Line, do), name), mapping(name.Line)
	timed := false
	for open := x.take('('); open && !x.take(')'); {
		if len(e.Content)+len(with.Content) > 2 && !x.take(',') {
			return x.unexpected(", or )")
		}
		key, err := x.word("NAME=VALUE")
		if err != nil {
			return err
		}
		if !x.take('=') {
			return x.unexpected("= and a value")
		}
		value, err := x.word("a value")
		if err != nil {
			return err
		}
		switch key.Value {
		case "at", "for", "every", "mean":
			timed = true
			fallthrough
		case "id", "jitter", "times":
			e.Content = append(e.Content, key, pointOf(value))
		case "on":
			e.Content = append(e.Content, key, mapping(value.Line, scalar(value.Line, "kind"), value))
		default:
			key.Value = strings.TrimPrefix(key.Value, "with.")
			with.Content = append(with.Content, key, value)
		}
	}
	if len(with.Content) > 0 {
		e.Content = append(e.Content, scalar(name.Line, "with"), with)
	}
	if !timed {
		e.Content = append(e.Content, scalar(name.Line, "at"), scalar(name.Line, "0s"))
	}
	x.faults.Content, x.always = append(x.faults.Content, e), append(x.always, !timed)
	return nil
}

var utcValue = regexp.MustCompile(`^\d{4}-\d\d-\d\dT`)

// pointOf is a value as a file has it: frame:5 is {frame: 5}, and a UTC {utc: ...}.
func pointOf(value *yaml.Node) *yaml.Node {
	unit, number, ok := strings.Cut(value.Value, ":")
	switch {
	case utcValue.MatchString(value.Value):
		return mapping(value.Line, scalar(value.Line, "utc"), value)
	case ok && strings.Trim(unit, "abcdefghijklmnopqrstuvwxyz") == "":
		return mapping(value.Line, scalar(value.Line, unit), scalar(value.Line, number))
	}
	return value
}
