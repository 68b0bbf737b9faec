package outputs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/format/flv"
)

func TestOptionsAreChecked(t *testing.T) {
	good := Options{Channel: testChannel(), Now: time.Now}
	if _, err := New(good); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*Options){
		"name": func(o *Options) { o.Channel.Name = "" }, "Now": func(o *Options) { o.Now = nil },
		"timeout": func(o *Options) { o.WriteTimeout = -1 }, "clients": func(o *Options) { o.MaxClients = -1 },
	} {
		o := good
		change(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want something about %q", err, want)
		}
	}
}

// TestWriteSurvivesBadUnits has units that no format takes in.
func TestWriteSurvivesBadUnits(t *testing.T) {
	s := newSource(t, 0)
	h, _ := newHub(t)
	s.write(t, h, 0, 3)
	bad := s.unit(3)
	bad.NALs = nil
	if err := h.Write(bad); err == nil {
		t.Error("a unit without NAL units is taken")
	}
	s.write(t, h, 3, 5)
	r := h.ts.Join()
	for i := range 5 {
		if c, err := r.Next(t.Context()); err != nil || c.Time != s.unit(i).DTS || c.Size != len(c.Payload) {
			t.Fatalf("chunk %d: %d, %v", i, c.Time, err)
		}
	}
}

// TestFLVChunk compares what is packed once for all with what the tags say.
func TestFLVChunk(t *testing.T) {
	s := newSource(t, 0)
	h, _ := newHub(t)
	m := flv.NewMuxer(testFLV())
	for i := range 2 * testGOP {
		u := s.unit(i)
		c, err := m.Unit(u.Unit, annotate.Scripts(u.Record, u.Markers))
		if err != nil {
			t.Fatal(err)
		}
		packed := h.newFLVChunk(c)
		var want bytes.Buffer
		if err := flv.NewWriter(&want).Write(append(append([]flv.Tag{}, c.Head...), c.Tags...)...); err != nil {
			t.Fatal(err)
		}
		same(t, fmt.Sprint("unit ", i), packed.beginBytes(), want.Bytes())
		if packed.size() != c.Size() || len(packed.begin()) != len(c.Head)+len(c.Tags) {
			t.Errorf("unit %d: %d bytes, %d tags", i, packed.size(), len(packed.begin()))
		}
		var again []byte
		for _, tag := range packed.begin() {
			again = flv.AppendTag(again, tag)
		}
		same(t, "tags", append(flv.FileHeader(false), again...), want.Bytes())
	}
}

func TestStatusAsJSON(t *testing.T) {
	h, _ := newHub(t)
	b, err := json.Marshal(h.Status())
	const zeros = `"state":"listening","clients":0,"clients_total":0,"bytes":0,"dropped":0,"reconnects":0,"last_error":""}`
	want := `[{"kind":"http-ts","name":"/live/main.ts",` + zeros + `,{"kind":"http-flv","name":"/live/main.flv",` + zeros + `]`
	if err != nil || string(b) != want {
		t.Errorf("%s, %v, want %s", b, err, want)
	}
}

// TestStatusOrder makes outputs in another order than they are listed in.
func TestStatusOrder(t *testing.T) {
	h, _ := newHub(t)
	for i, kind := range []string{KindRelay, KindPush, KindRTMP, KindPush, KindTCPTS, KindPush} {
		h.newOutput(kind, fmt.Sprint(i))
	}
	var got []string
	for _, s := range h.Status()[2:] {
		got = append(got, s.Kind+" "+s.Name)
	}
	if want := []string{"tcp-ts 4", "rtmp 2", "push 1", "push 3", "push 5", "relay 0"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func BenchmarkWrite(b *testing.B) {
	s := newSource(b, 20_000)
	h, _ := newHub(b)
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		if err := h.Write(s.unit(i)); err != nil {
			b.Fatal(err)
		}
		i++
	}
}
