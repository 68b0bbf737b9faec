package scenario

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// testKinds is a small catalogue.
func testKinds() []*Kind {
	return []*Kind{
		{Name: "freeze", Layer: LayerPicture, Property: "picture", Doc: "."},
		{Name: "black", Layer: LayerPicture, Property: "picture", Doc: "."},
		{Name: "drop", Layer: LayerUnit, Property: "unit", Doc: ".", Default: Span{Frames: 1},
			Params: []Param{{Name: "of", Type: Word, Words: []string{"disposable", "idr"}, Default: "disposable"}}},
		{Name: "pts.step", Layer: LayerStamps, Property: "stamps", Grid: true, Doc: ".",
			Params: []Param{{Name: "by", Doc: "how far", Type: Length, Min: -1e10, Max: 1e10}}},
		{Name: "ts.duplicate", Layer: LayerPackets, Property: "video", Decoy: true, Doc: ".", Default: Span{Frames: 1}},
		{Name: "http.status", Layer: LayerRequest, Property: "request", Doc: ".", Default: Span{Requests: 1}},
	}
}

func testPlan(t *testing.T, faults string) (*Plan, error) {
	t.Helper()
	f, err := Parse("outage.yaml", []byte("version: 1\nname: outage\nseed: 11\n"+faults), testKinds())
	if err != nil {
		return nil, err
	}
	return f.Plan(testChannel())
}

func lines(list []Fault) (out []string) {
	for _, f := range list {
		text := fmt.Sprintf("%s %s %d-%d", f.ID, f.Kind.Name, f.First, f.Last)
		if f.Refused != "" {
			text += " not done"
		}
		out = append(out, text)
	}
	return out
}

// The channel has 29.97 frames/s and segments of 60 frames.
func TestPlan(t *testing.T) {
	cases := []struct {
		name, faults string
		first, last  int64
		want         []string
	}{
		{"a time is the first frame at or after it, and the end too", "faults: [{do: freeze, at: 00:00:10, for: 1s}]", 0, 1e6,
			[]string{"freeze freeze 300-329"}},
		{"a frame", "faults: [{do: black, at: {frame: 61}, for: {frames: 90}}]", 0, 1e6, []string{"black black 61-150"}},
		{"a segment", "faults: [{do: black, at: {msn: 3}, for: {segments: 2}}]", 0, 1e6, []string{"black black 180-299"}},
		{"segments begin with one", "faults: [{do: black, at: {frame: 61}, for: {segments: 1}}]", 0, 1e6, []string{"black black 120-179"}},
		{"a grid", "faults: [{do: pts.step, at: {frame: 61}, for: {frames: 61}, with: {by: 3s}}]", 0, 1e6, []string{"pts.step pts.step 120-239"}},
		{"a UTC", "faults: [{do: black, at: {utc: 2023-11-14T22:13:21Z}, for: {frames: 1}}]", 0, 1e6, []string{"black black 30-30"}},
		{"only what is asked for", "faults: [{id: a, do: black, at: {frame: 5}, for: {frames: 2}}, {id: b, do: black, at: {frame: 8}, for: {frames: 2}}]", 7, 8,
			[]string{"b black 8-9"}},
		{"every", "faults: [{do: drop, every: 1s, times: 3}]", 0, 1e6, []string{"drop-1 drop 30-30", "drop-2 drop 60-60", "drop-3 drop 90-90"}},
		{"every, from a time on", "faults: [{do: drop, at: {frame: 10}, every: 1s}]", 1000, 1050, []string{"drop-34 drop 1000-1000", "drop-35 drop 1029-1029"}},
		{"again and again", "repeat: 10s\nfaults: [{do: drop, at: 1s, every: 4s}, {do: black, at: {frame: 3}, for: {frames: 2}}]", 300, 620, []string{
			"black-2 black 303-304", "drop-4 drop 330-330", "drop-5 drop 450-450", "drop-6 drop 570-570", "black-3 black 603-604"}},
		{"no more in a lap than are over in it", "repeat: 10600ms\nfaults: [{do: black, at: 500ms, every: 4s, for: {segments: 1}}]", 0, 620, []string{
			"black-1 black 60-119", "black-2 black 180-239", "black-3 black 360-419", "black-4 black 480-539"}},
		{"requests, of as many segments", "faults: [{do: http.status, at: 1s, for: {requests: 4}}]", 0, 100, []string{"http.status http.status 60-299"}},
		{"decoy", "faults: [{decoy: ts.duplicate, at: 1s}]", 0, 100, []string{"ts.duplicate ts.duplicate 30-30"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, err := testPlan(t, c.faults)
			if err != nil {
				t.Fatal(err)
			}
			if got := lines(p.Between(c.first, c.last)); !slices.Equal(got, c.want) {
				t.Errorf("faults %q, want %q", got, c.want)
			}
		})
	}
}

