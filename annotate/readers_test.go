package annotate

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
)

// tracedMessage is a SEI message as ffmpeg's trace_headers filter reads it: its name and its syntax elements.
type tracedMessage struct {
	name   string
	fields map[string]int64
}

// traceSEI reads the SEI messages of every access unit of a file with trace_headers, in order.
func traceSEI(t *testing.T, path string) [][]tracedMessage {
	t.Helper()
	_, log := run(t, "ffmpeg", "-hide_banner", "-nostats", "-i", path, "-c", "copy", "-bsf:v", "trace_headers", "-f", "null", "-")
	var units [][]tracedMessage
	inMessage := false
	for line := range strings.Lines(log) {
		_, text, ok := strings.Cut(line, "] ")
		if !ok || !strings.HasPrefix(line, "[trace_headers") {
			if strings.Contains(line, "nvalid") || strings.Contains(line, "rror") {
				t.Errorf("trace: %s", line)
			}
			continue
		}
		text = strings.TrimSpace(text)
		left, value, isField := strings.Cut(text, " = ")
		words := strings.Fields(left)
		switch {
		case strings.HasPrefix(text, "Packet: "):
			units = append(units, nil)
			inMessage = false
		case len(units) == 0: // the first headers a second time
		case !isField || len(words) < 2:
			switch text {
			case "Buffering Period", "Picture Timing", "User Data Unregistered", "Recovery Point":
				inMessage = true
				last := &units[len(units)-1]
				*last = append(*last, tracedMessage{text, map[string]int64{}})
			default:
				inMessage = false
			}
		case inMessage:
			v, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				t.Fatalf("trace: %s", line)
			}
			last := units[len(units)-1]
			last[len(last)-1].fields[words[1]] = v
		}
	}
	return units
}

// bytesOf joins the fields name[0], name[1] and so on.
func (m tracedMessage) bytesOf(name string) string {
	var b strings.Builder
	for i := 0; ; i++ {
		v, ok := m.fields[name+"["+strconv.Itoa(i)+"]"]
		if !ok {
			return b.String()
		}
		b.WriteByte(byte(v))
	}
}

// decoded is what ffmpeg's decoder says of one frame, in the order of presentation.
type decoded struct {
	timecodes []string
	userData  []string // UUID and data
}

// decode decodes a file and reads the side data of each frame. Anything that the decoder complains of fails the test.
func decode(t *testing.T, path string) []decoded {
	t.Helper()
	if _, log := run(t, "ffmpeg", "-v", "error", "-i", path, "-f", "null", "-"); log != "" {
		t.Errorf("decode: %s", log)
	}
	_, log := run(t, "ffmpeg", "-hide_banner", "-nostats", "-i", path, "-vsync", "passthrough", "-vf", "showinfo", "-f", "null", "-")
	var frames []decoded
	for line := range strings.Lines(log) {
		_, text, ok := strings.Cut(line, "] ")
		if !ok || !strings.HasPrefix(line, "[Parsed_showinfo") {
			continue
		}
		text = strings.TrimSpace(text)
		switch {
		case strings.HasPrefix(text, "n:"):
			frames = append(frames, decoded{})
		case len(frames) == 0:
		case strings.HasPrefix(text, "side data - timecode - "):
			f := &frames[len(frames)-1]
			f.timecodes = append(f.timecodes, text[len("side data - timecode - "):])
		case strings.HasPrefix(text, "UUID="): // the data comes on a line of its own
			f := &frames[len(frames)-1]
			f.userData = append(f.userData, fromHex(t, strings.ReplaceAll(text[len("UUID="):], "-", "")))
		case strings.HasPrefix(text, "User Data="):
			f := &frames[len(frames)-1]
			f.userData[len(f.userData)-1] += fromHex(t, text[len("User Data="):])
		}
	}
	return frames
}

func fromHex(t *testing.T, s string) string {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatalf("showinfo: %v in %q", err, s)
	}
	return string(b)
}

// probedTimecodes are the `timecode` tags of the frames as ffprobe shows them, empty where there is none.
func probedTimecodes(t *testing.T, path string) []string {
	t.Helper()
	out, log := run(t, "ffprobe", "-v", "error", "-show_frames", "-of", "json", path)
	if log != "" {
		t.Errorf("ffprobe: %s", log)
	}
	var probed struct {
		Frames []struct {
			Tags struct {
				Timecode string `json:"timecode"`
			} `json:"tags"`
		} `json:"frames"`
	}
	if err := json.Unmarshal([]byte(out), &probed); err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, f := range probed.Frames {
		codes = append(codes, f.Tags.Timecode)
	}
	return codes
}
