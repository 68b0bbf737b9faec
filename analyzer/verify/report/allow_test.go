package report

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/refstream/refstream/media"
)

func TestAllowances(t *testing.T) {
	second := media.Seconds(1e9)
	for _, c := range []struct {
		text    string
		finding Finding
		want    bool
	}{
		{"missing", Finding{Kind: Missing, Count: 1000}, true},
		{"missing", Finding{Kind: Trimmed}, false},
		{"missing=3", Finding{Kind: Missing, Count: 3}, true},
		{"missing=3", Finding{Kind: Missing, Count: 4}, false},
		{"missing=0", Finding{Kind: Missing, Count: 1}, false},
		{"clock_offset=0.96s..1.04s", Finding{Kind: ClockOffset, Amount: ptr(second)}, true},
		{"clock_offset=0.96s..1.04s", Finding{Kind: ClockOffset, Amount: ptr(second / 2)}, false},
		{"clock_offset=0.96s..1.04s", Finding{Kind: ClockOffset}, false},
		{"clock_offset=40ms", Finding{Kind: ClockOffset, Amount: ptr(-second / 25)}, true},
		{"clock_offset=40ms", Finding{Kind: ClockOffset, Amount: ptr(-second / 24)}, false},
		{"clock_offset=-1.2s..-0.8s", Finding{Kind: ClockOffset, Amount: ptr(-second)}, true},
		{"remux", Finding{Kind: DTS}, true},
		{"remux", Finding{Kind: SegmentLength}, true},
		{"remux", Finding{Kind: ClockGone, Clock: "id3,amf.onFI.tc"}, true},
		{"remux", Finding{Kind: ClockGone, Clock: "sei.misb,id3"}, false},
		{"remux", Finding{Kind: ClockOffset, Clock: "pts"}, true},
		{"remux", Finding{Kind: ClockOffset, Clock: "sei.misb"}, false},
		{"remux", Finding{Kind: Resized}, false},
		{"remux", Finding{Kind: Added, Clock: "hls.discontinuity"}, true},
		{"remux", Finding{Kind: Added, Clock: "sei.misb"}, false},
		{"transcode", Finding{Kind: Resized}, true},
		{"transcode", Finding{Kind: ClockGone, Clock: "sei.misb,id3"}, true},
		{"transcode", Finding{Kind: DTS}, true},
		{"transcode", Finding{Kind: Misreported}, false},
		{"transcode", Finding{Kind: Missing, Count: 1}, false},
	} {
		list, err := ParseAllowance(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
		}
		r := Report{Findings: []Finding{c.finding}}
		if r.Judge(list); (r.Verdict == True) != c.want {
			t.Errorf("%s of %+v: %s", c.text, c.finding, r.Verdict)
		}
	}
	for _, bad := range []string{"", "nonsense", "missing=", "missing=-1", "missing=x", "clock_offset=2s..1s", "clock_offset=1s..", "remux=3"} {
		if list, err := ParseAllowance(bad); err == nil || !strings.Contains(err.Error(), "use ") {
			t.Errorf("%q: %+v, %v", bad, list, err)
		}
	}
	doc, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "verify.md"))
	if err != nil {
		t.Fatal(err)
	}
	help := AllowanceHelp()
	for _, k := range append(Kinds(), presetRemux, presetTranscode) {
		if !strings.Contains(help, "  "+string(k)+" ") || !bytes.Contains(doc, []byte("`"+string(k)+"`")) {
			t.Errorf("%s is not in the help, or not in docs/verify.md:\n%s", k, help)
		}
	}
}

// Frames that are missing are counted in the first line, allowed or not.
func TestMissingInFirstLine(t *testing.T) {
	for _, allow := range [][]Allowance{nil, {{Kind: Missing, Most: -1}}} {
		r := Report{Findings: []Finding{{Kind: Missing, Count: 30, Text: "x"}}}
		r.Judge(allow)
		var b bytes.Buffer
		if err := r.WriteTable(&b); err != nil || !strings.Contains(strings.SplitN(b.String(), "\n", 2)[0], ", 30 frames missing") {
			t.Errorf("%v: %s", err, b.String())
		}
	}
}

func ptr[T any](v T) *T { return &v }
