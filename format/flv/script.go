package flv

import (
	"fmt"

	"github.com/refstream/refstream/format/flv/amf0"
)

// maxName is the longest name of a script that ScriptName looks for; the longest known has half of that.
const maxName = 64

// ParseScript reads the body of a script tag (E.4.4): the name of the script, taken out of a @setDataFrame around it,
// and the values that follow. An error is that of [amf0.Parse]; what could be read is returned with it, for some writers
// leave bytes behind that are no value.
func ParseScript(body []byte) (name string, args []any, err error) {
	values, err := amf0.Parse(body)
	if err != nil {
		err = fmt.Errorf("read script tag: %w", err)
	}
	name, args = unwrapScript(values)
	return name, args, err
}

// ScriptName is the name that a script tag's body begins with, as it is there, without reading the rest. It is empty
// where there is none, or one that is longer than any known.
func ScriptName(body []byte) string {
	const head = 3 // marker and length of a string
	if len(body) < head || body[0] != 2 {
		return ""
	}
	n := int(body[1])<<8 | int(body[2])
	if n > maxName || n > len(body)-head {
		return ""
	}
	return string(body[head : head+n])
}

// unwrapScript gives the name of a script and its values; the name is empty where there is none.
func unwrapScript(values []any) (name string, args []any) {
	for range 2 {
		if len(values) == 0 {
			return "", nil
		}
		name, _ = values[0].(string)
		values = values[1:]
		if name != nameSetFrame {
			break
		}
	}
	return name, values
}

// propertiesOf gives access to the properties of the first value, of which there are none if it is no object.
func propertiesOf(args []any) func(name string) (any, bool) {
	if len(args) > 0 {
		switch v := args[0].(type) {
		case amf0.Object:
			return v.Get
		case amf0.Array:
			return v.Get
		}
	}
	return amf0.Object(nil).Get
}

// text is the property of that name if it is a text.
func text(get func(name string) (any, bool), name string) string {
	v, _ := get(name)
	s, _ := v.(string)
	return s
}

// scriptTag makes a script tag.
func scriptTag(ms uint32, values ...any) (Tag, error) {
	body, err := amf0.Append(nil, values...)
	if err != nil {
		return Tag{}, err
	}
	if len(body) > maxBody {
		return Tag{}, fmt.Errorf("script tag of %d bytes is longer than %d", len(body), maxBody)
	}
	return Tag{Type: Script, Time: ms, Body: body}, nil
}
