package analyzer

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// TestWrap goes over the end of 33 bits, within a connection and between two.
func TestWrap(t *testing.T) {
	units := unitsOf(t, encode(t, "a.ts", "2", "-bf", "2", "-x264-params", "b-adapt=0"))
	start := int64(tsWrap) - 20*3600
	shift := start - units[0].DTS
	for i := range units {
		units[i].PTS += shift
		units[i].DTS += shift
	}
	r := analyze(t, writeTS(t, units))
	for i, u := range r.units {
		if u.DTS != start+int64(i)*3600 || u.PTS != units[i].PTS {
			t.Fatalf("unit %d is at %d and %d, want %d and %d", i, u.PTS, u.DTS, units[i].PTS, units[i].DTS)
		}
	}
	if r.kinds() != "connected ended" {
		t.Errorf("notes %v", r.notes)
	}

	// The second connection's first unit is beyond the end, and low on the wire.
	first, second := readFile(t, writeTS(t, units[:24])), readFile(t, writeTS(t, units[24:]))
	n := 0
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++
		if n == 1 {
			_, _ = w.Write(first)
			_ = http.NewResponseController(w).Flush()
			return
		}
		_, _ = w.Write(second)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	r = &result{}
	inTime(t, answer, func(t *testing.T, client *http.Client) {
		ctx, o := r.untilUnits(t.Context(), len(units))
		o.HTTP = client
		_ = Run(ctx, "http://test/a.ts", o, r.handle)
	})
	if len(r.units) != len(units) {
		t.Fatalf("%d units of %d: %v", len(r.units), len(units), r.notes)
	}
	for i, u := range r.units {
		if u.DTS != units[i].DTS || u.PTS != units[i].PTS {
			t.Fatalf("unit %d is at %d and %d, want %d and %d", i, u.PTS, u.DTS, units[i].PTS, units[i].DTS)
		}
	}
	if k := r.kinds(); k != "connected lost connected resumed" {
		t.Errorf("notes %s", k)
	}
}

func TestSeconds(t *testing.T) {
	for ticks, want := range map[int64]media.Seconds{
		0: 0, 1: 11111, 9: 100000, 90000: 1e9, -1: -11112, -9: -100000, 3003: 33366666,
	} {
		if got := media.SecondsOf(ticks); want != got {
			t.Errorf("%d ticks are %d ns, want %d", ticks, got, want)
		}
	}
	for d, want := range map[time.Duration]int64{0: 0, time.Second: 90000, -time.Second: -90000, 40 * time.Millisecond: 3600,
		33366667: 3003, 33366666: 3003, -33366667: -3003, 24 * time.Hour: 7776000000} {
		if got := ticksOf(d); got != want {
			t.Errorf("%v is %d ticks, want %d", d, got, want)
		}
	}
}

// TestParameterSets reads a stream whose PPS and SPS change without a new connection, and one in which two SPS are there
// and only the slices say which one counts.
func TestParameterSets(t *testing.T) {
	hrd := unitsOf(t, encode(t, "a.ts", "0.4", "-bf", "0", "-x264-params", "nal-hrd=vbr:vbv-maxrate=900:vbv-bufsize=900:pic-struct=1"))
	plain := unitsOf(t, encode(t, "b.ts", "0.4", "-bf", "0", "-s", "160x90", "-x264-params", "sps-id=3:pic-struct=1"))
	var other [][]byte // the parameter sets of the second stream, which are there from the first unit on
	for _, nal := range plain[0].NALs {
		if k := h264.TypeOf(nal); k == h264.NALSPS || k == h264.NALPPS {
			other = append(other, nal)
		}
	}
	for i := range plain {
		plain[i].PTS, plain[i].DTS = hrd[len(hrd)-1].PTS+int64(i+1)*3600, hrd[len(hrd)-1].DTS+int64(i+1)*3600
	}
	hrd[0].NALs = append(other, hrd[0].NALs...)
	var lone []media.Unit
	for i, au := range plain { // they do not come again
		var nals [][]byte
		for _, nal := range au.NALs {
			if k := h264.TypeOf(nal); k != h264.NALSPS && k != h264.NALPPS {
				nals = append(nals, nal)
			}
		}
		plain[i].NALs = nals
		lone = append(lone, plain[i])
	}
	var r result
	o, err := r.options().withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	x := newExtractor("test", o, r.handle)
	x.begin(tsWrap, nil, "")
	for _, au := range append(hrd, lone...) {
		x.unit(au, -1)
	}
	for i, rec := range r.of(PicTiming) {
		var extra struct {
			Delay *int64 `json:"cpb_removal_delay"`
		}
		if err := json.Unmarshal(rec.Extra, &extra); err != nil || (extra.Delay != nil) != (i < len(hrd)) {
			t.Errorf("pic_timing %d was read under the wrong SPS: %s", i, rec.Extra)
		}
	}
	if n := len(r.of(PicTiming)); n != len(hrd)+len(plain) {
		t.Errorf("%d pic_timing records", n)
	}
	if k := r.kinds(); k != "parameters" || !strings.Contains(r.notes[0].Text, "from 320x180") || !strings.Contains(r.notes[0].Text, "to 160x90") {
		t.Errorf("notes %v", r.notes)
	}
}

