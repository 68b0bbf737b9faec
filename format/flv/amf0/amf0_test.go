package amf0

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

// hexBytes reads hexadecimal digits with spaces, and texts between bars: "02 0001 |a|".
func hexBytes(s string) []byte {
	var out []byte
	for i, part := range strings.Split(s, "|") {
		if i%2 == 1 {
			out = append(out, part...)
			continue
		}
		b, err := hex.DecodeString(strings.ReplaceAll(part, " ", ""))
		if err != nil {
			panic(err)
		}
		out = append(out, b...)
	}
	return out
}

// valueCase is a list of values and its bytes, made by hand from the specification.
type valueCase struct {
	name   string
	bytes  string
	values []any
}

// exactCases are read and written.
func exactCases() []valueCase {
	return []valueCase{
		{"nothing", "", nil},
		{"numbers", "00 3ff0000000000000 00 c05edd2f1a9fbe77", []any{1.0, -123.456}},
		{"infinity", "00 7ff0000000000000", []any{math.Inf(1)}},
		{"booleans", "01 01 01 00", []any{true, false}},
		{"strings", "02 0004 |onFI| 02 0000 02 0002 c3a4", []any{"onFI", "", "ä"}},
		{"not UTF-8", "02 0002 ff00", []any{"\xff\x00"}},
		{"null and undefined", "05 06", []any{nil, Undefined{}}},
		{"object", "03 0002 |sd| 02 0001 |x| 0001 |a| 05 000009", []any{Object{{"sd", "x"}, {"a", nil}}}},
		{"empty object", "03 000009", []any{Object(nil)}},
		{"empty name", "03 0000 01 01 000009", []any{Object{{"", true}}}},
		{"twice the same name", "03 0001 |a| 05 0001 |a| 06 000009", []any{Object{{"a", nil}, {"a", Undefined{}}}}},
		{"ECMA array", "08 00000001 0001 |w| 00 4094000000000000 000009", []any{Array{{"w", 1280.0}}}},
		{"strict array", "0a 00000002 05 0a 00000000", []any{Strict{nil, Strict(nil)}}},
		{"date", "0b 4278b7b318d6b000 0000", []any{Date{time.UnixMilli(1698578926955).UTC()}}},
		{
			"nested", "03 0001 |o| 08 00000001 0001 |p| 03 000009 000009 0001 |z| 0a 00000001 03 000009 000009",
			[]any{Object{{"o", Array{{"p", Object(nil)}}}, {"z", Strict{Object(nil)}}}},
		},
		{"as deep as can be", strings.Repeat("0a 00000001", maxDepth) + "05", []any{nest(maxDepth)}},
		{"command", "02 0007 |connect| 00 3ff0000000000000 05", []any{"connect", 1.0, nil}},
	}
}

// nest is null in so many strict arrays.
func nest(depth int) any {
	var v any
	for range depth {
		v = Strict{v}
	}
	return v
}

// lenientCases are read only.
func lenientCases() []valueCase {
	return []valueCase{
		{"any byte but 0 is true", "01 7f", []any{true}},
		{"short long string", "0c 00000001 |a|", []any{"a"}},
		{"XML", "0f 00000004 |<a/>|", []any{"<a/>"}},
		{"typed object", "10 0001 |C| 0001 |a| 05 000009", []any{Object{{"a", nil}}}},
		{"unsupported", "0d", []any{Undefined{}}},
		{"array with a wrong count", "08 00000000 0001 |a| 05 000009 05", []any{Array{{"a", nil}}, nil}},
		{"array without an end", "08 00000001 0001 |a| 05", []any{Array{{"a", nil}}}},
		{"empty array without an end", "08 00000000", []any{Array(nil)}},
		{"date in a time zone", "0b 4278b7b318d6b000 003c", []any{Date{time.UnixMilli(1698578926955).UTC()}}},
	}
}

