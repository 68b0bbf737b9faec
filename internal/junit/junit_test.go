package junit

import (
	"strings"
	"testing"
	"time"
)

// A suite counts its cases, and its texts can't break the XML.
func TestWrite(t *testing.T) {
	var b strings.Builder
	err := Suite{"a\x00<b>", time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), []Case{
		{Class: "c", Name: "right", Out: "allowed"},
		{Class: "c", Name: "wrong", Failure: &Failure{"\x1b[2J & more", "kind"}},
		{Class: "c", Name: "unknown", Error: &Failure{"why", "unknown"}},
	}}.Write(&b)
	const want = `<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="a\u0000&lt;b&gt;" tests="3" failures="1" errors="1" timestamp="2026-03-01T12:00:00">
  <testcase classname="c" name="right">
    <system-out>allowed</system-out>
  </testcase>
  <testcase classname="c" name="wrong">
    <failure message="\u001b[2J &amp; more" type="kind"></failure>
  </testcase>
  <testcase classname="c" name="unknown">
    <error message="why" type="unknown"></error>
  </testcase>
</testsuite>
`
	if err != nil || b.String() != want {
		t.Errorf("%v:\n%s", err, b.String())
	}
}
