package rtmp

import (
	"encoding/binary"
	"fmt"
	"io"
)

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
