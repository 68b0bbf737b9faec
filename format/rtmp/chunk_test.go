package rtmp

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

var testLimits = readLimits{message: maxBody, streams: 64, held: 2 * maxBody}

// readChunks reads messages to the end of the data.
func readChunks(b []byte, limits readLimits) ([]message, error) {
	r := newChunkReader(bufio.NewReaderSize(bytes.NewReader(b), readStep), limits)
	var out []message
	for {
		m, complete, err := r.next()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		if complete {
			out = append(out, m)
		}
	}
}

// hex makes bytes of hexadecimal digits and of "text*n", which is n times the byte x.
func hex(t testing.TB, s string) []byte {
	t.Helper()
	var b []byte
	for field := range strings.FieldsSeq(s) {
		if n, ok := strings.CutPrefix(field, "x*"); ok {
			var count int
			if _, err := fmt.Sscan(n, &count); err != nil {
				t.Fatal(err)
			}
			b = append(b, bytes.Repeat([]byte{'x'}, count)...)
			continue
		}
		var part []byte
		if _, err := fmt.Sscanf(field, "%x", &part); err != nil {
			t.Fatalf("%q: %v", field, err)
		}
		b = append(b, part...)
	}
	return b
}

// wireCase is what stands on the wire and what it says; err is a part of the error, empty for none.
type wireCase struct {
	name, wire, want, err string
}

// wireCases are written by hand after section 5.3 of the specification. A message is "type/stream@time:length".
var wireCases = []wireCase{
	{"empty", "", "", ""},
	{"type 0", "04 0003e8 000003 08 01000000 aabbcc", "8/1@1000:3", ""},
	{"message stream is little endian", "04 000000 000001 09 02010000 aa", "9/258@0:1", ""},
	{"no body", "04 000000 000000 08 01000000 44 000001 000001 08 bb", "8/1@0:0 8/1@1:1", ""},
	{"two bytes of basic header", "00 05 000001 000001 08 01000000 aa c0 05 bb", "8/1@1:1 8/1@2:1", ""},
	{"three bytes of basic header", "01 05 02 000001 000001 08 01000000 aa 81 05 02 000007 bb", "8/1@1:1 8/1@8:1", ""},
	{"types 1, 2 and 3", "04 000064 000001 08 01000000 aa 44 000014 000002 09 aabb 84 00000a ccdd c4 eeff", "8/1@100:1 9/1@120:2 9/1@130:2 9/1@140:2", ""},
	{"specification's first example", "03 0003e8 000020 08 39300000 x*32 83 000014 x*32 c3 x*32 c3 x*32", "8/12345@1000:32 8/12345@1020:32 8/12345@1040:32 8/12345@1060:32", ""},
	{"specification's second example", "04 0003e8 000133 09 3a300000 x*128 c4 x*128 c4 x*51", "9/12346@1000:307", ""},
	{"type 3 after type 0", "04 000064 000001 08 01000000 aa c4 bb", "8/1@100:1 8/1@200:1", ""},
	{"interleaved", "04 000064 000082 08 01000000 x*128 06 000065 000081 09 01000000 x*128 c4 x*2 c6 x*1", "8/1@100:130 9/1@101:129", ""},
	{"chunk size", "02 000000 000004 01 00000000 00000002 04 000001 000003 08 01000000 aabb c4 cc", "1/0@0:4 8/1@1:3", ""},
	{"chunk size beyond any message", "02 000000 000004 01 00000000 7fffffff 04 000001 000081 08 01000000 x*129", "1/0@0:4 8/1@1:129", ""},
	{"abort", "04 000064 000082 08 01000000 x*128 02 000000 000004 02 00000000 00000004 84 00000a x*128 c4 x*2", "2/0@0:4 8/1@110:130", ""},
	{"abort of nothing", "02 000000 000004 02 00000000 00000009", "2/0@0:4", ""},
	{"librtmp's first control message", "42 000000 000004 03 00000010", "3/0@0:4", ""},
	{"time goes over", "04 ffffff 000001 08 01000000 fffffffe aa 84 000005 bb", "8/1@4294967294:1 8/1@3:1", ""},
	{"extended", "04 ffffff 000001 08 01000000 00ffffff aa 84 000005 bb", "8/1@16777215:1 8/1@16777220:1", ""},
	{"extended, repeated on type 3", "04 ffffff 000082 08 01000000 01000000 x*128 c4 01000000 x*2", "8/1@16777216:130", ""},
	{"extended, omitted on type 3", "04 ffffff 000082 08 01000000 01000000 x*128 c4 x*2 84 000001 x*128 c4 x*2", "8/1@16777216:130 8/1@16777217:130", ""},
	// It can't be told from the body where that goes on with the same four bytes.
	{"extended, omitted, and the body goes on like it", "04 ffffff 000085 08 01000000 01000000 x*128 c4 0100000001", "", "byte 144: unexpected EOF"},
	{"extended delta", "04 000001 000001 08 01000000 aa 84 ffffff 01000000 bb c4 01000000 cc", "8/1@1:1 8/1@16777217:1 8/1@33554433:1", ""},
	{"extended delta, omitted", "04 000001 000001 08 01000000 aa 84 ffffff 01000000 bb c4 cc", "8/1@1:1 8/1@16777217:1 8/1@33554433:1", ""},

	{"basic header is cut", "00", "", "byte 0: unexpected EOF"},
	{"header is cut", "04 000001 000001", "", "byte 0: unexpected EOF"},
	{"extended timestamp is cut", "04 ffffff 000001 08 01000000 0100", "", "byte 0: unexpected EOF"},
	{"body is cut", "04 000001 000003 08 01000000 aa", "", "byte 0: unexpected EOF"},
	{"ends between chunks", "04 000001 000081 08 01000000 x*128", "", "byte 140: unexpected EOF"},
	{"second is cut", "04 000001 000001 08 01000000 aa 44 00", "8/1@1:1", "byte 13: unexpected EOF"},
	{"begins with type 2", "84 000001 aa", "", "byte 0: chunk stream 4 begins with a header of type 2"},
	{"begins with type 3", "04 000001 000001 08 01000000 aa c5", "8/1@1:1", "byte 13: chunk stream 5 begins with a header of type 3"},
	{"begins within another", "04 000001 000081 08 01000000 x*128 04 000001", "", "byte 140: chunk stream 4: a message begins while 128 of 129 bytes"},
	{"chunk size 0", "02 000000 000004 01 00000000 00000000", "", "byte 0: chunk size 0"},
	{"chunk size with the highest bit", "02 000000 000004 01 00000000 80000000", "", "byte 0: chunk size 2147483648"},
	{"chunk size is short", "02 000000 000003 01 00000000 000001", "", "byte 0: control message of type 1 has 3 bytes"},
	{"abort is short", "02 000000 000000 02 00000000", "", "byte 0: control message of type 2 has 0 bytes"},
}

