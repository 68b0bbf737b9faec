package rtmp

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// readStep is how much of a message is made room for at a time, so that one that claims 16 MiB and has less costs no
// more than twice what it has.
const readStep = 16 << 10

// readLimits bound what a peer can make a chunkReader hold.
type readLimits struct {
	message int  // longest message, in bytes
	streams int  // chunk streams
	held    int  // memory of messages in parts, in bytes
	paced   bool // the peer has no media to send, and a rate to keep
}

// chunkReader puts messages together from chunks (5.3). It is not safe for concurrent use.
type chunkReader struct {
	r       *bufio.Reader
	limits  readLimits
	at      int64 // bytes read since the start of the connection
	size    int   // of the peer's chunks
	streams map[uint32]*chunkStream
	held    int
	rate    rate
	// omits states that the peer leaves the extended timestamp out of chunks of type 3, as it has shown once.
	omits bool
}

func newChunkReader(r io.Reader, limits readLimits) *chunkReader {
	c := &chunkReader{
		r: bufio.NewReaderSize(r, readStep), limits: limits, size: defaultChunkSize, streams: map[uint32]*chunkStream{},
	}
	if limits.paced {
		c.rate = newRate()
	}
	return c
}

// next reads one chunk. If it completes a message, that is returned, its body the caller's, and true. Set Chunk Size and
// Abort are carried out before they are returned.
//
// io.EOF is the end between messages. Other errors name the chunk by its offset; nothing can be read after one.
func (r *chunkReader) next() (message, bool, error) {
	at := r.at
	m, complete, err := r.chunk()
	if err == nil {
		err = r.rate.count(r.at)
	}
	if err == nil {
		return m, complete, nil
	}
	if errors.Is(err, io.EOF) {
		if r.at == at && !r.partial() {
			return message{}, false, io.EOF
		}
		err = io.ErrUnexpectedEOF
	}
	return message{}, false, fmt.Errorf("read RTMP chunk at byte %d: %w", at, err)
}

// partial reports whether a message has begun and isn't complete.
func (r *chunkReader) partial() bool {
	for _, s := range r.streams {
		if s.inProgress {
			return true
		}
	}
	return false
}

func (r *chunkReader) chunk() (message, bool, error) {
	format, id, err := r.basicHeader()
	if err != nil {
		return message{}, false, err
	}
	s, err := r.stream(format, id)
	if err != nil {
		return message{}, false, err
	}
	if err := r.messageHeader(s, format); err != nil {
		return message{}, false, err
	}
	if err := r.payload(s); err != nil {
		return message{}, false, err
	}
	if len(s.body) < s.length {
		return message{}, false, nil
	}
	m := s.message
	r.drop(s)
	return m, true, r.control(m)
}

// basicHeader reads the type of the chunk's header and its chunk stream (5.3.1.1).
func (r *chunkReader) basicHeader() (format int, id uint32, err error) {
	var b [2]byte
	if err := r.read(b[:1]); err != nil {
		return 0, 0, err
	}
	format, id = int(b[0]>>6), uint32(b[0]&0x3F)
	switch id {
	case 0:
		err = r.read(b[:1])
		id = 64 + uint32(b[0])
	case 1:
		err = r.read(b[:2])
		id = 64 + uint32(b[0]) + uint32(b[1])<<8
	}
	return format, id, err
}

// stream gives the chunk stream that a chunk belongs to.
func (r *chunkReader) stream(format int, id uint32) (*chunkStream, error) {
	if s, ok := r.streams[id]; ok {
		if s.inProgress && format != headerContinue {
			return nil, fmt.Errorf("chunk stream %d: a message begins while %d of %d bytes of the one before are there",
				id, len(s.body), s.length)
		}
		return s, nil
	}
	// librtmp begins with type 1 on the control stream: what that leaves out is 0 there.
	if format != headerFull && format != headerLength {
		return nil, fmt.Errorf("chunk stream %d begins with a header of type %d", id, format)
	}
	if len(r.streams) >= r.limits.streams {
		return nil, fmt.Errorf("more than %d chunk streams", r.limits.streams)
	}
	s := &chunkStream{}
	r.streams[id] = s
	return s, nil
}

// messageHeader reads what the type of the header has of it (5.3.1.2), and begins the message if the one before is
// complete.
func (r *chunkReader) messageHeader(s *chunkStream, format int) error {
	if format == headerContinue {
		if err := r.repeatedTime(s); err != nil {
			return err
		}
		return r.begin(s, s.delta)
	}
	var h [11]byte
	b := h[:[...]int{headerFull: 11, headerLength: 7, headerTime: 3}[format]]
	if err := r.read(b); err != nil {
		return err
	}
	s.delta = uint24(b)
	if format <= headerLength {
		s.length = int(uint24(b[3:]))
		s.typ = messageType(b[6])
	}
	if format == headerFull {
		s.stream = binary.LittleEndian.Uint32(b[7:])
		s.time = 0
	}
	if s.extended = s.delta == timeExtended; s.extended {
		var x [4]byte
		if err := r.read(x[:]); err != nil {
			return err
		}
		s.delta = binary.BigEndian.Uint32(x[:])
	}
	return r.begin(s, s.delta)
}

