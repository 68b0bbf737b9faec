package h264

import (
	"errors"
	"fmt"
	"io"
)

// Types of SEI payloads (H.264, D.1.1).
const (
	SEIBufferingPeriod      = 0
	SEIPicTiming            = 1
	SEIFiller               = 3
	SEIUserDataRegistered   = 4
	SEIUserDataUnregistered = 5
	SEIRecoveryPoint        = 6
)

const (
	seiHeader       = byte(NALSEI) // nal_ref_idc is 0 (7.4.1)
	seiContinuation = 0xFF         // a byte of payloadType or payloadSize that adds 255 and is followed by another
	rbspStop        = 0x80         // rbsp_stop_one_bit and alignment, where the data before is whole bytes
)

var errNotSEI = errors.New("not a NAL unit of type 6")

// SEIMessage is one message of supplemental enhancement information (H.264, 7.3.2.3.1).
type SEIMessage struct {
	// Type is payloadType, not negative.
	Type int
	// Payload is the message without emulation prevention; its bits are aligned as D.1 has it.
	Payload []byte
}

// ParseSEI reads the messages of a NAL unit of type 6, given with its header and emulation prevention. An error in
// the list has its offset in bytes from the header, emulation prevention not counted; the messages before it are returned with it.
// Payloads aren't looked at.
//
// The payloads are sub-slices of nal where it has no emulation prevention, and of a copy otherwise.
func ParseSEI(nal []byte) ([]SEIMessage, error) {
	if TypeOf(nal) != NALSEI {
		return nil, seiError(0, errNotSEI)
	}
	return ParseSEIMessages(Unescape(nal), 1)
}

// ParseSEIMessages reads the messages of a NAL unit without emulation prevention whose header has so many bytes: HEVC has
// the same list behind another header. What it returns is as of ParseSEI.
func ParseSEIMessages(b []byte, header int) ([]SEIMessage, error) {
	end := len(b)
	for end > header && b[end-1] == 0 { // cabac_zero_words and the like
		end--
	}
	if end <= header || b[end-1] != rbspStop {
		return nil, seiError(end, errors.New("no stop bit at the end"))
	}
	end--
	var messages []SEIMessage
	for pos := header; pos < end; {
		typ, next, ok := readSEINumber(b[:end], pos)
		size, body, ok2 := readSEINumber(b[:end], next)
		switch {
		case !ok || !ok2:
			return messages, seiError(pos, fmt.Errorf("type or size of a message: %w", io.ErrUnexpectedEOF))
		case size > end-body:
			return messages, seiError(pos, fmt.Errorf("message of type %d and %d bytes, %d are left: %w",
				typ, size, end-body, io.ErrUnexpectedEOF))
		}
		pos = body + size
		messages = append(messages, SEIMessage{typ, b[body:pos:pos]})
	}
	return messages, nil
}

func seiError(offset int, err error) error { return fmt.Errorf("read SEI: byte %d: %w", offset, err) }

// readSEINumber reads a payloadType or payloadSize at pos. It can't overflow: each byte adds at most 255.
func readSEINumber(b []byte, pos int) (v, next int, ok bool) {
	for ; pos < len(b); pos++ {
		v += int(b[pos])
		if b[pos] != seiContinuation {
			return v, pos + 1, true
		}
	}
	return 0, pos, false
}

// AppendSEI appends one NAL unit of type 6 with the messages to dst, and returns the extended slice: header, messages,
// trailing bits, with emulation prevention over all of it but no start code. There must be at least one message
// (7.3.2.3), and no negative type. What dst held before is not looked at.
func AppendSEI(dst []byte, messages []SEIMessage) []byte {
	e := escaper{dst: append(dst, seiHeader)}
	for _, m := range messages {
		e.writeSEINumber(m.Type)
		e.writeSEINumber(len(m.Payload))
		e.write(m.Payload)
	}
	e.writeByte(rbspStop)
	return e.finish()
}

func (e *escaper) writeSEINumber(v int) {
	for ; v >= seiContinuation; v -= seiContinuation {
		e.writeByte(seiContinuation)
	}
	e.writeByte(byte(v))
}
