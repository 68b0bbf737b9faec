package h264

const (
	// MISBLocked is the status of a time stamp from a clock that is locked to its reference and runs on steadily: the
	// three flags are 0 and the reserved bits 1 (MISB ST 0603).
	MISBLocked = 0x1F

	misbSize      = uuidSize + 1 + 11 // UUID, status, 8 bytes of time with 3 between them
	misbSeparator = 0xFF              // after every second byte of time, so that no start code can occur
)

// MISBTime is a precision time stamp (MISB ST 0604): the payload of a user_data_unregistered message of 28 bytes.
type MISBTime struct {
	// Status is the status byte: MISBLocked, or flags of a clock that is not (MISB ST 0603).
	Status uint8
	// Micros is UTC in microseconds since 1970, as this project writes it.
	Micros uint64
}

// ParseMISBTime reads the payload of a message of type 5. Any status is accepted. Where the payload isn't such a time
// stamp, for its UUID, because it is short, or because the bytes between those of the time are missing, ok is false.
func ParseMISBTime(payload []byte) (t MISBTime, ok bool) {
	if len(payload) < misbSize || string(payload[:uuidSize]) != UUIDMISBTime {
		return MISBTime{}, false
	}
	t.Status = payload[uuidSize]
	for i, b := range payload[uuidSize+1 : misbSize] {
		if i%3 < 2 {
			t.Micros = t.Micros<<8 | uint64(b)
		} else if b != misbSeparator {
			return MISBTime{}, false
		}
	}
	return t, true
}

// Append appends the payload of a message of type 5 to dst, and returns the extended slice.
func (t MISBTime) Append(dst []byte) []byte {
	dst = append(append(dst, UUIDMISBTime...), t.Status)
	for shift := 56; shift >= 0; shift -= 8 {
		if shift%16 == 8 && shift < 56 {
			dst = append(dst, misbSeparator)
		}
		dst = append(dst, byte(t.Micros>>shift))
	}
	return dst
}
