package rtmp

import (
	"errors"
	"fmt"
	"strings"

	"github.com/refstream/refstream/format/flv/amf0"
)

// maxMessageStreams bounds what createStream makes for one client, which needs one.
const maxMessageStreams = 16

// carryOut carries out a command of a player's (7.2), as session.step does a message.
func (s *session) carryOut(stream uint32, c command) error {
	if c.name == "connect" {
		return s.connect(c)
	}
	if !s.connected {
		return fmt.Errorf("read RTMP message before byte %d: %s comes before connect", s.in.at, printable(c.name))
	}
	switch c.name {
	case "createStream":
		if s.streams++; s.streams > maxMessageStreams {
			return fmt.Errorf("read RTMP message before byte %d: more than %d message streams", s.in.at, maxMessageStreams)
		}
		return s.answer(c, "_result", nil, s.streams)
	case "play", "play2":
		return s.startPlay(stream, c)
	case "publish":
		return s.refuse(stream, c, "NetStream.Publish.Denied", "This server plays streams and takes none.")
	case "deleteStream", "closeStream":
		if n, ok := c.number(1); c.name == "deleteStream" && ok && n != float64(s.playing) {
			return nil // one that it made and doesn't use
		}
		return errDone
	case "pause", "pauseRaw":
		// A live stream continues; what the player doesn't show meanwhile is gone.
		if len(c.args) > 1 && c.args[1] == true {
			return s.status(stream, levelStatus, "NetStream.Pause.Notify", "The stream is live and goes on.")
		}
		return s.status(stream, levelStatus, "NetStream.Unpause.Notify", "The stream is live and has gone on.")
	case "seek":
		// There is nowhere else to go, but ffmpeg drops all that it gets until it is notified that it has arrived.
		return s.status(stream, levelStatus, "NetStream.Seek.Notify", "The stream is live and goes on.")
	case "FCSubscribe":
		if err := s.answer(c, "_result", nil); err != nil {
			return err
		}
		return s.write(commandMessage(0, "onFCSubscribe", 0, nil,
			statusInfo(levelStatus, "NetStream.Play.Start", "Subscribed to "+c.text(1)+".")))
	case "getStreamLength":
		return s.answer(c, "_result", nil, 0) // in seconds; 0 is what live streams have
	case "releaseStream", "FCPublish", "FCUnpublish", "FCUnsubscribe", "_checkbw", "checkBandwidth":
		return s.answer(c, "_result", nil)
	case "receiveAudio", "receiveVideo", "_result", "_error", "onStatus":
		return nil
	}
	return s.answer(c, "_error", nil,
		statusInfo(levelError, "NetConnection.Call.Failed", "There is no such method."))
}

// connect takes note of the application and answers (7.2.1.1). Whether there is one is decided together with the stream.
func (s *session) connect(c command) error {
	if s.connected {
		return fmt.Errorf("read RTMP message before byte %d: a second connect", s.in.at)
	}
	s.connected = true
	s.app = plainName(c.property(0, "app"))
	info := append(statusInfo(levelStatus, "NetConnection.Connect.Success", "Connection succeeded."),
		amf0.Property{Name: "objectEncoding", Value: 0})
	// Players look at the version for what a server can do; this is the one that nginx gives, of a server from the time
	// before the digest kind of handshake was needed for H.264.
	server := amf0.Object{{Name: "fmsVer", Value: "FMS/3,0,1,123"}, {Name: "capabilities", Value: 31}}
	return s.write(
		control(controlMessage(typeWindowAckSize, windowSize)),
		control(peerBandwidth(windowSize)),
		control(controlMessage(typeSetChunkSize, uint32(s.s.ChunkSize))),
		commandMessage(0, "_result", c.id, server, info),
	)
}

// startPlay finds the stream that is asked for and states that it begins (7.2.2.1).
func (s *session) startPlay(stream uint32, c command) error {
	if s.source != nil {
		return s.status(stream, levelError, "NetStream.Play.Failed", "One stream is played already.")
	}
	name := c.text(1)
	if c.name == "play2" {
		name = c.property(1, "streamName")
	}
	src, err := s.s.Play(s.app, plainName(name))
	if err == nil && src == nil {
		err = errors.New("no source")
	}
	if err != nil {
		refused := s.refuse(stream, c, "NetStream.Play.StreamNotFound", "There is no such stream.")
		return fmt.Errorf("%w (%w)", refused, err)
	}
	s.source, s.playing = src, stream
	return s.write(control(userControl(eventStreamBegin, stream)),
		status(stream, levelStatus, "NetStream.Play.Reset", "Playing and resetting."),
		status(stream, levelStatus, "NetStream.Play.Start", "Started playing."))
}

// plainName is the name of an application or stream without slashes at its ends and without a query.
func plainName(s string) string {
	s, _, _ = strings.Cut(s, "?")
	return strings.Trim(s, "/")
}

// refuse reports to the client that it can't have what it wants, and ends the session if nothing is played. The error names
// what a player wants, but not what a publisher does: that is a key, though to another server.
func (s *session) refuse(stream uint32, c command, code, description string) error {
	if err := s.status(stream, levelError, code, description); err != nil {
		return err
	}
	if s.source != nil {
		return nil
	}
	what := c.name
	if what != "publish" {
		what += " " + printable(s.app+"/"+plainName(c.text(1)))
	}
	return &StatusError{Command: what, Code: code, Description: description}
}

// answer answers a command, if it wants an answer.
func (s *session) answer(c command, name string, args ...any) error {
	if c.id == 0 {
		return nil
	}
	return s.write(commandMessage(0, name, c.id, args...))
}

func (s *session) status(stream uint32, level, code, description string) error {
	return s.write(status(stream, level, code, description))
}

// status makes an onStatus on a message stream (7.2.2).
func status(stream uint32, level, code, description string) packet {
	return commandMessage(stream, "onStatus", 0, nil, statusInfo(level, code, description))
}
