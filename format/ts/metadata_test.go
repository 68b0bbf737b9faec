package ts

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/asticode/go-astits"

	"github.com/refstream/refstream/format/id3"
	"github.com/refstream/refstream/media"
)

// testTag is a tag as long as a usual marker's.
func testTag(n int64) id3.Timed { return longTag(n, 500) }

// longTag is one of some size. None of its PES packets begins with what reads as a tag, but for the first.
func longTag(n int64, size int) id3.Timed {
	tag, err := id3.Text("refstream", fmt.Sprintf(`{"id": "main-e%d", "text": "Grüße, 日本 🎬 <&>", "more text": "%s"}`, n, strings.Repeat(`ID3\u0004`, size/9)))
	if err != nil {
		panic(err)
	}
	return id3.Timed{PTS: 90000 + 3003*n, Tag: tag}
}

// withTags writes the units as one stream with a tag in front of every fifth, and returns both.
func withTags(t testing.TB, units []media.Unit) ([]byte, []id3.Timed) {
	t.Helper()
	var b bytes.Buffer
	var told []id3.Timed
	w := NewWriter(&b)
	for i, au := range units {
		if i%5 == 0 {
			m := testTag(int64(i))
			m.PTS = au.PTS
			told = append(told, m)
			w.WriteID3(m)
		}
		if err := w.WriteUnit(au); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes(), told
}

// readID3 reads a stream with its tags.
func readID3(t testing.TB, stream []byte) (units []media.Unit, tags []id3.Timed, stats Stats) {
	t.Helper()
	r := NewReader(bytes.NewReader(stream))
	r.HandleID3(func(tag id3.Timed) { tags = append(tags, tag) })
	units = readAll(t, r)
	return units, tags, r.Stats()
}

// readTags reads what may not be a whole stream.
func readTags(stream []byte) (units []media.Unit, tags []id3.Timed) {
	r := NewReader(bytes.NewReader(stream))
	r.HandleID3(func(tag id3.Timed) { tags = append(tags, tag) })
	units, _ = drain(r)
	return units, tags
}

func sameTags(t testing.TB, tags []id3.Timed, want []id3.Timed) {
	t.Helper()
	if len(tags) != len(want) {
		t.Fatalf("%d tags, want %d", len(tags), len(want))
	}
	for i, tag := range tags {
		if !bytes.Equal(tag.Tag, want[i].Tag) {
			t.Errorf("tag %d: %q, want %q", i, tag.Tag, want[i].Tag)
		}
	}
}

// TestMarkersSeenByFFprobe writes markers beside real video, also across the wrap of time stamps. ffprobe finds the
// stream and the tags, ffmpeg decodes the video without a warning, and the Reader gives the markers back on the timeline
// of the video.
func TestMarkersSeenByFFprobe(t *testing.T) {
	const wrap = media.PTSMask + 1
	units := readAll(t, NewReader(bytes.NewReader(makeStream(t, 60, "-bf", "2"))))
	for name, first := range map[string]int64{"origin": 90000, "wraps": wrap - 100000, "wraps at once": wrap - 1,
		"second wrap": 2*wrap - 5000, "zero": 0} {
		t.Run(name, func(t *testing.T) {
			units := shift(units, first)
			stream, told := withTags(t, units)
			out := run(t, stream, "ffprobe", "-v", "error", "-show_streams", "-show_packets", "-show_data", "-of", "json",
				"-f", "mpegts", "pipe:0")
			var doc struct {
				Streams []struct {
					ID   string `json:"id"`
					Kind string `json:"codec_type"`
					Name string `json:"codec_name"`
				}
				Packets []struct {
					Stream int `json:"stream_index"`
					PTS    int64
					Data   string
				}
			}
			if err := json.Unmarshal(out, &doc); err != nil {
				t.Fatal(err)
			}
			if s := fmt.Sprint(doc.Streams); s != "[{0x100 video h264} {0x101 data timed_id3}]" {
				t.Errorf("ffprobe sees streams %s", s)
			}
			seen := 0
			for _, p := range doc.Packets {
				if p.Stream == 0 {
					continue
				}
				if seen == len(told) {
					t.Fatalf("ffprobe sees more than %d tags", seen)
				}
				want := told[seen].Tag
				if got := dumped(t, p.Data); p.PTS&media.PTSMask != told[seen].PTS&media.PTSMask || !bytes.Equal(got, want) {
					t.Errorf("tag %d: ffprobe sees PTS %d and %q, want %d and %q", seen, p.PTS, got, told[seen].PTS, want)
				}
				seen++
			}
			if seen != len(told) {
				t.Errorf("ffprobe sees %d tags, want %d", seen, len(told))
			}
			// Of time stamps that wrap between the DTS and the PTS of the very first unit ffmpeg can make nothing if the
			// first that it sees is the marker's.
			if got := warnings(t, stream); got != "" && units[0].DTS&media.PTSMask <= units[0].PTS&media.PTSMask {
				t.Errorf("ffmpeg: %s", got)
			}

			got, tags, stats := readID3(t, stream)
			sameUnits(t, got, shift(units, first&media.PTSMask))
			sameTags(t, tags, told)
			for i, tag := range tags {
				if want := told[i].PTS - first + first&media.PTSMask; tag.PTS != want {
					t.Errorf("tag %d: PTS %d, want %d", i, tag.PTS, want)
				}
			}
			if stats.DamagedID3 != 0 || stats.Gaps != 0 || stats.Damaged != 0 {
				t.Errorf("%+v", stats)
			}
		})
	}
}

// dumped reads the bytes of ffprobe's dump: lines of an address, groups of hexadecimal digits, and the same as text.
func dumped(t *testing.T, dump string) (data []byte) {
	for line := range strings.Lines(strings.TrimSpace(dump)) {
		_, line, _ = strings.Cut(line, ": ")
		digits, _, _ := strings.Cut(line, "  ")
		b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		data = append(data, b...)
	}
	return data
}

// warnings is what ffmpeg has to say against a stream that it decodes, without memory addresses.
func warnings(t testing.TB, stream []byte) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-v", "warning", "-f", "mpegts", "-i", "pipe:0", "-f", "null", "-")
	cmd.Stdin = bytes.NewReader(stream)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	return regexp.MustCompile(` @ 0x[0-9a-f]+`).ReplaceAllString(string(out), "")
}

