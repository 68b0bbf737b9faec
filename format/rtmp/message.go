package rtmp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/refstream/refstream/format/flv"
)

// messageType is the kind of a message (5.4, 7.1). Those of media are the types of FLV tags.
type messageType uint8

const (
	typeSetChunkSize  messageType = 1
	typeAbort         messageType = 2
	typeAck           messageType = 3
	typeUserControl   messageType = 4
	typeWindowAckSize messageType = 5
	typePeerBandwidth messageType = 6
	typeAudio                     = messageType(flv.Audio)
	typeVideo                     = messageType(flv.Video)
	typeDataAMF3      messageType = 15
	typeCommandAMF3   messageType = 17
	typeData                      = messageType(flv.Script)
	typeCommand       messageType = 20
	typeAggregate     messageType = 22
)

// The chunk streams that this package sends on. Number 2 is the specification's (5.4); the others are free to choose,
// and each kind of message has its own so that its headers can refer to the one before.
const (
	chunkControl uint32 = 2
	chunkCommand uint32 = 3
	chunkData    uint32 = 4
	chunkAudio   uint32 = 5
	chunkVideo   uint32 = 6
)

// maxBody is the longest message: its length has 24 bits (5.3.1.2.1).
const maxBody = 1<<24 - 1

// message is one RTMP message, in full.
type message struct {
	typ messageType
	// stream is the message stream: 0 for the connection itself, else what createStream made.
	stream uint32
	// time is in milliseconds, modulo 2^32.
	time uint32
	body []byte
}

const (
	// subHeader is the header of a message within an aggregate one, and backPointer what follows its body (7.1.6): they
	// are as in an FLV file.
	subHeader   = 11
	backPointer = 4
)

// splitAggregate takes an aggregate message apart (7.1.6). Times in it count from that of its first. What are not tags
// is left out. Bodies are sub-slices of the message's.
func splitAggregate(m message) ([]flv.Tag, error) {
	var tags []flv.Tag
	shift := uint32(0)
	for at := 0; at < len(m.body); {
		b := m.body[at:]
		if len(b) < subHeader {
			return nil, fmt.Errorf("read RTMP aggregate: header at byte %d of the message: %w", at, io.ErrUnexpectedEOF)
		}
		n := int(uint24(b[1:]))
		if n > len(b)-subHeader {
			return nil, fmt.Errorf("read RTMP aggregate: message of %d bytes at byte %d of the message: %w", n, at, io.ErrUnexpectedEOF)
		}
		t := flv.Tag{Type: flv.TagType(b[0]), Time: uint24(b[4:]) | uint32(b[7])<<24, Body: b[subHeader : subHeader+n : subHeader+n]}
		if at == 0 {
			shift = m.time - t.Time
		}
		t.Time += shift
		switch t.Type {
		case flv.Script:
			tags = append(tags, forPlayer(t))
		case flv.Audio, flv.Video:
			tags = append(tags, t)
		}
		at += subHeader + n
		if rest := m.body[at:]; len(rest) > 0 {
			if len(rest) < backPointer {
				return nil, fmt.Errorf("read RTMP aggregate: back pointer at byte %d of the message: %w", at, io.ErrUnexpectedEOF)
			}
			if p := binary.BigEndian.Uint32(rest); p != 0 && int64(p) != int64(subHeader+n) {
				return nil, fmt.Errorf("read RTMP aggregate: back pointer at byte %d of the message is %d, not %d", at, p, subHeader+n)
			}
			at += backPointer
		}
	}
	return tags, nil
}

// setDataFrame is the AMF0 string "@setDataFrame", in which a publisher wraps the metadata that a server is to keep and
// to give, without it, to those who play.
const setDataFrame = "\x02\x00\x0d@setDataFrame"

// onMetaData is the AMF0 string that metadata begins with.
const onMetaData = "\x02\x00\x0aonMetaData"

// packetOf is the message that a tag is sent as.
func packetOf(t flv.Tag, stream uint32) packet {
	chunk := chunkData
	switch t.Type {
	case flv.Video:
		chunk = chunkVideo
	case flv.Audio:
		chunk = chunkAudio
	}
	return packet{chunk: chunk, message: message{typ: messageType(t.Type), stream: stream, time: t.Time, body: t.Body}}
}

// forPlayer is the tag as players get it.
func forPlayer(t flv.Tag) flv.Tag {
	if t.Type == flv.Script {
		t.Body = bytes.TrimPrefix(t.Body, []byte(setDataFrame))
	}
	return t
}

// forServer is the tag as a publisher sends it.
func forServer(t flv.Tag) flv.Tag {
	if t.Type == flv.Script && bytes.HasPrefix(t.Body, []byte(onMetaData)) {
		t.Body = append([]byte(setDataFrame), t.Body...)
	}
	return t
}
