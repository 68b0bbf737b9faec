package h264

import (
	"fmt"
)

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

// UUIDs of well-known user data, as the 16 bytes that are in the stream.
const (
	// UUIDX264 is x264's banner: its version and settings as text.
	UUIDX264 = "\xdc\x45\xe9\xbd\xe6\xd9\x48\xb7\x96\x2c\xd8\x20\xd9\x23\xee\xef"
	// UUIDMISBTime is the precision time stamp of MISB ST 0604 in H.264.
	UUIDMISBTime = "MISPmicrosectime"
)

const uuidSize = 16

// UUID is the uuid_iso_iec_11578 of user data.
type UUID [uuidSize]byte

// String writes the UUID in five groups of lower-case hexadecimal digits (RFC 9562, 4).
func (u UUID) String() string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// UserData is a user_data_unregistered SEI message (H.264, D.1.7).
type UserData struct {
	UUID UUID
	Data []byte
}

// ParseUserData reads the payload of a message of type 5. One that is too short for a UUID isn't user data of any
// kind, and ok is false. Data is a sub-slice of the payload.
func ParseUserData(payload []byte) (u UserData, ok bool) {
	if len(payload) < uuidSize {
		return UserData{}, false
	}
	return UserData{UUID: UUID(payload), Data: payload[uuidSize:]}, true
}

// Append appends the payload of a message of type 5 to dst, and returns the extended slice.
func (u *UserData) Append(dst []byte) []byte {
	return append(append(dst, u.UUID[:]...), u.Data...)
}