// TestMarkersSeenByAstits has another reader take the tables and PES packets of the ID3 apart.
func TestMarkersSeenByAstits(t *testing.T) {
	au := unitOfSize(0, 100)
	stream, told := withTags(t, []media.Unit{au})
	d := astits.NewDemuxer(context.Background(), bytes.NewReader(stream), astits.DemuxerOptPacketSize(188))
	seen := 0
	for {
		data, err := d.NextData()
		if errors.Is(err, astits.ErrNoMorePackets) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case data.PMT != nil:
			if len(data.PMT.ProgramDescriptors) != 1 || len(data.PMT.ElementaryStreams) != 2 {
				t.Fatalf("%+v", data.PMT)
			}
			es := data.PMT.ElementaryStreams[1]
			if es.StreamType != astits.StreamTypeMetadata || es.ElementaryPID != 0x101 || len(es.ElementaryStreamDescriptors) != 1 {
				t.Errorf("%+v", es)
			}
			// As Apple's own tools write them.
			const pointer, metadata = "ffff49443320ff49443320001f0001", "ffff49443320ff49443320000f"
			for tag, want := range map[*astits.Descriptor]string{
				data.PMT.ProgramDescriptors[0]: "25" + pointer, es.ElementaryStreamDescriptors[0]: "26" + metadata,
			} {
				if got := fmt.Sprintf("%x%x", tag.Tag, tag.Unknown.Content); got != want {
					t.Errorf("descriptor %s, want %s", got, want)
				}
			}
		case data.PES != nil && data.PID == 0x101:
			seen++
			tag, h := told[0].Tag, data.PES.Header
			if h.StreamID != 0xBD || !h.OptionalHeader.DataAlignmentIndicator || h.OptionalHeader.PTS.Base != au.PTS ||
				int(h.PacketLength) != len(tag)+8 || !bytes.Equal(data.PES.Data, tag) {
				t.Errorf("%+v, %+v, %q", h, h.OptionalHeader, data.PES.Data)
			}
		}
	}
	if seen != 1 {
		t.Errorf("%d tags", seen)
	}
}

// TestMarkersThroughFFmpeg reads tags from a stream that ffmpeg's muxer made, and from one that it copied again.
func TestMarkersThroughFFmpeg(t *testing.T) {
	units := shift(readAll(t, NewReader(bytes.NewReader(makeStream(t, 60, "-bf", "2")))), 90000)
	stream, told := withTags(t, units)
	for pass := range 2 {
		stream = run(t, stream, "ffmpeg", "-nostdin", "-v", "error", "-f", "mpegts", "-copyts", "-i", "pipe:0", "-map", "0", "-c", "copy",
			"-muxdelay", "0", "-muxpreload", "0", "-f", "mpegts", "-mpegts_start_pid", "0x300", "pipe:1")
		got, tags, stats := readID3(t, stream)
		sameTags(t, tags, told)
		for i, tag := range tags {
			if tag.PTS != told[i].PTS {
				t.Errorf("pass %d, tag %d: PTS %d, want %d", pass, i, tag.PTS, told[i].PTS)
			}
		}
		if len(got) != len(units) || stats.DamagedID3 != 0 {
			t.Errorf("pass %d: %d units, %+v", pass, len(got), stats)
		}
	}
}

