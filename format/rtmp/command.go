package rtmp

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/refstream/refstream/format/flv/amf0"
)

// command is a command message (7.2), or a data message (7.1.2), which has no transaction.
type command struct {
	name string
	// id is the transaction: an answer has that of what it answers. 0 wants no answer.
	id float64
	// args are the values that follow: mostly an object or null, and then the arguments.
	args []any
}

// parseCommand reads a command. Errors name the offset in the message.
func parseCommand(m message) (command, error) {
	body, wrapped := m.body, false
	if m.typ == typeCommandAMF3 {
		// What states which AMF it is: 0, for the values of AMF3 are announced one by one within AMF0.
		if len(body) == 0 || body[0] != 0 {
			return command{}, fmt.Errorf("command of type %d does not begin with a byte 0", m.typ)
		}
		body, wrapped = body[1:], true
	}
	values, err := amf0.Parse(body)
	if err != nil && (!wrapped || len(values) < 2) {
		// Of what has AMF3 in it, the part before that can be enough.
		return command{}, fmt.Errorf("parse command: %w", err)
	}
	if len(values) == 0 {
		return command{}, fmt.Errorf("parse command: 0 values, not a name and a transaction")
	}
	if len(values) == 1 {
		values = append(values, 0.0) // ffmpeg's onFCPublish is so
	}
	name, ok := values[0].(string)
	id, isNumber := values[1].(float64)
	if !ok || !isNumber {
		return command{}, fmt.Errorf("parse command: begins with %T and %T, not a name and a transaction", values[0], values[1])
	}
	return command{name, id, values[2:]}, nil
}

// text is the argument at i, counted from 0 after the transaction, if it is a text.
func (c command) text(i int) string {
	if i < len(c.args) {
		if s, ok := c.args[i].(string); ok {
			return s
		}
	}
	return ""
}

// number is the argument at i if it is a number.
func (c command) number(i int) (float64, bool) {
	if i < len(c.args) {
		n, ok := c.args[i].(float64)
		return n, ok
	}
	return 0, false
}

// property is a text in the object at i.
func (c command) property(i int, name string) string {
	if i >= len(c.args) {
		return ""
	}
	var v any
	switch o := c.args[i].(type) {
	case amf0.Object:
		v, _ = o.Get(name)
	case amf0.Array:
		v, _ = o.Get(name)
	}
	s, _ := v.(string)
	return s
}

// commandMessage makes a command message on a message stream.
func commandMessage(stream uint32, name string, id float64, args ...any) packet {
	b, err := amf0.Append(nil, append([]any{name, id}, args...)...)
	if err != nil {
		err = fmt.Errorf("make command %s: %w", name, err)
	}
	return packet{chunkCommand, message{typ: typeCommand, stream: stream, body: b}, err}
}

// What levels onStatus has (7.2.2).
const (
	levelStatus = "status"
	levelError  = "error"
)

// statusInfo is the information object of onStatus and of answers.
func statusInfo(level, code, description string) amf0.Object {
	return amf0.Object{{Name: "level", Value: level}, {Name: "code", Value: code}, {Name: "description", Value: description}}
}

// Events of User Control Messages (7.1.7).
const (
	eventStreamBegin  uint16 = 0
	eventStreamEOF    uint16 = 1
	eventBufferLength uint16 = 3
	eventPing         uint16 = 6
	eventPong         uint16 = 7
)

// bandwidthDynamic lets the peer decide on its own limit (5.4.5).
const bandwidthDynamic = 2

// windowSize is the acknowledgement window that this package announces (5.4.4), in bytes: what the field has settled on.
const windowSize = 2500000

// controlMessage makes a control message of one number.
func controlMessage(typ messageType, v uint32) message {
	return message{typ: typ, body: binary.BigEndian.AppendUint32(nil, v)}
}

// peerBandwidth makes a Set Peer Bandwidth message (5.4.5).
func peerBandwidth(v uint32) message {
	return message{typ: typePeerBandwidth, body: append(binary.BigEndian.AppendUint32(nil, v), bandwidthDynamic)}
}

// userControl makes a User Control Message with one number.
func userControl(event uint16, values ...uint32) message {
	b := binary.BigEndian.AppendUint16(nil, event)
	for _, v := range values {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return message{typ: typeUserControl, body: b}
}

// parseUserControl reads the event and its first number, which is 0 where there is none.
func parseUserControl(m message) (event uint16, value uint32, err error) {
	if len(m.body) < 2 {
		return 0, 0, fmt.Errorf("user control message has %d bytes: %w", len(m.body), io.ErrUnexpectedEOF)
	}
	if len(m.body) >= 6 {
		value = binary.BigEndian.Uint32(m.body[2:])
	}
	return binary.BigEndian.Uint16(m.body), value, nil
}
