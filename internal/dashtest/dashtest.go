// Package dashtest is what the tests share of those that write DASH manifests: whether a manifest is as its schema says.
package dashtest

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// element is what the schema of ISO/IEC 23009-1 says of an element, for those that are written: its attributes that must be there, and its
// children in their order.
type element struct{ attributes, children []string }

func words(s string) []string { return strings.Fields(s) }

var elements = map[string]element{
	"MPD":                       {words("profiles minBufferTime"), words("BaseURL Period UTCTiming")},
	"BaseURL":                   {},
	"UTCTiming":                 {words("schemeIdUri"), nil},
	"Period":                    {nil, words("EventStream AdaptationSet")},
	"EventStream":               {words("schemeIdUri"), words("Event")},
	"Event":                     {},
	"AdaptationSet":             {nil, words("InbandEventStream ProducerReferenceTime Representation")},
	"InbandEventStream":         {words("schemeIdUri"), nil},
	"ProducerReferenceTime":     {words("id wallClockTime presentationTime"), words("UTCTiming")},
	"Representation":            {words("id bandwidth"), words("AudioChannelConfiguration SegmentTemplate")},
	"AudioChannelConfiguration": {words("schemeIdUri"), nil},
	"SegmentTemplate":           {nil, words("FailoverContent SegmentTimeline")},
	"FailoverContent":           {nil, words("FCS")},
	"FCS":                       {words("t"), nil},
	"SegmentTimeline":           {nil, words("S")},
	"S":                         {words("d"), nil},
}

// Check checks the elements of a manifest, their order and the attributes that must be there. Where DASH_SCHEMA names a folder with
// DASH-MPD.xsd, xmllint also validates it by that.
func Check(t testing.TB, manifest []byte) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(string(manifest)))
	type open struct {
		name string
		last int // of its children's names
	}
	var path []open
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v: %s", err, manifest)
		}
		switch e := token.(type) {
		case xml.StartElement:
			name := e.Name.Local
			known, ok := elements[name]
			if !ok || e.Name.Space != "urn:mpeg:dash:schema:mpd:2011" {
				t.Errorf("element %v", e.Name)
			}
			for _, a := range known.attributes {
				if !slices.ContainsFunc(e.Attr, func(x xml.Attr) bool { return x.Name.Local == a && x.Value != "" }) {
					t.Errorf("%s has no %s: %v", name, a, e.Attr)
				}
			}
			if n := len(path) - 1; n >= 0 {
				at := slices.Index(elements[path[n].name].children, name)
				if at < path[n].last {
					t.Errorf("%s is not at its place in %s", name, path[n].name)
				}
				path[n].last = at
			} else if name == "MPD" {
				dynamic := slices.ContainsFunc(e.Attr, func(x xml.Attr) bool { return x.Name.Local == "type" && x.Value == "dynamic" })
				for _, a := range words("availabilityStartTime publishTime") {
					if dynamic != slices.ContainsFunc(e.Attr, func(x xml.Attr) bool { return x.Name.Local == a }) {
						t.Errorf("dynamic %v, %s is wanted so: %v", dynamic, a, e.Attr)
					}
				}
			}
			path = append(path, open{name: name})
		case xml.EndElement:
			path = path[:len(path)-1]
		}
	}
	schema := os.Getenv("DASH_SCHEMA")
	if schema == "" {
		return
	}
	cmd := exec.CommandContext(t.Context(), "xmllint", "--nonet", "--noout", "--schema", filepath.Join(schema, "DASH-MPD.xsd"), "-")
	cmd.Stdin = strings.NewReader(string(manifest))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("xmllint: %v: %.1000s\n%s", err, out, manifest)
	}
}
