package rules

import (
	"fmt"
	"go/build"
	"path"
	"slices"
	"sort"
	"strings"
	"testing"
)

// arrows says what one package may import besides the standard library.
type arrows struct {
	// may are packages of this module; "*" stands for all.
	may []string
	// libraries are path prefixes of other modules' packages; "*" stands for all.
	libraries []string
	// tests are packages of this module that its test files may import besides may and inEveryTest.
	tests []string
}

// table is the design's table of packages. Change both together.
var table = map[string]arrows{
	"media":      {},
	"codec/h264": {may: words("media")},
	"codec/aac":  {may: words("media")},
	// HEVC has the bits, the emulation prevention and the SEI messages of H.264.
	"codec/hevc": {may: words("codec/h264"), libraries: words("github.com/Eyevinn/mp4ff")},
	"codec":      {may: words("media codec/h264 codec/hevc")},
	"generator": {
		may:       words("media"),
		tests:     words("encoder"), // what its YUV pictures must equal
		libraries: words("github.com/fogleman/gg github.com/golang/freetype golang.org/x/image"),
	},
	// ffmpeg writes MPEG-TS, which the encoder takes apart.
	"encoder": {
		may:       words("media codec/h264 codec/aac format/ts internal/ffmpeg"),
		libraries: words("github.com/u2takey/ffmpeg-go golang.org/x/sys/unix"),
		tests:     words("internal/soundtest"),
	},
	"scenario":       {may: words("media generator markers internal/levenshtein"), libraries: words("gopkg.in/yaml.v3")},
	"faults":         {may: words("markers scenario"), tests: words("media")},
	"faults/verdict": {may: words("markers scenario internal/junit internal/redact")},
	// Test code: what the tests of the layers share.
	"faults/internal/faultstest": {may: words("media markers scenario")},
	"faults/catalogue": {
		may:       words("media markers scenario faults faults/pictures faults/units faults/sounds faults/packets faults/playlists faults/requests"),
		libraries: words("github.com/santhosh-tekuri/jsonschema/v6 gopkg.in/yaml.v3"), // of its tests
		tests:     words("faults/internal/faultstest media annotate encoder format/ts generator analyzer/verify/report recorder/gaps"),
	},
	"faults/pictures": {may: words("media generator markers scenario"), tests: words("faults/internal/faultstest media")},
	"faults/packets":  {may: words("media markers scenario faults format/ts"), tests: words("faults/internal/faultstest format/id3 analyzer/tr101290")},
	"faults/playlists": {
		may:       words("media markers scenario faults packager format/m3u8"),
		libraries: words("github.com/Eyevinn/hls-m3u8"),                              // its tests' other reader
		tests:     words("faults/internal/faultstest stream recorder recorder/gaps"), // they play what was published
	},
	// Its faults are in the answers that it is given the writer of.
	"faults/requests": {may: words("markers scenario generator internal/hangup"), tests: words("faults/internal/faultstest media")},
	"faults/sounds":   {may: words("media codec/aac markers scenario faults"), tests: words("faults/internal/faultstest generator internal/soundtest")},
	"faults/units": {
		may:   words("media codec/h264 markers annotate scenario faults"),
		tests: words("faults/internal/faultstest encoder"),
	},
	// What the stream carries of the truth: SEI in pictures, events in the containers' own form.
	"annotate":        {may: words("media codec/h264 format/id3 format/flv format/flv/amf0 markers")},
	"markers":         {may: words("media")},
	"markers/journal": {may: words("markers internal/atomicfile internal/filelock internal/jsonlines")},
	"markers/mirror":  {may: words("markers"), tests: words("markers/journal markers/redis")},
	// The conformance suite of all stores: a package of test code that several packages' tests share.
	"markers/storetest": {may: words("media markers internal/testnet internal/testunix")},
	"markers/redis": {
		may:       words("media markers"),
		libraries: words("github.com/redis/go-redis/v9"),
	},
	"format/id3": {},
	"format/ts": {
		may:       words("media codec codec/h264 codec/hevc codec/aac format/id3"),
		libraries: words("github.com/asticode/go-astits github.com/asticode/go-astikit"),
		tests:     words("internal/soundtest"),
	},
	"stream":          {may: words("media markers")},
	"format/flv/amf0": {},
	"format/flv":      {may: words("media codec codec/h264 codec/hevc codec/aac format/flv/amf0"), tests: words("internal/soundtest")},
	"format/rtmp":     {may: words("media internal/redact format/flv format/flv/amf0")},
	"outputs": {
		may:       words("media annotate markers stream format/ts format/flv format/rtmp internal/ffmpeg internal/quietlog internal/redact"),
		libraries: words("golang.org/x/sys/unix"),
		tests:     words("codec/h264 codec/aac encoder format/flv/amf0 generator internal/soundtest"),
	},
	"format/mpd":  {may: words("media format/m3u8"), libraries: words("github.com/Eyevinn/dash-mpd")},
	"format/m3u8": {may: words("media internal/redact"), libraries: words("github.com/Eyevinn/hls-m3u8")}, // its tests' other reader
	"hlsclient": {
		may:       words("media internal/redact internal/atomicfile internal/pause format/m3u8 format/mpd"),
		libraries: words("golang.org/x/net/publicsuffix"),
	},
	"packager": {
		may:       words("media codec/h264 codec/aac annotate markers stream format/id3 format/ts format/mp4 format/m3u8 format/mpd internal/atomicfile"),
		libraries: words("github.com/Eyevinn"), // the elements of manifests, and the readers of its tests
		tests:     words("hlsclient generator internal/dashtest internal/soundtest"),
	},
	"delivery":          {may: words("media markers packager scenario format/m3u8 format/mpd faults faults/playlists faults/requests")},
	"format/mp4":        {may: words("media codec/h264 codec/hevc codec/aac codec"), libraries: words("github.com/Eyevinn/mp4ff"), tests: words("internal/soundtest")},
	"analyzer/input":    {may: words("format/ts format/mp4 format/m3u8 hlsclient")},
	"analyzer/tr101290": {may: words("media markers format/ts")},
	"analyzer": {
		may: words("media codec/h264 codec/hevc markers annotate generator analyzer/input analyzer/tr101290 format/id3 format/ts format/flv " +
			"format/flv/amf0 format/rtmp format/m3u8 format/mpd format/mp4 hlsclient"),
	},
	"analyzer/verify/score": {may: words("media markers faults/verdict internal/junit internal/redact")},
	"analyzer/verify/truth": {
		may:   words("media markers scenario internal/jsonlines"),
		tests: words("analyzer/verify/internal/verifytest"),
	},
	// Test code: what the tests of verify and its packages share.
	"analyzer/verify/internal/verifytest": {may: words("media markers generator scenario analyzer/verify/truth")},
	"analyzer/verify/pixels": {
		may:   words("media markers generator scenario internal/ffmpeg"),
		tests: words("analyzer/verify/internal/verifytest"),
	},
	"analyzer/verify/sound": {may: words("media generator internal/ffmpeg analyzer/verify/pixels"), tests: words("internal/soundtest")},
	"analyzer/verify/report": {
		may:       words("media markers faults/verdict internal/junit internal/redact analyzer analyzer/input analyzer/verify/pixels"),
		libraries: words("gonum.org/v1/plot"),
	},
	"analyzer/verify": {
		// What a stream must say is made by the packages that write it.
		may: words("media codec/h264 markers annotate generator analyzer analyzer/input analyzer/tr101290 analyzer/verify/truth analyzer/verify/pixels " +
			"analyzer/verify/sound analyzer/verify/report faults/pictures faults/verdict format/ts format/m3u8 format/flv format/flv/amf0 hlsclient packager"),
		tests: words("stream scenario format/id3 format/mp4 analyzer/verify/internal/verifytest"),
	},
	"analyzer/detect": {may: words("markers analyzer/verify/pixels analyzer/verify/truth analyzer/verify/score"), libraries: words("golang.org/x/sync")},
	"recorder": {
		may:       words("media markers internal/atomicfile internal/filelock internal/pause internal/redact internal/rlimit hlsclient format/m3u8 recorder/timing"),
		libraries: words("modernc.org/sqlite golang.org/x/sys/unix"),
		tests:     words("format/ts"),
	},
	"recorder/timing": {may: words("media codec/h264 annotate hlsclient format/id3 format/ts format/mp4")}, // annotate: frame records
	"recorder/chunks": {may: words("recorder hlsclient")},
	// What a server says is asked for as verify does.
	"recorder/truth":      {may: words("media markers faults/verdict markers/journal internal/atomicfile internal/jsonlines internal/redact analyzer/verify/truth")},
	"recorder/replay":     {may: words("media markers recorder hlsclient format/m3u8 internal/hangup internal/pause")},
	"recorder/replaypage": {may: words("media markers recorder recorder/gaps recorder/replay")},
	"recorder/gaps": {
		may:       words("media markers faults/verdict internal/redact recorder format/m3u8 hlsclient"),
		libraries: words("gonum.org/v1/plot modernc.org/sqlite"), // its tests write sessions as the schema describes them
		tests:     words("recorder/timing"),
	},
	"dvr": {may: words("dvr/scenes dvr/splice internal/filelock"), tests: words("dvr/internal/dvrtest")},
	"dvr/splice": {
		may:   words("media internal/jsonlines internal/pause format/ts"),
		tests: words("dvr/internal/dvrtest"),
	},
	// The index has what frame records say.
	"dvr/scenes": {
		may:   words("media codec/h264 codec/hevc markers annotate generator internal/atomicfile internal/ffmpeg internal/pause dvr/splice format/ts"),
		tests: words("scenario dvr/internal/dvrtest"),
	},
	// Test code: what the tests of dvr and its packages share.
	"dvr/internal/dvrtest": {may: words("format/ts")},
	"pipeline": {
		may:       words("media codec/h264 codec/aac generator encoder annotate markers scenario stream format/ts packager internal/redact"),
		libraries: words("github.com/prometheus/client_golang"),
		tests:     words("markers/journal internal/pause internal/soundtest internal/testunix"),
	},
	// What a stretch is made with, and the files it goes into.
	"clips": {
		may: words("media annotate markers scenario faults faults/catalogue faults/pictures encoder stream format/ts format/flv " +
			"packager pipeline " +
			"internal/atomicfile internal/jsonlines"),
		libraries: words("github.com/prometheus/client_golang"),
	},
	"api": {
		may: words("media markers generator scenario static delivery packager faults/catalogue faults/pictures analyzer/verify/score internal/redact api/formats api/limits"),
		libraries: words("github.com/labstack/echo/v4 github.com/prometheus/client_golang " +
			"github.com/getkin/kin-openapi gopkg.in/yaml.v3"),
		tests: words("markers/journal markers/redis faults/requests internal/soundtest"), // long answers are read from both stores
	},
	// All of the producing half, put together.
	"server": {
		may: words("media generator encoder scenario faults faults/catalogue faults/playlists faults/requests delivery markers markers/journal " +
			"markers/mirror markers/redis stream format/ts format/flv outputs packager pipeline api static internal/pause internal/rlimit faults/pictures"),
		libraries: words("github.com/prometheus/client_golang golang.org/x/sync"),
	},
	// What other people's tests import: a server or a clip, and the truth about it.
	"refstreamtest": {
		may: words("media markers scenario encoder clips packager faults/catalogue server analyzer/verify/truth analyzer/verify/score"),
	},
	"api/formats":   {may: words("media markers")},
	"api/limits":    {},
	"static":        {tests: words("api")},
	"cmd/refstream": {may: words("*"), libraries: words("*")},
	"cmd/bench":     {may: words("*"), libraries: words("github.com/prometheus/procfs golang.org/x/image golang.org/x/sync")},
	// Test code: real browsers for the tests of the pages.
	"internal/browser": {may: words("internal/processgroup internal/testnet"), libraries: words("github.com/chromedp")},
	// Progress on a terminal.
	"internal/terminal": {libraries: words("golang.org/x/sys/unix golang.org/x/term")},
	// Test code: addresses for the servers that tests start.
	"internal/testnet": {},
	// The end of a connection in the middle of an answer.
	"internal/hangup": {libraries: words("golang.org/x/sys/unix")},
	// Test code: signals, FIFOs and the like.
	"internal/testunix": {},
	// How far a wrong word is from one that may be meant.
	"internal/levenshtein": {},
	// Test code: manifests, by their schema.
	"internal/dashtest": {},
	// Test code: sound to carry, and the check of what is decoded.
	"internal/soundtest": {may: words("media codec/aac generator")},
	// Files that are whole at any moment.
	"internal/atomicfile": {},
	// Files of JSON Lines.
	"internal/jsonlines": {may: words("internal/atomicfile")},
	// Reports for CI systems.
	"internal/junit": {may: words("internal/redact")},
	// What nobody is to see in logs and errors.
	"internal/redact": {},
	// How much is logged.
	"internal/quietlog": {},
	// What ffmpeg says.
	"internal/ffmpeg": {may: words("internal/processgroup"), libraries: words("golang.org/x/sys/unix")},
	"internal/pause":  {},
	// What the system lets this process have.
	"internal/rlimit": {},
	// What keeps a journal or a session to one process.
	"internal/filelock": {may: words("internal/atomicfile"), libraries: words("golang.org/x/sys/windows")},
	// Children that end with all that they have started.
	"internal/processgroup": {libraries: words("golang.org/x/sys/windows")},
	"internal/rules":        {libraries: words("gopkg.in/yaml.v3")},
}