// Whatever stretch is asked for, the same faults are in it as in the list of all of them, also where they come at random.
func TestPlanIsPure(t *testing.T) {
	const all = `faults:
- {id: a, do: drop, every: 7s, jitter: 5s, for: {frames: 3}}
- {id: b, choose: {freeze: 2, black: 1}, mean: 20s, for: 2s}
- {id: c, do: pts.step, mean: 30s, for: 1s, with: {by: 3s}}
- {id: d, do: black, every: 61s, jitter: 4s, for: {frames: 2}, times: 40}
`
	for _, repeat := range []string{"", "repeat: 3000s\n", "repeat: 45s\n"} {
		text := repeat + all
		if repeat == "repeat: 45s\n" {
			text = strings.ReplaceAll(text, "every: 61s", "every: 21s")
			text = strings.ReplaceAll(text, "every: 7s", "at: 7s, every: 7s, times: 4")
			text = strings.ReplaceAll(text, "every: 21s, jitter: 4s, for: {frames: 2}, times: 40", "at: 2s, every: 21s, jitter: 4s, for: {frames: 2}, times: 2")
		}
		p, err := testPlan(t, text)
		if err != nil {
			t.Fatal(err)
		}
		const end = 90_000
		whole := p.Between(0, end)
		if len(whole) < 300 {
			t.Fatalf("there are %d faults", len(whole))
		}
		kinds := map[string]int{}
		for _, f := range whole {
			kinds[strings.Split(f.ID, "-")[0]+" "+f.Kind.Name]++
		}
		if 3*kinds["b freeze"] < 4*kinds["b black"] || kinds["b black"] == 0 {
			t.Errorf("kinds %v: want two freezes for a black", kinds)
		}
		for first := int64(0); first < end; first += 97 {
			last := first + first%1000
			want := slices.DeleteFunc(slices.Clone(whole), func(f Fault) bool { return f.Last < first || f.First > last || f.First > end })
			if last > end {
				break
			}
			if got := p.Between(first, last); !slices.Equal(lines(got), lines(want)) {
				t.Fatalf("frames %d to %d: %q, want %q", first, last, lines(got), lines(want))
			}
		}
	}
}

// No fault is planned beyond what a plan reaches, and that is found at once.
func TestPlanEnd(t *testing.T) {
	p, err := testPlan(t, "faults: [{id: a, do: drop, every: 1s}, {id: b, do: black, mean: 20s, for: 1s}]")
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Between(1<<44-100, 1<<44); len(got) > 0 {
		t.Errorf("faults %q", lines(got))
	}
}

// A fault that is added to a file moves no other.
func TestPlanAddedFault(t *testing.T) {
	const one = "faults:\n- {id: a, do: drop, every: 7s, jitter: 5s}\n- {id: b, choose: {freeze: 2, black: 1}, mean: 20s, for: 2s}\n"
	before, err := testPlan(t, one)
	if err != nil {
		t.Fatal(err)
	}
	after, err := testPlan(t, strings.Replace(one, "faults:\n", "faults:\n- {id: new, do: pts.step, every: 9s, jitter: 2s, for: 2s, with: {by: -40ms}}\n", 1))
	if err != nil {
		t.Fatal(err)
	}
	rest := slices.DeleteFunc(after.Between(0, 50_000), func(f Fault) bool { return f.Kind.Name == "pts.step" })
	if got, want := lines(rest), lines(before.Between(0, 50_000)); !slices.Equal(got, want) {
		t.Errorf("with another fault: %q, want %q", got, want)
	}
}

// Random faults that meet are not both done: that of the earlier line is.
func TestPlanCollisions(t *testing.T) {
	p, err := testPlan(t, "faults:\n- {id: a, do: freeze, every: 20s, for: 10s}\n- {id: b, do: black, mean: 20s, for: 10s}\n")
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, f := range p.Between(0, 30_000) {
		if f.Refused != "" {
			refused++
			if !strings.HasPrefix(f.ID, "b-") || !strings.HasPrefix(f.Refused, "fault a-") {
				t.Errorf("%s is not done: %s", f.ID, f.Refused)
			}
		}
	}
	for n := range int64(30_000) {
		if list := p.At(n, LayerPicture); len(list) > 1 {
			t.Fatalf("frame %d has %q", n, lines(list))
		}
	}
	if refused == 0 {
		t.Error("no two faults met")
	}
}

// A file of as many faults as it may have is planned in seconds, not hours.
func TestPlanManyFaults(t *testing.T) {
	var text strings.Builder
	text.WriteString("faults:\n")
	for i := range maxFaults {
		fmt.Fprintf(&text, "- {id: a%d, do: black, at: %ds, every: 24h, for: 1s}\n", i, 2*i)
	}
	if _, err := testPlan(t, text.String()); err != nil {
		t.Error(err)
	}
}