func describe(messages []message) string {
	var s []string
	for _, m := range messages {
		s = append(s, fmt.Sprintf("%d/%d@%d:%d", m.typ, m.stream, m.time, len(m.body)))
	}
	return strings.Join(s, " ")
}

func TestReadChunks(t *testing.T) {
	for _, c := range wireCases {
		t.Run(c.name, func(t *testing.T) {
			got, err := readChunks(hex(t, c.wire), testLimits)
			if s := describe(got); s != c.want {
				t.Errorf("%q, want %q (%v)", s, c.want, err)
			}
			if !errorHas(err, c.err) {
				t.Errorf("error %v, want one with %q", err, c.err)
			}
		})
	}
}

func TestReadLimits(t *testing.T) {
	limits := readLimits{message: 1000, streams: 3, held: 1500}
	for _, c := range []wireCase{
		{"longest message", "02 000000 000004 01 00000000 00001000 04 000000 0003e8 09 01000000 x*1000", "1/0@0:4 9/1@0:1000", ""},
		{"too long a message", "04 000000 0003e9 09 01000000", "", "byte 0: message of 1001 bytes, more than 1000"},
		{"too many chunk streams", "04 000000 000000 09 01000000 05 000000 000000 09 01000000 06 000000 000000 09 01000000 07", "9/1@0:0 9/1@0:0 9/1@0:0", "byte 36: more than 3 chunk streams"},
		{"too much in parts", "02 000000 000004 01 00000000 00000320 04 000000 0003e8 09 01000000 x*800 05 000000 0003e8 09 01000000 x*800", "1/0@0:4", "byte 828: messages in parts take up more than 1500 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := readChunks(hex(t, c.wire), limits)
			if s := describe(got); s != c.want {
				t.Errorf("%q, want %q", s, c.want)
			}
			if !errorHas(err, c.err) {
				t.Errorf("error %v, want %q", err, c.err)
			}
		})
	}
}