// inEveryTest are what any test may import: the types, the truth to compare with, and the store's suite.
var inEveryTest = words("media codec/h264 markers markers/storetest internal/pause internal/testnet internal/testunix generator format/ts")

func words(s string) []string { return strings.Fields(s) }

// checkImports compares every import of the tree with the table.
func checkImports(all tree, table map[string]arrows) []string {
	var problems []string
	for _, pkg := range all.packages() {
		allowed, ok := table[pkg]
		if !ok {
			problems = append(problems, fmt.Sprintf(
				"package %s is not in the table of packages: add it to the design and to the table here", pkg))
			continue
		}
		for _, s := range all[pkg] {
			for _, p := range s.imports() {
				if problem := checkImport(pkg, p, s.test(), allowed); problem != "" {
					problems = append(problems, s.name+": "+problem)
				}
			}
		}
	}
	for pkg := range table {
		if len(all[pkg]) == 0 {
			problems = append(problems, fmt.Sprintf("the table lists package %s, which doesn't exist", pkg))
		}
	}
	return problems
}

// checkImport says what is wrong with one import, if anything.
func checkImport(pkg, imported string, test bool, allowed arrows) string {
	if imported == "C" || imported == "unsafe" {
		return fmt.Sprintf("imports %q: the program is plain Go", imported)
	}
	if own, ok := strings.CutPrefix(imported, module+"/"); ok {
		may := allowed.may
		if test {
			// A test in package x_test imports x.
			may = slices.Concat(may, allowed.tests, inEveryTest, []string{pkg})
		}
		if own == pkg && !test {
			return "imports itself"
		}
		if strings.HasPrefix(own, "cmd/") {
			return fmt.Sprintf("imports %s: nothing imports a command", own)
		}
		if slices.Contains(may, own) || slices.Contains(may, "*") {
			return ""
		}
		sort.Strings(may)
		return fmt.Sprintf("imports %s: package %s may import of this module only: %s",
			own, pkg, orNothing(slices.Compact(may)))
	}
	if standard(imported) || slices.ContainsFunc(allowed.libraries, func(l string) bool {
		return l == "*" || imported == l || strings.HasPrefix(imported, l+"/")
	}) {
		return ""
	}
	return fmt.Sprintf("imports %s: package %s may import of other modules only: %s",
		imported, pkg, orNothing(allowed.libraries))
}

