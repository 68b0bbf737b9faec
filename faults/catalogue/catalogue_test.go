package catalogue

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/recorder/gaps"
	"github.com/refstream/refstream/scenario"
)

// The description of each kind is whole, and the defaults of its parameters are among what is possible.
func TestKinds(t *testing.T) {
	var names []string
	for _, k := range Kinds() {
		if slices.Contains(names, k.Name) {
			t.Errorf("%s is there twice", k.Name)
		}
		names = append(names, k.Name)
		if k.Doc == "" || k.Layer == "" || k.Property == "" || !k.Decoy && (len(k.Alarms) == 0 || len(k.Expects) == 0 && k.Oracle == "") {
			t.Errorf("%s: %+v", k.Name, k)
		}
		for _, name := range slices.Concat(k.Expects, k.Tolerates) {
			if !report.Kind(name).Known() && !slices.Contains(gaps.Kinds(), gaps.Kind(name)) {
				t.Errorf("%s: %q is no finding of verify or gaps", k.Name, name)
			}
		}
		for _, p := range k.Params {
			if p.Doc == "" || p.Type == scenario.Word != (p.Words != nil) {
				t.Errorf("%s: parameter %+v", k.Name, p)
			}
		}
		for _, i := range k.Implies {
			if !slices.ContainsFunc(Kinds(), func(o *scenario.Kind) bool { return o.Name == i }) {
				t.Errorf("%s implies %q, which is no kind", k.Name, i)
			}
		}
		if _, err := scenario.Parse("x", []byte(minimal(k)), Kinds()); err != nil {
			t.Errorf("%s with its defaults: %v", k.Name, err)
		}
	}
}

// minimal is a file of one fault of a kind, with the parameters that must be given.
func minimal(k *scenario.Kind) string {
	word := map[bool]string{true: "decoy", false: "do"}[k.Decoy]
	text := "version: 1\nname: x\nfaults: [{at: 4s, for: 2s, " + word + ": " + k.Name
	var with []string
	for _, p := range k.Params {
		if p.Default == "" {
			with = append(with, p.Name+": "+map[scenario.ParamType]string{scenario.Whole: "1", scenario.Share: "50%", scenario.Length: "1s"}[p.Type])
		}
	}
	if with != nil {
		text += ", with: {" + strings.Join(with, ", ") + "}"
	}
	return text + "}]"
}

// The ready scenarios can be laid on channels of all usual rates and segments, and last for 60 s to 5 min.
func TestReady(t *testing.T) {
	for _, name := range Ready() {
		f, err := Load(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if f.Name != name || f.Repeat() < time.Minute || f.Repeat() > 5*time.Minute {
			t.Errorf("%s is named %q and repeats every %v", name, f.Name, f.Repeat())
		}
		for _, rate := range media.FrameRates() {
			for _, seconds := range []int64{1, 2, 6} {
				c := markers.Channel{Name: "main", Width: 640, Height: 360, Rate: rate, Epoch: time.Unix(1_700_000_000, 0), EventEvery: 1000, EventLength: 50,
					FramesPerSegment: rate.Frames(seconds * int64(time.Second)), PTSOrigin: markers.PTSOrigin, Audio: true}
				p, err := f.Plan(c)
				if err != nil {
					t.Errorf("at %s frames/s: %v", rate, err)
					continue
				}
				for _, fault := range p.Between(0, rate.Frames(int64(10*time.Minute))) {
					if fault.Refused != "" {
						t.Errorf("%s at %s frames/s: %s is not done: %s", name, rate, fault.ID, fault.Refused)
					}
				}
			}
		}
	}
}

// A validator that is not ours takes what the schema allows, and refuses what the reader does.
func TestSchema(t *testing.T) {
	text, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	published, err := os.ReadFile(filepath.Join("..", "..", "docs", "scenario.schema.json"))
	if err != nil || !bytes.Equal(bytes.TrimSpace(published), text) {
		t.Errorf("docs/scenario.schema.json is not that of this program: run refstream scenario schema >docs/scenario.schema.json (%v)", err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("scenario.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("scenario.json")
	if err != nil {
		t.Fatal(err)
	}
	check := func(text string) error {
		var v any
		if err := yaml.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if v, err = jsonschema.UnmarshalJSON(bytes.NewReader(b)); err != nil {
			t.Fatal(err)
		}
		return schema.Validate(v)
	}
	for _, k := range Kinds() {
		if err := check(minimal(k)); err != nil {
			t.Errorf("%s: %v", k.Name, err)
		}
	}
	for _, name := range Ready() {
		text, err := ready.ReadFile("ready/" + name + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := check(string(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range []string{
		"version: 2\nname: x\nfaults: [{do: black, at: 1s, for: 1s}]", "version: 1\nname: x\nfaults: [{do: blak, at: 1s, for: 1s}]",
		"version: 1\nname: x\nfaults: [{do: black, at: 1s}]", "version: 1\nname: x\nfaults: [{do: black, at: 1s, for: {frames: 0}}]",
		"version: 1\nname: x\nfaults: [{do: repeat, at: 1s, for: 1s, with: {hold: 1}}]", "version: 1\nname: x\nfaults: []\nextra: 1",
	} {
		if check(bad) == nil {
			t.Errorf("the schema takes %q", bad)
		}
		if _, err := scenario.Parse("x", []byte(bad), Kinds()); err == nil {
			t.Errorf("the reader takes %q", bad)
		}
	}
}

func TestLoadErrors(t *testing.T) {
	if _, err := Load("no-such"); err == nil || !strings.Contains(err.Error(), "freeze-black") {
		t.Errorf("error %v", err)
	}
	if _, err := Load(t.TempDir()); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v", err)
	}
}
