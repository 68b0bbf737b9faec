package ts

// appendPackets appends data as packets of one PID, none where it is empty. The first has the flag start, flagStart for
// one that starts a payload unit, and carries the adaptation field, the last is filled up. count is the continuity
// counter of the first packet and is moved on.
func appendPackets(out []byte, pid uint16, count *uint8, start byte, field, data []byte) []byte {
	for len(data) > 0 {
		n := min(len(data), bodySize-len(field))
		out = appendPacket(out, pid, count, start, field, data[:n])
		data = data[n:]
		start, field = 0, nil
	}
	return out
}

// appendPacket appends one packet. field, which may be empty, is a whole adaptation field; it and the payload fit into
// the packet together. Room that is left is filled up by making the adaptation field longer (H.222.0, 2.4.3.5).
func appendPacket(out []byte, pid uint16, count *uint8, start byte, field, payload []byte) []byte {
	fill := bodySize - len(field) - len(payload)
	control := byte(0x10) // payload only
	if len(field) > 0 || fill > 0 {
		control = 0x30 // adaptation field, then payload
	}
	out = append(out, SyncByte, start|byte(pid>>8), byte(pid), control|*count)
	*count = (*count + 1) & 0x0F
	switch {
	case len(field) > 0:
		out = append(out, field...)
		out[len(out)-len(field)] += byte(fill)
	case fill == 1:
		out, fill = append(out, 0), 0 // a field of its length alone
	case fill > 1:
		out, fill = append(out, byte(fill-1), 0), fill-2 // its length, no flags
	}
	for range fill {
		out = append(out, 0xFF)
	}
	return append(out, payload...)
}