// TestMarkersTooLongForAPacket: a tag may take several PES packets, and lose any of their packets.
func TestMarkersTooLongForAPacket(t *testing.T) {
	for _, size := range []int{65000, 66000, 200000, 1 << 20 / 2} {
		m := longTag(1, size)
		var b bytes.Buffer
		w := NewWriter(&b)
		w.WriteID3(m)
		err := w.WriteUnit(unitOfSize(1, 9))
		w.WriteID3(testTag(2))
		if err := errors.Join(err, w.WriteUnit(unitOfSize(2, 9))); err != nil {
			t.Fatal(err)
		}
		_, tags, stats := readID3(t, b.Bytes())
		sameTags(t, tags, []id3.Timed{m, testTag(2)})
		if stats.DamagedID3 != 0 {
			t.Errorf("%d bytes: %+v", size, stats)
		}
		stream := b.Bytes()
		for _, lost := range []int{2, 3, 200, 351, 352, 353, 400} {
			if lost >= len(stream)/188-12 {
				continue
			}
			_, tags, stats := readID3(t, slices.Concat(stream[:lost*188], stream[(lost+1)*188:]))
			sameTags(t, tags, []id3.Timed{testTag(2)})
			if stats.DamagedID3 < 1 && lost > 2 {
				t.Errorf("%d bytes without packet %d: %+v", size, lost, stats)
			}
		}
	}
}

// TestID3LosingPackets: whichever packet is lost, what comes out was there.
func TestID3LosingPackets(t *testing.T) {
	var units []media.Unit
	for i := range int64(12) {
		units = append(units, unitOfSize(i, 300))
	}
	stream, told := withTags(t, units)
	for lost := range len(stream) / 188 {
		_, tags, stats := readID3(t, slices.Concat(stream[:lost*188], stream[(lost+1)*188:]))
		if len(tags) < len(told)-1 || len(tags) == len(told) && stats.DamagedID3 != 0 {
			t.Fatalf("without packet %d: %d tags, %+v", lost, len(tags), stats)
		}
		for _, tag := range tags {
			if !slices.ContainsFunc(told, func(w id3.Timed) bool { return w.PTS == tag.PTS && bytes.Equal(w.Tag, tag.Tag) }) {
				t.Fatalf("without packet %d: PTS %d, %q", lost, tag.PTS, tag.Tag)
			}
		}
	}
	twice := bytes.Clone(stream[:188])
	for at := 188; at < len(stream); at += 188 {
		twice = append(append(twice, stream[at:at+188]...), stream[at:at+188]...)
	}
	_, tags, stats := readID3(t, twice)
	sameTags(t, tags, told)
	if stats.DamagedID3 != 0 {
		t.Errorf("every packet twice: %+v", stats)
	}
}

// TestID3Order: a marker is handled before the unit that it was written before is returned, and after the one in front.
func TestID3Order(t *testing.T) {
	stream, _ := withTags(t, []media.Unit{unitOfSize(0, 9), unitOfSize(1, 9), unitOfSize(2, 9), unitOfSize(3, 9),
		unitOfSize(4, 9), unitOfSize(5, 9), unitOfSize(6, 9)})
	var order []string
	r := NewReader(bytes.NewReader(stream))
	r.HandleID3(func(tag id3.Timed) { order = append(order, fmt.Sprint("tag ", (tag.PTS-90000)/3003)) })
	for {
		au, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		order = append(order, fmt.Sprint((au.PTS-90000)/3003))
	}
	if got := strings.Join(order, ", "); got != "tag 0, 0, 1, 2, 3, 4, tag 5, 5, 6" {
		t.Error(got)
	}
}

// TestID3BeforeTheVideo: tags that come before the first unit are kept, so many and no more.
func TestID3BeforeTheVideo(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(&b)
	var told []id3.Timed
	for i := range int64(300) {
		told = append(told, testTag(i))
	}
	w.WriteID3(told...)
	if err := w.WriteUnit(unitOfSize(0, 9)); err != nil {
		t.Fatal(err)
	}
	_, tags, stats := readID3(t, b.Bytes())
	sameTags(t, tags, told[:256])
	if stats.DamagedID3 != 300-256 {
		t.Errorf("%+v", stats)
	}
}

// TestID3Follows: the ID3 of the video's program is followed to another PID, and none is read when it is gone.
func TestID3Follows(t *testing.T) {
	stream, told := withTags(t, []media.Unit{unitOfSize(0, 9)})
	moved := bytes.Clone(stream)
	for at := 0; at < len(moved); at += 188 {
		if pid := binary.BigEndian.Uint16(moved[at+1:]) & NullPID; pid == id3PID {
			moved[at+1], moved[at+2] = moved[at+1]&0xE0|2, 2
		} else if pid == pmtPID {
			body := appendStream(appendStream([]byte{0xE1, 0, 0xF0, 0}, streamTypeAV, videoPID, nil), streamTypeMetadata, 0x202, nil)
			copy(moved[at+4:], section(tableIDPMT, 1, body))
		}
	}
	gone := bytes.Clone(stream)
	copy(gone[188+4:], section(tableIDPMT, 1, appendStream([]byte{0xE1, 0, 0xF0, 0}, streamTypeAV, videoPID, nil)))
	_, tags, stats := readID3(t, slices.Concat(stream, moved, gone, stream))
	sameTags(t, tags, []id3.Timed{told[0], told[0], told[0]})
	if stats.DamagedID3 != 0 {
		t.Errorf("%+v", stats)
	}
}