// TestHLSTime: what a unit says has the time of its frame record, also in front of that, and nothing has it in other units.
func TestHLSTime(t *testing.T) {
	units := unitsOf(t, encode(t, "a.ts", "0.4", "-bf", "0"))
	clock := markers.Clock{Rate: media.FrameRate{Num: 25, Den: 1}}
	for i := range units {
		n := int64(i) + 1000
		rec := annotate.Record{Frame: n, Channel: "main", Run: 1, PTS: clock.PTS(n)}
		messages := []h264.SEIMessage{
			{Type: h264.SEIUserDataUnregistered, Payload: h264.MISBTime{Status: 31, Micros: 1}.Append(nil)},
			{Type: h264.SEIUserDataUnregistered, Payload: append([]byte(annotate.RecordUUID), rec.AppendJSON(nil)...)},
		}
		units[i] = withSEI(t, units[i], -1, messages[:1+i%2]...)
	}
	r := analyze(t, writeTS(t, units))
	for _, source := range []Source{MISBTime, FrameRecord} {
		for _, rec := range r.of(source) {
			if want := clock.Time(rec.Unit + 1000); (rec.Time != nil) != (rec.Unit%2 == 1) || rec.Time != nil && *rec.Time != want {
				t.Errorf("%s of unit %d is at %v, want %v", source, rec.Unit, rec.Time, want)
			}
		}
	}
	if a, b := len(r.of(MISBTime)), len(r.of(FrameRecord)); a != len(units) || b != len(units)/2 {
		t.Errorf("%d and %d records of %d units", a, b, len(units))
	}
}

// TestRestart notices another run of the generator.
func TestRestart(t *testing.T) {
	units := unitsOf(t, encode(t, "a.ts", "0.4", "-bf", "0"))
	for i := range units {
		rec := annotate.Record{Frame: int64(i), Channel: "main", Run: 4 + int64(i/5)}
		units[i] = withSEI(t, units[i], -1, h264.SEIMessage{
			Type: h264.SEIUserDataUnregistered, Payload: append([]byte(annotate.RecordUUID), rec.AppendJSON(nil)...),
		})
	}
	r := analyze(t, writeTS(t, units))
	if k := r.kinds(); k != "connected restart ended" || !strings.Contains(r.notes[1].Text, "run 5 after run 4, at frame 5") {
		t.Errorf("notes %v", r.notes)
	}
}

// TestMemory reads a long stream, and wants no more memory at its end than near its start.
func TestMemory(t *testing.T) {
	const times = 400
	stream := readFile(t, encode(t, "a.ts", "4", "-bf", "0", "-x264-params", "pic-struct=1", "-b:v", "2M"))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range times {
			if _, err := w.Write(stream); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	var early, late, units int64
	o := Options{Now: time.Now, Unit: func(Unit) {
		switch units++; units {
		case 500:
			early = heap()
		case 100*times - 500:
			late = heap()
		}
	}}
	if err := Run(within(t), server.URL, o, func(Record) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if late == 0 || late-early > 2<<20 {
		t.Errorf("after %d units: %d bytes at first, %d at the end", units, early, late)
	}
}
