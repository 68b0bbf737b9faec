package hevc

import (
	"fmt"

	"github.com/refstream/refstream/codec/h264"
)

// Types of SEI payloads (H.265, D.2.1). User data is as in H.264.
const (
	SEIUserDataUnregistered = h264.SEIUserDataUnregistered
	SEITimeCode             = 136
)

// ParseSEI reads the messages of a NAL unit of prefix or suffix SEI, given with its header and emulation prevention, as
// h264.ParseSEI does those of H.264.
func ParseSEI(nal []byte) ([]h264.SEIMessage, error) {
	if t := TypeOf(nal); !t.SEI() {
		return nil, fmt.Errorf("read SEI: this is a NAL unit of type %d (%v)", t, t)
	}
	return h264.ParseSEIMessages(h264.Unescape(nal), headerSize)
}