// begin begins a message after the time of the one before, unless one is in progress.
func (r *chunkReader) begin(s *chunkStream, delta uint32) error {
	if s.inProgress {
		return nil
	}
	if s.length > r.limits.message {
		return fmt.Errorf("message of %d bytes, more than %d", s.length, r.limits.message)
	}
	s.time += delta
	s.inProgress = true
	s.body = nil
	return nil
}

// repeatedTime reads the extended timestamp of a chunk of type 3. Not all peers send it there: if what comes isn't that
// of the header that this chunk goes by, it is the message. Of an extended timestamp at least the first byte differs from
// what most messages continue with, and no more is waited for than is needed to tell.
func (r *chunkReader) repeatedTime(s *chunkStream) error {
	if !s.extended || r.omits {
		return nil
	}
	var want [4]byte
	binary.BigEndian.PutUint32(want[:], s.delta)
	for n := range want {
		b, err := r.r.Peek(n + 1)
		if err != nil {
			return err
		}
		if b[n] != want[n] {
			r.omits = true
			return nil
		}
	}
	return r.read(want[:])
}

// payload reads the chunk's part of the message.
func (r *chunkReader) payload(s *chunkStream) error {
	for left := min(r.size, s.length-len(s.body)); left > 0; {
		n, from := min(left, readStep), len(s.body)
		if err := r.grow(s, from+n); err != nil {
			return err
		}
		s.body = s.body[:from+n]
		if err := r.read(s.body[from:]); err != nil {
			return err
		}
		left -= n
	}
	return nil
}

// grow makes room for n bytes of a message, within the limit of what is held.
func (r *chunkReader) grow(s *chunkStream, n int) error {
	if n <= cap(s.body) {
		return nil
	}
	r.held -= cap(s.body)
	want := min(max(n, 2*cap(s.body)), s.length)
	if r.held+want > r.limits.held {
		return fmt.Errorf("messages in parts take up more than %d bytes", r.limits.held)
	}
	s.body = append(make([]byte, 0, want), s.body...)
	r.held += want
	return nil
}

// drop forgets what has arrived of a message.
func (r *chunkReader) drop(s *chunkStream) {
	r.held -= cap(s.body)
	s.body, s.inProgress = nil, false
}

// control carries out the messages that concern the chunks themselves (5.4.1, 5.4.2).
func (r *chunkReader) control(m message) error {
	if m.typ != typeSetChunkSize && m.typ != typeAbort {
		return nil
	}
	v, err := controlValue(m)
	if err != nil {
		return err
	}
	if m.typ == typeAbort {
		if s, ok := r.streams[v]; ok {
			r.drop(s)
		}
		return nil
	}
	if v == 0 || v > 1<<31-1 {
		return fmt.Errorf("chunk size %d is out of range", v)
	}
	r.size = int(min(v, maxChunkSize))
	return nil
}

// read fills b; io.EOF and io.ErrUnexpectedEOF are as io.ReadFull's.
func (r *chunkReader) read(b []byte) error {
	n, err := io.ReadFull(r.r, b)
	r.at += int64(n)
	return err
}

// controlValue is the number that most control messages consist of.
func controlValue(m message) (uint32, error) {
	if len(m.body) < 4 {
		return 0, fmt.Errorf("control message of type %d has %d bytes: %w", m.typ, len(m.body), io.ErrUnexpectedEOF)
	}
	return binary.BigEndian.Uint32(m.body), nil
}

func uint24(b []byte) uint32 { return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) }

// chunkStream is what the header of a chunk can refer to: the one before it on the same chunk stream (5.3.1.2).
type chunkStream struct {
	message           // of the message that arrives, or the last one; body is what has arrived of it
	length     int    // of the message, in bytes
	delta      uint32 // timestamp delta of the last header that had a timestamp; of type 0 its timestamp
	extended   bool   // that header had an extended timestamp
	inProgress bool   // a message has begun and isn't complete
}

// Types of chunk headers (5.3.1.2).
const (
	headerFull     = 0 // timestamp, length, type, message stream
	headerLength   = 1 // timestamp delta, length, type
	headerTime     = 2 // timestamp delta
	headerContinue = 3 // nothing
)

const (
	// timeExtended in place of a timestamp states that it is in the extended one (5.3.1.3).
	timeExtended = 0xFFFFFF
	// defaultChunkSize is what both sides begin with (5.4.1).
	defaultChunkSize = 128
	// maxChunkSize is the largest size with a meaning, as no message is longer (5.4.1).
	maxChunkSize = maxBody
	// Chunk stream numbers that the one, two and three bytes of a basic header can state (5.3.1.1).
	minChunkStream = 2
	maxOneByte     = 63
	maxTwoBytes    = 64 + 0xFF
	maxThreeBytes  = 64 + 0xFFFF
)