// A fault of a year or more is not compared with those that come every few seconds beside it, one by one.
func TestPlanLongFault(t *testing.T) {
	f, _, err := ParseExpression("drop(every=1s);ts.duplicate;http.status", testKinds(), refusePictures)
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.Plan(testChannel())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := lines(p.At(62, LayerPackets)), []string{"ts.duplicate ts.duplicate 0-94513486513"}; !slices.Equal(got, want) {
		t.Errorf("faults %q, want %q", got, want)
	}
	long := Fault{Kind: testKinds()[3], First: 60, Last: 94_000_000_000}
	if other, ok := p.Overlap(long); ok {
		t.Errorf("it overlaps with %s", other.ID)
	}
	long.Kind = testKinds()[2]
	if other, _ := p.Overlap(long); other.ID != "drop-2" {
		t.Errorf("it overlaps with %q", other.ID)
	}
}

func TestFileErrors(t *testing.T) {
	cases := []struct{ text, want string }{
		{"", "outage.yaml:1: the file is empty"},
		{"version: 1\nname: x\nfaults: [", "outage.yaml:3: it is neither YAML nor JSON"},
		{"version: 2\nname: x\nfaults: [{do: black, at: 1s, for: 1s}]", "outage.yaml:1: version: it is not there, or not 1"},
		{"version: 1\nnam: x", `outage.yaml:2: the file has no key "nam": use faults, name, pictures, repeat, seed, version`},
		{"version: 1\nname: X\nfaults: [{do: black, at: 1s, for: 1s}]", `outage.yaml:2: the twin's name would be "main-X"`},
		{"version: 1\nname: x\nfaults: [{do: blak, at: 1s, for: 1s}]", `outage.yaml:3: do: there is no kind "blak": did you mean black? refstream`},
		{"version: 1\nname: x\nfaults:\n- {do: black, at: 1s, for: -1s}", `outage.yaml:4: for: "-1s" is not possible`},
		{"version: 1\nname: x\nfaults:\n- {do: black, at: -1s, for: 1s}", `outage.yaml:4: at: "-1s" is not possible`},
		{"version: 1\nname: x\nfaults:\n- {do: black, at: 1s}", "outage.yaml:4: black: it has no length"},
		{"version: 1\nname: x\nfaults:\n- {do: black, for: 1s}", "outage.yaml:4: the fault has no time"},
		{"version: 1\nname: x\nfaults:\n- {do: black, at: 1s, for: 1s, with: {level: 3}}", "outage.yaml:4: with: black has no parameters"},
		{"version: 1\nname: x\nfaults:\n- {do: drop, at: 1s, with: {off: idr}}", `outage.yaml:4: with: there is no parameter "off": use of`},
		{"version: 1\nname: x\nfaults:\n- {do: drop, at: 1s, with: {of: b}}", `outage.yaml:4: drop: of: "b" is not known: use disposable, idr`},
		{"version: 1\nname: x\nfaults:\n- {do: pts.step, at: 1s, for: 1s}", "outage.yaml:4: pts.step: with has no by: how far"},
		{"version: 1\nname: x\nfaults:\n- {do: pts.step, at: 1s, for: 1s, with: {by: 20s}}", `outage.yaml:4: pts.step: by: "20s" is not possible: use -10s to 10s`},
		{"version: 1\nname: x\nfaults:\n- {do: drop, at: 1s}\n- {do: drop, at: 2s}", `outage.yaml:5: the fault of line 4 is "drop" too`},
		{"version: 1\nname: x\nfaults:\n- {do: black, at: 1s, for: 5s}\n- {do: freeze, at: 4s, for: 1s}", "outage.yaml:5: freeze overlaps with black of line 4"},
		{"version: 1\nname: x\nfaults:\n- {do: black, every: 3s, for: 2s}\n- {do: freeze, at: 601s, for: 1s}", "outage.yaml:5: freeze overlaps with black-200 of line 4"},
		{"version: 1\nname: x\nfaults:\n- {do: black, every: 3s, for: 3s}", "outage.yaml:4: every: a fault may begin before"},
		{"version: 1\nname: x\nrepeat: 5s\nfaults:\n- {do: black, at: 3s, for: 3s}", "outage.yaml:5: it is not over when the timeline repeats"},
		{"version: 1\nname: x\nrepeat: 5s\nfaults:\n- {do: drop, every: 6s}", "outage.yaml:5: it is not over when the timeline repeats"},
		{"version: 1\nname: x\nrepeat: 60s\nfaults:\n- {do: drop, at: 10s, every: 40s, jitter: 10s, times: 2}", "outage.yaml:5: it is not over when the timeline repeats"},
		{"version: 1\nname: x\nrepeat: 60s\nfaults:\n- {do: drop, every: 4s, times: 549755813888}", "outage.yaml:5: it is not over when the timeline repeats"},
		{"version: 1\nname: x\nfaults:\n- {do: black, at: {msn: 1}, every: 3s, for: 2500ms}", "outage.yaml:4: every: a fault may begin before"},
		{"version: 1\nname: x\nfaults:\n- {do: black, at: {msn: 549755813888}, for: 1s}", "outage.yaml:4: at: it is more than 146 years after the epoch"},
		{"version: 1\nname: x\nfaults:\n- {do: black, every: 3s, jitter: 1s, for: {segments: 549755813888}}", "outage.yaml:4: for: 32985348833280 frames are too many"},
		{"version: 1\nname: x\nfaults:\n- {do: black, at: {utc: 1999-01-01T00:00:00Z}, for: 3s}", "outage.yaml:4: at: 1999-01-01T00:00:00Z is before the epoch"},
		{"version: 1\nname: x\nfaults:\n- {do: black, at: {frame: 3, msn: 4}, for: 3s}", "outage.yaml:4: at: there are 2 times"},
		{"version: 1\nname: x\nfaults:\n- {do: black, at: 1s, for: {requests: 3}}", "outage.yaml:4: for: requests are for faults of requests"},
		{"version: 1\nname: x\nfaults:\n- {decoy: black, at: 1s, for: 1s}", "outage.yaml:4: black is a fault: write do: black"},
		{"version: 1\nname: x\nfaults:\n- {do: ts.duplicate, at: 1s}", "outage.yaml:4: ts.duplicate is legal: write decoy: ts.duplicate"},
		{"version: 1\nname: x\nfaults:\n- {do: black, decoy: ts.duplicate, at: 1s}", "outage.yaml:4: there are do and decoy"},
		{"version: 1\nname: x\nfaults:\n- {choose: {black: 1}, mean: 60s, for: 1s}", "outage.yaml:4: choose: it is not a mapping of two"},
		{"version: 1\nname: x\nfaults:\n- {choose: {black: 1, black: 2}, mean: 60s, for: 1s}", "outage.yaml:4: choose: black is there twice"},
		{"version: 1\nname: x\nfaults:\n- {do: black, mean: 2s, for: 1s}", "outage.yaml:4: mean: it leaves no time"},
		{"version: 1\nname: x\nfaults:\n- {do: black, at: 1s, mean: 20s, for: 1s}", "outage.yaml:4: mean: the times are random"},
		{"version: 1\nversion: 1\nname: x", "outage.yaml:2: version is there twice"},
	}
	for _, c := range cases {
		f, err := Parse("outage.yaml", []byte(c.text), testKinds())
		if err == nil {
			_, err = f.Plan(testChannel())
		}
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: error %v, want %q", c.text, err, c.want)
		}
	}
}

