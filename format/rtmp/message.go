package rtmp

import "github.com/refstream/refstream/format/flv"

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
