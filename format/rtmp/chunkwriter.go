package rtmp

import (
	"encoding/binary"
	"fmt"
)

// chunkWriter takes messages apart into chunks (5.3).
//
// Of the four types of headers it uses the shortest that every reader takes the same way: a message begins with one of
// type 3 only after a header with a delta, because readers differ on what it means after one with a timestamp. A delta
// that would need an extended timestamp is not used either.
type chunkWriter struct {
	size int
	last map[uint32]*sentHeader
}

// sentHeader is what the next header on the same chunk stream can refer to.
type sentHeader struct {
	typ      messageType
	stream   uint32
	time     uint32 // of the message
	length   int
	value    uint32 // timestamp or delta
	isDelta  bool   // value is a delta
	extended bool   // value is in the extended timestamp
}

func newChunkWriter() *chunkWriter {
	return &chunkWriter{size: defaultChunkSize, last: map[uint32]*sentHeader{}}
}

// append appends the message's chunks to b and returns the extended slice. The chunk stream is 2 to 65599; a body of
// more than 2^24-1 bytes is an error. Set Chunk Size takes effect after itself.
func (w *chunkWriter) append(b []byte, id uint32, m message) ([]byte, error) {
	if id < minChunkStream || id > maxThreeBytes {
		return b, fmt.Errorf("write RTMP message: chunk stream %d is out of range", id)
	}
	if len(m.body) > maxBody {
		return b, fmt.Errorf("write RTMP message: body of %d bytes is longer than %d", len(m.body), maxBody)
	}
	if m.typ == typeSetChunkSize {
		size, err := controlValue(m)
		if err != nil {
			return b, err
		}
		defer func() { w.size = int(size) }()
	}
	h, format := w.header(id, m)
	b = appendBasicHeader(b, format, id)
	if format < headerContinue {
		b = appendUint24(b, min(h.value, timeExtended))
	}
	if format < headerTime {
		b = append(appendUint24(b, uint32(h.length)), byte(h.typ))
	}
	if format == headerFull {
		b = binary.LittleEndian.AppendUint32(b, h.stream)
	}
	if h.extended {
		b = binary.BigEndian.AppendUint32(b, h.value)
	}
	for rest := m.body; ; {
		n := min(len(rest), w.size)
		b = append(b, rest[:n]...)
		if rest = rest[n:]; len(rest) == 0 {
			return b, nil
		}
		b = appendBasicHeader(b, headerContinue, id)
		if h.extended {
			b = binary.BigEndian.AppendUint32(b, h.value)
		}
	}
}

// header chooses the type of a message's header and notes it for the next one.
func (w *chunkWriter) header(id uint32, m message) (*sentHeader, int) {
	h := &sentHeader{typ: m.typ, stream: m.stream, time: m.time, length: len(m.body)}
	last, ok := w.last[id]
	w.last[id] = h
	if ok {
		h.value = m.time - last.time // modulo 2^32: going back is a large delta
		h.isDelta = true
	}
	switch {
	case !ok || last.stream != h.stream || h.value >= timeExtended:
		h.value, h.isDelta, h.extended = m.time, false, m.time >= timeExtended
		return h, headerFull
	case last.typ != h.typ || last.length != h.length:
		return h, headerLength
	case !last.isDelta || last.value != h.value:
		return h, headerTime
	}
	return h, headerContinue
}

// appendBasicHeader appends the type of a header and the chunk stream in as few bytes as it needs (5.3.1.1).
func appendBasicHeader(b []byte, format int, id uint32) []byte {
	high := byte(format << 6)
	switch {
	case id <= maxOneByte:
		return append(b, high|byte(id))
	case id <= maxTwoBytes:
		return append(b, high, byte(id-64))
	}
	return append(b, high|1, byte(id-64), byte((id-64)>>8))
}

func appendUint24(b []byte, v uint32) []byte { return append(b, byte(v>>16), byte(v>>8), byte(v)) }