// TestReadClaimsCostNothing has a message that says that it is long and ends at once.
func TestReadClaimsCostNothing(t *testing.T) {
	wire := hex(t, "02 000000 000004 01 00000000 00ffffff 04 000000 ffffff 09 01000000 aa")
	r := newChunkReader(bufio.NewReaderSize(bytes.NewReader(wire), readStep), testLimits)
	var err error
	for err == nil {
		_, _, err = r.next()
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) || r.held > 2*readStep {
		t.Errorf("%v, holding %d bytes", err, r.held)
	}
}

// TestWriteChunks compares what is written with bytes made by hand.
func TestWriteChunks(t *testing.T) {
	m := func(typ messageType, stream, time uint32, body string) message {
		return message{typ: typ, stream: stream, time: time, body: []byte(body)}
	}
	long := strings.Repeat("x", 130)
	for _, c := range []struct {
		name     string
		chunk    uint32
		messages []message
		want     string
	}{
		{"type 0", 4, []message{m(8, 258, 1000, "x")}, "04 0003e8 000001 08 02010000 78"},
		{"length changes", 4, []message{m(8, 1, 1000, "x"), m(8, 1, 1010, "xx")}, "04 0003e8 000001 08 01000000 78 44 00000a 000002 08 7878"},
		{"type changes", 4, []message{m(8, 1, 1000, "x"), m(9, 1, 1010, "x")}, "04 0003e8 000001 08 01000000 78 44 00000a 000001 09 78"},
		{"stream changes", 4, []message{m(8, 1, 1000, "x"), m(8, 2, 1010, "x")}, "04 0003e8 000001 08 01000000 78 04 0003f2 000001 08 02000000 78"},
		{"time only", 4, []message{m(8, 1, 1000, "x"), m(8, 1, 1010, "x"), m(8, 1, 1021, "x")}, "04 0003e8 000001 08 01000000 78 84 00000a 78 84 00000b 78"},
		{"no type 3 after type 0", 4, []message{m(8, 1, 10, "x"), m(8, 1, 20, "x"), m(8, 1, 30, "x")}, "04 00000a 000001 08 01000000 78 84 00000a 78 c4 78"},
		{"back in time", 4, []message{m(8, 1, 1000, "x"), m(8, 1, 999, "x")}, "04 0003e8 000001 08 01000000 78 04 0003e7 000001 08 01000000 78"},
		{"time goes over", 4, []message{m(8, 1, 1<<32-1, "x"), m(8, 1, 1, "x")}, "04 ffffff 000001 08 01000000 ffffffff 78 84 000002 78"},
		{"far ahead", 4, []message{m(8, 1, 0, "x"), m(8, 1, 0xFFFFFF, "x")}, "04 000000 000001 08 01000000 78 04 ffffff 000001 08 01000000 00ffffff 78"},
		{"last without extension", 4, []message{m(8, 1, 0xFFFFFE, "x")}, "04 fffffe 000001 08 01000000 78"},
		{"in chunks", 4, []message{m(8, 1, 1000, long)}, "04 0003e8 000082 08 01000000 x*128 c4 x*2"},
		{"extended in chunks", 4, []message{m(8, 1, 0xFFFFFF, long), m(8, 1, 0x1000000, long)}, "04 ffffff 000082 08 01000000 00ffffff x*128 c4 00ffffff x*2 84 000001 x*128 c4 x*2"},
		{"exactly a chunk", 4, []message{m(8, 1, 0, long[:128])}, "04 000000 000080 08 01000000 x*128"},
		{"empty", 4, []message{m(8, 1, 0, "")}, "04 000000 000000 08 01000000"},
		{"chunk size", 2, []message{m(1, 0, 0, "\x00\x00\x01\x00"), m(8, 0, 0, long)}, "02 000000 000004 01 00000000 00000100 42 000000 000082 08 x*130"},
		{"63", 63, []message{m(8, 1, 0, "")}, "3f 000000 000000 08 01000000"},
		{"64", 64, []message{m(8, 1, 0, "")}, "00 00 000000 000000 08 01000000"},
		{"319", 319, []message{m(8, 1, 0, "")}, "00 ff 000000 000000 08 01000000"},
		{"320", 320, []message{m(8, 1, 0, "")}, "01 00 01 000000 000000 08 01000000"},
		{"65599", 65599, []message{m(8, 1, 0, long)}, "01 ff ff 000000 000082 08 01000000 x*128 c1 ff ff x*2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newChunkWriter()
			var got []byte
			for _, m := range c.messages {
				var err error
				if got, err = w.append(got, c.chunk, m); err != nil {
					t.Fatal(err)
				}
			}
			if want := hex(t, c.want); !bytes.Equal(got, want) {
				t.Errorf("% x\nwant % x", got, want)
			}
			back, err := readChunks(got, testLimits)
			if err != nil || describe(back) != describe(c.messages) {
				t.Errorf("reads back as %q (%v)", describe(back), err)
			}
		})
	}
	w := newChunkWriter()
	for _, id := range []uint32{0, 1, 65600} {
		if _, err := w.append(nil, id, message{}); err == nil {
			t.Errorf("chunk stream %d is taken", id)
		}
	}
	if _, err := w.append(nil, 4, message{body: make([]byte, maxBody+1)}); err == nil {
		t.Error("a body of 2^24 bytes is taken")
	}
}

