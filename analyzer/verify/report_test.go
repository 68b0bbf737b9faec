package verify

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/refstream/refstream/analyzer"
	"github.com/refstream/refstream/analyzer/verify/internal/verifytest"
	"github.com/refstream/refstream/analyzer/verify/pixels"
	"github.com/refstream/refstream/analyzer/verify/report"
	"github.com/refstream/refstream/analyzer/verify/truth"
)

// faulty is a report with findings of several kinds.
func faulty(t *testing.T, name string) *report.Report {
	t.Helper()
	truth := verifytest.Truth(t, testFrames)
	pictures := slices.Delete(perfect(truth, testFrames), 100, 101)
	for i := range pictures {
		pictures[i].PTS += 3600
	}
	list := slices.DeleteFunc(statements(truth, pictures), func(r analyzer.Record) bool { return r.Source == analyzer.MISBTime })
	return checked(t, streamData{url: name, pictures: pictures, statements: list}, truth)
}

func TestReports(t *testing.T) {
	const name = `<b>&"a"]]>` + "\x1b[31m.ts"
	r := faulty(t, name)
	var table, page, junit, object bytes.Buffer
	for w, write := range map[*bytes.Buffer]func(io.Writer) error{
		&table: r.WriteTable, &page: r.WriteHTML, &junit: r.WriteJUnit, &object: r.WriteJSON,
	} {
		if err := write(w); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"NOT TRUE, 3 findings", "missing: 1 frame missing: at frame 100", "pts is 0.04 s ahead", "sei.misb gone"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("no %q in the table:\n%s", want, table.String())
		}
	}
	if strings.Contains(table.String(), "\x1b") {
		t.Error("the table steers the terminal")
	}
	if strings.Contains(page.String(), "<b>") || strings.Count(page.String(), "<svg") != 4 {
		t.Errorf("%d plots, markup of the name: %v", strings.Count(page.String(), "<svg"), strings.Contains(page.String(), "<b>"))
	}
	// Names of XML's vocabularies are no addresses that anything is fetched from.
	for _, host := range regexp.MustCompile(`https?://[^"' <>]*`).FindAllString(page.String(), -1) {
		if !strings.HasPrefix(host, "http://www.w3.org/") {
			t.Errorf("the page names %s", host)
		}
	}
	var suite struct {
		Failures int        `xml:"failures,attr"`
		Errors   int        `xml:"errors,attr"`
		Tests    int        `xml:"tests,attr"`
		Cases    []struct{} `xml:"testcase"`
	}
	if err := xml.Unmarshal(junit.Bytes(), &suite); err != nil {
		t.Fatalf("%v:\n%s", err, junit.String())
	}
	if suite.Failures != 3 || suite.Errors != 0 || suite.Tests != len(suite.Cases) || suite.Tests < 8 {
		t.Errorf("%d failures, %d errors, %d tests:\n%s", suite.Failures, suite.Errors, suite.Tests, junit.String())
	}
	var back report.Report
	if err := json.Unmarshal(object.Bytes(), &back); err != nil || back.Verdict != report.NotTrue || len(back.Findings) != 3 {
		t.Errorf("%v: %+v", err, back)
	}
}

// Every finding makes some test case fail: none is lost on a CI system.
func TestEveryKindFailsATestCase(t *testing.T) {
	r := faulty(t, "a.ts")
	for _, k := range report.Kinds() {
		r.Findings = []report.Finding{{Kind: k, Text: "x"}}
		if strings.HasPrefix(string(k), "clock_") {
			r.Findings[0].Clock = "pts"
		}
		var b bytes.Buffer
		if err := r.WriteJUnit(&b); err != nil || !strings.Contains(b.String(), `failures="1"`) {
			t.Errorf("%s: %v\n%s", k, err, b.String())
		}
	}
}

func TestReportOfNothing(t *testing.T) {
	r := checked(t, streamData{pictures: []pixels.Picture{{Frame: -1}}}, truth.Truth{})
	for name, write := range map[string]func(io.Writer) error{"table": r.WriteTable, "page": r.WriteHTML, "junit": r.WriteJUnit} {
		var b bytes.Buffer
		if err := write(&b); err != nil || !strings.Contains(b.String(), "no picture has a frame code") {
			t.Errorf("%s: %v: %s", name, err, b.String())
		}
	}
}

// FuzzCheck has no picture and no statement bring it down.
func FuzzCheck(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 5, 5, 9, 255, 254, 3}, int64(3000), "00:00:00:01")
	f.Add([]byte{0, 0, 0}, int64(-1<<62), ";")
	truth := verifytest.Truth(f, 300)
	f.Fuzz(func(t *testing.T, frames []byte, distance int64, timecode string) {
		var in streamData
		pts := int64(90000)
		for i, b := range frames {
			p := pixels.Picture{Frame: int64(b), PTS: pts, Timed: b%16 != 0, Event: b%5 == 0}
			if b >= 254 {
				p = pixels.Picture{Frame: -1, Black: b == 255}
			}
			in.pictures = append(in.pictures, p)
			in.statements = append(in.statements, analyzer.Record{Source: analyzer.PicTiming, PTS: &pts, Timecode: timecode, Unit: int64(i)},
				analyzer.Record{Source: analyzer.ID3, PTS: &in.pictures[i].PTS, Frame: &in.pictures[i].Frame})
			pts += distance
		}
		r := checked(t, in, truth)
		if (r.Verdict == report.True) != (r.Readable > 0 && len(r.Findings) == 0) {
			t.Fatalf("%s: %+v", r.Verdict, r.Findings)
		}
		if err := r.WriteTable(io.Discard); err != nil {
			t.Fatal(err)
		}
	})
}
