package api

import (
	"encoding/json"
	"image/png"
	"net/http"
	"strings"
	"testing"

	"github.com/refstream/refstream/generator"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/scenario"
)

// withLadder has the channel main of 320x180 with the rendition 160x90, and one event in frames 100 to 159.
func withLadder(t *testing.T) (*fixture, markers.Channel, markers.Marker) {
	f := newFixture(t)
	c := testChannel("main")
	c.Ladder = []markers.Rendition{{Name: "160x90", Width: 160, Height: 90, Bitrate: 200_000}}
	f.put(c)
	m, shown := event(1, 100, 159), frames(90, 170)
	for i := range shown {
		if n := shown[i].Frame; m.Frame <= n && n <= m.LastFrame {
			shown[i].Event = m.ID
		}
	}
	f.append(markers.Batch{Frames: shown, Markers: []markers.Marker{m}})
	return f, c, m
}

// TestRenditionBoxes finds, in the reference picture of each frame and rendition, cyan where the box is and nowhere else.
func TestRenditionBoxes(t *testing.T) {
	f, c, m := withLadder(t)
	for _, tt := range []struct {
		query         string
		width, height int
		picture       generator.Options
	}{
		{"", c.Width, c.Height, scenario.Picture(c)},
		{"?rendition=320x180", c.Width, c.Height, scenario.Picture(c)},
		{"?rendition=160x90", 160, 90, scenario.Rendition(c, c.Ladder[0])},
	} {
		var list struct{ Markers []markerView }
		f.ok("/markers"+tt.query, &list)
		if len(list.Markers) != 1 || list.Markers[0].Block.Box != markers.Box(tt.picture.BlockAt(m.Frame)) ||
			list.Markers[0].Block.Roll != tt.picture.Roll() {
			t.Errorf("markers%s: %+v", tt.query, list.Markers)
		}
		for _, n := range []string{"/frames/99", "/frames/100", "/frames/159", "/frames/160"} {
			var v frameView
			f.ok(n+tt.query, &v)
			answer := f.get(n + ".png" + tt.query)
			img, err := png.Decode(answer.Body)
			if err != nil || img.Bounds().Dx() != tt.width || img.Bounds().Dy() != tt.height {
				t.Fatalf("%s.png%s: %d, %v", n, tt.query, answer.Code, err)
			}
			cyan := map[[2]int]bool{}
			for y := range tt.height {
				for x := range tt.width {
					if r, g, b, _ := img.At(x, y).RGBA(); r == 0 && g == 0xffff && b == 0xffff {
						cyan[[2]int{x, y}] = true
					}
				}
			}
			if v.Box == nil {
				if len(cyan) > 0 {
					t.Errorf("%s%s has no box, and %d cyan pixels", n, tt.query, len(cyan))
				}
				continue
			}
			for y := v.Box.Y; y < v.Box.Y+v.Box.Height; y++ {
				for x := v.Box.X; x < v.Box.X+v.Box.Width; x++ {
					at := [2]int{x % tt.width, y}
					if !cyan[at] {
						t.Fatalf("%s%s: %v is in box %+v and not cyan", n, tt.query, at, *v.Box)
					}
					delete(cyan, at)
				}
			}
			if len(cyan) > 0 {
				t.Errorf("%s%s: %d cyan pixels outside of box %+v", n, tt.query, len(cyan), *v.Box)
			}
		}
	}
}

// TestRenditionMeasured: what the ledger has measured of the first rendition is not answered for another.
func TestRenditionMeasured(t *testing.T) {
	f, _, _ := withLadder(t)
	for target, measured := range map[string]bool{
		"/frames/100": true, "/frames/100?rendition=320x180": true, "/frames/100?rendition=160x90": false,
		"/frames?from=100&to=100": true, "/frames?from=100&to=100&rendition=160x90": false,
	} {
		text := f.get(target).Body.String()
		if strings.Contains(text, `"bytes":1000`) != measured || strings.Contains(text, `"bytes":null`) == measured ||
			strings.Contains(text, `"dts":null`) == measured || strings.Contains(text, `"gen_ns":null`) {
			t.Errorf("%s: %s", target, text)
		}
	}
}

func TestRenditionRefused(t *testing.T) {
	f, _, _ := withLadder(t)
	for _, target := range []string{"/markers", "/markers/stream", "/frames", "/frames/100", "/frames/100.png"} {
		for _, name := range []string{"640x360", "audio", "160X90", "160x90%0a"} {
			w := f.get(target + "?rendition=" + name)
			var p Problem
			_ = json.Unmarshal(w.Body.Bytes(), &p)
			f.refused(w, http.StatusBadRequest, "rendition")
			if !strings.Contains(p.Detail, "name one of 320x180, 160x90") {
				t.Errorf("%s, %s: %s", target, name, p.Detail)
			}
		}
		f.refused(f.get(target+"?rendition="), http.StatusBadRequest, "rendition")
	}
	for _, target := range []string{"/segments", "/detections", "/detections/stream", "/clocks"} {
		f.refused(f.get(target+"?rendition=160x90"), http.StatusBadRequest, "rendition")
	}
}

// TestRenditionNext: the address of what the limit left out is of the same rendition, and answers of renditions are not mixed up.
func TestRenditionNext(t *testing.T) {
	f, c, m := withLadder(t)
	f.append(markers.Batch{Markers: []markers.Marker{event(2, 700, 759)}})
	for _, target := range []string{"/markers?limit=1", "/frames?limit=1"} {
		if link := f.get(target + "&rendition=160x90").Header().Get("Link"); !strings.Contains(link, "rendition=160x90") {
			t.Errorf("%s: next is %s", target, link)
		}
	}
	first, other := f.get("/markers").Body.String(), f.get("/markers?rendition=160x90").Body.String()
	again := f.get("/markers").Body.String()
	if first == other || first != again {
		t.Errorf("first %s\nother %s\nagain %s", first, other, again)
	}
	_, v := follow(t, f.serve(t), "?ts_start=0&rendition=160x90").marker()
	if v.Block.Box != markers.Box(scenario.Rendition(c, c.Ladder[0]).BlockAt(m.Frame)) {
		t.Errorf("stream: %+v", v.Block)
	}
}