func FuzzReadChunks(f *testing.F) {
	for _, c := range wireCases {
		f.Add(hex(f, c.wire))
	}
	for _, s := range recordings(f, clientsDir) {
		f.Add(s.sent[min(len(s.sent), 1+2*randomSize):])
	}
	limits := readLimits{message: 4096, streams: 8, held: 8192}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := newChunkReader(bufio.NewReaderSize(bytes.NewReader(b), readStep), limits)
		w := newChunkWriter()
		var wire []byte
		var want []message
		for {
			m, complete, err := r.next()
			if r.held > limits.held || r.held < 0 || len(r.streams) > limits.streams || r.at > int64(len(b)) {
				t.Fatalf("holds %d bytes and %d streams at byte %d", r.held, len(r.streams), r.at)
			}
			if err != nil {
				break
			}
			if complete && m.typ != typeSetChunkSize && m.typ != typeAbort {
				if wire, err = w.append(wire, 2+uint32(m.typ)%3, m); err != nil {
					t.Fatal(err)
				}
				want = append(want, m)
			}
		}
		got, err := readChunks(wire, testLimits)
		if err != nil || len(got) != len(want) {
			t.Fatalf("%d messages read back, want %d: %v", len(got), len(want), err)
		}
		for i := range got {
			if got[i].typ != want[i].typ || got[i].stream != want[i].stream || got[i].time != want[i].time || !bytes.Equal(got[i].body, want[i].body) {
				t.Fatalf("message %d reads back as %s, want %s", i, describe(got[i:i+1]), describe(want[i:i+1]))
			}
		}
	})
}

// TestExtendedTimestampIsNotWaitedFor has a peer that omits it send the last byte of a message and then nothing.
func TestExtendedTimestampIsNotWaitedFor(t *testing.T) {
	pr, pw := io.Pipe()
	defer pw.Close()
	go func() {
		head := hex(t, "04 ffffff 000081 08 01000000")
		head = binary.BigEndian.AppendUint32(head, 0x01000000)
		_, _ = pw.Write(append(append(head, make([]byte, 128)...), 0xC4, 0x02))
	}()
	r := newChunkReader(bufio.NewReaderSize(pr, readStep), testLimits)
	for {
		m, complete, err := r.next()
		if err != nil {
			t.Fatal(err)
		}
		if complete {
			if len(m.body) != 129 || m.body[128] != 2 {
				t.Errorf("%d bytes", len(m.body))
			}
			return
		}
	}
}
