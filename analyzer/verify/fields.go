package verify

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/media"
)

// field is one field of a statement, with the value that the truth gives it, as a text.
type field struct {
	name, text string
	// unknown: the truth does not have its value.
	unknown bool
}

type fields []field

// nothing is the text of a field that is not there.
const nothing = "nothing"

// statedFields are the fields of a statement by their names: members of objects in objects are parted by points, elements of
// arrays have their number in brackets. A marker in a text is taken apart too.
func statedFields(r *analyzer.Record) map[string]string {
	out := map[string]string{}
	if v, err := decodeJSON[any](r.Extra); err == nil {
		flatten(out, "", v)
	}
	return out
}

// decodeJSON decodes the first value of a text, with its numbers as they are written.
func decodeJSON[T any](text []byte) (v T, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

func flatten(out map[string]string, name string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			inner := k
			if name != "" {
				inner = name + "." + k
			}
			flatten(out, inner, e)
		}
		return
	case []any:
		for i, e := range v {
			flatten(out, name+"["+strconv.Itoa(i)+"]", e)
		}
		return
	}
	for _, beginning := range []string{"timestamps[0].", "frames[0].", "parameters."} { // as in every statement of refstream
		name = strings.TrimPrefix(name, beginning)
	}
	switch v := v.(type) {
	case string:
		if name == "marker" {
			if marker, err := decodeJSON[map[string]any]([]byte(v)); err == nil {
				flatten(out, name, marker)
				return
			}
		}
		out[name] = v
	case json.Number:
		out[name] = v.String()
	case bool:
		out[name] = strconv.FormatBool(v)
	default:
		out[name] = "null"
	}
}

// fieldsOf are the fields of a value as JSON, in the order of their names. unknown are those that the truth does not have.
func fieldsOf(v any, unknown ...string) (list fields) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	for name, text := range statedFields(&analyzer.Record{Extra: b}) {
		list = append(list, field{name, text, slices.Contains(unknown, name)})
	}
	slices.SortFunc(list, func(a, b field) int { return strings.Compare(a.name, b.name) })
	return list
}

// same reports whether two texts are of one value, which can be written in several ways. Instants may differ by the slack.
func same(a, b string, slack time.Duration) bool {
	if a == b {
		return true
	}
	if x, err := media.ParseSeconds(a); err == nil {
		y, err := media.ParseSeconds(b)
		return err == nil && x == y && len(a) < maxNumber && len(b) < maxNumber
	}
	if strings.ContainsAny(a+b, "eE") { // doubles of AMF
		x, err1 := strconv.ParseFloat(a, 64)
		y, err2 := strconv.ParseFloat(b, 64)
		return err1 == nil && err2 == nil && x == y
	}
	x, err1 := time.Parse(time.RFC3339Nano, a)
	y, err2 := time.Parse(time.RFC3339Nano, b)
	return err1 == nil && err2 == nil && x.Sub(y).Abs() <= slack
}

// maxNumber is how long numbers are whose values are compared: of longer ones not all digits count.
const maxNumber = 20
