package scenario

import (
	"slices"
	"strings"
	"testing"
)

func refusePictures(k *Kind) string {
	if k.Layer == LayerPicture {
		return "it is of pictures"
	}
	return ""
}

// An expression is the file that is beside it.
func TestExpression(t *testing.T) {
	cases := []struct{ text, file string }{
		{"http.status(every=30s,for=4s,on=segment)", "faults: [{do: http.status, every: 30s, for: 4s, on: {kind: segment}}]"},
		{"http.status(id=a,at=frame:61,for=requests:2);ts.duplicate(at=00:00:10)",
			"faults: [{id: a, do: http.status, at: {frame: 61}, for: {requests: 2}}, {decoy: ts.duplicate, at: 10s}]"},
		{"drop(of=idr,every=7s,jitter=5s,times=3);seed=11;repeat=60s;client=a", "seed: 11\nrepeat: 60s\nfaults: [{do: drop, every: 7s, jitter: 5s, times: 3, with: {of: idr}}]"},
		{"pts.step(with.by=3s,mean=20s,for=segments:2)", "faults: [{do: pts.step, mean: 20s, for: {segments: 2}, with: {by: 3s}}]"},
		{"drop(at=2023-11-14T22:13:21Z)", "faults: [{do: drop, at: {utc: 2023-11-14T22:13:21Z}}]"},
		{"drop(at=msn:3)", "faults: [{do: drop, at: {msn: 3}}]"},
		{"http.status()", "faults: [{do: http.status, at: 0s, for: 876000h}]"},
	}
	for _, c := range cases {
		got, client, err := ParseExpression(c.text, testKinds(), refusePictures)
		if err != nil || client != map[bool]string{true: "a"}[strings.Contains(c.text, "client")] {
			t.Errorf("%s: client %q, error %v", c.text, client, err)
			continue
		}
		plan, err := got.Plan(testChannel())
		if err != nil {
			t.Fatal(err)
		}
		if c.text == "http.status()" { // for longer than a file can have
			if list := plan.Between(1<<36, 1<<36); len(list) != 1 || list[0].First != 0 {
				t.Errorf("%s has %v after 70 years", c.text, lines(list))
			}
			continue
		}
		want, err := Parse("x", []byte("version: 1\nname: x\n"+c.file), testKinds())
		if err != nil {
			t.Fatal(err)
		}
		wanted, err := want.Plan(testChannel())
		if err != nil {
			t.Fatal(err)
		}
		if got, want := lines(plan.Between(0, 5000)), lines(wanted.Between(0, 5000)); !slices.Equal(got, want) || len(want) == 0 {
			t.Errorf("%s: %q, want %q", c.text, got, want)
		}
	}
}

// What is wrong is named with the number of its character.
func TestExpressionErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "expression:1: it ends here: write a kind of fault such as http.status",
		"drop(of=idr":                       "expression:12: it ends here: write , or )",
		"drop(of=idr) x":                    `expression:13: " " is not possible here: write ; between faults`,
		"drop;":                             "expression:6: it ends here: write a kind",
		"drop(of)":                          `expression:8: ")" is not possible here: write = and a value`,
		"drop(of=)":                         `expression:9: ")" is not possible here: write a value`,
		"drop(,of=idr)":                     `expression:6: "," is not possible here: write NAME=VALUE`,
		"drop;drob":                         `expression:6: an expression has no kind "drob"`,
		"drop(of=b)":                        `expression:9: drop: of: "b" is not known: use disposable, idr`,
		"drop(off=b)":                       `expression:6: with: there is no parameter "off": use of`,
		"drop(every=0s)":                    `expression:12: every: "0s" is not possible`,
		"drop(for=frames:0,at=1s)":          `expression:10: frames: "0" is not possible`,
		"drop(for=2s)":                      "expression:1: the fault has no time: write at, every or mean",
		"drop(at=1s,at=2s)":                 "expression:12: at is there twice",
		"drop;drop":                         `expression:6: the fault of character 1 is "drop" too`,
		"drop(on=segment)":                  "expression:1: on: it is for faults of requests",
		"http.status(on=segments)":          `expression:16: kind: "segments" is not known: use one of [segment playlist`,
		"freeze(at=1s,for=1s)":              "expression:1: freeze: it is of pictures",
		"speed=1":                           `expression:1: there is no setting "speed"`,
		"drop;client=a:b":                   `expression:13: client: "a:b" can't name a client`,
		"drop;seed=x":                       `expression:11: seed: "x" is not possible`,
		"seed=1":                            "expression:1: there is no fault: write one",
		"dröp":                              `expression:3: "\xc3" is not possible here`,
		strings.Repeat("d", 1001):           "expression:1001: it has more than 1000 characters",
		strings.Repeat("drop;", 9) + "drop": "expression:41: there are more than 8 faults",
	} {
		if _, _, err := ParseExpression(text, testKinds(), refusePictures); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
}

// No text makes the reader or the plan fail with anything but an error of one line that names the place.
func FuzzExpression(f *testing.F) {
	for _, text := range []string{"http.status(every=30s,for=4s);client=a", "drop(at=frame:5,of=idr);seed=3", "pts.step(by=-1s,mean=9s,for=50pct)", "a(b=c,"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, _, err := ParseExpression(text, testKinds(), refusePictures)
		if err == nil {
			var p *Plan
			if p, err = file.Plan(testChannel()); err == nil {
				p.Between(1000, 1100)
			}
		}
		if err != nil && (!strings.HasPrefix(err.Error(), "expression:") || strings.Contains(err.Error(), "\n")) {
			t.Errorf("error %q", err)
		}
	})
}