// standard says whether an import path is the standard library's: those have no dot in their first element.
func standard(p string) bool {
	first, _, _ := strings.Cut(p, "/")
	return !strings.Contains(first, ".") && !build.IsLocalImport(p) && p == path.Clean(p)
}

func orNothing(list []string) string {
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, ", ")
}

func TestImports(t *testing.T) {
	report(t, checkImports(readTree(t), table))
}

func TestImportsRule(t *testing.T) {
	rule := map[string]arrows{
		"media": {},
		"api":   {may: words("media"), libraries: words("example.org/web")},
	}
	cases := []struct {
		name, pkg, file, text, problem string
	}{
		{"allowed", "api", "api/a.go", `import ("net/http"; "example.org/web/mid"; "` + module + `/media")`, ""},
		{"backwards", "media", "media/a.go", `import "` + module + `/api"`, "may import of this module only: nothing"},
		{"library", "api", "api/a.go", `import "example.org/website"`, "may import of other modules only: example.org/web"},
		{"library in tests", "media", "media/a_test.go", `import "example.org/web"`, "of other modules only: nothing"},
		{"own package in tests", "api", "api/a_test.go", `import "` + module + `/api"`, ""},
		{"more in tests", "media", "media/a_test.go", `import "` + module + `/generator"`, ""},
		{"not everything in tests", "media", "media/a_test.go", `import "` + module + `/pipeline"`, "media/a_test.go: imports pipeline"},
		{"command", "api", "api/a.go", `import "` + module + `/cmd/refstream"`, "nothing imports a command"},
		{"new package", "util", "util/a.go", ``, "package util is not in the table"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			all := tree{"media": nil, "api": nil}
			for p := range all {
				all[p] = []source{example(t, p+"/x.go", "package x")}
			}
			all[c.pkg] = append(all[c.pkg], example(t, c.file, "package x\n"+c.text))
			expect(t, checkImports(all, rule), c.problem)
		})
	}
	t.Run("package gone", func(t *testing.T) {
		expect(t, checkImports(tree{"media": {example(t, "media/x.go", "package media")}}, rule), "api, which doesn't exist")
	})
}

// expect wants no problems for an empty want, else exactly one that contains it.
func expect(t *testing.T, got []string, want string) {
	t.Helper()
	switch {
	case want == "" && len(got) > 0:
		t.Errorf("a correct example is refused: %q", got)
	case want != "" && (len(got) != 1 || !strings.Contains(got[0], want)):
		t.Errorf("got %q, want one problem with %q", got, want)
	}
}
