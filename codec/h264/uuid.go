package h264

import "fmt"

// UUIDs of well-known user data, as the 16 bytes that stand in the stream.
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