// JSON is read as YAML is.
func TestFileJSON(t *testing.T) {
	p, err := testPlan(t, "")
	if err == nil || p != nil {
		t.Fatal("a file without faults is read")
	}
	f, err := Parse("x.json", []byte("{\n\t\"version\": 1, \"name\": \"x\",\n\t\"faults\": [{\"do\": \"black\", \"at\": {\"frame\": 7}, \"for\": \"1s\"}]\n}\n"), testKinds())
	if err != nil {
		t.Fatal(err)
	}
	if p, err = f.Plan(testChannel()); err != nil {
		t.Fatal(err)
	}
	if got := lines(p.Between(0, 1000)); !slices.Equal(got, []string{"black black 7-36"}) {
		t.Errorf("faults %q", got)
	}
}

// No text makes the reader or the plan fail with anything but an error of one line that names the place.
func FuzzFile(f *testing.F) {
	text, err := os.ReadFile("plan_test.go")
	if err != nil {
		f.Fatal(err)
	}
	for _, part := range strings.Split(string(text), `"version: 1\n`)[1:] {
		part, _, _ = strings.Cut(part, `", "`)
		f.Add("version: 1\n" + strings.ReplaceAll(part, `\n`, "\n"))
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Parse("x.yaml", []byte(text), testKinds())
		if err == nil {
			var p *Plan
			if p, err = file.Plan(testChannel()); err == nil {
				for _, n := range []int64{0, 1000, 1 << 30, 1 << 43} {
					p.Between(n, n+100)
				}
			}
		}
		if err != nil && (!strings.HasPrefix(err.Error(), "x.yaml:") || strings.Contains(err.Error(), "\n")) {
			t.Errorf("error %q", err)
		}
	})
}
