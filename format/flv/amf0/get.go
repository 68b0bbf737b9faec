package amf0

// Get is the value of the property of that name, and whether there is one; where a name stands twice, the last counts,
// as it does where objects are assigned to.
func (o Object) Get(name string) (any, bool) { return get(o, name) }

// Get is the value of the property of that name, as Object's.
func (a Array) Get(name string) (any, bool) { return get(a, name) }

func get(properties []Property, name string) (any, bool) {
	for i := len(properties) - 1; i >= 0; i-- {
		if properties[i].Name == name {
			return properties[i].Value, true
		}
	}
	return nil, false
}