func TestExact(t *testing.T) {
	for _, c := range exactCases() {
		t.Run(c.name, func(t *testing.T) {
			got, err := Append([]byte("before"), c.values...)
			if want := append([]byte("before"), hexBytes(c.bytes)...); err != nil || !bytes.Equal(got, want) {
				t.Errorf("written: %x, %v, want %x", got, err, want)
			}
			checkParse(t, c)
		})
	}
}

func TestLenient(t *testing.T) {
	for _, c := range lenientCases() {
		t.Run(c.name, func(t *testing.T) { checkParse(t, c) })
	}
}

func checkParse(t *testing.T, c valueCase) {
	t.Helper()
	b := hexBytes(c.bytes)
	values, err := Parse(b)
	if err != nil || !reflect.DeepEqual(values, c.values) {
		t.Errorf("read: %#v, %v, want %#v", values, err, c.values)
	}
	for i := range b {
		b[i] = 0xEE
	}
	if !reflect.DeepEqual(values, c.values) {
		t.Errorf("the values changed with the input: %#v", values)
	}
}

func TestLongStrings(t *testing.T) {
	for _, n := range []int{65535, 65536, 1 << 20} {
		s := strings.Repeat("ab", n)[:n]
		b, err := Append(nil, s)
		head := "02 ffff"
		if n > 65535 {
			head = "0c" + hex.EncodeToString([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
		}
		if err != nil || string(b) != string(hexBytes(head))+s {
			t.Errorf("%d bytes: %x, %v", n, b[:min(8, len(b))], err)
		}
		if got, err := Parse(b); err != nil || len(got) != 1 || got[0] != s {
			t.Errorf("%d bytes: read back with %v", n, err)
		}
	}
}

func TestIntegers(t *testing.T) {
	b, err := Append(nil, 1, int64(-123456789), uint32(1<<32-1), int64(1<<53))
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(b)
	if want := []any{1.0, -123456789.0, 4294967295.0, 9007199254740992.0}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}

func TestAppendErrors(t *testing.T) {
	loop := Strict{nil}
	loop[0] = loop
	for name, c := range map[string]struct {
		values []any
		want   string
	}{
		"type":          {[]any{"a", struct{}{}}, "value 1: type struct {}"},
		"in an object":  {[]any{Object{{"a", Strict{1i}}}}, `value 0: property "a": element 0: type complex128`},
		"inexact":       {[]any{int64(1<<53 + 1)}, "9007199254740993 is not exact"},
		"inexact below": {[]any{int64(-1<<53 - 1)}, "is not exact"},
		"long name":     {[]any{Object{{strings.Repeat("n", 65536), nil}}}, "65536 bytes"},
		"too deep":      {[]any{nest(maxDepth + 1)}, "nested"},
		"in itself":     {[]any{loop}, "nested"},
	} {
		got, err := Append([]byte("b"), c.values...)
		if err == nil || !strings.Contains(err.Error(), c.want) || string(got) != "b" {
			t.Errorf("%s: %q, %v, want %q", name, got, err, c.want)
		}
	}
}

// errorCases can't be read.
func errorCases() []struct {
	name, bytes string
	offset      int
	short       bool
	before      int // values that are returned
} {
	return []struct {
		name, bytes string
		offset      int
		short       bool
		before      int
	}{
		{"number cut short", "05 00 3ff00000", 2, true, 1},
		{"boolean cut short", "01", 1, true, 0},
		{"string's length cut short", "02 00", 1, true, 0},
		{"string cut short", "02 0005 |abcd|", 3, true, 0},
		{"huge string", "0c ffffffff |abcd|", 5, true, 0},
		{"object cut short", "03 0001 |a| 05", 5, true, 1},
		{"object without its end's marker", "03 0001 |a| 05 0000", 7, true, 1},
		{"reference in an object", "03 0001 |a| 05 0001 |b| 07 0000", 8, false, 1},
		{"name cut short", "03 0009 |a|", 3, true, 0},
		{"class name cut short", "10 0009 |a|", 3, true, 0},
		{"array that lacks properties", "08 00000002 0001 |a| 05", 9, true, 1},
		{"array cut short", "08 0000", 1, true, 0},
		{"strict array cut short", "0a 00000002 05", 1, true, 0},
		{"strict array of arrays cut short", "0a 00000002 0a 00000000", 10, true, 1},
		{"huge strict array", "0a ffffffff 05", 1, true, 0},
		{"strict array's length cut short", "0a 00", 1, true, 0},
		{"date cut short", "0b 4278b7b318d6b000 00", 9, true, 0},
		{"date without a time", "0b 42", 1, true, 0},
		{"date out of range", "0b 7fefffffffffffff 0000", 1, false, 0},
		{"date that is no number", "0b 7ff8000000000000 0000", 1, false, 0},
		{"reference", "05 07 0000", 1, false, 1},
		{"end of no object", "000000000000000000 000009", 10, true, 1},
		{"end", "09", 0, false, 0},
		{"AMF3", "11 04 01", 0, false, 0},
		{"movie clip", "04", 0, false, 0},
		{"unknown type", "05 05 ff", 2, false, 2},
		{"too deep", strings.Repeat("0a 00000001", maxDepth+1) + "05", 5 * (maxDepth + 1), false, 0},
	}
}

// offsetOf is the offset that an error of Parse names, -1 for none.
func offsetOf(err error) (offset int) {
	if _, scanned := fmt.Sscanf(fmt.Sprint(err), "read AMF0: at byte %d:", &offset); scanned != nil {
		return -1
	}
	return offset
}

func TestParseErrors(t *testing.T) {
	for _, c := range errorCases() {
		t.Run(c.name, func(t *testing.T) {
			values, err := Parse(hexBytes(c.bytes))
			if offsetOf(err) != c.offset || errors.Is(err, io.ErrUnexpectedEOF) != c.short || len(values) != c.before {
				t.Errorf("%d values, %v: want %d values, offset %d, short %t", len(values), err, c.before, c.offset, c.short)
			}
		})
	}
}

// TestBounded gives the parser what would make it use much memory for little input.
func TestBounded(t *testing.T) {
	if _, err := Parse(make([]byte, 9)); err != nil {
		t.Fatal(err)
	}
	nulls := bytes.Repeat([]byte{markNull}, maxValues+1)
	if v, err := Parse(nulls[1:]); err != nil || len(v) != maxValues {
		t.Errorf("%d nulls: %d, %v", maxValues, len(v), err)
	}
	if _, err := Parse(nulls); err == nil {
		t.Error("more values than the limit were read")
	}
	deep := bytes.Repeat(hexBytes("03 0001 |a|"), 1<<20)
	if _, err := Parse(deep); err == nil || !strings.Contains(err.Error(), "nested") {
		t.Errorf("a million objects in one another: %v", err)
	}
}

func TestGet(t *testing.T) {
	o := Object{{"a", 1.0}, {"b", nil}, {"a", 2.0}}
	if v, ok := o.Get("a"); v != 2.0 || !ok {
		t.Errorf("a is %v, %t, want the last one", v, ok)
	}
	if v, ok := Array(o).Get("b"); v != nil || !ok {
		t.Errorf("b is %v, %t, want null", v, ok)
	}
	if _, ok := o.Get("c"); ok {
		t.Error("c was found")
	}
}

// FuzzParse reads anything. What was read can be written, and that reads as the same.
func FuzzParse(f *testing.F) {
	for _, c := range append(exactCases(), lenientCases()...) {
		f.Add(hexBytes(c.bytes))
	}
	for _, c := range errorCases() {
		f.Add(hexBytes(c.bytes))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		values, err := Parse(b)
		if at := offsetOf(err); err != nil && (at < 0 || at > len(b)) {
			t.Fatalf("error %v for %d bytes", err, len(b))
		}
		first, err := Append(nil, values...)
		if err != nil {
			t.Fatalf("written again: %v", err)
		}
		again, err := Parse(first)
		if err != nil {
			t.Fatalf("%x, read again: %v", first, err)
		}
		// Bytes, because a NaN isn't equal to itself.
		second, err := Append(nil, again...)
		if err != nil || !bytes.Equal(first, second) {
			t.Fatalf("%x became %x, %v", first, second, err)
		}
	})
}
