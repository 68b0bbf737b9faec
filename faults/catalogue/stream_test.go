package catalogue

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/encoder"
	"github.com/refstream/refstream/faults"
	"github.com/refstream/refstream/faults/internal/faultstest"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/scenario"
)

const (
	gop    = 25 // frames, and frames/s
	length = 20 * gop
	// wrap is the first frame whose PTS is 0 again in 33 bits, or a little more.
	wrap  = (1<<33-markers.PTSOrigin)/3600 + 1
	begin = (wrap/gop - 8) * gop
)

func streamChannel() markers.Channel {
	c := faultstest.Channel(gop)
	c.Width, c.Height = 160, 90
	return c
}

// cleanStream is frames of the clean channel around the wrap of its PTS, and the packets of each.
func cleanStream(t *testing.T) (units []media.Unit, packets [][]byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := streamChannel()
	r, err := generator.NewRenderer(scenario.Picture(c))
	if err != nil {
		t.Fatal(err)
	}
	e, err := encoder.New(encoder.Options{
		Width: c.Width, Height: c.Height, Rate: c.Rate, GOP: gop, Preset: "ultrafast", Bitrate: 400_000, BFrames: 2, Threads: 1, PTSOrigin: c.PTSOrigin,
	})
	if err != nil {
		t.Fatal(err)
	}
	a, mux := annotate.New(c.Name, c.Clock()), ts.NewMuxer()
	ended := make(chan error, 1)
	go func() {
		ended <- e.Run(ctx, func(au media.Unit) error {
			au, err := a.Annotate(au, markers.FrameRecord{Frame: au.Frame, PTS: au.PTS, Run: 1, GenNS: c.Clock().UTC(au.Frame).UnixNano()})
			if err != nil {
				return err
			}
			b, err := mux.Unit(au)
			units, packets = append(units, au), append(packets, b)
			return err
		})
	}()
	picture := make([]byte, r.FrameSize())
	for n := int64(begin); n < begin+length; n++ {
		if err := r.Render(picture, n, generator.Look{}); err != nil {
			t.Fatal(err)
		}
		if err := e.Write(ctx, n, picture); err != nil {
			t.Fatal(err)
		}
	}
	e.CloseInput()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	return units, packets
}

// Every kind of coded pictures behind the encoder, at the first, the last and another frame of a segment, and across the wrap of the time stamps: what is
// reported is within the label, what is outside of it is the clean stream, and the ledger has it as done, or the reason why it is not.
func TestPlaces(t *testing.T) {
	units, packets := cleanStream(t)
	places := map[string]int64{"first of a segment": begin + 2*gop, "last of a segment": begin + 3*gop - 1, "within a segment": begin + 2*gop + 11, "wrap": wrap - 2}
	done, all := 0, 0
	for _, k := range Kinds() {
		if k.Layer == scenario.LayerPicture || k.Layer == scenario.LayerSound || k.Layer == scenario.LayerPlaylist || k.Layer == scenario.LayerRequest {
			continue
		}
		word := map[bool]string{true: "decoy", false: "do"}[k.Decoy]
		with := ""
		if k.Name == "sei.offset" {
			with = ", with: {frames: 3}"
		}
		for place, at := range places {
			text := fmt.Sprintf("{%s: %s, at: {frame: %d}%s}", word, k.Name, at, with)
			// A fault of another layer is at the same frames, and neither moves the other.
			other := "{id: other, do: ts.tei, at: {frame: " + fmt.Sprint(at) + "}, for: {frames: 30}}"
			if k.Layer == scenario.LayerPackets {
				other = "{id: other, do: sei.frozen, at: {frame: " + fmt.Sprint(at) + "}, for: {frames: 30}}"
			}
			f, err := scenario.Parse("x.yaml", []byte("version: 1\nname: x\nfaults: ["+text+", "+other+"]"), Kinds())
			if err != nil {
				t.Fatal(err)
			}
			plan, err := f.Plan(streamChannel())
			if err != nil {
				t.Fatalf("%s, %s: %v", k.Name, place, err)
			}
			ledger := faults.NewLedger(plan, streamChannel())
			labels := map[string]scenario.Fault{}
			for _, l := range plan.Between(begin, begin+length-1) {
				labels[l.Key()] = l
			}
			covered := func(n int64, layers ...scenario.Layer) bool {
				for _, l := range labels {
					for _, layer := range layers {
						if l.Kind.Layer == layer && l.Covers(n) {
							return true
						}
					}
				}
				return false
			}
			s := NewStream(plan, streamChannel().Clock(), func(c faults.Change) {
				if l, ok := labels[c.Fault]; !ok || c.NotDone == "" && !l.Covers(c.Frame) {
					t.Errorf("%s, %s: %s changed frame %d of %d to %d", k.Name, place, c.Fault, c.Frame, l.First, l.Last)
				}
				ledger.Report(c)
			})
			for i, au := range units {
				got, err := s.Unit(au)
				if err != nil {
					t.Fatalf("%s, %s: %v", k.Name, place, err)
				}
				if !covered(au.Frame, scenario.LayerUnit, scenario.LayerSEI, scenario.LayerStamps) && (len(got) != 1 || !reflect.DeepEqual(got[0], au)) {
					t.Errorf("%s, %s: unit %d is outside of the label, and changed", k.Name, place, au.Frame)
				}
				if b := s.Packets(au.Frame, packets[i]); !covered(au.Frame, scenario.LayerPackets) && !bytes.Equal(b, packets[i]) {
					t.Errorf("%s, %s: packets of frame %d are outside of the label, and changed", k.Name, place, au.Frame)
				}
			}
			for _, r := range ledger.Records(begin, begin+length-1, math.MaxInt64) {
				all++
				switch {
				case r.State == markers.FaultDone && len(r.Done) > 0:
					done++
				case r.State != markers.FaultNotDone || r.Reason == "" || r.Reason == faults.Unseen:
					t.Errorf("%s, %s: %s is %s: %s", k.Name, place, r.ID, r.State, r.Reason)
				}
			}
		}
	}
	t.Logf("%d of %d faults were done", done, all)
	if all < 60 || done < all*9/10 {
		t.Errorf("%d of %d faults were done", done, all)
	}
}
