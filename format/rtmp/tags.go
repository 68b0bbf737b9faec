package rtmp

import (
	"bytes"

	"github.com/refstream/refstream/format/flv"
)

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
	return packet{chunk, message{typ: messageType(t.Type), stream: stream, time: t.Time, body: t.Body}}
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
