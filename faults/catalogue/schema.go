package catalogue

import (
	"encoding/json"

	"github.com/refstream/refstream/scenario"
)

// object is a JSON object.
type object = map[string]any

// Schema is the JSON Schema (draft 2020-12) of scenario files. What it refuses is an error too when the file is read and laid on a
// channel, but for numbers that are written as texts. Much that it takes is one: faults that overlap, for example.
func Schema() ([]byte, error) {
	length := object{"type": "string", "description": "a length of time: 12s, 1m30s, 500ms or 00:01:30"}
	count := object{"type": "integer", "minimum": 1}
	number := object{"type": "integer", "minimum": 0}
	on := object{
		"type": "object", "properties": object{"kind": object{"enum": scenario.Resources()}}, "required": []string{"kind"}, "additionalProperties": false,
	}
	one := func(members object) object {
		return object{"type": "object", "properties": members, "additionalProperties": false, "minProperties": 1, "maxProperties": 1}
	}
	common := func() object {
		return object{
			"id":    object{"type": "string", "pattern": "^[a-z0-9][a-z0-9_.-]{0,63}$"},
			"at":    object{"anyOf": []any{length, one(object{"frame": number, "msn": number, "utc": object{"type": "string", "format": "date-time"}})}},
			"for":   object{"anyOf": []any{length, one(object{"frames": count, "segments": count, "requests": count})}},
			"every": length, "jitter": length, "mean": length, "times": count,
		}
	}
	weights := object{}
	var entries []any
	parameters := object{}
	for _, k := range Kinds() {
		with := object{}
		var required []string
		for _, p := range k.Params {
			with[p.Name] = parameter(p)
			parameters[p.Name] = true
			if p.Default == "" {
				required = append(required, p.Name)
			}
		}
		members := common()
		settings := object{"type": "object", "properties": with, "additionalProperties": false}
		word, needed := "do", []string{"do"}
		if k.Decoy {
			word, needed = "decoy", []string{"decoy"}
		} else {
			weights[k.Name] = count
		}
		if required != nil {
			settings["required"] = required
			needed = append(needed, "with")
		}
		if k.Default == (scenario.Span{}) {
			needed = append(needed, "for")
		}
		if k.Layer == scenario.LayerRequest {
			members["on"] = on
		}
		members[word], members["with"] = object{"const": k.Name}, settings
		entries = append(entries, object{
			"title": k.Name, "description": k.Doc, "type": "object", "properties": members, "required": needed, "additionalProperties": false,
		})
	}
	members := common()
	members["on"] = on
	members["choose"] = object{"type": "object", "properties": weights, "additionalProperties": false, "minProperties": 2}
	members["with"] = object{"type": "object", "properties": parameters, "additionalProperties": false}
	entries = append(entries, object{
		"title": "choose", "description": "One of some kinds each time, by weights.", "type": "object", "properties": members,
		"required": []string{"choose"}, "additionalProperties": false,
	})
	return json.MarshalIndent(object{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "refstream scenario", "type": "object",
		"properties": object{
			"version": object{"const": 1}, "name": object{"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,30}$"},
			"seed": number, "repeat": length, "pictures": object{"type": "boolean"},
			"faults": object{"type": "array", "minItems": 1, "items": object{"oneOf": entries}},
		},
		"required": []string{"version", "name", "faults"}, "additionalProperties": false,
	}, "", "  ")
}

func parameter(p scenario.Param) object {
	s := object{"description": p.Doc}
	switch p.Type {
	case scenario.Whole:
		s["type"], s["minimum"], s["maximum"] = "integer", p.Min, p.Max
	case scenario.Word:
		s["enum"] = p.Words
	case scenario.Offset:
		s["type"], s["pattern"], s["minimum"], s["maximum"] = []string{"integer", "string"}, "^[0-9]+%?$", p.Min, p.Max
	case scenario.Share:
		s["type"], s["pattern"] = "string", "^[0-9]+%$"
	default:
		s["type"] = "string"
	}
	if p.Default != "" {
		s["default"] = p.Default
	}
	return s
}
