package flv

import "github.com/refstream/refstream/format/flv/amf0"

// CuePoint is an onCuePoint message: something happens at its tag's time. The properties are those that Adobe's tools
// write and Flash players know.
type CuePoint struct {
	Name string
	// Seconds is the tag's time as the message states it, in seconds.
	Seconds float64
	// Type is "event" or "navigation".
	Type string
	// Parameters are further properties, in their order.
	Parameters amf0.Object
}

// Values is the script that the message is.
func (c CuePoint) Values() []any {
	return []any{nameCuePoint, amf0.Object{
		{Name: "name", Value: c.Name}, {Name: "time", Value: c.Seconds}, {Name: "type", Value: c.Type},
		{Name: "parameters", Value: c.Parameters},
	}}
}

// ParseCuePoint reads the values of a script tag, as leniently as ParseFI. ok is false when it isn't an onCuePoint.
func ParseCuePoint(values []any) (c CuePoint, ok bool) {
	name, args := unwrapScript(values)
	if name != nameCuePoint {
		return CuePoint{}, false
	}
	get := propertiesOf(args)
	c.Name, c.Type = text(get, "name"), text(get, "type")
	seconds, _ := get("time")
	c.Seconds, _ = seconds.(float64)
	switch p, _ := get("parameters"); v := p.(type) {
	case amf0.Object:
		c.Parameters = v
	case amf0.Array:
		c.Parameters = amf0.Object(v)
	}
	return c, true
}
